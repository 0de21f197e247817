// SPDX-License-Identifier: Apache-2.0
// ConvInteger and MatMulInteger: sums of products of i8 or u8, minus their zero points, in i32. Zero points are inputs:
// one value, or one for each output channel (ConvInteger's weights), row (MatMulInteger's a) or column (its b).
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"
#include "graph/ops/window.hpp"

namespace lichen::graph {
namespace {

using tensor::DType;

Result<void> require_bytes(const Tensor& tensor) {
  if (tensor.spec.dtype == DType::kI8 || tensor.spec.dtype == DType::kU8) return {};
  return bad_tensor(tensor, fmt::format("{} where i8 or u8 is needed", name_of(tensor.spec.dtype)), Code::kUnsupported);
}

// Zero point input i of operand input `of`: one value or `many`.
Result<void> check_zero_point(const NodeView& node, std::size_t i, std::size_t of, std::int64_t many) {
  if (!node.has_input(i)) return {};
  LICHEN_TRY(require_same_type(node.input(i), node.input(of)));
  const std::int64_t count = node.input(i).spec.shape.elements();
  if (count == 1 || count == many) return {};
  return bad_tensor(node.input(i), fmt::format("{} zero points where 1 or {} are needed", count, many));
}

Result<void> check_conv(const NodeView& node) {
  const Tensor& input = node.input(0);
  const Tensor& weights = node.input(1);
  for (const Tensor* tensor : {&input, &weights}) {
    LICHEN_TRY(require_bytes(*tensor));
    LICHEN_TRY(require_rank(*tensor, 4));
    LICHEN_TRY(require_not_empty(*tensor));
  }
  if (node.attributes<Conv2DAttributes>().activation != Activation::kNone) return bad_attribute("an activation");
  const std::int64_t in = input.spec.shape[3];
  const std::int64_t groups = in / weights.spec.shape[3];
  if (in % weights.spec.shape[3] != 0 || weights.spec.shape[0] % groups != 0)
    return bad_tensor(weights, fmt::format("weights {} for {} input channels", weights.spec.shape.to_text(), in));
  LICHEN_TRY(check_zero_point(node, 2, 0, 1));
  return check_zero_point(node, 3, 1, weights.spec.shape[0]);
}

Result<OutputTypes> infer_conv(const NodeView& node) {
  const auto& a = node.attributes<Conv2DAttributes>();
  const tensor::Shape& in = node.input(0).spec.shape;
  const tensor::Shape& weights = node.input(1).spec.shape;
  const Window h = LICHEN_TRY(window_of(in[1], rule_h(a, weights[1])));
  const Window w = LICHEN_TRY(window_of(in[2], rule_w(a, weights[2])));
  const std::int64_t dims[] = {in[0], h.out, w.out, weights[0]};
  return output_of(DType::kI32, LICHEN_TRY(tensor::Shape::make(dims, node.node().name)));
}

std::int64_t conv_operations(const NodeView& node) {
  const tensor::Shape& weights = node.input(1).spec.shape;
  return output_elements(node) * weights[1] * weights[2] * weights[3];
}

// a as [..., rows, depth] and b as [..., depth, columns], vectors being given the missing dimension.
struct Product {
  std::vector<std::int64_t> a, b;
};
Product product_of(const NodeView& node) {
  const auto dims_of = [&](std::size_t i) {
    const auto dims = node.input(i).spec.shape.dims();
    return std::vector<std::int64_t>(dims.begin(), dims.end());
  };
  Product p{dims_of(0), dims_of(1)};
  if (p.a.size() == 1) p.a.insert(p.a.begin(), 1);
  if (p.b.size() == 1) p.b.push_back(1);
  return p;
}

Result<void> check_matmul(const NodeView& node) {
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
    LICHEN_TRY(require_bytes(node.input(i)));
    if (node.input(i).spec.shape.rank() == 0) return bad_tensor(node.input(i), "a scalar in a matrix product");
  }
  const Product p = product_of(node);
  const std::int64_t depth = p.a.back();
  if (depth != p.b[p.b.size() - 2])
    return bad_tensor(node.input(1), fmt::format("shape {} does not go with {}", node.input(1).spec.shape.to_text(),
                                                 node.input(0).spec.shape.to_text()));
  LICHEN_TRY(check_zero_point(node, 2, 0, p.a[p.a.size() - 2]));
  return check_zero_point(node, 3, 1, p.b.back());
}

Result<OutputTypes> infer_matmul(const NodeView& node) {
  const Product p = product_of(node);
  const std::string_view name = node.node().name;
  const auto outer = [&](const std::vector<std::int64_t>& dims) {
    return tensor::Shape::make(std::span(dims).first(dims.size() - 2), name);
  };
  const auto outer_a = LICHEN_TRY(outer(p.a));
  const auto outer_b = LICHEN_TRY(outer(p.b));
  const auto batch = LICHEN_TRY(broadcast(node, outer_a, outer_b));
  std::vector<std::int64_t> dims(batch.dims().begin(), batch.dims().end());
  if (node.input(0).spec.shape.rank() > 1) dims.push_back(p.a[p.a.size() - 2]);
  if (node.input(1).spec.shape.rank() > 1) dims.push_back(p.b.back());
  return output_of(DType::kI32, LICHEN_TRY(tensor::Shape::make(dims, name)));
}

std::int64_t matmul_operations(const NodeView& node) {
  return output_elements(node) * node.input(0).spec.shape.dims().back();
}

constexpr std::array kRows = {
    OpSchema{.op = Op::kConvInteger,
             .name = "ConvInteger",
             .inputs_min = 2,
             .inputs_max = 4,
             .inputs_required = 2,
             .attributes_fit = holds<Conv2DAttributes>,
             .check = check_conv,
             .infer = infer_conv,
             .operations = conv_operations,
             .counts_as_macs = true},
    OpSchema{.op = Op::kMatMulInteger,
             .name = "MatMulInteger",
             .inputs_min = 2,
             .inputs_max = 4,
             .inputs_required = 2,
             .attributes_fit = holds<NoAttributes>,
             .check = check_matmul,
             .infer = infer_matmul,
             .operations = matmul_operations,
             .counts_as_macs = true},
};

}  // namespace

std::span<const OpSchema> integer_layers_rows() {
  return kRows;
}

}  // namespace lichen::graph
