// SPDX-License-Identifier: Apache-2.0
// The shared memory between the agent and one worker: a page of control words, the job's input, the job's output.
//
//   request_seq   the agent counts jobs up; futex of a parked worker
//   response_seq  the worker answers job n by setting n; the agent polls it, or is woken by an event descriptor
//   *_parked      "I am about to sleep: wake me", set before the last look at the other's counter
//   state         starting, ready, failed, with one line of text
//   scrub         what the worker's scrubber has counted; the sums of its model file
//   life          the thread id of the worker, on its robust futex list: the kernel marks it when the worker dies
//
// The memory is sealed against resizing. To the agent everything in it is hostile: every word is read once, checked,
// and the answer is copied out with the length that the contract says, from a place that the agent computed itself.
// The worker trusts the agent.
#pragma once

#include <linux/futex.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/units.hpp"
#include "posix/block_sums.hpp"
#include "posix/os.hpp"
#include "posix/scrubber.hpp"

namespace lichen::posix {

inline constexpr std::uint32_t kChannelMagic = 0x4C43'4831;  // "LCH1"
inline constexpr std::uint32_t kChannelVersion = 2;
inline constexpr std::size_t kChannelHeaderBytes = 4096;
inline constexpr std::size_t kChannelDetailBytesMax = 256;
inline constexpr std::uint32_t kSpinNsMax = 50'000;                  // see docs/isolation.md
inline constexpr TimeNs kBackToBackGapNsMax = 100 * kMicrosecondNs;  // jobs closer than this are worth spinning for

enum class ChannelState : std::uint32_t { kStarting = 0, kReady = 1, kFailed = 2 };
enum class JobStatus : std::uint32_t { kOk = 0, kRefused = 1 };

// What the worker says of its constant memory. Counters of a process: they start at 0 with it.
struct ScrubWords {
  std::atomic<std::uint64_t> blocks;
  std::atomic<std::uint64_t> scrubbed;
  std::atomic<std::uint64_t> flips_mended;
  std::atomic<std::uint64_t> records_mended;
  std::atomic<std::uint64_t> model_mix;  // of the model file, before it is parsed
  std::atomic<std::uint32_t> model_crc;
  std::atomic<std::uint32_t> damage;  // 1: it ends because its weights or its model file are not what they were
};

struct ChannelHeader {
  std::uint32_t magic;
  std::uint32_t version;
  std::uint64_t input_bytes;
  std::uint64_t output_bytes;
  std::uint32_t spin_ns_max;
  // One cache line for each writer's hot words, so that spinning on one does not slow writing another.
  alignas(64) std::atomic<std::uint32_t> request_seq;
  std::atomic<std::uint32_t> agent_parked;
  alignas(64) std::atomic<std::uint32_t> response_seq;
  std::atomic<std::uint32_t> status;
  std::atomic<std::uint64_t> compute_ns;
  alignas(64) std::atomic<std::uint32_t> worker_parked;
  alignas(64) std::atomic<std::uint32_t> life;
  alignas(64) std::atomic<std::uint32_t> state;
  std::array<char, kChannelDetailBytesMax> detail;
  alignas(64) ScrubWords scrub;
};
static_assert(sizeof(ChannelHeader) <= kChannelHeaderBytes);
static_assert(std::atomic<std::uint32_t>::is_always_lock_free && std::atomic<std::uint64_t>::is_always_lock_free);

// A mapping of the whole channel, unmapped at the end.
class ChannelMapping {
 public:
  static Result<ChannelMapping> map(int memory_fd, std::size_t input_bytes, std::size_t output_bytes);
  ChannelMapping(ChannelMapping&& other) noexcept;
  ChannelMapping& operator=(ChannelMapping&&) = delete;
  ~ChannelMapping();

  [[nodiscard]] ChannelHeader& header() const { return *static_cast<ChannelHeader*>(at_); }
  [[nodiscard]] std::span<std::byte> input() const;
  [[nodiscard]] std::span<std::byte> output() const;

  static std::size_t bytes_of(std::size_t input_bytes, std::size_t output_bytes);

