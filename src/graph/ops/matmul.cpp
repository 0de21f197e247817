// SPDX-License-Identifier: Apache-2.0
// MatMul as NumPy has it: the last two dimensions are matrices, those before are broadcast; an operand of one dimension
// is a row on the left, a column on the right, and that dimension is not in the result. Scales of the right operand may
// be one a column.
#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "graph/ops/checks.hpp"
#include "graph/ops/matrix.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {

using tensor::DType;

Result<MatrixProduct> matrix_product(const tensor::Shape& a, const tensor::Shape& b, const MatMulAttributes& how) {
  if (a.rank() == 0 || b.rank() == 0) return bad_attribute("a matrix product of a scalar");
  const auto split = [](const tensor::Shape& shape, bool left) {
    std::vector<std::int64_t> dims(shape.dims().begin(), shape.dims().end());
    if (dims.size() == 1) dims.insert(left ? dims.begin() : dims.end(), 1);
    return dims;
  };
  const std::vector<std::int64_t> da = split(a, true);
  const std::vector<std::int64_t> db = split(b, false);
  MatrixProduct product;
  // A vector is not turned around by a transpose flag.
  product.transpose_a = how.transpose_a && a.rank() > 1;
  product.transpose_b = how.transpose_b && b.rank() > 1;
  const auto last = [](const std::vector<std::int64_t>& dims, std::size_t back) { return dims[dims.size() - back]; };
  product.rows = last(da, product.transpose_a ? 1 : 2);
  product.depth = last(da, product.transpose_a ? 2 : 1);
  product.columns = last(db, product.transpose_b ? 2 : 1);
  if (last(db, product.transpose_b ? 1 : 2) != product.depth)
    return bad_attribute(fmt::format("{} times {}", a.to_text(), b.to_text()));
  const std::size_t batch_rank = std::max(da.size(), db.size()) - 2;
  for (std::size_t i = 0; i < batch_rank; ++i) {
    const auto at = [&](const std::vector<std::int64_t>& dims) {
      const std::size_t missing = batch_rank - (dims.size() - 2);
      return i < missing ? 1 : dims[i - missing];
    };
    if (at(da) != at(db) && at(da) != 1 && at(db) != 1)
      return bad_attribute(fmt::format("{} times {}", a.to_text(), b.to_text()));
    product.batch_a.push_back(at(da));
    product.batch_b.push_back(at(db));
    product.batch.push_back(at(da) == 1 ? at(db) : at(da));
  }
  product.out = product.batch;
  if (a.rank() > 1) product.out.push_back(product.rows);
  if (b.rank() > 1) product.out.push_back(product.columns);
  return product;
}

namespace {

Result<MatrixProduct> product_of(const NodeView& node) {
  return matrix_product(node.input(0).spec.shape, node.input(1).spec.shape, node.attributes<MatMulAttributes>());
}

bool is_plain(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kI32 || dtype == DType::kI64;
}

Result<void> check(const NodeView& node) {
  const Tensor& a = node.input(0);
  const Tensor& b = node.input(1);
  LICHEN_TRY(require_same_type(b, a));
  LICHEN_TRY(product_of(node));
  if (is_plain(a.spec.dtype)) return {};
  LICHEN_TRY(require_activation_type(a));
  if (!b.quantization.per_channel()) return require_activation_type(b);
  const auto& zero_points = b.quantization.zero_points;
  const bool columns = b.quantization.axis == b.spec.shape.rank() - (node.attributes<MatMulAttributes>().transpose_b ? 2 : 1);
  if (columns && b.spec.shape.rank() > 1 && std::ranges::all_of(zero_points, [&](std::int32_t z) { return z == zero_points[0]; }))
    return {};
  return bad_tensor(b, "scales that are not one a column with one zero point", Code::kUnsupported);
}

Result<OutputTypes> infer(const NodeView& node) {
  return output_like(node, LICHEN_TRY(product_of(node)).out);
}

Result<void> check_outputs(const NodeView& node) {
  return is_plain(node.output().spec.dtype) ? Result<void>{} : check_activation_output(node);
}

std::int64_t operations(const NodeView& node) {
  const auto product = product_of(node);
  return product ? output_elements(node) * product->depth : 0;
}

constexpr OpSchema kRow{.op = Op::kMatMul,
                        .name = "MatMul",
                        .inputs_min = 2,
                        .inputs_max = 2,
                        .inputs_required = 2,
                        .attributes_fit = holds<MatMulAttributes>,
                        .check = check,
                        .infer = infer,
                        .check_outputs = check_outputs,
                        .operations = operations,
                        .counts_as_macs = true};

}  // namespace

std::span<const OpSchema> matmul_rows() {
  return {&kRow, 1};
}

}  // namespace lichen::graph
