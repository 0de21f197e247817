// SPDX-License-Identifier: Apache-2.0
#include "difference.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include <fmt/format.h>

#include "tensor/half.hpp"

namespace lichen::tool {
namespace {

template <typename T>
std::vector<double> numbers(ByteView bytes) {
  std::vector<double> values(bytes.size() / sizeof(T));
  for (std::size_t i = 0; i < values.size(); ++i) {
    T value{};
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    values[i] = static_cast<double>(value);
  }
  return values;
}

std::vector<double> halves(ByteView bytes) {
  std::vector<double> values = numbers<std::uint16_t>(bytes);
  for (double& value : values) value = tensor::float_of_half(static_cast<std::uint16_t>(value));
  return values;
}

std::vector<double> numbers(const Answer& answer) {
  switch (answer.info.spec.dtype) {
    case tensor::DType::kF32:
      return numbers<float>(answer.bytes);
    case tensor::DType::kF16:
      return halves(answer.bytes);
    case tensor::DType::kI8:
      return numbers<std::int8_t>(answer.bytes);
    case tensor::DType::kI16:
      return numbers<std::int16_t>(answer.bytes);
    case tensor::DType::kI32:
      return numbers<std::int32_t>(answer.bytes);
    case tensor::DType::kI64:
      return numbers<std::int64_t>(answer.bytes);
    default:
      return numbers<std::uint8_t>(answer.bytes);
  }
}

}  // namespace

Result<Difference> difference_of(const Answer& a, const Answer& b) {
  const std::vector<double> given = numbers(a);
  const std::vector<double> wanted = numbers(b);
  if (given.size() != wanted.size() || a.info.spec.dtype != b.info.spec.dtype) {
    return fail(Code::kInternal, "cannot compare", a.info.spec.name,
                fmt::format("one is {} {}, the other {} {}", name_of(a.info.spec.dtype), a.info.spec.shape.to_text(),
                            name_of(b.info.spec.dtype), b.info.spec.shape.to_text()));
  }
  Difference difference{
      .values = given.size(),
      .is_real = a.info.spec.dtype == tensor::DType::kF32 || a.info.spec.dtype == tensor::DType::kF16};
  double largest_wanted = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (std::isfinite(wanted[i])) largest_wanted = std::max(largest_wanted, std::abs(wanted[i]));
    if (given[i] == wanted[i] || (std::isnan(given[i]) && std::isnan(wanted[i]))) continue;  // infinities among them
    ++difference.differing;
    const double apart = std::abs(given[i] - wanted[i]);
    difference.largest = std::isfinite(apart) ? std::max(difference.largest, apart) : INFINITY;
  }
  difference.relative = largest_wanted > 0 ? difference.largest / largest_wanted : difference.largest;
  return difference;
}

std::string to_text(const Difference& difference) {
  if (difference.differing == 0) return "equal";
  const std::string far =
      difference.is_real
          ? fmt::format("{:.2g}, which is {:.2g} of the largest", difference.largest, difference.relative)
          : fmt::format("{} step{}", difference.largest, difference.largest == 1 ? "" : "s");
  return fmt::format("{} of {} values differ, by {} at most", difference.differing, difference.values, far);
}

Json to_json(const std::string& output, const Difference& difference) {
  return {{"name", output},
          {"values", difference.values},
          {"differing", difference.differing},
          {"max_difference", difference.largest},
          {"relative_difference", difference.relative}};
}

}  // namespace lichen::tool
