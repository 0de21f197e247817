// SPDX-License-Identifier: Apache-2.0
// ScatterElements, ScatterNd.
#include "kernels/reference/scatter.hpp"

#include <array>
#include <cstring>

#include "engine/native/moves.hpp"
#include "graph/ops/checks.hpp"

namespace lichen::engine {
namespace {

using kernels::reference::Combine;
using kernels::reference::ElementsAlong;
using kernels::reference::Tuples;
using tensor::DType;

Combine combine_of(graph::ScatterReduction reduction) {
  switch (reduction) {
    case graph::ScatterReduction::kAdd:
      return Combine::kAdd;
    case graph::ScatterReduction::kMul:
      return Combine::kMul;
    case graph::ScatterReduction::kMax:
      return Combine::kMax;
    case graph::ScatterReduction::kMin:
      return Combine::kMin;
    default:
      return Combine::kReplace;
  }
}

template <typename T, typename I>
bool scatter(const ElementsAlong& s, Combine combine, const I* indices, const T* updates, T* out) {
  return kernels::reference::scatter_elements(s, combine, indices, updates, out);
}
template <typename T, typename I>
bool scatter(const Tuples& t, Combine combine, const I* indices, const T* updates, T* out) {
  return kernels::reference::scatter_nd(t, combine, indices, updates, out);
}

template <typename T, typename Places>
std::unique_ptr<Step> step_of(const graph::NodeView& node, std::string_view kernel, const Places& places) {
  const Combine combine = combine_of(node.attributes<graph::ScatterAttributes>().reduction);
  const std::size_t bytes = node.output().spec.bytes();
  const bool wide = node.input(1).spec.dtype == DType::kI64;
  return make_step(kernel, 0, [=](const StepBuffers& b) {
    if (bytes > 0 && b.outputs[0] != b.inputs[0]) std::memcpy(b.outputs[0], b.inputs[0], bytes);
    const bool in_range = wide ? scatter(places, combine, b.in<std::int64_t>(1), b.in<T>(2), b.out<T>())
                               : scatter(places, combine, b.in<std::int32_t>(1), b.in<T>(2), b.out<T>());
    if (!in_range) refuse(b, "an index is out of range");
  });
}

// Types that are only replaced go by their size.
template <typename Places>
StepResult step_by_type(const BuildContext& context, std::string_view kernel, const Places& places) {
  switch (context.node.input(0).spec.dtype) {
    case DType::kF32:
      return step_of<float>(context.node, kernel, places);
    case DType::kI8:
      return step_of<std::int8_t>(context.node, kernel, places);
    case DType::kBool:
    case DType::kU8:
      return step_of<std::uint8_t>(context.node, kernel, places);
    case DType::kF16:
    case DType::kI16:
      return step_of<std::int16_t>(context.node, kernel, places);
    case DType::kI32:
      return step_of<std::int32_t>(context.node, kernel, places);
    case DType::kI64:
      return step_of<std::int64_t>(context.node, kernel, places);
  }
  return not_computed(context);
}

StepResult build_elements(const BuildContext& context) {
  const tensor::Shape& x = context.node.input(0).spec.shape;
  const std::size_t axis =
      LICHEN_TRY(graph::axis_of(context.node.attributes<graph::ScatterAttributes>().axis, x.rank()));
  return step_by_type(context, "scatter_elements copy",
                      kernels::reference::elements_along(x, context.node.input(1).spec.shape, axis));
}

StepResult build_nd(const BuildContext& context) {
  return step_by_type(
      context, "scatter_nd copy",
      kernels::reference::tuples_of(context.node.input(0).spec.shape, context.node.input(1).spec.shape, 0));
}

constexpr std::array kBuilders = {
    Builder{graph::Op::kScatterElements, build_elements},
    Builder{graph::Op::kScatterNd, build_nd},
};

}  // namespace

std::span<const Builder> scatter_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
