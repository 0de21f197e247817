// SPDX-License-Identifier: Apache-2.0
// Poolings of images and volumes. Only positions inside of the input count, unless an average says that padding does.
// Integer averages round half away from zero, as LiteRT's reference kernels do. in_c == out_c. Each computes rows
// [begin, end) of its output, in_c elements wide, counted over all of batch, depth, height and width.
#pragma once

#include "kernels/geometry.hpp"

namespace lichen::kernels::reference {

struct Rows {
  Index begin = 0, end = 0;
};
[[nodiscard]] inline Rows all_rows(const Window3D& w) {
  return {0, w.batch * w.out[0] * w.out[1] * w.out[2]};
}

void average_pool(const Window3D& w, const float* in, bool counts_padding, FloatRange range, Rows rows, float* out);
void lp_pool(const Window3D& w, const float* in, std::int32_t p, Rows rows, float* out);
void max_pool(const Window3D& w, const float* in, FloatRange range, Rows rows, float* out);

// T is int8_t or uint8_t.
template <typename T>
void average_pool(const Window3D& w, const T* in, IntegerClamp clamp, Rows rows, T* out);
// As ONNX does it: in reals, where padding counts as 0, halves to even.
struct AverageEven {
  std::int32_t in_zero_point = 0;
  std::int32_t out_zero_point = 0;
  float scale = 1.0F;  // the input's by the output's
  IntegerClamp clamp;
};
template <typename T>
void average_pool_nearest_even(const Window3D& w, const T* in, const AverageEven& q, bool counts_padding, Rows rows,
                               T* out);
template <typename T>
void max_pool(const Window3D& w, const T* in, IntegerClamp clamp, Rows rows, T* out);

// Where each maximum was (the first of equals): its place in a dense [n, c, d, h, w]; `column_major` counts width before
// height, [n, c, d, w, h]. T is float, int8_t or uint8_t.
template <typename T>
void max_pool_indices(const Window3D& w, const T* in, bool column_major, Rows rows, std::int64_t* out);

}  // namespace lichen::kernels::reference
