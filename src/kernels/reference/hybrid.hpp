// SPDX-License-Identifier: Apache-2.0
// Layers of f32 by i8 weights ("dynamic range"): the input is quantized while the model runs, sums are integers, and
// come back as reals. Weights have one scale, or one an output channel; bias may be null.
#pragma once

#include <span>

#include "kernels/geometry.hpp"

namespace lichen::kernels::reference {

struct Quantized {
  float scale = 1.0F;
  std::int32_t zero_point = 0;
};
// Around 0, or over the whole range from the smallest to the largest value (and 0), as LiteRT does each.
[[nodiscard]] Quantized quantize_hybrid(const float* in, Index count, bool asymmetric, std::int8_t* out);

// to[i] += dot(weights[i], what x means) * scale, rows of `depth`.
void add_hybrid_products(const std::int8_t* weights, float scale, const std::int8_t* x, const Quantized& q, Index rows,
                         Index depth, float* to);

// Each row is quantized by itself. `row`: scratch of depth.
void fully_connected_hybrid(const MatrixSize& m, const float* in, const std::int8_t* weights,
                            std::span<const float> scales, const float* bias, bool asymmetric, FloatRange range,
                            std::int8_t* row, float* out);

// Each image is quantized by itself, over its whole range. `image`: scratch of one.
void conv2d_hybrid_channels(const Window2D& w, const float* in, const std::int8_t* weights,
                            std::span<const float> scales, const float* bias, FloatRange range, std::int8_t* image,
                            float* out);
// Weights [filter_h, filter_w, out_c].
void depthwise_conv2d_hybrid(const Window2D& w, const float* in, const std::int8_t* weights,
                             std::span<const float> scales, const float* bias, FloatRange range, std::int8_t* image,
                             float* out);

}  // namespace lichen::kernels::reference
