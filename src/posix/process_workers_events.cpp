// SPDX-License-Identifier: Apache-2.0
// The half of ProcessWorkers that listens: what the kernel and the worker template say, and the template's own life.
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include <fmt/format.h>

#include "posix/process_workers_slot.hpp"

namespace lichen::posix {

namespace {

constexpr int kWorkerShift = 8;  // epoll tags: worker id above, source below

}  // namespace

void ProcessWorkers::take_kernel_events() {
  std::array<epoll_event, 64> ready{};
  while (true) {
    const int count = ::epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), 0);
    if (count < 0 && errno == EINTR) continue;
    for (int i = 0; i < count; ++i) {
      const std::uint64_t tag = ready[static_cast<std::size_t>(i)].data.u64;
      take_event(static_cast<Source>(tag & 0xFF), tag >> kWorkerShift);
    }
    if (count < static_cast<int>(ready.size())) return;
  }
}

void ProcessWorkers::take_event(Source source, ports::WorkerId worker) {
  switch (source) {
    case Source::kTemplate:
      take_template_replies();
      return;
    case Source::kWake:
      drain_event(wake_.get());
      return;
    case Source::kTimer:
      drain_event(timer_.get());
      return;
    case Source::kMeasure:
      measure_due_ = drain_event(measure_timer_.get());
      return;
    case Source::kWorkerEvent:
      if (Slot* slot = find(worker)) take_worker_wake(*slot);
      return;
    case Source::kWorkerEnd:
      if (Slot* slot = find(worker)) take_process_end(*slot);
      return;
  }
}

void ProcessWorkers::take_worker_wake(Slot& slot) {
  drain_event(slot.event.get());
  // An honest worker's wake-up may come after its answer was seen, once a job; a hostile one could wake us for ever.
  if (++slot.empty_wakes > kEmptyWakesMax && !slot.distrusted && !slot.gone_reported) {
    distrust(slot, "protocol violation: it wakes the agent for nothing");
    unwatch(slot.event.get());
  }
}

void ProcessWorkers::take_process_end(Slot& slot) {
  unwatch(slot.pidfd.get());
  slot.pidfd.reset();
  slot.phase = Slot::Phase::kEnded;
}

void ProcessWorkers::take_template_replies() {
  if (!template_) return;
  while (std::optional<TemplateLink::Reply> reply = template_->receive()) {
    switch (reply->message.kind) {
      case TemplateReply::Kind::kStarted:
        take_started(reply->message, std::move(reply->pidfd));
        break;
      case TemplateReply::Kind::kStartFailed:
        if (Slot* slot = find(reply->message.worker)) {
          slot->phase = Slot::Phase::kEnded;
          slot->verdict = fail_errno(reply->message.value, "the template cannot fork").error().to_line();
        }
        break;
      case TemplateReply::Kind::kExited:
        take_exited(reply->message);
        break;
    }
  }
  if (template_->closed()) lose_template();
}

void ProcessWorkers::take_started(const TemplateReply& message, Fd pidfd) {
  Slot* slot = find(message.worker);
  if (slot == nullptr || slot->phase != Slot::Phase::kAsked) {
    static_cast<void>(pidfd_send_signal(pidfd.get(), SIGKILL));  // killed before it was born
    return;
  }
  slot->pidfd = std::move(pidfd);
  slot->pid = message.value;
  slot->phase = Slot::Phase::kRunning;
  slot->exit_awaited = true;
  slot->channel->forget_memory_fd();
  if (slot->kill_called) terminate(*slot);
  if (Result<void> watched = watch_process(*slot); !watched) {
    // A process whose end we could not see is one that we cannot keep.
    terminate(*slot);
    slot->verdict = watched.error().to_line();
    slot->phase = Slot::Phase::kEnded;
  }
}

