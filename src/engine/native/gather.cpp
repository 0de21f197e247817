// SPDX-License-Identifier: Apache-2.0
// Gather, GatherElements, GatherNd.
#include "kernels/reference/gather.hpp"

#include <array>

#include "engine/native/moves.hpp"
#include "graph/ops/checks.hpp"

namespace lichen::engine {
namespace {

using kernels::Index;
using kernels::reference::ElementsAlong;
using kernels::reference::GatherShape;
using kernels::reference::Tuples;

constexpr const char* kTrouble = "an index is out of range";

// f of the indices (input 1) as they are stored; it says whether they were all in range.
template <typename F>
std::unique_ptr<Step> step_of_indices(const graph::NodeView& node, std::string_view kernel, F f) {
  if (node.input(1).spec.dtype == tensor::DType::kI64) {
    return make_step(kernel, 0, [f](const StepBuffers& b) {
      if (!f(b, b.in<std::int64_t>(1))) refuse(b, kTrouble);
    });
  }
  return make_step(kernel, 0, [f](const StepBuffers& b) {
    if (!f(b, b.in<std::int32_t>(1))) refuse(b, kTrouble);
  });
}

StepResult build_gather(const BuildContext& context) {
  const graph::NodeView& node = context.node;
  const auto& a = node.attributes<graph::GatherAttributes>();
  const tensor::Shape& x = node.input(0).spec.shape;
  const tensor::Shape& indices = node.input(1).spec.shape;
  const std::size_t axis = LICHEN_TRY(graph::axis_of(a.axis, x.rank()));
  const auto batches = static_cast<std::size_t>(a.batch_dims);
  const GatherShape s{.batches = elements_of(x, 0, batches),
                      .outer = elements_of(x, batches, axis),
                      .size = x[axis],
                      .count = elements_of(indices, batches, indices.rank()),
                      .run = elements_of(x, axis + 1, x.rank()) * element_bytes(node.input(0))};
  return step_of_indices(node, "gather copy", [s](const StepBuffers& b, const auto* at) {
    return kernels::reference::gather(s, b.inputs[0], at, b.outputs[0]);
  });
}

StepResult build_elements(const BuildContext& context) {
  const graph::NodeView& node = context.node;
  const graph::Tensor& x = node.input(0);
  const std::size_t axis =
      LICHEN_TRY(graph::axis_of(node.attributes<graph::AxisAttributes>().axis, x.spec.shape.rank()));
  const ElementsAlong s = kernels::reference::elements_along(x.spec.shape, node.input(1).spec.shape, axis);
  const Index bytes = element_bytes(x);
  return step_of_indices(node, "gather_elements copy", [s, bytes](const StepBuffers& b, const auto* at) {
    return kernels::reference::gather_elements(s, bytes, b.inputs[0], at, b.outputs[0]);
  });
}

StepResult build_nd(const BuildContext& context) {
  const graph::NodeView& node = context.node;
  const auto batches = static_cast<std::size_t>(node.attributes<graph::GatherAttributes>().batch_dims);
  const Tuples t = kernels::reference::tuples_of(node.input(0).spec.shape, node.input(1).spec.shape, batches);
  const Index bytes = element_bytes(node.input(0));
  return step_of_indices(node, "gather_nd copy", [t, bytes](const StepBuffers& b, const auto* at) {
    return kernels::reference::gather_nd(t, bytes, b.inputs[0], at, b.outputs[0]);
  });
}

constexpr std::array kBuilders = {
    Builder{graph::Op::kGather, build_gather},
    Builder{graph::Op::kGatherElements, build_elements},
    Builder{graph::Op::kGatherNd, build_nd},
};

}  // namespace

std::span<const Builder> gather_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
