// SPDX-License-Identifier: Apache-2.0
// Demands that several ops make of their tensors. Each returns an error that names the tensor.
#pragma once

#include "graph/ops/schema.hpp"

namespace lichen::graph {

[[nodiscard]] std::unexpected<Error> bad_tensor(const Tensor& tensor, std::string why, Code code = Code::kBadInput);
[[nodiscard]] std::unexpected<Error> bad_attribute(std::string why);

[[nodiscard]] Result<void> require_rank(const Tensor& tensor, std::size_t rank);
[[nodiscard]] Result<void> require_dtype(const Tensor& tensor, tensor::DType dtype);
// f32 without quantization, or i8 / u8 with one scale for the whole tensor.
[[nodiscard]] Result<void> require_activation_type(const Tensor& tensor);
[[nodiscard]] Result<void> require_same_type(const Tensor& tensor, const Tensor& as);
// No dimension is 0.
[[nodiscard]] Result<void> require_not_empty(const Tensor& tensor);

// Input 0, weights input 1 and bias input 2 (optional) of convolutions and fully connected layers: f32 throughout, or
// i8 / u8 with i32 bias; weights per tensor or per channel along `axis`; `channels` elements of bias.
[[nodiscard]] Result<void> require_weights(const NodeView& node, std::size_t axis, std::int64_t channels);

// A convolution of f32 by i8 weights, which quantizes its input while it runs.
[[nodiscard]] bool is_hybrid(const NodeView& node);

// Element by element: output and inputs of one type. For ops that keep their input's shape and type.
[[nodiscard]] Result<void> check_unary(const NodeView& node);
[[nodiscard]] Result<tensor::Shape> infer_same(const NodeView& node);
[[nodiscard]] std::int64_t output_elements(const NodeView& node);

// Add, Mul: two inputs broadcast against each other as NumPy does.
[[nodiscard]] Result<void> check_binary(const NodeView& node);
[[nodiscard]] Result<tensor::Shape> infer_broadcast(const NodeView& node);

}  // namespace lichen::graph
