// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/quantize_linear.hpp"

namespace lichen::kernels::reference {
namespace {

// f(place of the first element, count, place of its scale, step between scales) for runs of elements.
template <typename F>
void each_run(const ScaleMap& m, const F& f) {
  if (m.kind == ScaleMap::Kind::kOne) {
    f(Index{0}, m.outer * m.axis * m.inner, Index{0}, Index{0});
    return;
  }
  const bool blocks = m.kind == ScaleMap::Kind::kBlocks;
  const Index scales = (m.axis + m.block - 1) / m.block;
  for (Index o = 0; o < m.outer; ++o) {
    for (Index a = 0; a < m.axis; ++a) {
      const Index scale = blocks ? (o * scales + a / m.block) * m.inner : a;
      f((o * m.axis + a) * m.inner, m.inner, scale, Index{blocks ? 1 : 0});
    }
  }
}

}  // namespace

template <typename In, typename Out>
void quantize_linear(const ScaleMap& map, const In* in, const float* scales, const Out* zero_points, Out* out) {
  each_run(map, [&](Index at, Index count, Index scale, Index step) {
    if (step == 0) {
      const float zero_point = zero_points == nullptr ? 0.0F : static_cast<float>(zero_points[scale]);
      const float by = scales[scale];
      for (Index i = 0; i < count; ++i) out[at + i] = stored_even<Out>(static_cast<float>(in[at + i]), by, zero_point);
      return;
    }
    for (Index i = 0; i < count; ++i) {
      const float zero_point = zero_points == nullptr ? 0.0F : static_cast<float>(zero_points[scale + i]);
      out[at + i] = stored_even<Out>(static_cast<float>(in[at + i]), scales[scale + i], zero_point);
    }
  });
}

template <typename T>
void dequantize_linear(const ScaleMap& map, const T* in, const float* scales, const T* zero_points, float* out) {
  using Wide = std::conditional_t<sizeof(T) == 4, std::int64_t, std::int32_t>;
  each_run(map, [&](Index at, Index count, Index scale, Index step) {
    if (step == 0) {
      const Wide zero_point = zero_points == nullptr ? 0 : zero_points[scale];
      const float by = scales[scale];
      for (Index i = 0; i < count; ++i) out[at + i] = static_cast<float>(Wide{in[at + i]} - zero_point) * by;
      return;
    }
    for (Index i = 0; i < count; ++i) {
      const Wide zero_point = zero_points == nullptr ? 0 : zero_points[scale + i];
      out[at + i] = static_cast<float>(Wide{in[at + i]} - zero_point) * scales[scale + i];
    }
  });
}

void dynamic_quantize_linear(Index count, const float* in, std::uint8_t* out, float* scale, std::uint8_t* zero_point) {
  float low = 0.0F;
  float high = 0.0F;
  for (Index i = 0; i < count; ++i) {
    low = std::min(low, in[i]);
    high = std::max(high, in[i]);
  }
  const float step = high == low ? 1.0F : (high - low) / 255.0F;
  const auto zero = stored_even<std::uint8_t>(0.0F - low, step, 0.0F);
  if (out != nullptr) {
    for (Index i = 0; i < count; ++i) out[i] = stored_even<std::uint8_t>(in[i], step, static_cast<float>(zero));
  }
  if (scale != nullptr) *scale = step;
  if (zero_point != nullptr) *zero_point = zero;
}

#define LICHEN_TO(Out)                                                                                 \
  template void quantize_linear(const ScaleMap&, const float*, const float*, const Out*, Out*);        \
  template void quantize_linear(const ScaleMap&, const std::int32_t*, const float*, const Out*, Out*); \
  template void dequantize_linear(const ScaleMap&, const Out*, const float*, const Out*, float*);
LICHEN_TO(std::int8_t)
LICHEN_TO(std::uint8_t)
LICHEN_TO(std::int16_t)
#undef LICHEN_TO
template void dequantize_linear(const ScaleMap&, const std::int32_t*, const float*, const std::int32_t*, float*);

}  // namespace lichen::kernels::reference
