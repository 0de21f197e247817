// SPDX-License-Identifier: Apache-2.0
// What runs inside lichen-worker: the template, which forks, and the worker, which opens its model file, goes into the
// sandbox, and only then reads the first byte of it. What a worker computes is a WorkerBody.
#pragma once

#include <functional>
#include <memory_resource>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "posix/worker_job.hpp"

namespace lichen::posix {

// Exit statuses of a worker. Why it ended is in the channel's detail too, except for the first.
inline constexpr int kExitNoChannel = 70;
inline constexpr int kExitStartFailed = 71;
inline constexpr int kExitOutOfMemory = 72;
inline constexpr int kExitException = 73;
inline constexpr int kExitDamaged = 74;

// What a body gets to load its model with; all of it is valid for the life of the process.
struct WorkerLoad {
  const WorkerJobSpec& spec;
  ByteView model;                      // the model file; empty without one
  std::pmr::memory_resource& weights;  // for packed weights: read-only once load() has returned, and scrubbed
  // To be told of parts of the model file that runs do not read.
  std::function<void(ByteView)> let_go;
};

class WorkerBody {
 public:
  virtual ~WorkerBody();
  // In the sandbox, once.
  virtual Result<void> load(const WorkerLoad& with) = 0;
  // After load(): what runs read and never change beside WorkerLoad::weights. It is scrubbed, too.
  [[nodiscard]] virtual std::vector<ByteView> constants() const { return {}; }
  // One job: the tensors of spec.inputs from `input`, those of spec.outputs to `output`. An Error refuses this input;
  // the worker lives on.
  virtual Result<void> run(ByteView input, std::span<std::byte> output) = 0;
};

// Serves start requests on `socket_fd` until its other end closes, forking a worker around `body` (constructed, not
// loaded) for each. Must be called without other threads. Returns the exit code of the template.
[[nodiscard]] int run_template(int socket_fd, WorkerBody& body);

}  // namespace lichen::posix
