// SPDX-License-Identifier: Apache-2.0
// Normalizations in plain C++, f32. A tensor is seen as [outer, channels, inner] around the axis that counts channels.
#pragma once

#include "kernels/geometry.hpp"

namespace lichen::kernels::reference {

struct AxisView {
  Index outer = 1, channels = 1, inner = 1;
};

struct PerChannel {
  const float* scale = nullptr;
  const float* bias = nullptr;
};

// `factors`: scratch of 2 * channels.
void batch_norm(const AxisView& v, const float* in, PerChannel parameters, const float* mean, const float* variance,
                float epsilon, float* factors, float* out);

// InstanceNorm is GroupNorm with a group a channel. Images are [batch, pixels before, channels, pixels after].
struct GroupSize {
  Index batch = 1, before = 1, channels = 1, after = 1, groups = 1;
  bool parameters_per_group = false;  // scale and bias; else one a channel
};
// `sums`: scratch of 2 * channels; `factors` the same.
void group_norm(const GroupSize& s, const float* in, PerChannel parameters, float epsilon, double* sums, float* factors,
                float* out);

// Rows of `depth`; scale and bias repeat every scale_count and bias_count elements. bias, means and deviations (the
// inverse ones) may be null.
struct RowNorm {
  Index rows = 1, depth = 1, scale_count = 1, bias_count = 1;
  float epsilon = 0.0F;
};
void layer_norm(const RowNorm& n, const float* in, PerChannel parameters, float* means, float* deviations, float* out);
void rms_norm(const RowNorm& n, const float* in, const float* scale, float* out);

// x / max(|x|, epsilon), of order 2.
void l2_norm(const AxisView& v, const float* in, float epsilon, float* out);
// The same of integers, to steps of 1/128 around out_zero_point: LiteRT's fixed-point arithmetic. T: int8_t or uint8_t.
template <typename T>
void l2_norm(const AxisView& v, const T* in, std::int32_t zero_point, std::int32_t out_zero_point, T* out);
// x / |x| of order 1 or 2, 0 where the norm is 0.
void lp_norm(const AxisView& v, const float* in, std::int32_t p, float* out);

struct ResponseNorm {  // x / (bias + alpha * sum of squares) ^ beta
  Index before = 0, after = 0;
  float alpha = 0.0F, beta = 0.0F, bias = 0.0F;
};
void local_response_norm(const AxisView& v, const float* in, const ResponseNorm& n, float* out);

void hardmax(const AxisView& v, const float* in, float* out);

}  // namespace lichen::kernels::reference
