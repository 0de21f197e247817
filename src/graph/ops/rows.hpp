// SPDX-License-Identifier: Apache-2.0
// The rows of the op table, each family's defined in its file.
#pragma once

#include "graph/ops/schema.hpp"

namespace lichen::graph {

[[nodiscard]] std::span<const OpSchema> binary_rows();
[[nodiscard]] std::span<const OpSchema> cast_rows();
[[nodiscard]] std::span<const OpSchema> concat_rows();
[[nodiscard]] std::span<const OpSchema> conv2d_rows();
[[nodiscard]] std::span<const OpSchema> depthwise_conv2d_rows();
[[nodiscard]] std::span<const OpSchema> detection_rows();
[[nodiscard]] std::span<const OpSchema> fully_connected_rows();
[[nodiscard]] std::span<const OpSchema> gather_rows();
[[nodiscard]] std::span<const OpSchema> integer_layers_rows();  // ConvInteger, MatMulInteger
[[nodiscard]] std::span<const OpSchema> make_rows();  // tensors from sizes
[[nodiscard]] std::span<const OpSchema> matmul_rows();
[[nodiscard]] std::span<const OpSchema> movement_rows();  // Transpose, Reverse, Expand, Tile
[[nodiscard]] std::span<const OpSchema> normalization_rows();
[[nodiscard]] std::span<const OpSchema> pad_rows();
[[nodiscard]] std::span<const OpSchema> pool2d_rows();
[[nodiscard]] std::span<const OpSchema> quantize_linear_rows();
[[nodiscard]] std::span<const OpSchema> quantize_rows();
[[nodiscard]] std::span<const OpSchema> recurrent_rows();
[[nodiscard]] std::span<const OpSchema> reduce_rows();
[[nodiscard]] std::span<const OpSchema> reshape_rows();
[[nodiscard]] std::span<const OpSchema> resize_rows();
[[nodiscard]] std::span<const OpSchema> scatter_rows();
[[nodiscard]] std::span<const OpSchema> select_rows();
[[nodiscard]] std::span<const OpSchema> sequence_rows();
[[nodiscard]] std::span<const OpSchema> slice_rows();  // Slice, StridedSlice, Split
[[nodiscard]] std::span<const OpSchema> softmax_rows();
[[nodiscard]] std::span<const OpSchema> space_rows();  // blocks of space to channels or batches
[[nodiscard]] std::span<const OpSchema> state_rows();  // variables, If
[[nodiscard]] std::span<const OpSchema> transpose_conv2d_rows();
[[nodiscard]] std::span<const OpSchema> unary_rows();
[[nodiscard]] std::span<const OpSchema> volume_rows();

}  // namespace lichen::graph
