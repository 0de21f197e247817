// SPDX-License-Identifier: Apache-2.0
// A run as one HTML page without anything from outside: what was found, and for each device a timeline in SVG (agent,
// rungs, faults, answers by rung, the broken invariant).
#pragma once

#include <string>

#include "sim/plan.hpp"
#include "sim/report.hpp"
#include "sim/timeline.hpp"

namespace lichen::sim {

inline constexpr std::size_t kHtmlDevicesMax = 100;  // more are counted, not drawn

[[nodiscard]] std::string to_html(const Plan& plan, const Report& report, const Timeline& timeline);

}  // namespace lichen::sim
