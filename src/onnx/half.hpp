// SPDX-License-Identifier: Apache-2.0
// f16 is stored and moved, and computed with in f32. A node that computes takes its f16 inputs widened, and what it would
// have given in f16 is narrowed. Whoever computes with that takes what it was before it was narrowed, so values between
// the nodes of a model in f16 keep the precision of f32, and only outputs of the graph are rounded. Nodes that only move
// elements leave f16 as it is where nothing was computed before them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lichen::formats {

enum class HalfUse : std::uint8_t {
  kComputes,  // in f32
  kMoves,     // as stored, or as what was computed before it
  kStored,    // as stored: types, shapes and constants
};

struct HalfRule {
  std::string_view name;  // of the operator
  HalfUse use = HalfUse::kComputes;
  std::size_t like = 0;     // the input whose type the outputs have
  std::size_t outputs = SIZE_MAX;  // how many outputs have it; those after them stay f32
};

[[nodiscard]] HalfRule half_rule(std::string_view op_name);

}  // namespace lichen::formats
