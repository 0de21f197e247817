// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/select.hpp"

#include <algorithm>

namespace lichen::kernels::reference {

Broadcast3 broadcast_of(const std::array<tensor::Shape, 3>& inputs, const tensor::Shape& out) {
  Broadcast3 s;
  s.rank = std::max<std::size_t>(1, out.rank());
  s.dims[0] = 1;
  for (std::size_t i = 0; i < out.rank(); ++i) s.dims[i] = out[i];
  for (std::size_t input = 0; input < inputs.size(); ++input) {
    const tensor::Shape& shape = inputs[input];
    Index step = 1;
    for (std::size_t i = 0; i < shape.rank(); ++i) {  // from the last dimension
      const Index d = shape[shape.rank() - 1 - i];
      s.strides[input][out.rank() - 1 - i] = d == 1 ? 0 : step;
      step *= d;
    }
  }
  return s;
}

template <typename T>
void where(const Broadcast3& shape, const std::uint8_t* condition, const T* a, const T* b, T* out) {
  const std::size_t last = shape.rank - 1;
  const Index length = shape.dims[last];
  Index rows = length == 0 ? 0 : 1;
  for (std::size_t i = 0; i < last; ++i) rows *= shape.dims[i];
  const Index step_c = shape.strides[0][last];
  const Index step_a = shape.strides[1][last];
  const Index step_b = shape.strides[2][last];
  std::array<Index, tensor::kRankMax> at{};
  std::array<Index, 3> place{};
  for (Index row = 0; row < rows; ++row, out += length) {
    for (Index i = 0; i < length; ++i)
      out[i] = condition[place[0] + i * step_c] != 0 ? a[place[1] + i * step_a] : b[place[2] + i * step_b];
    for (std::size_t axis = last; axis-- > 0;) {  // an odometer: advance an axis, carry to the one before
      const bool carries = ++at[axis] == shape.dims[axis];
      for (std::size_t input = 0; input < place.size(); ++input)
        place[input] += shape.strides[input][axis] * (carries ? 1 - shape.dims[axis] : 1);
      if (!carries) break;
      at[axis] = 0;
    }
  }
}

template <typename T>
void clip(std::span<const T> in, const T* min, const T* max, T* out) {
  using Limits = std::numeric_limits<T>;
  const T low = min != nullptr ? *min : Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
  const T high = max != nullptr ? *max : Limits::has_infinity ? Limits::infinity() : Limits::max();
  for (const T x : in) *out++ = std::min(std::max(x, low), high);
}

template void where(const Broadcast3&, const std::uint8_t*, const std::uint8_t*, const std::uint8_t*, std::uint8_t*);
template void where(const Broadcast3&, const std::uint8_t*, const std::uint16_t*, const std::uint16_t*, std::uint16_t*);
template void where(const Broadcast3&, const std::uint8_t*, const std::uint32_t*, const std::uint32_t*, std::uint32_t*);
template void where(const Broadcast3&, const std::uint8_t*, const std::uint64_t*, const std::uint64_t*, std::uint64_t*);

template void clip(std::span<const float>, const float*, const float*, float*);
template void clip(std::span<const std::int8_t>, const std::int8_t*, const std::int8_t*, std::int8_t*);
template void clip(std::span<const std::uint8_t>, const std::uint8_t*, const std::uint8_t*, std::uint8_t*);
template void clip(std::span<const std::int16_t>, const std::int16_t*, const std::int16_t*, std::int16_t*);
template void clip(std::span<const std::int32_t>, const std::int32_t*, const std::int32_t*, std::int32_t*);
template void clip(std::span<const std::int64_t>, const std::int64_t*, const std::int64_t*, std::int64_t*);

}  // namespace lichen::kernels::reference
