// SPDX-License-Identifier: Apache-2.0
#include "posix/process_workers.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "posix/process_workers_slot.hpp"

namespace lichen::posix {

namespace {

// From a /proc/PID/statm: what is resident and not of a file or shared. None: the process has ended.
std::optional<std::uint64_t> own_memory(int statm) {
  std::array<char, 128> text{};
  const ssize_t got = statm < 0 ? -1 : ::pread(statm, text.data(), text.size() - 1, 0);
  unsigned long long size = 0;
  unsigned long long resident = 0;
  unsigned long long shared = 0;
  if (got <= 0 || std::sscanf(text.data(), "%llu %llu %llu", &size, &resident, &shared) != 3 || resident < shared)
    return std::nullopt;
  return (resident - shared) * page_bytes();
}

constexpr int kEndingWaitMsMax = 5'000;  // the destructor's patience with processes that do not die

}  // namespace

ProcessWorkers::ProcessWorkers(ProcessWorkersConfig config)
    : config_(std::move(config)), many_cpus_(cpus_online() > 1) {}

Result<std::unique_ptr<ProcessWorkers>> ProcessWorkers::create(ProcessWorkersConfig config) {
  for (const ProcessWorkersConfig::Rung& rung : config.rungs) LICHEN_TRY(check(rung.job));
  if (::access(config.worker_program.c_str(), X_OK) != 0) {
    return fail_errno(errno, "cannot run the worker program", config.worker_program);
  }
  std::unique_ptr<ProcessWorkers> workers(new ProcessWorkers(std::move(config)));
  for (const ProcessWorkersConfig::Rung& rung : workers->config_.rungs) {
    workers->rungs_.push_back(std::make_unique<RungRecord>());
    RungRecord& record = *workers->rungs_.back();
    record.model = rung.model;
    record.rung = rung.rung;
    record.job = rung.job;
  }
  workers->epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!workers->epoll_.valid()) return fail_errno(errno, "cannot make an epoll descriptor");
  workers->timer_ = Fd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!workers->timer_.valid()) return fail_errno(errno, "cannot make a timer descriptor");
  workers->measure_timer_ = Fd(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!workers->measure_timer_.valid()) return fail_errno(errno, "cannot make a timer descriptor");
  const TimeNs period_ns = workers->config_.measure_period_ns;
  const timespec period{period_ns / kSecondNs, period_ns % kSecondNs};
  const itimerspec when{period, period};
  ::timerfd_settime(workers->measure_timer_.get(), 0, &when, nullptr);
  LICHEN_TRY(workers->watch(workers->measure_timer_.get(), Source::kMeasure, 0));
  workers->wake_ = LICHEN_TRY(make_event_fd());
  LICHEN_TRY(workers->watch(workers->wake_.get(), Source::kWake, 0));
  LICHEN_TRY(workers->watch(workers->timer_.get(), Source::kTimer, 0));
  workers->keep_template();
  if (!workers->template_)
    return fail(Code::kUnavailable, "cannot start the worker template", workers->config_.worker_program);
  return workers;
}

ProcessWorkers::~ProcessWorkers() {
  for (const auto& slot : slots_) terminate(*slot);
  for (const auto& slot : slots_) {
    if (slot->phase != Slot::Phase::kRunning) continue;
    pollfd end{slot->pidfd.get(), POLLIN, 0};
    while (::poll(&end, 1, kEndingWaitMsMax) < 0 && errno == EINTR) continue;
  }
  template_.reset();  // and with it every worker that we have no pidfd of
}

// ---- the port

ports::WorkerId ProcessWorkers::start(std::uint32_t model, std::uint32_t rung) {
  auto slot = std::make_unique<Slot>();
  slot->id = next_worker_++;
  slot->rung = record_of(model, rung);
  Result<void> opened;
  if (slot->rung == nullptr) {
    opened = fail(Code::kNotFound, fmt::format("rung {} of model {} is not configured", rung, model));
  } else if (slots_.size() >= kWorkersMax) {
    opened = fail(Code::kExhausted, fmt::format("more than {} workers", kWorkersMax));
  } else {
    opened = open_slot(*slot);
  }
  if (!opened) {
    slot->verdict = opened.error().to_line();
    slot->phase = Slot::Phase::kEnded;
    signal_event(wake_.get());
  }
  const ports::WorkerId id = slot->id;
  if (opened && slot->rung->job.sandbox == SandboxMode::kOff) log(fmt::format("worker {}: the sandbox is off", id));
  slots_.push_back(std::move(slot));
  send_queued();
  return id;
}

