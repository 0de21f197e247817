// SPDX-License-Identifier: Apache-2.0
// The Workers port by processes: each worker is a sandboxed process that was forked from a clean template and talks
// through shared memory (docs/isolation.md). Nothing here waits: start() sends a message, submit() copies and wakes,
// kill() signals; what happens comes back through poll().
//
// An event loop watches event_fd() for reading and then calls poll(). Under load it may look without a system call
// first:
//
//   while (workers.poll_fast(events) || clock.now_ns() < workers.spin_until_ns()) {}   // briefly, see spin_until_ns
//   if (workers.prepare_to_wait()) wait for event_fd() and other descriptors; then workers.poll(events);
//
// One thread owns it, and that thread must live as long as the process: workers are tied to it and die with it.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/units.hpp"
#include "ports/workers.hpp"
#include "posix/clock.hpp"
#include "posix/os.hpp"
#include "posix/template_link.hpp"
#include "posix/worker_channel.hpp"
#include "posix/worker_job.hpp"

namespace lichen::posix {

inline constexpr std::size_t kWorkersMax = 256;               // alive or ending, at one time
inline constexpr TimeNs kSpinAheadNs = 100 * kMicrosecondNs;  // an answer nearer than this is worth spinning for
inline constexpr TimeNs kTemplateBackoffNsMin = 10 * kMillisecondNs;  // between restarts of a template that keeps dying
inline constexpr TimeNs kTemplateBackoffNsMax = 5 * kSecondNs;
inline constexpr TimeNs kTemplateSteadyNs = kSecondNs;         // a template that lived this long restarts at once
inline constexpr TimeNs kTemplateReplyNsMax = 10 * kSecondNs;  // then it is hung, and is killed
inline constexpr std::uint32_t kEmptyWakesMax = 16;            // wake-ups without news before a worker is distrusted

struct ProcessWorkersConfig {
  struct Rung {
    std::uint32_t model = 0;
    std::uint32_t rung = 0;
    WorkerJobSpec job;
  };
  std::string worker_program;                 // path of lichen-worker
  std::vector<std::string> worker_arguments;  // before --template
  std::vector<Rung> rungs;
  std::uint32_t spin_ns_max = kSpinNsMax;     // 0: never spin; also not on a machine with one CPU
  TimeNs measure_period_ns = kSecondNs;       // between two looks at the workers' memory and counters
  std::function<void(std::string_view)> log;  // one line for each thing worth knowing; may be empty
};

class ProcessWorkers final : public ports::Workers {
 public:
  static Result<std::unique_ptr<ProcessWorkers>> create(ProcessWorkersConfig config);
  // Kills every worker and the template. No event is delivered any more.
  ~ProcessWorkers() override;

  // A (model, rung) that the configuration lacks, or a machine without memory or descriptors, is a WorkerGone later.
  ports::WorkerId start(std::uint32_t model, std::uint32_t rung) override;
  // The worker is ready and idle and was not reported gone; input has the contract's size (else: assertion). A worker
  // that was killed ignores it.
  void submit(ports::WorkerId worker, ports::JobId job, ByteView input) override;
  void kill(ports::WorkerId worker) override;

  [[nodiscard]] int event_fd() const { return epoll_.get(); }
  // Delivers all that happened. Events may call start, submit and kill, not poll.
  void poll(ports::WorkerEvents& events);
  // Delivers answers, and deaths of ready workers, that can be seen without a system call. True if there was any.
  bool poll_fast(ports::WorkerEvents& events);
  // Until when spinning with poll_fast is worth its while: 0 if no answer is expected within kSpinAheadNs.
  [[nodiscard]] TimeNs spin_until_ns() const;
  // Before sleeping on event_fd(): false if there is something to deliver already.
  [[nodiscard]] bool prepare_to_wait();

  // What all workers of a rung together have said of their constant memory; `blocks` is the present one's.
  [[nodiscard]] ScrubCounters scrub_counters(std::uint32_t model, std::uint32_t rung) const;
  // How many of them ended because it was damaged beyond repair.
  [[nodiscard]] std::uint64_t damage_found(std::uint32_t model, std::uint32_t rung) const;
  // The rung's model file may be another one when it starts next. Without this call a file that differs from that of
  // the rung's first start is taken for damaged, and the start fails.
  void expect_new_file(std::uint32_t model, std::uint32_t rung);

  // For status and tests. 0: unknown.
  [[nodiscard]] pid_t template_pid() const { return template_ ? template_->pid() : 0; }
  [[nodiscard]] pid_t pid_of(ports::WorkerId worker) const;
  // What the last answer's worker says it computed for, in ns; 0: unknown.
  [[nodiscard]] TimeNs compute_ns_of(ports::WorkerId worker) const;

 private:
  struct Slot;
  struct RungRecord;
  enum class Source : std::uint8_t;

  explicit ProcessWorkers(ProcessWorkersConfig config);

  // Slots.
  [[nodiscard]] Slot* find(ports::WorkerId worker) const;
  [[nodiscard]] RungRecord* record_of(std::uint32_t model, std::uint32_t rung) const;
  void remember_file(Slot& slot);
  void take_counters(Slot& slot);
  void take_last_counters(Slot& slot);
  Result<void> open_slot(Slot& slot);
  void sweep();

  // What a slot's state means.
  bool look_for_answer(Slot& slot, ports::WorkerEvents& events);
  void look_for_start(Slot& slot, ports::WorkerEvents& events);
  void measure(ports::WorkerEvents& events);
  void settle(Slot& slot, ports::WorkerEvents& events);
  void report_gone(Slot& slot, ports::WorkerEvents& events);
  void distrust(Slot& slot, std::string_view why);
  void terminate(Slot& slot);

  // What the kernel and the template say.
  void take_kernel_events();
  void take_event(Source source, ports::WorkerId worker);
  void take_worker_wake(Slot& slot);
  void take_process_end(Slot& slot);
  void take_template_replies();
  void take_started(const TemplateReply& message, Fd pidfd);
  Result<void> watch_process(Slot& slot);
  void take_exited(const TemplateReply& message);
  void lose_template();
  void keep_template();
  void send_queued();

  Result<void> watch(int fd, Source source, ports::WorkerId worker);
  void unwatch(int fd);
  void log(std::string_view line) const;

  ProcessWorkersConfig config_;
  MonotonicClock clock_;
  bool many_cpus_;
  Fd epoll_;
  Fd wake_;   // counted up by death watches and by start() itself
  Fd timer_;  // for restarting the template
  Fd measure_timer_;
  bool measure_due_ = false;
  std::optional<TemplateLink> template_;
  TimeNs template_since_ns_ = 0;
  TimeNs template_backoff_ns_ = 0;
  TimeNs template_not_before_ns_ = 0;

  std::atomic<std::uint32_t> deaths_ = 0;  // counted by death watches
  std::uint32_t deaths_seen_ = 0;
  ports::WorkerId next_worker_ = 1;
  std::vector<std::unique_ptr<Slot>> slots_;  // by rising id
  std::vector<std::unique_ptr<RungRecord>> rungs_;  // as config_.rungs
  bool polling_ = false;
};

}  // namespace lichen::posix
