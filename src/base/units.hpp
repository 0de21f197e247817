// SPDX-License-Identifier: Apache-2.0
// Integers with units in their names. Time is in nanoseconds (int64, about 292 years), energy in microjoules,
// fractions in parts per million. Deciders use no floating point for any of them.
#pragma once

#include <cstdint>
#include <limits>

namespace lichen {

using TimeNs = std::int64_t;  // a point on the monotonic clock, or a span of it

inline constexpr TimeNs kMicrosecondNs = 1'000;
inline constexpr TimeNs kMillisecondNs = 1'000'000;
inline constexpr TimeNs kSecondNs = 1'000'000'000;
inline constexpr TimeNs kMinuteNs = 60 * kSecondNs;
inline constexpr TimeNs kHourNs = 60 * kMinuteNs;
inline constexpr TimeNs kNeverNs = std::numeric_limits<TimeNs>::max();

using Ppm = std::int32_t;  // parts per million: 1'000'000 is the whole
inline constexpr Ppm kWholePpm = 1'000'000;

}  // namespace lichen
