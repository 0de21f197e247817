// SPDX-License-Identifier: Apache-2.0
// The windows of poolings and of volumes as their kernels want them.
#pragma once

#include <algorithm>

#include "graph/ops/schema.hpp"
#include "graph/ops/volume.hpp"
#include "kernels/geometry.hpp"

namespace lichen::engine {

// What is padded after the last element. With SAME all of the padding that is needed counts.
[[nodiscard]] inline kernels::Index pad_after_of(const graph::WindowRule& rule, const graph::Window& window,
                                                 kernels::Index in) {
  if (rule.padding == graph::Padding::kExplicit) return rule.after;
  const kernels::Index extent = (rule.filter - 1) * rule.dilation + 1;
  return std::max<kernels::Index>(0, (window.out - 1) * rule.stride + extent - window.pad_before - in);
}

[[nodiscard]] inline Result<kernels::Window3D> window_of_volume(const graph::NodeView& node,
                                                                const std::array<graph::WindowRule, 3>& rules) {
  const tensor::Shape& in = node.input(0).spec.shape;
  kernels::Window3D w;
  w.batch = in[0];
  w.in_c = w.out_c = in[4];
  for (std::size_t i = 0; i < 3; ++i) {
    const graph::Window window = LICHEN_TRY(graph::window_of(in[i + 1], rules[i]));
    w.in[i] = in[i + 1];
    w.out[i] = window.out;
    w.filter[i] = rules[i].filter;
    w.stride[i] = rules[i].stride;
    w.dilation[i] = rules[i].dilation;
    w.pad[i] = window.pad_before;
    w.pad_after[i] = pad_after_of(rules[i], window, in[i + 1]);
  }
  return w;
}

// An image is a volume of depth 1.
[[nodiscard]] inline Result<kernels::Window3D> window_of_image(const graph::NodeView& node,
                                                               const graph::Pool2DAttributes& a) {
  const tensor::Shape& in = node.input(0).spec.shape;
  kernels::Window3D w;
  w.batch = in[0];
  w.in_c = w.out_c = in[3];
  std::array<graph::WindowRule, 2> rules = {graph::rule_h(a, a.filter_h), graph::rule_w(a, a.filter_w)};
  for (std::size_t i = 0; i < 2; ++i) {
    rules[i].ceil = a.ceil;
    const graph::Window window = LICHEN_TRY(graph::window_of(in[i + 1], rules[i]));
    w.in[i + 1] = in[i + 1];
    w.out[i + 1] = window.out;
    w.filter[i + 1] = rules[i].filter;
    w.stride[i + 1] = rules[i].stride;
    w.dilation[i + 1] = rules[i].dilation;
    w.pad[i + 1] = window.pad_before;
    w.pad_after[i + 1] = pad_after_of(rules[i], window, in[i + 1]);
  }
  return w;
}

}  // namespace lichen::engine
