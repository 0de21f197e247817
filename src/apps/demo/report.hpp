// SPDX-License-Identifier: Apache-2.0
// The demo's numbers as text, without colours.
#pragma once

#include <string>
#include <vector>

#include "base/units.hpp"
#include "ladder_files.hpp"
#include "scoreboard.hpp"

namespace lichen::demo {

// "850 us", "3.2 ms", "1.25 s".
[[nodiscard]] std::string text_of(TimeNs span_ns);

[[nodiscard]] std::string models_text(const LadderFiles& files);

// What the records of [at_ns, ...) say about the fault that began at at_ns. One or two lines.
[[nodiscard]] std::string outcome_text(const std::vector<Record>& records, TimeNs at_ns, bool hits_agent,
                                       double accuracy_so_far);

struct AgentFault {
  TimeNs from_ns = 0;
  TimeNs to_ns = 0;
};
// The table at the end. Gaps that begin while the agent itself was being restarted are told apart.
[[nodiscard]] std::string summary_text(const std::vector<Record>& records, TimeNs start_ns, TimeNs deadline_ns,
                                       const std::vector<AgentFault>& agent_faults);

}  // namespace lichen::demo
