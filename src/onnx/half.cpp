// SPDX-License-Identifier: Apache-2.0
#include "onnx/half.hpp"

#include <algorithm>
#include <array>

namespace lichen::formats {
namespace {

// All others compute, and their outputs have the type of their first input.
constexpr std::array kRules = {
    HalfRule{"Cast", HalfUse::kStored},
    HalfRule{"CastLike", HalfUse::kStored},
    HalfRule{"Compress", HalfUse::kMoves},
    HalfRule{"Concat", HalfUse::kMoves},
    HalfRule{"Constant", HalfUse::kStored},
    HalfRule{"ConstantOfShape", HalfUse::kStored},
    HalfRule{"DepthToSpace", HalfUse::kMoves},
    HalfRule{"DequantizeLinear", HalfUse::kComputes, 1},
    HalfRule{"Dropout", HalfUse::kMoves},
    HalfRule{"Expand", HalfUse::kMoves},
    HalfRule{"EyeLike", HalfUse::kStored},
    HalfRule{"Flatten", HalfUse::kMoves},
    HalfRule{"Gather", HalfUse::kMoves},
    HalfRule{"GatherElements", HalfUse::kMoves},
    HalfRule{"GatherND", HalfUse::kMoves},
    HalfRule{"Identity", HalfUse::kMoves},
    HalfRule{"If", HalfUse::kStored},
    HalfRule{"LayerNormalization", HalfUse::kComputes, 0, 1},  // means and deviations are f32 (stash_type)
    HalfRule{"NonZero", HalfUse::kStored},
    HalfRule{"OneHot", HalfUse::kMoves, 2},
    HalfRule{"Pad", HalfUse::kMoves},
    HalfRule{"Reshape", HalfUse::kMoves},
    HalfRule{"ReverseSequence", HalfUse::kMoves},
    HalfRule{"Shape", HalfUse::kStored},
    HalfRule{"Size", HalfUse::kStored},
    HalfRule{"Slice", HalfUse::kMoves},
    HalfRule{"SpaceToDepth", HalfUse::kMoves},
    HalfRule{"Split", HalfUse::kMoves},
    HalfRule{"Squeeze", HalfUse::kMoves},
    HalfRule{"Tile", HalfUse::kMoves},
    HalfRule{"Transpose", HalfUse::kMoves},
    HalfRule{"Trilu", HalfUse::kMoves},
    HalfRule{"Unsqueeze", HalfUse::kMoves},
    HalfRule{"Where", HalfUse::kMoves, 1},
};

}  // namespace

HalfRule half_rule(std::string_view op_name) {
  const auto* const known = std::ranges::find(kRules, op_name, &HalfRule::name);
  return known == kRules.end() ? HalfRule{op_name} : *known;
}

}  // namespace lichen::formats