void ProcessWorkers::submit(ports::WorkerId worker, ports::JobId job, ByteView input) {
  Slot* slot = find(worker);
  LICHEN_ASSERT(slot != nullptr && slot->ready && !slot->gone_reported);
  if (slot->kill_called || slot->distrusted) return;
  LICHEN_ASSERT(slot->current_job == 0 && job != 0);
  slot->current_job = job;
  slot->submitted_ns = clock_.now_ns();
  slot->channel->submit(input);
}

void ProcessWorkers::kill(ports::WorkerId worker) {
  Slot* slot = find(worker);
  if (slot == nullptr || slot->gone_reported || slot->kill_called) return;
  slot->kill_called = true;
  terminate(*slot);
  if (slot->phase == Slot::Phase::kQueued || slot->phase == Slot::Phase::kAsked) {
    // There is no process that we know of. If one comes, take_started kills it; it holds nothing of ours meanwhile.
    signal_event(wake_.get());
    const bool hung = slot->phase == Slot::Phase::kAsked && clock_.now_ns() - slot->asked_ns > kTemplateReplyNsMax;
    if (hung && template_) {
      log("the worker template does not answer: killed");
      static_cast<void>(::kill(template_->pid(), SIGKILL));  // not reaped yet, so the pid is still its own
    }
  }
}

// ---- slots

ProcessWorkers::Slot* ProcessWorkers::find(ports::WorkerId worker) const {
  const auto at = std::ranges::lower_bound(slots_, worker, {}, [](const auto& slot) { return slot->id; });
  return at != slots_.end() && (*at)->id == worker ? at->get() : nullptr;
}

ProcessWorkers::RungRecord* ProcessWorkers::record_of(std::uint32_t model, std::uint32_t rung) const {
  const auto at = std::ranges::find_if(rungs_, [&](const auto& r) { return r->model == model && r->rung == rung; });
  return at == rungs_.end() ? nullptr : at->get();
}

// The worker reads its file before it parses it, so this says which file the rung runs, also to its next worker.
void ProcessWorkers::remember_file(Slot& slot) {
  RungRecord& rung = *slot.rung;
  rung.job.from_flash = false;
  if (rung.job.model_path.empty() || rung.job.model_sum) return;
  rung.job.model_sum = slot.channel->model_sum();
}

void ProcessWorkers::take_counters(Slot& slot) {
  RungRecord& rung = *slot.rung;
  const ScrubCounters said = slot.channel->scrub_counters();
  const std::uint64_t mended = said.flips_mended + said.records_mended;
  if (mended > rung.now.flips_mended + rung.now.records_mended)
    log(fmt::format("worker {} (pid {}): {} flipped bits in its weights found and mended so far", slot.id, slot.pid, mended));
  rung.now = said;
}

void ProcessWorkers::take_last_counters(Slot& slot) {
  take_counters(slot);
  RungRecord& rung = *slot.rung;
  rung.before = {0, rung.before.scrubbed + rung.now.scrubbed, rung.before.flips_mended + rung.now.flips_mended,
                 rung.before.records_mended + rung.now.records_mended};
  rung.now = {};
  if (!slot.channel->damage()) return;
  ++rung.damage_found;
  rung.job.from_flash = true;  // whatever was flipped, the next worker does not take it from the page cache
}

ScrubCounters ProcessWorkers::scrub_counters(std::uint32_t model, std::uint32_t rung) const {
  const RungRecord* record = record_of(model, rung);
  if (record == nullptr) return {};
  return {record->now.blocks, record->before.scrubbed + record->now.scrubbed,
          record->before.flips_mended + record->now.flips_mended,
          record->before.records_mended + record->now.records_mended};
}

