// SPDX-License-Identifier: Apache-2.0
#include "engine/native/words.hpp"

#include <algorithm>

namespace lichen::engine {

Result<WeightedQuantization> words_quantization(const BuildContext& context, graph::Activation activation,
                                                std::size_t channels) {
  constexpr int kShiftMax = 14;
  if (rounds_to_even(context.node)) return not_computed(context);
  auto q = LICHEN_TRY(weighted_quantization(context.node, activation, channels, ScaleProduct::kDouble));
  if (std::ranges::any_of(q.multipliers, [](kernels::Multiplier m) { return m.shift > kShiftMax; }))
    return fail(Code::kUnsupported, "bad scales", {}, "they multiply sums by 2^14 or more");
  return q;
}

}  // namespace lichen::engine
