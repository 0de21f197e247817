// SPDX-License-Identifier: Apache-2.0
// Reshape: the same elements in another shape. The new shape is a constant second input, or an attribute, or (where a
// file gives neither) the shape of the output tensor.
#include <array>

#include <fmt/format.h>

#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {
namespace {

Result<void> check(const NodeView& node) {
  LICHEN_TRY(require_same_type(node.output(), node.input(0)));
  if (node.input(0).quantization != node.output().quantization) {
    return bad_tensor(node.output(), "a reshape that changes the scale", Code::kUnsupported);
  }
  if (!node.has_input(1)) return {};
  const Tensor& shape = node.input(1);
  if (!shape.constant) return bad_tensor(shape, "a shape that is computed, not constant", Code::kUnsupported);
  return require_dtype(shape, tensor::DType::kI32);
}

// The wanted dimensions, -1 where the elements decide; empty: unsaid.
std::span<const std::int32_t> wanted_of(const NodeView& node) {
  if (node.has_input(1)) return node.input(1).constant->as<std::int32_t>();
  return node.attributes<ReshapeAttributes>().shape;
}

Result<tensor::Shape> infer(const NodeView& node) {
  const std::span<const std::int32_t> wanted = wanted_of(node);
  const std::int64_t elements = node.input(0).spec.shape.elements();
  if (wanted.empty()) return node.output().spec.shape;
  if (wanted.size() > tensor::kRankMax) return bad_attribute(fmt::format("rank {}", wanted.size()));
  std::array<std::int64_t, tensor::kRankMax> dims{};
  std::size_t free = wanted.size();
  std::int64_t known = 1;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    dims[i] = wanted[i];
    if (wanted[i] == -1) {
      if (free != wanted.size()) return bad_attribute("two dimensions are -1");
      free = i;
    } else if (wanted[i] < 0 || (wanted[i] > 0 && known > tensor::kElementsMax / wanted[i])) {
      return bad_attribute(fmt::format("dimension {}", wanted[i]));
    } else {
      known *= wanted[i];
    }
  }
  if (free != wanted.size()) {
    if (known == 0 || elements % known != 0)
      return bad_attribute(fmt::format("{} elements do not fill the shape", elements));
    dims[free] = elements / known;
  }
  return tensor::Shape::make(std::span(dims).first(wanted.size()), node.output().spec.name);
}

}  // namespace

OpSchema reshape_schema() {
  return {Op::kReshape, "Reshape", 1, 2, 1, holds<ReshapeAttributes>, check, infer, output_elements, false};
}

}  // namespace lichen::graph
