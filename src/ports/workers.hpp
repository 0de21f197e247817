// SPDX-License-Identifier: Apache-2.0
// Worker processes, one model each. Everything waits for nothing: what happens comes back as an event.
//
// A worker takes one job at a time. Its life as events: start() -> WorkerReady -> (submit() -> WorkerAnswered)* ->
// WorkerGone, where WorkerGone may come at any moment, is the last event of that worker, and always comes after kill().
// A hung worker sends nothing: only the caller's deadline notices.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/units.hpp"

namespace lichen::ports {

using WorkerId = std::uint64_t;  // never used twice by one Workers; 0 is nobody
using JobId = std::uint64_t;     // chosen by the caller, never 0

enum class WorkerEnd : std::uint8_t {
  kStartFailed,  // never became ready: the model could not be loaded; `detail` says why
  kDied,         // by itself: a crash, the out-of-memory killer, somebody's SIGKILL
  kKilled,       // because kill() was called
};
[[nodiscard]] std::string_view name_of(WorkerEnd end);

// The worker has loaded its model and waits for jobs.
struct WorkerReady {
  WorkerId worker = 0;
};

// The job's answer (ok) or the model's refusal of this input (not ok; the worker lives on). `output` holds the output
// tensors in the order and layout of the model's contract and is valid during the event only; empty if not ok.
struct WorkerAnswered {
  WorkerId worker = 0;
  JobId job = 0;
  bool ok = false;
  ByteView output;
};

struct WorkerGone {
  WorkerId worker = 0;
  WorkerEnd end = WorkerEnd::kDied;
  std::string detail;  // one line for logs and status; may be empty
};

// What a worker holds of memory that is its own (not shared with others), as the kernel counts it: about once a second
// for each ready worker. Doers that cannot tell send none.
struct WorkerMeasured {
  WorkerId worker = 0;
  std::uint64_t memory_bytes = 0;
};

// Where a Workers doer delivers its events, on the device's thread.
class WorkerEvents {
 public:
  virtual ~WorkerEvents();
  virtual void worker_ready(const WorkerReady& event) = 0;
  virtual void worker_answered(const WorkerAnswered& event) = 0;
  virtual void worker_gone(const WorkerGone& event) = 0;
  virtual void worker_measured(const WorkerMeasured& event);  // ignored, where nobody asks for it
};

class Workers {
 public:
  virtual ~Workers();
  // Starts a worker for rung `rung` of model `model` (indices into the device's configuration).
  virtual WorkerId start(std::uint32_t model, std::uint32_t rung) = 0;
  // Gives a ready, idle worker a job. `input` holds the input tensors in the contract's order and layout; it is copied.
  virtual void submit(WorkerId worker, JobId job, ByteView input) = 0;
  // Kills it, whatever it does (also when stopped or starting). Idempotent; unknown ids are ignored.
  virtual void kill(WorkerId worker) = 0;
};

}  // namespace lichen::ports