std::uint64_t ProcessWorkers::damage_found(std::uint32_t model, std::uint32_t rung) const {
  const RungRecord* record = record_of(model, rung);
  return record == nullptr ? 0 : record->damage_found;
}

void ProcessWorkers::expect_new_file(std::uint32_t model, std::uint32_t rung) {
  if (RungRecord* record = record_of(model, rung)) record->job.model_sum.reset();
}

Result<void> ProcessWorkers::open_slot(Slot& slot) {
  slot.channel.emplace(
      LICHEN_TRY(AgentChannel::create(tensor::bytes_of_all(slot.rung->job.inputs), tensor::bytes_of_all(slot.rung->job.outputs),
                                      many_cpus_ ? config_.spin_ns_max : 0)));
  slot.event = LICHEN_TRY(make_event_fd());
  return watch(slot.event.get(), Source::kWorkerEvent, slot.id);
}

void ProcessWorkers::sweep() {
  std::erase_if(slots_, [this](const std::unique_ptr<Slot>& slot) {
    if (!slot->gone_reported) return false;
    if (slot->phase == Slot::Phase::kRunning || slot->exit_awaited) return false;
    // The event counter lives on in the process that shares it, so closing ours would not take it out of the epoll.
    if (slot->event.valid()) unwatch(slot->event.get());
    return true;
  });
}

pid_t ProcessWorkers::pid_of(ports::WorkerId worker) const {
  const Slot* slot = find(worker);
  return slot == nullptr ? 0 : slot->pid;
}

TimeNs ProcessWorkers::compute_ns_of(ports::WorkerId worker) const {
  const Slot* slot = find(worker);
  return slot == nullptr || !slot->channel ? 0 : slot->channel->compute_ns();
}

// ---- what a slot's state means

bool ProcessWorkers::look_for_answer(Slot& slot, ports::WorkerEvents& events) {
  if (!slot.ready || slot.gone_reported || slot.distrusted || slot.kill_called) return false;
  switch (slot.channel->poll()) {
    case AgentChannel::Poll::kNothing:
      return false;
    case AgentChannel::Poll::kViolation:
      distrust(slot, "protocol violation: it answered what was not asked");
      return true;
    case AgentChannel::Poll::kAnswered:
      break;
  }
  const TimeNs took_ns = clock_.now_ns() - slot.submitted_ns;
  slot.round_trip_ns = slot.round_trip_ns == 0 ? took_ns : (slot.round_trip_ns * 7 + took_ns) / 8;
  slot.empty_wakes = 0;
  const ports::JobId job = std::exchange(slot.current_job, 0);
  const bool ok = slot.channel->status() == JobStatus::kOk;
  events.worker_answered({slot.id, job, ok, ok ? slot.channel->answer() : ByteView{}});
  return true;
}

void ProcessWorkers::look_for_start(Slot& slot, ports::WorkerEvents& events) {
  if (slot.ready || slot.kill_called || slot.phase != Slot::Phase::kRunning || slot.seems_dead()) return;
  switch (slot.channel->state()) {
    case ChannelState::kStarting:
      return;
    case ChannelState::kReady:
      slot.ready = true;
      slot.empty_wakes = 0;
      remember_file(slot);
      events.worker_ready({slot.id});
      return;
    case ChannelState::kFailed:
      if (slot.verdict.empty()) slot.verdict = slot.channel->detail();
      terminate(slot);
      return;
  }
}

void ProcessWorkers::measure(ports::WorkerEvents& events) {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = *slots_[i];
    if (!slot.ready || slot.gone_reported || slot.distrusted) continue;
    take_counters(slot);
    const std::optional<std::uint64_t> bytes = own_memory(slot.statm.get());
    if (bytes) events.worker_measured({slot.id, *bytes});
  }
}

