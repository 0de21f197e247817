// SPDX-License-Identifier: Apache-2.0
// The processes of the demo: the agent behind its socket holder, and busy loops that starve it. None outlives the demo,
// however that ends.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/units.hpp"

namespace lichen::demo {

// Orphans of children become children of this process, so that kill_all_children() finds them.
void adopt_orphans();
void kill_all_children();

[[nodiscard]] std::vector<pid_t> children_of(pid_t parent);

// As a device's service manager would set it: what has deadlines goes before what has none. Needs permission (root or
// CAP_SYS_NICE); without it the agent runs like everything else.
inline constexpr int kAgentNice = -10;
inline constexpr int kBusyNiceAbove = 10;  // busy loops: so much nicer than the agent, a ninth of its weight

class Agent {
 public:
  // Starts `lichen-holder --listen 127.0.0.1:PORT -- lichend --config CONFIG`, both from this program's folder; their
  // output goes to files in `folder`. Returns when the socket is bound, not when models are ready.
  static Result<Agent> start(const std::string& config, const std::string& folder, std::uint16_t port);
  Agent(Agent&& other) noexcept;
  Agent& operator=(Agent&&) = delete;
  ~Agent();

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] pid_t lichend_pid() const;  // 0: not running now
  [[nodiscard]] int nice() const;           // what it was given
  void stop();                              // as a service manager would: SIGTERM, then patience, then SIGKILL

 private:
  explicit Agent(pid_t holder) : holder_(holder) {}
  [[nodiscard]] bool ended() const;
  pid_t holder_ = 0;
  std::uint16_t port_ = 0;
};

// Processes that only count, `per_cpu` for each CPU at this nice value, from start to end of this object's life. They
// belong to the thread that made them and end with it.
class BusyLoops {
 public:
  BusyLoops(unsigned per_cpu, int nice);
  ~BusyLoops();
  BusyLoops(const BusyLoops&) = delete;
  BusyLoops& operator=(const BusyLoops&) = delete;
  [[nodiscard]] std::size_t count() const { return pids_.size(); }

 private:
  std::vector<pid_t> pids_;
};

}  // namespace lichen::demo
