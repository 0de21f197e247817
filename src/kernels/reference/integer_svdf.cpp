// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/integer_svdf.hpp"

namespace lichen::kernels::reference {
namespace {

void remember(const IntegerSvdf& s, const std::int8_t* x, const std::int8_t* features, std::int16_t* state) {
  constexpr std::int32_t kMin = std::numeric_limits<std::int16_t>::min();
  constexpr std::int32_t kMax = std::numeric_limits<std::int16_t>::max();
  for (Index f = 0; f < s.filters; ++f, state += s.memory, features += s.in) {
    std::int32_t sum = 0;
    for (Index i = 0; i < s.in; ++i) sum = wrapping_add(sum, features[i] * (x[i] - s.in_zero_point));
    std::copy(state + 1, state + s.memory, state);
    state[s.memory - 1] = static_cast<std::int16_t>(std::clamp(multiply(sum, s.newest), kMin, kMax));
  }
}

}  // namespace

void svdf(const IntegerSvdf& s, const std::int8_t* x, const std::int8_t* features, const std::int16_t* times,
          const std::int32_t* bias, std::int16_t* state, std::int8_t* out) {
  const Index units = s.filters / s.rank;
  for (Index n = 0; n < s.batch; ++n, x += s.in, state += s.filters * s.memory) {
    remember(s, x, features, state);
    if (out == nullptr) continue;
    for (Index u = 0; u < units; ++u) {
      const Index first = u * s.rank * s.memory;
      std::int32_t sum = bias == nullptr ? 0 : bias[u];
      for (Index i = first; i < first + s.rank * s.memory; ++i)
        sum = wrapping_add(sum, std::int32_t{times[i]} * state[i]);
      *out++ = requantize<std::int8_t>(sum, s.output, s.out_zero_point, -128, 127);
    }
  }
}

}  // namespace lichen::kernels::reference
