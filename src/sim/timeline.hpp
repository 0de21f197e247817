// SPDX-License-Identifier: Apache-2.0
// What happened to each device, in order: for `lichen sim replay` and its report. Recording it changes nothing in a
// run.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/units.hpp"

namespace lichen::sim {

struct Happening {
  enum class What : std::uint8_t {
    kAgentUp,
    kAgentDown,  // value: 1 if the power went
    kStrike,     // value: its kind; lasts_ns
    kHealed,     // value: rungs that were healed, as bits; 0: none
    kRung,       // rung, value: RungEvent
    kAnswer,     // rung, value: AnswerReason; lasts_ns: latency
    kRefusal,    // value: RefusalReason
    kCut,        // the agent died; value: how many requests it had
    kBroken,     // an invariant; text
  };
  TimeNs at_ns = 0;
  std::uint32_t device = 0;
  What what = What::kAgentUp;
  std::uint32_t rung = 0;
  std::uint64_t value = 0;
  TimeNs lasts_ns = 0;
  std::string text = {};
};

struct Timeline {
  std::vector<Happening> happenings;  // in the order of their times
};

// One line without the device: "  3725.004211 s  rung 1  started".
[[nodiscard]] std::string to_line(const Happening& h);
[[nodiscard]] Json to_json(const Happening& h);

}  // namespace lichen::sim
