// SPDX-License-Identifier: Apache-2.0
// What a worker process is told once, at its start, and the messages between the agent and the worker template.
//
//   agent -> template: a WorkerJobSpec and its worker id, with two descriptors: shared memory, event descriptor
//   template -> agent: started (with a pidfd), start failed, exited
//
// The template is trusted (it never sees a model or an input), yet its messages are parsed with bounds all the same.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/units.hpp"
#include "ports/workers.hpp"
#include "posix/block_sums.hpp"
#include "tensor/spec.hpp"

namespace lichen::posix {

inline constexpr std::size_t kTensorsMax = 64;            // of one side of a contract
inline constexpr std::size_t kTensorBytesMax = 64 << 20;  // of all tensors of one side of a contract
inline constexpr std::uint32_t kWorkerThreadsMax = 64;
inline constexpr TimeNs kScrubPeriodNsMax = kHourNs;

enum class SandboxMode : std::uint8_t {
  kRequired,  // a worker that cannot enter its sandbox does not start
  kOff,       // no system call filter, no limits, no change of user: for development, said in the log
};

struct WorkerJobSpec {
  std::string model_path;  // opened read-only before the sandbox closes; empty: no model file
  std::vector<tensor::TensorSpec> inputs;
  std::vector<tensor::TensorSpec> outputs;
  std::uint32_t threads = 1;
  std::uint64_t memory_bytes_max = 0;  // private writable memory (RLIMIT_DATA); 0: no limit
  std::optional<std::uint32_t> cpu;    // run on this CPU only
  TimeNs scrub_period_ns = 10 * kSecondNs;       // in which all constant memory is looked at once; 0: never
  // Set by ProcessWorkers for a start after the first.
  std::optional<BlockSum> model_sum;  // of the model file as it was; another one does not start
  bool from_flash = false;            // read the file past the page cache, which may hold the flipped bit
  SandboxMode sandbox = SandboxMode::kRequired;
  bool drop_user = true;  // when started by root: become nobody (65534), without capabilities
};

// What is wrong with it, if anything; a spec that passes encodes into one packet.
[[nodiscard]] Result<void> check(const WorkerJobSpec& spec);

void encode(const WorkerJobSpec& spec, ByteWriter& out);
[[nodiscard]] Result<WorkerJobSpec> decode_worker_job(ByteReader& in);

struct TemplateReply {
  enum class Kind : std::uint8_t { kStarted, kStartFailed, kExited };
  Kind kind = Kind::kStarted;
  ports::WorkerId worker = 0;
  std::int32_t value = 0;  // kStarted: the pid; kStartFailed: errno; kExited: the status as waitpid gives it
};
void encode(const TemplateReply& reply, ByteWriter& out);
[[nodiscard]] Result<TemplateReply> decode_template_reply(ByteReader& in);

// "signal 9 (Killed)", "exit status 3".
[[nodiscard]] std::string text_of_wait_status(int status);

}  // namespace lichen::posix
