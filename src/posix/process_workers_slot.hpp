// SPDX-License-Identifier: Apache-2.0
// What ProcessWorkers keeps for each worker. For its own two files only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "posix/death_watch.hpp"
#include "posix/process_workers.hpp"

namespace lichen::posix {

enum class ProcessWorkers::Source : std::uint8_t { kTemplate, kWake, kTimer, kMeasure, kWorkerEvent, kWorkerEnd };

// A rung as configured, and what is known of it over all its workers.
struct ProcessWorkers::RungRecord {
  std::uint32_t model = 0;
  std::uint32_t rung = 0;
  WorkerJobSpec job;     // as configured; with the sums of the file once a worker became ready
  ScrubCounters before;       // of workers that are gone
  ScrubCounters now;          // of the present one, as last seen
  std::uint64_t damage_found = 0;
};

// One worker, from start() until nothing more can be heard of it.
struct ProcessWorkers::Slot {
  enum class Phase : std::uint8_t {
    kQueued,   // no template has been asked yet
    kAsked,    // the template has the request
    kRunning,  // the process exists; `pidfd` is it
    kEnded,    // no process, or none any more
  };

  ports::WorkerId id = 0;
  RungRecord* rung = nullptr;
  Phase phase = Phase::kQueued;
  bool ready = false;
  bool kill_called = false;
  bool gone_reported = false;
  bool distrusted = false;    // its memory is not looked at any more
  bool exit_awaited = false;  // the template will still say how it ended
  std::string verdict;        // why it ended, as far as we know
  TimeNs asked_ns = 0;

  std::optional<AgentChannel> channel;
  Fd event;
  Fd pidfd;
  Fd statm;  // its memory as /proc says it
  pid_t pid = 0;
  std::unique_ptr<DeathWatch> death_watch;  // after the channel: it reads the channel's memory

  ports::JobId current_job = 0;
  TimeNs submitted_ns = 0;
  TimeNs round_trip_ns = 0;  // of recent jobs, smoothed; 0: unknown
  std::uint32_t empty_wakes = 0;

  [[nodiscard]] bool seems_dead() const {
    return distrusted || phase == Phase::kEnded || (death_watch && death_watch->fired());
  }
};

}  // namespace lichen::posix
