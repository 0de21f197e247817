// SPDX-License-Identifier: Apache-2.0
// The window of a convolution or pooling node as its kernel wants it.
#pragma once

#include "graph/ops/schema.hpp"
#include "graph/ops/window.hpp"
#include "kernels/geometry.hpp"

namespace lichen::engine {

// Attributes: Conv2DAttributes, DepthwiseConv2DAttributes or Pool2DAttributes.
template <typename Attributes>
[[nodiscard]] Result<kernels::Window2D> window_of(const graph::NodeView& node, const Attributes& a,
                                                  kernels::Index filter_h, kernels::Index filter_w) {
  const tensor::Shape& in = node.input(0).spec.shape;
  const tensor::Shape& out = node.output().spec.shape;
  kernels::Window2D w;
  w.batch = in[0];
  w.in_h = in[1], w.in_w = in[2], w.in_c = in[3];
  w.out_h = out[1], w.out_w = out[2], w.out_c = out[3];
  w.filter_h = filter_h, w.filter_w = filter_w;
  w.stride_h = a.stride_h, w.stride_w = a.stride_w;
  w.dilation_h = a.dilation_h, w.dilation_w = a.dilation_w;
  w.pad_h = LICHEN_TRY(graph::window_of(in[1], graph::rule_h(a, filter_h))).pad_before;
  w.pad_w = LICHEN_TRY(graph::window_of(in[2], graph::rule_w(a, filter_w))).pad_before;
  return w;
}

}  // namespace lichen::engine
