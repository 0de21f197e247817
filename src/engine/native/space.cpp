// SPDX-License-Identifier: Apache-2.0
// DepthToSpace, SpaceToDepth, SpaceToBatchNd, BatchToSpaceNd.
#include "kernels/reference/space.hpp"

#include <array>

#include "engine/native/moves.hpp"

namespace lichen::engine {
namespace {

using kernels::Index;
using kernels::reference::Blocks;
using kernels::reference::CopyAxis;

// Both directions are one permutation, of the tensor with the space against that with the depth.
StepResult build_depth(const BuildContext& context) {
  const graph::NodeView& node = context.node;
  const auto& a = node.attributes<graph::BlockAttributes>();
  const bool to_space = node.node().op == graph::Op::kDepthToSpace;
  const tensor::TensorSpec& space = (to_space ? node.output() : node.input(0)).spec;
  const tensor::TensorSpec& depth = (to_space ? node.input(0) : node.output()).spec;
  const std::vector<Index> s = steps_of(space);
  const std::vector<Index> d = steps_of(depth);
  const Index channels = space.shape[3];
  const Index column = a.columns_first ? d[3] : channels * d[3];  // of a block, in the depth
  const Index channel = a.columns_first ? a.block * a.block * d[3] : d[3];
  std::array axes{CopyAxis{depth.shape[0], d[0], s[0]},      CopyAxis{depth.shape[1], d[1], a.block * s[1]},
                  CopyAxis{a.block, a.block * column, s[1]}, CopyAxis{depth.shape[2], d[2], a.block * s[2]},
                  CopyAxis{a.block, column, s[2]},           CopyAxis{channels, channel, s[3]}};
  if (!to_space) {
    for (CopyAxis& axis : axes) std::swap(axis.in_step, axis.out_step);
    std::swap(axes[2], axes[3]);  // the order of the output
  }
  return step_of_moves(to_space ? "depth_to_space copy" : "space_to_depth copy",
                       {{kernels::reference::copy_of(axes, element_bytes(node.input(0)), 0, 0)}});
}

StepResult build_batch(const BuildContext& context) {
  const graph::NodeView& node = context.node;
  const bool to_space = node.node().op == graph::Op::kBatchToSpaceNd;
  const auto block = node.integers(1);
  const auto edges = node.integers(2);
  if (!block || !edges) return not_computed(context);
  const tensor::TensorSpec& space = (to_space ? node.output() : node.input(0)).spec;
  const tensor::TensorSpec& batch = (to_space ? node.input(0) : node.output()).spec;
  const std::vector<Index> space_steps = steps_of(space);
  const std::vector<Index> batch_steps = steps_of(batch);
  Blocks b{.rank = block->size(),
           .images = space.shape[0],
           .space_image = space_steps[0],
           .batch_image = batch_steps[0],
           .run = space_steps[block->size()],
           .to_space = to_space};
  for (std::size_t i = 0; i < b.rank; ++i) {
    b.axes[i] = {(*block)[i],        (*edges)[2 * i],    space.shape[i + 1],
                 batch.shape[i + 1], space_steps[i + 1], batch_steps[i + 1]};
  }
  // Where there is nothing to move there may still be a great number of blocks.
  if (space.shape.elements() == 0 || batch.shape.elements() == 0) b.rank = 0, b.run = 0;
  const graph::Tensor& x = node.input(0);
  const bool quantized = x.spec.dtype == tensor::DType::kI8 || x.spec.dtype == tensor::DType::kU8;
  const auto zero = static_cast<unsigned char>(quantized && !x.quantization.empty() ? x.quantization.zero_point() : 0);
  const std::size_t bytes = node.output().spec.bytes();
  return make_step(to_space ? "batch_to_space copy" : "space_to_batch copy", 0, [b, zero, bytes](const StepBuffers& s) {
    if (!b.to_space && bytes > 0) std::memset(s.outputs[0], zero, bytes);
    kernels::reference::move_blocks(b, s.inputs[0], s.outputs[0]);
  });
}

constexpr std::array kBuilders = {
    Builder{graph::Op::kDepthToSpace, build_depth},
    Builder{graph::Op::kSpaceToDepth, build_depth},
    Builder{graph::Op::kBatchToSpaceNd, build_batch},
    Builder{graph::Op::kSpaceToBatchNd, build_batch},
};

}  // namespace

std::span<const Builder> space_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
