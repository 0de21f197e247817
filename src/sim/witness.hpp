// SPDX-License-Identifier: Apache-2.0
// Watches one device's ladder from outside, event by event, against what docs/ladder.md promises of rungs: a small
// reference model of breaker, dwell time, hedge budget and wakes. It shares no code with what it watches.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/units.hpp"
#include "ladder/ladder.hpp"

namespace lichen::sim {

struct Finding {
  std::string invariant;
  std::string detail;
};

class Witness {
 public:
  // `config` must outlive this.
  explicit Witness(const ladder::LadderConfig& config) : config_(&config), rungs_(config.rungs.size()) {}

  // A new agent: what it does not remember by design is forgotten here too.
  void agent_started();
  [[nodiscard]] std::optional<Finding> rung_event(TimeNs now_ns, std::uint32_t rung, ladder::RungEvent event);
  void limited(const ladder::Limits& limits) { limits_ = limits; }
  // The best rung was given `jobs` jobs in the time since the agent started.
  [[nodiscard]] std::optional<Finding> spent(TimeNs in_ns, std::uint64_t jobs) const;
  [[nodiscard]] std::optional<Finding> woke(TimeNs now_ns);
  // After every step.
  [[nodiscard]] std::optional<Finding> step(const ladder::Ladder& ladder) const;
  // When everything has been well for long.
  [[nodiscard]] std::optional<Finding> calm(TimeNs now_ns, const ladder::Ladder& ladder) const;

  [[nodiscard]] std::uint64_t starts() const { return starts_; }  // of workers, by this agent

 private:
  struct Rung {
    std::vector<TimeNs> failures;  // since its breaker opened last
    TimeNs not_before_ns = 0;      // of its next start
    TimeNs ready_ns = 0;
    bool failed = false;  // and has not served since
  };

  std::optional<Finding> failed(TimeNs now_ns, Rung& r);

  const ladder::LadderConfig* config_;
  std::vector<Rung> rungs_;
  ladder::Limits limits_;
  std::uint64_t starts_ = 0;
  TimeNs second_ns_ = 0;  // the one that wakes are counted in
  std::uint32_t wakes_ = 0;
};

}  // namespace lichen::sim
