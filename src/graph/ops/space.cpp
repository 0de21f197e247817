// SPDX-License-Identifier: Apache-2.0
// Blocks of space to channels or batches, and back: DepthToSpace, SpaceToDepth, BatchToSpaceNd, SpaceToBatchNd.
#include <array>

#include <fmt/format.h>

#include "graph/ops/movement.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {
namespace {

Result<void> check_depth(const NodeView& node) {
  const Tensor& x = node.input(0);
  LICHEN_TRY(require_rank(x, 4));
  const std::int64_t block = node.attributes<BlockAttributes>().block;
  if (block < 1 || block > (1 << 15)) return bad_attribute(fmt::format("block {}", block));
  const tensor::Shape& in = x.spec.shape;
  const bool to_space = node.node().op == Op::kDepthToSpace;
  const bool fits = to_space ? in[3] % (block * block) == 0 : in[1] % block == 0 && in[2] % block == 0;
  if (!fits) return bad_tensor(x, fmt::format("{} does not split into blocks of {}", in.to_text(), block));
  return {};
}

Result<OutputTypes> infer_depth(const NodeView& node) {
  const tensor::Shape& in = node.input(0).spec.shape;
  const std::int64_t block = node.attributes<BlockAttributes>().block;
  if (node.node().op == Op::kDepthToSpace) {
    const std::int64_t dims[] = {in[0], LICHEN_TRY(size_product(in[1], block)), LICHEN_TRY(size_product(in[2], block)),
                                 in[3] / (block * block)};
    return output_like(node, dims);
  }
  const std::int64_t dims[] = {in[0], in[1] / block, in[2] / block, LICHEN_TRY(size_product(in[3], block * block))};
  return output_like(node, dims);
}

Result<void> check_batch(const NodeView& node) {
  LICHEN_TRY(require_parameter(node, 1));
  LICHEN_TRY(require_parameter(node, 2, 2));
  const std::int64_t axes = node.input(1).spec.shape.elements();
  const tensor::Shape& in = node.input(0).spec.shape;
  if (axes >= static_cast<std::int64_t>(in.rank()))
    return bad_tensor(node.input(0), fmt::format("{} with {} axes of space", in.to_text(), axes));
  if (node.input(2).spec.shape == tensor::Shape{axes, 2}) return {};
  return bad_tensor(node.input(2), fmt::format("{} for {} axes", node.input(2).spec.shape.to_text(), axes));
}

Result<OutputTypes> infer_batch(const NodeView& node) {
  const auto block = node.integers(1);
  const auto edges = node.integers(2);
  const tensor::Shape& in = node.input(0).spec.shape;
  if (!block || !edges) return not_yet(node.input(0).spec.dtype);
  const bool to_space = node.node().op == Op::kBatchToSpaceNd;
  std::array<std::int64_t, tensor::kRankMax> dims{};
  for (std::size_t i = 0; i < in.rank(); ++i) dims[i] = in[i];
  for (std::size_t i = 0; i < block->size(); ++i) {
    const std::int64_t b = (*block)[i];
    const std::int64_t before = (*edges)[2 * i];
    const std::int64_t after = (*edges)[2 * i + 1];
    if (b < 1 || before < 0 || after < 0 || b > tensor::kElementsMax || before > tensor::kElementsMax ||
        after > tensor::kElementsMax)
      return bad_attribute(fmt::format("a block of {} with {} and {} at the edges", b, before, after));
    std::int64_t& d = dims[i + 1];
    if (to_space) {
      if (dims[0] % b != 0) return bad_attribute(fmt::format("a batch of {} in blocks of {}", dims[0], b));
      dims[0] /= b;
      d = LICHEN_TRY(size_product(d, b)) - before - after;
    } else {
      d += before + after;
      if (d % b != 0) return bad_attribute(fmt::format("a size of {} in blocks of {}", d, b));
      dims[0] = LICHEN_TRY(size_product(dims[0], b));
      d /= b;
    }
  }
  return output_like(node, std::span<const std::int64_t>(dims).first(in.rank()));
}

constexpr OpSchema depth_row(Op op, std::string_view name) {
  return {.op = op,
          .name = name,
          .attributes_fit = holds<BlockAttributes>,
          .check = check_depth,
          .infer = infer_depth,
          .check_outputs = check_kept_quantization};
}
constexpr OpSchema batch_row(Op op, std::string_view name) {
  return {.op = op,
          .name = name,
          .inputs_min = 3,
          .inputs_max = 3,
          .inputs_required = 3,
          .attributes_fit = holds<NoAttributes>,
          .check = check_batch,
          .infer = infer_batch,
          .check_outputs = check_kept_quantization};
}

constexpr std::array kRows = {
    depth_row(Op::kDepthToSpace, "DepthToSpace"),
    depth_row(Op::kSpaceToDepth, "SpaceToDepth"),
    batch_row(Op::kBatchToSpaceNd, "BatchToSpaceNd"),
    batch_row(Op::kSpaceToBatchNd, "SpaceToBatchNd"),
};

}  // namespace

std::span<const OpSchema> space_rows() {
  return kRows;
}

}  // namespace lichen::graph
