// SPDX-License-Identifier: Apache-2.0
#include "protocol/judge.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "base/assert.hpp"
#include "tensor/half.hpp"

namespace lichen::protocol {
namespace {

template <typename T>
T element(ByteView bytes, std::size_t index) {
  T value;
  std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
  return value;
}

// Calls visit(i, value) with each element of one tensor as a double, until it returns false. True if it never did.
template <typename T, typename Visit>
bool all_of_type(ByteView bytes, const Visit& visit) {
  for (std::size_t i = 0; i < bytes.size() / sizeof(T); ++i) {
    if (!visit(i, static_cast<double>(element<T>(bytes, i)))) return false;
  }
  return true;
}

template <typename Visit>
bool all_elements(tensor::DType dtype, ByteView bytes, const Visit& visit) {
  switch (dtype) {
    case tensor::DType::kF32:
      return all_of_type<float>(bytes, visit);
    case tensor::DType::kF16:
      for (std::size_t i = 0; i < bytes.size() / 2; ++i) {
        if (!visit(i, static_cast<double>(tensor::float_of_half(element<std::uint16_t>(bytes, i))))) return false;
      }
      return true;
    case tensor::DType::kI8:
      return all_of_type<std::int8_t>(bytes, visit);
    case tensor::DType::kU8:
    case tensor::DType::kBool:
      return all_of_type<std::uint8_t>(bytes, visit);
    case tensor::DType::kI16:
      return all_of_type<std::int16_t>(bytes, visit);
    case tensor::DType::kI32:
      return all_of_type<std::int32_t>(bytes, visit);
    case tensor::DType::kI64:
      return all_of_type<std::int64_t>(bytes, visit);
    default:
      return true;
  }
}

double at(tensor::DType dtype, ByteView bytes, std::size_t index) {
  double found = 0;
  const std::size_t size = tensor::size_of(dtype);
  all_elements(dtype, bytes.subspan(index * size, size), [&](std::size_t, double value) {
    found = value;
    return true;
  });
  return found;
}

std::size_t largest_at(const tensor::TensorSpec& spec, ByteView bytes) {
  std::size_t best = 0;
  double most = -HUGE_VAL;
  all_elements(spec.dtype, bytes, [&](std::size_t i, double value) {
    if (value > most) {
      most = value;
      best = i;
    }
    return true;
  });
  return best;
}

bool close(const tensor::TensorSpec& spec, double tolerance, ByteView a, ByteView b) {
  double most = 0;
  const auto measure = [&](std::size_t, double value) {
    most = std::max(most, std::abs(value));
    return true;
  };
  all_elements(spec.dtype, a, measure);
  all_elements(spec.dtype, b, measure);
  return all_elements(spec.dtype, a, [&](std::size_t i, double value) {
    const double other = at(spec.dtype, b, i);
    return std::abs(value - other) <= tolerance * most || value == other;  // the latter: infinities
  });
}

}  // namespace

bool ContractJudge::plausible(ByteView output) const {
  if (output.size() != contract_.output_bytes()) return false;
  std::size_t from = 0;
  for (std::size_t o = 0; o < contract_.outputs.size(); ++o) {
    const tensor::TensorSpec& spec = contract_.outputs[o];
    const Range range = o < contract_.output_ranges.size() ? contract_.output_ranges[o] : Range{};
    const bool fine = all_elements(spec.dtype, output.subspan(from, spec.bytes()), [&](std::size_t, double value) {
      return (std::isfinite(value) || !range.finite) && !(value < range.min) && !(value > range.max);
    });
    if (!fine) return false;
    from += spec.bytes();
  }
  return true;
}

bool ContractJudge::agree(ByteView a, ByteView b) const {
  if (a.size() != contract_.output_bytes() || b.size() != a.size()) return false;
  if (contract_.output_kind == OutputKind::kProbabilities) {
    const tensor::TensorSpec& spec = contract_.outputs.front();
    return largest_at(spec, a.first(spec.bytes())) == largest_at(spec, b.first(spec.bytes()));
  }
  std::size_t from = 0;
  for (const tensor::TensorSpec& spec : contract_.outputs) {
    const double tolerance = spec.dtype == tensor::DType::kBool ? 0 : contract_.tolerance;
    if (!close(spec, tolerance, a.subspan(from, spec.bytes()), b.subspan(from, spec.bytes()))) return false;
    from += spec.bytes();
  }
  return true;
}

}  // namespace lichen::protocol
