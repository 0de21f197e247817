// SPDX-License-Identifier: Apache-2.0
// The box in which a worker reads a model and runs it: no new privileges, no capabilities, nobody's user id (when
// started by root), no open descriptors but the needed ones, limits on memory, files and core dumps, and a system call
// filter after which it can compute, wait, allocate private memory, read what is open, and say that it is done.
// Everything else (open, socket, fork, exec, ptrace, executable memory, ...) kills it.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "base/error.hpp"
#include "posix/worker_job.hpp"

namespace lichen::posix {

inline constexpr unsigned kSandboxUser = 65534;        // nobody, nogroup
inline constexpr std::uint64_t kSandboxFilesMax = 16;  // descriptors; none can be opened anyway
inline constexpr std::uint64_t kSandboxStackBytesMax = 8 << 20;

struct SandboxPolicy {
  SandboxMode mode = SandboxMode::kRequired;
  std::uint64_t memory_bytes_max = 0;  // as WorkerJobSpec
  std::uint32_t threads = 1;
  bool drop_user = true;
  pid_t parent = 0;   // the process dies when this one does
  int event_fd = -1;  // stays open, may be written
  int model_fd = -1;  // stays open, may be read; -1: none
};

// Enters it, for good. An Error leaves the process somewhere on the way: it must end.
[[nodiscard]] Result<void> enter_sandbox(const SandboxPolicy& policy);

// Whether this kernel and this build can do it; says why not.
[[nodiscard]] Result<void> sandbox_available();

}  // namespace lichen::posix
