// SPDX-License-Identifier: Apache-2.0
// Transpose, Reverse, ReverseSequence, Expand, Tile, Trilu.
#include "graph/ops/movement.hpp"

#include <array>

#include "engine/native/moves.hpp"
#include "kernels/reference/movement.hpp"

namespace lichen::engine {
namespace {

using kernels::Index;
using kernels::reference::copy_of;
using kernels::reference::CopyAxis;

StepResult build_transpose(const BuildContext& context) {
  const graph::Tensor& x = context.node.input(0);
  const std::vector<std::size_t> from = LICHEN_TRY(graph::transpose_axes(context.node));
  const std::vector<Index> in = steps_of(x.spec);
  const std::vector<Index> out = steps_of(context.node.output().spec);
  std::vector<CopyAxis> axes;
  for (std::size_t i = 0; i < from.size(); ++i) axes.push_back({x.spec.shape[from[i]], in[from[i]], out[i]});
  return step_of_moves("transpose copy", {{copy_of(axes, element_bytes(x), 0, 0)}});
}

StepResult build_reverse(const BuildContext& context) {
  const graph::Tensor& x = context.node.input(0);
  const std::vector<Index> steps = steps_of(x.spec);
  std::vector<CopyAxis> axes;
  for (std::size_t i = 0; i < steps.size(); ++i) axes.push_back({x.spec.shape[i], steps[i], steps[i]});
  Index offset = 0;
  const auto said = context.node.integers(1);
  if (!said) return not_computed(context);
  for (const std::size_t i : LICHEN_TRY(graph::axes_of(*said, steps.size()))) {
    offset += (axes[i].size - 1) * axes[i].in_step;
    axes[i].in_step = -axes[i].in_step;
  }
  return step_of_moves("reverse copy", {{copy_of(axes, element_bytes(x), offset, 0)}});
}

StepResult build_reverse_sequence(const BuildContext& context) {
  const graph::Tensor& x = context.node.input(0);
  const auto& a = context.node.attributes<graph::ReverseSequenceAttributes>();
  kernels::reference::Sequences s;
  s.batch = LICHEN_TRY(graph::axis_of(a.batch_axis, x.spec.shape.rank()));
  s.time = LICHEN_TRY(graph::axis_of(a.time_axis, x.spec.shape.rank()));
  s.rank = x.spec.shape.rank();
  const std::vector<Index> steps = steps_of(x.spec);
  for (std::size_t i = 0; i < steps.size(); ++i) s.axes[i] = {x.spec.shape[i], steps[i], steps[i]};
  s.element = element_bytes(x);
  const bool wide = context.node.input(1).spec.dtype == tensor::DType::kI64;
  return make_step("reverse_sequence copy", 0, [s, wide](const StepBuffers& b) {
    for (Index i = 0; i < s.axes[s.batch].size; ++i) {
      const std::int64_t length = integer_at(b, 1, wide, static_cast<std::size_t>(i));
      if (length < 0 || length > s.axes[s.time].size) return refuse(b, "a sequence length is out of range");
      kernels::reference::reverse_sequence(s, i, length, b.inputs[0], b.outputs[0]);
    }
  });
}

StepResult build_expand(const BuildContext& context) {
  const graph::Tensor& x = context.node.input(0);
  const tensor::Shape& out_shape = context.node.output().spec.shape;
  const std::vector<Index> in = steps_of(x.spec);
  const std::vector<Index> out = steps_of(context.node.output().spec);
  const std::size_t added = out.size() - in.size();
  std::vector<CopyAxis> axes;
  for (std::size_t i = 0; i < out.size(); ++i) {
    const bool repeats = i < added || x.spec.shape[i - added] == 1;
    axes.push_back({out_shape[i], repeats ? 0 : in[i - added], out[i]});
  }
  return step_of_moves("expand copy", {{copy_of(axes, element_bytes(x), 0, 0)}});
}

StepResult build_tile(const BuildContext& context) {
  const graph::Tensor& x = context.node.input(0);
  const tensor::Shape& out_shape = context.node.output().spec.shape;
  const std::vector<Index> in = steps_of(x.spec);
  const std::vector<Index> out = steps_of(context.node.output().spec);
  std::vector<CopyAxis> axes;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const Index size = x.spec.shape[i];
    axes.push_back({size == 0 ? 0 : out_shape[i] / size, 0, size * out[i]});
    axes.push_back({size, in[i], out[i]});
  }
  return step_of_moves("tile copy", {{copy_of(axes, element_bytes(x), 0, 0)}});
}

StepResult build_trilu(const BuildContext& context) {
  const graph::Tensor& x = context.node.input(0);
  const tensor::Shape& shape = x.spec.shape;
  const kernels::reference::Triangle t{.matrices = elements_of(shape, 0, shape.rank() - 2),
                                       .rows = shape[shape.rank() - 2],
                                       .columns = shape[shape.rank() - 1],
                                       .element = element_bytes(x),
                                       .upper = context.node.attributes<graph::TriluAttributes>().upper};
  const bool has_k = context.node.has_input(1);
  const bool wide = has_k && context.node.input(1).spec.dtype == tensor::DType::kI64;
  return make_step("trilu copy", 0, [t, has_k, wide](const StepBuffers& b) {
    kernels::reference::trilu(t, has_k ? integer_at(b, 1, wide, 0) : 0, b.inputs[0], b.outputs[0]);
  });
}

constexpr std::array kBuilders = {
    Builder{graph::Op::kTranspose, build_transpose},
    Builder{graph::Op::kReverse, build_reverse},
    Builder{graph::Op::kReverseSequence, build_reverse_sequence},
    Builder{graph::Op::kExpand, build_expand},
    Builder{graph::Op::kTile, build_tile},
    Builder{graph::Op::kTrilu, build_trilu},
};

}  // namespace

std::span<const Builder> movement_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