Result<void> ProcessWorkers::watch_process(Slot& slot) {
  slot.death_watch = LICHEN_TRY(DeathWatch::start(slot.channel->life(), slot.pid, deaths_, wake_.get()));
  // Not reaped while its pidfd says that it lives: then the number is still its own. Without /proc nobody is measured.
  slot.statm = Fd(::open(fmt::format("/proc/{}/statm", slot.pid).c_str(), O_RDONLY | O_CLOEXEC));
  if (!pidfd_send_signal(slot.pidfd.get(), 0)) slot.statm.reset();
  return watch(slot.pidfd.get(), Source::kWorkerEnd, slot.id);
}

void ProcessWorkers::take_exited(const TemplateReply& message) {
  Slot* slot = find(message.worker);
  if (slot == nullptr) return;
  slot->exit_awaited = false;
  const std::string text = text_of_wait_status(message.value);
  if (slot->gone_reported) {
    log(fmt::format("worker {} (pid {}): {}", slot->id, slot->pid, text));
  } else if (slot->verdict.empty()) {
    slot->verdict = text;
  }
}

void ProcessWorkers::lose_template() {
  unwatch(template_->socket());
  const std::string how = template_->kill_and_reap();
  template_.reset();
  const TimeNs now_ns = clock_.now_ns();
  const bool steady = now_ns - template_since_ns_ >= kTemplateSteadyNs;
  template_backoff_ns_ =
      steady ? 0 : std::clamp(template_backoff_ns_ * 2, kTemplateBackoffNsMin, kTemplateBackoffNsMax);
  template_not_before_ns_ = now_ns + template_backoff_ns_;
  log(fmt::format("the worker template ended: {}; its workers end with it", how));
  for (const auto& slot : slots_) {
    if (slot->phase == Slot::Phase::kQueued) continue;
    slot->exit_awaited = false;
    if (slot->verdict.empty()) slot->verdict = fmt::format("its worker template ended: {}", how);
    terminate(*slot);
    if (slot->phase == Slot::Phase::kAsked) slot->phase = Slot::Phase::kEnded;
  }
  signal_event(wake_.get());
}

void ProcessWorkers::keep_template() {
  if (template_) return;
  const TimeNs now_ns = clock_.now_ns();
  if (now_ns >= template_not_before_ns_) {
    Result<TemplateLink> link = TemplateLink::spawn(config_.worker_program, config_.worker_arguments);
    Result<void> watched;
    if (link) watched = watch(link->socket(), Source::kTemplate, 0);
    if (link && watched) {
      template_.emplace(std::move(*link));
      template_since_ns_ = now_ns;
      return;
    }
    log((link ? watched.error() : link.error()).to_line());
    template_backoff_ns_ = std::clamp(template_backoff_ns_ * 2, kTemplateBackoffNsMin, kTemplateBackoffNsMax);
    template_not_before_ns_ = now_ns + template_backoff_ns_;
  }
  const TimeNs wait_ns = template_not_before_ns_ - now_ns;
  itimerspec when{};
  when.it_value = {wait_ns / kSecondNs, wait_ns % kSecondNs};
  ::timerfd_settime(timer_.get(), 0, &when, nullptr);
}

void ProcessWorkers::send_queued() {
  if (!template_) return;
  for (const auto& slot : slots_) {
    if (slot->phase != Slot::Phase::kQueued || slot->gone_reported) continue;
    const SendOutcome sent =
        template_->request_worker(slot->id, slot->rung->job, slot->channel->memory_fd(), slot->event.get());
    if (sent != SendOutcome::kSent) return;  // full: its next reply wakes us; broken: its socket does
    slot->phase = Slot::Phase::kAsked;
    slot->asked_ns = clock_.now_ns();
  }
}

// ---- small things

Result<void> ProcessWorkers::watch(int fd, Source source, ports::WorkerId worker) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = worker << kWorkerShift | static_cast<std::uint64_t>(source);
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return fail_errno(errno, "cannot watch a descriptor");
  return {};
}

void ProcessWorkers::unwatch(int fd) {
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void ProcessWorkers::log(std::string_view line) const {
  if (config_.log) config_.log(line);
}

}  // namespace lichen::posix
