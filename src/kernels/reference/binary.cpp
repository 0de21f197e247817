// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/binary.hpp"

namespace lichen::kernels::reference {
namespace {

std::array<Index, tensor::kRankMax> strides_of(const tensor::Shape& shape, std::size_t rank) {
  std::array<Index, tensor::kRankMax> strides{};
  Index step = 1;
  for (std::size_t i = 0; i < shape.rank(); ++i) {  // from the last dimension
    const Index d = shape[shape.rank() - 1 - i];
    strides[rank - 1 - i] = d == 1 ? 0 : step;
    step *= d;
  }
  return strides;
}

template <typename T, typename Compute>
void each_pair(const Broadcast& s, const T* a, const T* b, T* out, Compute compute) {
  Index count = 1;
  for (std::size_t i = 0; i < s.rank; ++i) count *= s.dims[i];
  if (s.plain) {
    for (Index i = 0; i < count; ++i) out[i] = compute(a[i], b[i]);
    return;
  }
  std::array<Index, tensor::kRankMax> at{};
  Index at_a = 0;
  Index at_b = 0;
  for (Index i = 0; i < count; ++i) {
    out[i] = compute(a[at_a], b[at_b]);
    for (std::size_t axis = s.rank; axis-- > 0;) {  // an odometer: advance the last axis, carry to the one before
      at_a += s.strides_a[axis];
      at_b += s.strides_b[axis];
      if (++at[axis] < s.dims[axis]) break;
      at_a -= s.strides_a[axis] * s.dims[axis];
      at_b -= s.strides_b[axis] * s.dims[axis];
      at[axis] = 0;
    }
  }
}

}  // namespace

Broadcast broadcast_of(const tensor::Shape& a, const tensor::Shape& b, const tensor::Shape& out) {
  Broadcast s;
  s.rank = out.rank();
  for (std::size_t i = 0; i < s.rank; ++i) s.dims[i] = out[i];
  s.strides_a = strides_of(a, s.rank);
  s.strides_b = strides_of(b, s.rank);
  s.plain = a == b;
  return s;
}

void add(const Broadcast& shape, const float* a, const float* b, FloatRange range, float* out) {
  each_pair(shape, a, b, out, [&](float x, float y) { return std::min(std::max(x + y, range.min), range.max); });
}

void mul(const Broadcast& shape, const float* a, const float* b, FloatRange range, float* out) {
  each_pair(shape, a, b, out, [&](float x, float y) { return std::min(std::max(x * y, range.min), range.max); });
}

template <typename T>
void add(const Broadcast& shape, const T* a, const T* b, const AddQuantized& q, T* out) {
  each_pair(shape, a, b, out, [&](T x, T y) {
    const std::int32_t scaled_x = multiply((x - q.zero_point_a) * (1 << kAddLeftShift), q.multiplier_a);
    const std::int32_t scaled_y = multiply((y - q.zero_point_b) * (1 << kAddLeftShift), q.multiplier_b);
    return requantize<T>(wrapping_add(scaled_x, scaled_y), q.multiplier_out, q.zero_point_out, q.clamp.min,
                         q.clamp.max);
  });
}

template <typename T>
void mul(const Broadcast& shape, const T* a, const T* b, const MulQuantized& q, T* out) {
  each_pair(shape, a, b, out, [&](T x, T y) {
    return requantize<T>((x - q.zero_point_a) * (y - q.zero_point_b), q.multiplier, q.zero_point_out, q.clamp.min,
                         q.clamp.max);
  });
}

template void add(const Broadcast&, const std::int8_t*, const std::int8_t*, const AddQuantized&, std::int8_t*);
template void add(const Broadcast&, const std::uint8_t*, const std::uint8_t*, const AddQuantized&, std::uint8_t*);
template void mul(const Broadcast&, const std::int8_t*, const std::int8_t*, const MulQuantized&, std::int8_t*);
template void mul(const Broadcast&, const std::uint8_t*, const std::uint8_t*, const MulQuantized&, std::uint8_t*);

}  // namespace lichen::kernels::reference
