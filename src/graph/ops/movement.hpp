// SPDX-License-Identifier: Apache-2.0
// What ops that move elements have in common: any type of element goes, and its quantization goes with it.
#pragma once

#include <optional>
#include <vector>

#include "graph/ops/checks.hpp"

namespace lichen::graph {

// Inputs or outputs of ops that take as many as there are.
inline constexpr std::size_t kMovementPortsMax = 4096;

// i32 or i64 (shapes, axes, pads) of input i, where it is there, with `rank_max` dimensions at most.
[[nodiscard]] Result<void> require_parameter(const NodeView& node, std::size_t i, std::size_t rank_max = 1);

// Axes as places from the start, in the order given; refused out of range or twice.
[[nodiscard]] Result<std::vector<std::size_t>> axes_of(std::span<const std::int64_t> axes, std::size_t rank);

// The scale of every output is that of input 0. For OpSchema::check_outputs.
[[nodiscard]] Result<void> check_kept_quantization(const NodeView& node);

// One output whose shape is not known yet.
[[nodiscard]] OutputTypes not_yet(tensor::DType dtype);

// Which input axis each output axis of a Transpose is.
[[nodiscard]] Result<std::vector<std::size_t>> transpose_axes(const NodeView& node);

// a * b of two sizes, refused above tensor::kElementsMax.
[[nodiscard]] Result<std::int64_t> size_product(std::int64_t a, std::int64_t b);

}  // namespace lichen::graph
