// SPDX-License-Identifier: Apache-2.0
// Steps of two broadcast inputs.
#pragma once

#include "engine/native/element_types.hpp"
#include "kernels/reference/binary.hpp"

namespace lichen::engine {

[[nodiscard]] inline kernels::reference::Broadcast broadcast_of(const graph::NodeView& node) {
  return kernels::reference::broadcast_of(node.input(0).spec.shape, node.input(1).spec.shape, node.output().spec.shape);
}

// A step that applies function(shape, a, b, out) to shares of the first axis.
template <typename A, typename B, typename Out, typename Function>
[[nodiscard]] std::unique_ptr<Step> pair_step(const kernels::reference::Broadcast& shape, std::string_view kernel,
                                              Function function) {
  constexpr kernels::Index kElementsAPart = 1 << 14;
  const kernels::Index per = shape.dims[0] == 0 ? 0 : shape.elements() / shape.dims[0];
  const kernels::Index grain = std::max<kernels::Index>(1, kElementsAPart / std::max<kernels::Index>(1, per));
  return make_step(kernel, 0, [=](const StepBuffers& b) {
    b.threads->parallel_for(shape.dims[0], grain, [&](kernels::Index begin, kernels::Index end) {
      kernels::reference::Broadcast part = shape;
      part.dims[0] = end - begin;
      function(part, b.in<A>(0) + begin * shape.strides_a[0], b.in<B>(1) + begin * shape.strides_b[0],
               b.out<Out>() + begin * per);
    });
  });
}

}  // namespace lichen::engine
