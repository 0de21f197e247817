// SPDX-License-Identifier: Apache-2.0
#include "graph/ops/pool.hpp"

#include "graph/ops/checks.hpp"
#include "graph/ops/window.hpp"

namespace lichen::graph {

Result<void> check_pool(const NodeView& node) {
  const Tensor& input = node.input(0);
  LICHEN_TRY(require_rank(input, 4));
  LICHEN_TRY(require_not_empty(input));
  LICHEN_TRY(check_unary(node));
  if (input.quantization != node.output().quantization && input.spec.dtype != tensor::DType::kF32) {
    return bad_tensor(node.output(), "a pooling that changes the scale", Code::kUnsupported);
  }
  return {};
}

Result<tensor::Shape> infer_pool(const NodeView& node) {
  const auto& a = node.attributes<Pool2DAttributes>();
  const tensor::Shape& in = node.input(0).spec.shape;
  const Window h = LICHEN_TRY(window_of(in[1], a.filter_h, a.stride_h, 1, a.padding));
  const Window w = LICHEN_TRY(window_of(in[2], a.filter_w, a.stride_w, 1, a.padding));
  const std::int64_t dims[] = {in[0], h.out, w.out, in[3]};
  return tensor::Shape::make(dims, node.output().spec.name);
}

std::int64_t pool_operations(const NodeView& node) {
  const auto& a = node.attributes<Pool2DAttributes>();
  return output_elements(node) * a.filter_h * a.filter_w;
}

}  // namespace lichen::graph