void ProcessWorkers::settle(Slot& slot, ports::WorkerEvents& events) {
  if (slot.gone_reported) return;
  const bool no_process_known = slot.phase == Slot::Phase::kQueued || slot.phase == Slot::Phase::kAsked;
  if (slot.kill_called && no_process_known) return report_gone(slot, events);
  if (!slot.seems_dead()) return;
  terminate(slot);
  // A request may wait for a ready worker: its death is told at once. For a worker that was still starting, the reason
  // is worth the wait of a moment.
  const bool hurry = slot.ready || slot.distrusted || slot.kill_called;
  if (hurry || (slot.phase == Slot::Phase::kEnded && !slot.exit_awaited)) report_gone(slot, events);
}

void ProcessWorkers::report_gone(Slot& slot, ports::WorkerEvents& events) {
  slot.gone_reported = true;
  if (slot.channel && !slot.distrusted) take_last_counters(slot);
  ports::WorkerGone gone{slot.id, ports::WorkerEnd::kDied, slot.verdict};
  if (slot.kill_called) {
    gone.end = ports::WorkerEnd::kKilled;
  } else if (!slot.ready) {
    gone.end = ports::WorkerEnd::kStartFailed;
  }
  if (!slot.distrusted && slot.channel && slot.channel->state() == ChannelState::kFailed) {
    gone.detail = slot.channel->detail();
  }
  if (gone.detail.empty()) {
    gone.detail = slot.kill_called ? "killed on request" : "seen by its robust futex; how it ended follows in the log";
  }
  events.worker_gone(gone);
}

void ProcessWorkers::distrust(Slot& slot, std::string_view why) {
  slot.distrusted = true;
  slot.verdict = why;
  terminate(slot);
}

void ProcessWorkers::terminate(Slot& slot) {
  if (slot.phase == Slot::Phase::kRunning) static_cast<void>(pidfd_send_signal(slot.pidfd.get(), SIGKILL));
}

// ---- polling

bool ProcessWorkers::poll_fast(ports::WorkerEvents& events) {
  LICHEN_ASSERT(!polling_);
  polling_ = true;
  bool any = false;
  // By index: an event may start a worker, which grows the vector.
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i]->current_job != 0) any |= look_for_answer(*slots_[i], events);
  }
  const std::uint32_t deaths = deaths_.load(std::memory_order_acquire);
  if (deaths != deaths_seen_ || any) {
    deaths_seen_ = deaths;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      const bool before = slots_[i]->gone_reported;
      settle(*slots_[i], events);
      any |= slots_[i]->gone_reported != before;
    }
  }
  polling_ = false;
  return any;
}

void ProcessWorkers::poll(ports::WorkerEvents& events) {
  LICHEN_ASSERT(!polling_);
  take_kernel_events();
  polling_ = true;
  deaths_seen_ = deaths_.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = *slots_[i];
    look_for_start(slot, events);
    look_for_answer(slot, events);
    settle(slot, events);
  }
  if (std::exchange(measure_due_, false)) measure(events);
  polling_ = false;
  sweep();
  keep_template();
  send_queued();
}

TimeNs ProcessWorkers::spin_until_ns() const {
  if (!many_cpus_ || config_.spin_ns_max == 0) return 0;
  const TimeNs now_ns = clock_.now_ns();
  TimeNs until_ns = 0;
  for (const auto& slot : slots_) {
    if (slot->current_job == 0 || slot->round_trip_ns == 0 || slot->kill_called) continue;
    const TimeNs expected_ns = slot->submitted_ns + slot->round_trip_ns;
    const TimeNs end_ns = expected_ns + kSpinAheadNs;
    if (now_ns >= expected_ns - kSpinAheadNs && now_ns < end_ns) until_ns = std::max(until_ns, end_ns);
  }
  return until_ns;
}

bool ProcessWorkers::prepare_to_wait() {
  bool quiet = deaths_.load(std::memory_order_acquire) == deaths_seen_;
  for (const auto& slot : slots_) {
    if (slot->current_job == 0 || slot->gone_reported || slot->distrusted || slot->kill_called) continue;
    quiet &= slot->channel->prepare_to_park();
  }
  return quiet;
}

}  // namespace lichen::posix
