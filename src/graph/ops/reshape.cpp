// SPDX-License-Identifier: Apache-2.0
// Reshape: the same elements in another shape. The new shape is the second input, or an attribute, or (where a file gives
// neither) the shape of the output tensor.
#include <fmt/format.h>

#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {
namespace {

Result<void> check(const NodeView& node) {
  if (!node.has_input(1)) return {};
  const tensor::DType dtype = node.input(1).spec.dtype;
  if (dtype == tensor::DType::kI32 || dtype == tensor::DType::kI64) return {};
  return bad_tensor(node.input(1), fmt::format("a shape in {}", name_of(dtype)), Code::kUnsupported);
}

Result<void> check_outputs(const NodeView& node) {
  if (node.input(0).quantization == node.output().quantization) return {};
  return bad_tensor(node.output(), "a reshape that changes the scale", Code::kUnsupported);
}

// The wanted dimensions, -1 where the elements decide; empty and `said`: a scalar.
struct Wanted {
  bool said = false;
  bool known = true;
  std::vector<std::int64_t> dims;
};
Wanted wanted_of(const NodeView& node) {
  if (node.has_input(1)) {
    auto dims = node.integers(1);
    if (!dims) return {true, false, {}};
    return {true, true, *std::move(dims)};
  }
  const std::vector<std::int32_t>& shape = node.attributes<ReshapeAttributes>().shape;
  return {!shape.empty(), true, {shape.begin(), shape.end()}};
}

Result<OutputTypes> infer(const NodeView& node) {
  const tensor::DType dtype = node.input(0).spec.dtype;
  const tensor::Shape& in = node.input(0).spec.shape;
  Wanted wanted = wanted_of(node);
  const tensor::Shape& declared = node.output().spec.shape;
  if (!wanted.said || !wanted.known) {
    if (!declared.known() || declared.elements() != in.elements()) return OutputTypes{{dtype, std::nullopt, false}};
    return output_of(dtype, declared);
  }
  if (wanted.dims.size() > tensor::kRankMax) return bad_attribute(fmt::format("rank {}", wanted.dims.size()));
  std::size_t free = wanted.dims.size();
  std::int64_t known = 1;
  for (std::size_t i = 0; i < wanted.dims.size(); ++i) {
    std::int64_t& d = wanted.dims[i];
    if (d == 0 && node.attributes<ReshapeAttributes>().zero_copies) {
      if (i >= in.rank()) return bad_attribute(fmt::format("dimension {} of rank {} is to be kept", i, in.rank()));
      d = in[i];
    }
    if (d == -1) {
      if (free != wanted.dims.size()) return bad_attribute("two dimensions are -1");
      free = i;
    } else if (d < 0 || (d > 0 && known > tensor::kElementsMax / d)) {
      return bad_attribute(fmt::format("dimension {}", d));
    } else {
      known *= d;
    }
  }
  if (free != wanted.dims.size()) {
    if (known == 0 || in.elements() % known != 0)
      return bad_attribute(fmt::format("{} elements do not fill the shape", in.elements()));
    wanted.dims[free] = in.elements() / known;
    known *= wanted.dims[free];
  }
  if (known != in.elements()) return bad_attribute(fmt::format("{} elements into {}", in.elements(), known));
  return output_like(node, wanted.dims);
}

constexpr OpSchema kRow{.op = Op::kReshape,
                        .name = "Reshape",
                        .inputs_max = 2,
                        .attributes_fit = holds<ReshapeAttributes>,
                        .check = check,
                        .infer = infer,
                        .check_outputs = check_outputs};

}  // namespace

std::span<const OpSchema> reshape_rows() {
  return {&kRow, 1};
}

}  // namespace lichen::graph
