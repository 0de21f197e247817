// SPDX-License-Identifier: Apache-2.0
// The table of builders: each family of ops gives its rows in its own file.
#pragma once

#include "engine/native/build.hpp"

namespace lichen::engine {

struct Builder {
  graph::Op op;
  StepResult (*build)(const BuildContext& context);
};

// The refusal of a type that the schema allows and no kernel of this op computes; names input 0.
[[nodiscard]] std::unexpected<Error> not_computed(const BuildContext& context);

[[nodiscard]] std::span<const Builder> binary_builders();
[[nodiscard]] std::span<const Builder> concat_builders();
[[nodiscard]] std::span<const Builder> conv3d_builders();
[[nodiscard]] std::span<const Builder> detection_builders();
[[nodiscard]] std::span<const Builder> gather_builders();
[[nodiscard]] std::span<const Builder> make_builders();
[[nodiscard]] std::span<const Builder> matmul_builders();
[[nodiscard]] std::span<const Builder> movement_builders();
[[nodiscard]] std::span<const Builder> normalization_builders();
[[nodiscard]] std::span<const Builder> pad_builders();
[[nodiscard]] std::span<const Builder> pool2d_builders();
[[nodiscard]] std::span<const Builder> quantize_builders();
[[nodiscard]] std::span<const Builder> recurrent_builders();
[[nodiscard]] std::span<const Builder> reshape_builders();
[[nodiscard]] std::span<const Builder> resize_builders();
[[nodiscard]] std::span<const Builder> scatter_builders();
[[nodiscard]] std::span<const Builder> cast_builders();
[[nodiscard]] std::span<const Builder> integer_layers_builders();
[[nodiscard]] std::span<const Builder> quantize_linear_builders();
[[nodiscard]] std::span<const Builder> reduce_builders();
[[nodiscard]] std::span<const Builder> select_builders();
[[nodiscard]] std::span<const Builder> sequence_builders();
[[nodiscard]] std::span<const Builder> slice_builders();
[[nodiscard]] std::span<const Builder> softmax_builders();
[[nodiscard]] std::span<const Builder> space_builders();
[[nodiscard]] std::span<const Builder> transpose_conv2d_builders();
[[nodiscard]] std::span<const Builder> unary_builders();
[[nodiscard]] std::span<const Builder> weighted_builders();  // convolutions and fully connected layers

// Of two inputs that have scales, in LiteRT's integer arithmetic; null: that op has none.
[[nodiscard]] StepResult build_binary_fixed(const BuildContext& context);
[[nodiscard]] StepResult build_conv2d(const BuildContext& context);
[[nodiscard]] StepResult build_depthwise_conv2d(const BuildContext& context);
[[nodiscard]] StepResult build_fully_connected(const BuildContext& context);

}  // namespace lichen::engine
