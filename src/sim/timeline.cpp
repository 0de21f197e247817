// SPDX-License-Identifier: Apache-2.0
#include "sim/timeline.hpp"

#include <fmt/format.h>

#include "ladder/ladder.hpp"
#include "ports/inference.hpp"
#include "sim/faults.hpp"

namespace lichen::sim {
namespace {

double seconds(TimeNs time_ns) {
  return static_cast<double>(time_ns) / 1e9;
}

std::string healed_text(std::uint64_t rungs) {
  std::string text = "the faults end; healed:";
  for (std::uint32_t rung = 0; rung < ports::kRungsMax; ++rung) {
    if ((rungs >> rung & 1) != 0) text += fmt::format(" rung {}", rung);
  }
  return rungs == 0 ? "the faults end; nothing is healed" : text;
}

std::string what_text(const Happening& h) {
  using What = Happening::What;
  switch (h.what) {
    case What::kAgentUp:
      return "the agent starts";
    case What::kAgentDown:
      return h.value == 1 ? "the power goes" : "the agent goes";
    case What::kStrike: {
      const FaultRow& row = fault_row(static_cast<std::uint32_t>(h.value));
      return row.lasts ? fmt::format("FAULT {} for {:.3f} s", row.name, seconds(h.lasts_ns))
                       : fmt::format("FAULT {}", row.name);
    }
    case What::kHealed:
      return healed_text(h.value);
    case What::kRung:
      return fmt::format("rung {}  {}", h.rung, ladder::name_of(static_cast<ladder::RungEvent>(h.value)));
    case What::kAnswer:
      return fmt::format("rung {}  answers ({}, {:.3f} ms)", h.rung,
                         ports::name_of(static_cast<ports::AnswerReason>(h.value)),
                         static_cast<double>(h.lasts_ns) / 1e6);
    case What::kRefusal:
      return fmt::format("refuses ({})", ports::name_of(static_cast<ports::RefusalReason>(h.value)));
    case What::kCut:
      return fmt::format("{} requests are cut", h.value);
    case What::kBroken:
      return "BROKEN " + h.text;
  }
  return h.text;
}

}  // namespace

std::string to_line(const Happening& h) {
  return fmt::format("{:>16.6f} s  {}", seconds(h.at_ns), what_text(h));
}

Json to_json(const Happening& h) {
  return {{"at_ns", h.at_ns}, {"device", h.device}, {"what", what_text(h)}};
}

}  // namespace lichen::sim
