// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/conv3d.hpp"

namespace lichen::kernels::reference {
namespace {

struct Place {
  Index n = 0, d = 0, y = 0, x = 0;
};
Place place_of(const Window3D& w, Index row) {
  Place at;
  at.x = row % w.out[2];
  row /= w.out[2];
  at.y = row % w.out[1];
  row /= w.out[1];
  at.d = row % w.out[0];
  at.n = row / w.out[0];
  return at;
}

// The sum over one line of taps along the width.
float line_sum(const Window3D& w, Index x0, Index depth, const float* line, const float* weights) {
  float sum = 0.0F;
  for (Index k = 0; k < w.filter[2]; ++k) {
    const Index x = x0 + k * w.dilation[2];
    if (!inside(x, w.in[2])) continue;
    for (Index i = 0; i < depth; ++i) sum += line[x * w.in_c + i] * weights[k * depth + i];
  }
  return sum;
}

float output_of(const Window3D& w, Index depth, Index first, const Place& at, const float* in, const float* weights) {
  float sum = 0.0F;
  for (Index i = 0; i < w.filter[0]; ++i) {
    const Index d = at.d * w.stride[0] - w.pad[0] + i * w.dilation[0];
    if (!inside(d, w.in[0])) continue;
    for (Index j = 0; j < w.filter[1]; ++j) {
      const Index y = at.y * w.stride[1] - w.pad[1] + j * w.dilation[1];
      if (!inside(y, w.in[1])) continue;
      const float* line = in + ((at.n * w.in[0] + d) * w.in[1] + y) * w.in[2] * w.in_c + first;
      sum += line_sum(w, at.x * w.stride[2] - w.pad[2], depth, line,
                      weights + (i * w.filter[1] + j) * w.filter[2] * depth);
    }
  }
  return sum;
}

}  // namespace

void conv3d(const Window3D& w, Index groups, const float* in, const float* weights, const float* bias, FloatRange range,
            Rows rows, float* out) {
  const Index depth = w.in_c / groups;
  const Index taps = w.filter[0] * w.filter[1] * w.filter[2] * depth;
  for (Index row = rows.begin; row < rows.end; ++row) {
    const Place at = place_of(w, row);
    for (Index c = 0; c < w.out_c; ++c) {
      const Index first = c / (w.out_c / groups) * depth;
      float sum = output_of(w, depth, first, at, in, weights + c * taps);
      if (bias != nullptr) sum += bias[c];
      out[row * w.out_c + c] = std::min(std::max(sum, range.min), range.max);
    }
  }
}

}  // namespace lichen::kernels::reference
