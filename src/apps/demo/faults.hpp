// SPDX-License-Identifier: Apache-2.0
// The script of what is broken, and when. Runs on a thread of its own while the clients ask.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/units.hpp"
#include "processes.hpp"

namespace lichen::demo {

struct FaultEvent {
  TimeNs at_ns = 0;
  std::string what;         // "SIGKILL primary (pid 123)"
  bool hits_agent = false;  // lichend itself, not a worker
};

class Faults {
 public:
  // Spreads the script over `span_ns` from `start_ns`. `agent` must outlive this.
  Faults(const Agent& agent, TimeNs start_ns, TimeNs span_ns);
  ~Faults();
  // Ends the script, wherever it is, and what it started.
  void stop();

  // What has been broken so far.
  [[nodiscard]] std::vector<FaultEvent> events() const;

 private:
  class Script;
  void add(FaultEvent event);

  mutable std::mutex mutex_;
  std::vector<FaultEvent> events_;
  std::jthread thread_;
};

}  // namespace lichen::demo
