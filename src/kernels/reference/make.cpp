// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/make.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "kernels/reference/copy.hpp"
#include "tensor/spec.hpp"

namespace lichen::kernels::reference {
namespace {

// -0.0 is 0: the sign bit of a float does not count.
bool is_zero(const std::byte* element, Index bytes, bool is_float) {
  for (Index i = 0; i + 1 < bytes; ++i) {
    if (element[i] != std::byte{0}) return false;
  }
  return (element[bytes - 1] & (is_float ? std::byte{0x7F} : std::byte{0xFF})) == std::byte{0};
}

}  // namespace

Index compress(const Kept& k, const std::uint8_t* condition, const std::byte* x, std::byte* out) {
  for (Index o = 0; o < k.outer; ++o) {
    for (Index i = 0; i < k.size; ++i) {
      if (condition[i] == 0) continue;
      std::memcpy(out, x + i * k.run, static_cast<std::size_t>(k.run));
      out += k.run;
    }
    x += k.step;
  }
  return k.size - std::count(condition, condition + k.size, std::uint8_t{0});
}

Index non_zero(std::span<const std::int64_t> dims, Index element_bytes, bool is_float, const std::byte* x,
               std::int64_t* out) {
  Index elements = 1;
  for (const std::int64_t d : dims) elements *= d;
  Index count = 0;
  for (Index i = 0; i < elements; ++i) count += is_zero(x + i * element_bytes, element_bytes, is_float) ? 0 : 1;
  std::array<std::int64_t, tensor::kRankMax> at{};
  Index found = 0;
  for (Index i = 0; i < elements; ++i) {
    if (!is_zero(x + i * element_bytes, element_bytes, is_float)) {
      for (std::size_t axis = 0; axis < std::max<std::size_t>(1, dims.size()); ++axis)
        out[static_cast<Index>(axis) * count + found] = at[axis];
      ++found;
    }
    for (std::size_t axis = dims.size(); axis-- > 0;) {  // an odometer
      if (++at[axis] < dims[axis]) break;
      at[axis] = 0;
    }
  }
  return count;
}

template <typename I>
void one_hot(const OneHot& o, const I* x, const std::byte* values, std::byte* out) {
  fill(values, o.element, o.outer * o.depth * o.inner, out);
  const auto depth = static_cast<I>(o.depth);
  for (Index i = 0; i < o.outer * o.inner; ++i) {
    I at = x[i];
    if (at < I{0}) at = static_cast<I>(at + depth);
    if (!(at >= I{0} && at < depth)) continue;
    const auto place = static_cast<Index>(at);
    std::memcpy(out + ((i / o.inner * o.depth + place) * o.inner + i % o.inner) * o.element, values + o.element,
                static_cast<std::size_t>(o.element));
  }
}

template void one_hot(const OneHot&, const float*, const std::byte*, std::byte*);
template void one_hot(const OneHot&, const std::int32_t*, const std::byte*, std::byte*);
template void one_hot(const OneHot&, const std::int64_t*, const std::byte*, std::byte*);

}  // namespace lichen::kernels::reference
