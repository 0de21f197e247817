// SPDX-License-Identifier: Apache-2.0
#include "device/device.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "base/planted.hpp"
#include "base/probe.hpp"

namespace lichen::device {
namespace {

// How long the ladders wait for the state (which breakers were open) before they start without it. No card is so slow
// that answering should wait for it.
constexpr TimeNs kStatePatienceNs = 50 * kMillisecondNs;
constexpr TimeNs kStateRetryNs = 30 * kSecondNs;

}  // namespace

Device::Device(std::vector<ModelSetup> models, DevicePorts ports)
    : models_(std::move(models)), ports_(ports), file_(ports.storage, "device-state") {
  LICHEN_ASSERT(models_.size() <= kStateModelsMax);
  ladders_.reserve(models_.size());
  loaded_.assign(models_.size(), 1);
  for (std::uint32_t m = 0; m < models_.size(); ++m) {
    const ModelSetup& setup = models_[m];
    ladders_.emplace_back(m, setup.ladder, setup.canary_input, setup.output_bytes,
                          ladder::LadderPorts{.workers = ports.workers,
                                              .answers = ports.answers,
                                              .random = ports.random,
                                              .watcher = *this,
                                              .reflex = setup.reflex,
                                              .reflex_trouble = setup.reflex_trouble,
                                              .judge = setup.judge});
  }
}

void Device::start(TimeNs now_ns) {
  start_by_ns_ = now_ns + kStatePatienceNs;
  file_.open();
}

void Device::start_ladders(TimeNs now_ns) {
  if (started_ || stopped_) return;
  started_ = true;
  start_by_ns_ = kNeverNs;
  for (std::uint32_t m = 0; m < models(); ++m) {
    if (!loaded(m)) continue;
    const bool known = m < remembered_.times_opened.size() && !planted(Bug::kBreakerNotRestored);
    ladders_[m].start(now_ns, known ? remembered_.times_opened[m] : std::vector<std::uint32_t>());
  }
}

// The state file was read: count this start, and tell the ladders what happened before it.
void Device::opened(TimeNs now_ns) {
  if (auto state = decode(file_.content())) {
    remembered_ = std::move(*state);
  }
  remembered_.boot_id += 1;
  state_known_ = true;
  const bool first_read = !started_;
  start_ladders(now_ns);
  if (!first_read) {  // too late to restore: what is saved next is what happened since
    probe(Probe::kDeviceStateLate);
    remembered_.times_opened.clear();
  }
  save();
  boot_generation_ = file_.newest_generation();
}

void Device::save() {
  if (!state_known_) return;
  remembered_.times_opened.resize(ladders_.size());
  for (std::uint32_t m = 0; m < models(); ++m) {
    auto& times = remembered_.times_opened[m];
    times.resize(ladders_[m].rungs());
    for (std::uint32_t r = 0; r < times.size(); ++r) times[r] = ladders_[m].times_opened(r);
  }
  file_.save(encode(remembered_));
}

void Device::rung_event(TimeNs now_ns, std::uint32_t model, std::uint32_t rung, ladder::RungEvent event,
                        std::string_view detail) {
  ports_.watcher.rung_event(now_ns, model, rung, event, detail);
  if (event == ladder::RungEvent::kBreakerOpened || event == ladder::RungEvent::kBreakerClosed) save();
}

void Device::on(TimeNs now_ns, const ports::StorageDone& event) {
  const bool was_opening = file_.phase() == store::StateFile::Phase::kOpening;
  if (!file_.on(event)) return;
  if (was_opening && file_.phase() == store::StateFile::Phase::kReady) opened(now_ns);
  if (file_.phase() == store::StateFile::Phase::kBroken) {
    probe(Probe::kDeviceStateBroken);
    start_ladders(now_ns);
  }
  retry_state_ns_ = file_.fault() ? now_ns + kStateRetryNs : kNeverNs;
}

void Device::stop(TimeNs now_ns) {
  stopped_ = true;
  for (ladder::Ladder& l : ladders_) l.stop(now_ns);
}

void Device::set_limits(TimeNs now_ns, const ladder::Limits& limits) {
  for (ladder::Ladder& l : ladders_) l.set_limits(now_ns, limits);
}

void Device::unload(TimeNs now_ns, std::uint32_t model) {
  if (!loaded(model) || stopped_) return;
  loaded_[model] = 0;
  if (started_) ladders_[model].stop(now_ns);
}

void Device::load(TimeNs now_ns, std::uint32_t model) {
  if (stopped_) return;
  unload(now_ns, model);
  loaded_[model] = 1;
  if (started_) ladders_[model].start(now_ns, {});
}

void Device::on(TimeNs now_ns, const ports::Request& request) {
  LICHEN_ASSERT(request.model < models());
  // A request may come before the state was read: nothing should wait for a card, so the ladders start without it.
  if (!started_) probe(Probe::kDeviceRequestFirst);
  start_ladders(now_ns);
  ladders_[request.model].submit(now_ns, request);
}

void Device::on(TimeNs now_ns, const ports::WorkerReady& event) {
  for (ladder::Ladder& l : ladders_) {
    if (l.on(now_ns, event)) return;
  }
}

void Device::on(TimeNs now_ns, const ports::WorkerAnswered& event) {
  for (ladder::Ladder& l : ladders_) {
    if (l.on(now_ns, event)) return;
  }
}

void Device::on(TimeNs now_ns, const ports::WorkerGone& event) {
  for (ladder::Ladder& l : ladders_) {
    if (l.on(now_ns, event)) return;
  }
}

void Device::tick(TimeNs now_ns) {
  if (now_ns >= start_by_ns_) {
    probe(Probe::kDevicePatience);
    start_ladders(now_ns);
  }
  if (now_ns >= retry_state_ns_) {
    probe(Probe::kDeviceRetry);
    retry_state_ns_ = kNeverNs;
    file_.retry();
  }
  for (ladder::Ladder& l : ladders_) {
    if (now_ns >= l.next_wake_ns()) l.tick(now_ns);
  }
}

TimeNs Device::next_wake_ns() const {
  if (stopped_) return kNeverNs;
  TimeNs wake_ns = std::min(start_by_ns_, retry_state_ns_);
  for (const ladder::Ladder& l : ladders_) wake_ns = std::min(wake_ns, l.next_wake_ns());
  return wake_ns;
}

bool Device::ready(TimeNs now_ns) const {
  for (std::uint32_t m = 0; m < models(); ++m) {
    if (loaded(m) && !ladders_[m].ready(now_ns)) return false;
  }
  return true;
}

std::uint64_t Device::durable_boot_id() const {
  return boot_generation_ != 0 && file_.durable_generation() >= boot_generation_ ? remembered_.boot_id : 0;
}

StateStatus Device::state() const {
  StateStatus status;
  status.phase = file_.phase();
  status.boot_id = state_known_ ? remembered_.boot_id : 0;
  status.boot_id_durable = durable_boot_id() != 0;
  status.fault = file_.fault();
  return status;
}

}  // namespace lichen::device