 private:
  ChannelMapping(void* at, std::size_t input_bytes, std::size_t output_bytes)
      : at_(at), input_bytes_(input_bytes), output_bytes_(output_bytes) {}

  void* at_;
  std::size_t input_bytes_;
  std::size_t output_bytes_;
};

// The agent's end. One thread, except life(), which a DeathWatch reads from its own.
class AgentChannel {
 public:
  enum class Poll {
    kNothing,   // no answer yet
    kAnswered,  // see status() and answer()
    kViolation  // the worker wrote what no honest worker writes
  };

  static Result<AgentChannel> create(std::size_t input_bytes, std::size_t output_bytes, std::uint32_t spin_ns_max);

  [[nodiscard]] int memory_fd() const { return memory_fd_.get(); }  // to hand over; close it with forget_memory_fd()
  void forget_memory_fd() { memory_fd_.reset(); }

  // Hands over a job. No other may be in flight; `input` has exactly the contract's size.
  void submit(ByteView input);
  [[nodiscard]] bool in_flight() const { return in_flight_; }

  // Looks for the answer without a system call. On kAnswered the answer has been copied out.
  Poll poll();
  [[nodiscard]] JobStatus status() const { return status_; }
  [[nodiscard]] TimeNs compute_ns() const { return compute_ns_; }  // as the worker claims
  [[nodiscard]] ByteView answer() const { return answer_; }        // until the next submit

  // Asks for a wake-up by the event descriptor. False: an answer is there already, do not sleep.
  bool prepare_to_park();

  [[nodiscard]] ChannelState state() const;
  [[nodiscard]] std::string detail() const;  // printable characters only, one line
  // As the worker claims; only numbers to show. `damage`: its next start should not trust the page cache.
  [[nodiscard]] ScrubCounters scrub_counters() const;
  [[nodiscard]] bool damage() const;
  [[nodiscard]] BlockSum model_sum() const;
  [[nodiscard]] std::atomic<std::uint32_t>& life() const { return mapping_.header().life; }

 private:
  AgentChannel(Fd memory_fd, ChannelMapping mapping, std::size_t output_bytes);

  Fd memory_fd_;
  ChannelMapping mapping_;
  Bytes answer_;
  std::uint32_t seq_ = 0;  // the last job's number: our own count, never read back
  bool in_flight_ = false;
  JobStatus status_ = JobStatus::kOk;
  TimeNs compute_ns_ = 0;
};

// The worker's end. Stays where it is: the kernel keeps a pointer to its robust list.
class WorkerChannel {
 public:
  static Result<std::unique_ptr<WorkerChannel>> attach(int memory_fd, int event_fd, std::size_t input_bytes,
                                                       std::size_t output_bytes);

  // Puts this thread's death on record, by the kernel's robust futex list. The list head is private memory and the
  // list is never walked by anyone but the kernel, for this thread.
  void register_life();

  void set_ready();
  void set_failed(std::string_view detail);

  void set_model_sum(const BlockSum& sum);
  void set_scrub_counters(const ScrubCounters& counters);
  void set_damage();  // before set_failed()

  // Waits for the next job, at most until `until_ns` of the monotonic clock (kNeverNs: as long as it takes). Its input,
  // in place; empty if none came.
  ByteView wait_for_job(TimeNs until_ns);
  [[nodiscard]] std::span<std::byte> output() const { return mapping_.output(); }
  void respond(JobStatus status, TimeNs compute_ns);
  [[nodiscard]] TimeNs responded_ns() const { return responded_ns_; }  // the last time; 0: never

 private:
  WorkerChannel(ChannelMapping mapping, int event_fd) : mapping_(std::move(mapping)), event_fd_(event_fd) {}
  void set_state(ChannelState state);
  [[nodiscard]] bool arrived() const;
  [[nodiscard]] bool spin_for_job(TimeNs until_ns) const;
  bool sleep_for_job(TimeNs until_ns);

  ChannelMapping mapping_;
  int event_fd_;
  std::uint32_t seq_ = 0;
  TimeNs responded_ns_ = 0;
  bool back_to_back_ = false;
  robust_list_head robust_head_{};
  robust_list robust_entry_{};
};

}  // namespace lichen::posix
