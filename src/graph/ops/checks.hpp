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

// Kinds of elements that an op takes, or-ed together.
inline constexpr unsigned kReals = 1;        // f32
inline constexpr unsigned kQuantized = 2;    // i8, u8 with one scale: they mean reals
inline constexpr unsigned kQuantized16 = 4;  // i16 with one scale
inline constexpr unsigned kIntegers = 8;     // i8, u8, i16 without a scale; i32, i64
inline constexpr unsigned kBools = 16;
inline constexpr unsigned kNumbers = kReals | kQuantized | kIntegers;
[[nodiscard]] Result<void> require_kind(const Tensor& tensor, unsigned kinds);
[[nodiscard]] bool is_quantized(const Tensor& tensor);  // i8, u8 or i16 with a scale
// i32 or i64, for inputs that are parameters: shapes, axes, sizes.
[[nodiscard]] Result<void> require_integers(const Tensor& tensor);
[[nodiscard]] Result<void> require_one_element(const Tensor& tensor);
// An output has a scale where the first input has one, and needs none elsewhere. For OpSchema::check_outputs.
[[nodiscard]] Result<void> check_quantized_like_input(const NodeView& node);
// The same, and it is the same scale.
[[nodiscard]] Result<void> check_same_scale(const NodeView& node);
// An activation that is a clamp, the only ones that layers apply to their results.
[[nodiscard]] Result<void> require_clamp(Activation activation);
// No dimension is 0.
[[nodiscard]] Result<void> require_not_empty(const Tensor& tensor);

// Input 0, weights input 1 and bias input 2 (optional) of convolutions and fully connected layers: f32 throughout, or
// i8 / u8 with i32 bias, or f32 by i8 weights (is_hybrid); weights per tensor or per channel along `axis`, with one
// zero point; `channels` elements of bias.
[[nodiscard]] Result<void> require_weights(const NodeView& node, std::size_t axis, std::int64_t channels);

// A layer of f32 by i8 weights, which quantizes its input while it runs.
[[nodiscard]] bool is_hybrid(const NodeView& node);

// Outputs of ops that compute with quantized integers: f32, or i8 / u8 with one scale. For OpSchema::check_outputs.
[[nodiscard]] Result<void> check_activation_output(const NodeView& node);

// Element by element, of ops that keep their input's shape and type.
[[nodiscard]] Result<void> check_unary(const NodeView& node);
[[nodiscard]] Result<OutputTypes> infer_same(const NodeView& node);
// One output of input 0's type, or of another.
[[nodiscard]] OutputTypes output_like(const NodeView& node, tensor::Shape shape);
[[nodiscard]] OutputTypes output_of(tensor::DType dtype, tensor::Shape shape);
// The same, from dimensions that must first be checked to be a shape.
[[nodiscard]] Result<OutputTypes> output_like(const NodeView& node, std::span<const std::int64_t> dims);
[[nodiscard]] std::int64_t output_elements(const NodeView& node);

// The shape of two that are broadcast against each other as NumPy does.
[[nodiscard]] Result<tensor::Shape> broadcast(const NodeView& node, const tensor::Shape& a, const tensor::Shape& b);

// A negative axis counts from the end; refused outside of [-rank, rank).
[[nodiscard]] Result<std::size_t> axis_of(std::int64_t axis, std::size_t rank);

}  // namespace lichen::graph
