// SPDX-License-Identifier: Apache-2.0
#include "sim/device_world.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "base/assert.hpp"

namespace lichen::sim {
namespace {

// One random stream per purpose, so that one more draw for one shifts no other.
enum Purpose : std::uint64_t { kClients = 16, kFaults, kAgent, kDiskTimes, kDiskContent, kWorkers, kSetup, kTiming };

constexpr std::uint32_t kReflexPpm = 600'000;   // of devices: their ladder ends in a reflex rung
constexpr std::uint32_t kMinRungPpm = 100'000;  // of requests: they ask for a given rung at least
constexpr std::size_t kBurstMax = 120;
constexpr TimeNs kWakeJitterNs = 200 * kMicrosecondNs;  // an event loop is never exactly on time
constexpr TimeNs kDiskOpNs = 2 * kMillisecondNs;
constexpr std::uint32_t kDiskFailsPpm = 200'000;  // while the disk is troubled
constexpr std::uint32_t kDiskNeverPpm = 50'000;
constexpr TimeNs kBestAgainWithinNs = 5 * kMinuteNs;  // of the end of a run
constexpr std::uint32_t kDiskSlowPpm = 300'000;

}  // namespace

DeviceWorld::DeviceWorld(Shared& shared, std::uint32_t index)
    : shared_(shared),
      index_(index),
      clients_(shared.report.options.seed, index, kClients),
      faults_random_(shared.report.options.seed, index, kFaults),
      agent_random_(shared.report.options.seed, index, kAgent),
      disk_times_(shared.report.options.seed, index, kDiskTimes),
      timing_(shared.report.options.seed, index, kTiming),
      disk_(fakes::SeededRandom(shared.report.options.seed, index, kDiskContent)),
      worker_model_{.job_ns = {8 * kMillisecondNs, 2 * kMillisecondNs, kMillisecondNs}},
      workers_(shared.queue, index, kWorkerEvent, fakes::SeededRandom(shared.report.options.seed, index, kWorkers),
               worker_model_),
      reflex_(*this) {
  choose_setup();
  push(clients_.between(0, kSecondNs), kAgentUpEvent);
  push(clients_.between(2 * kSecondNs, 2 * shared.report.options.request_every_ns), kRequestEvent);
  for (std::uint32_t kind = 0; kind < kFaultKinds; ++kind) schedule_fault(kind);
}

// Ladders differ from device to device: one to three worker rungs, with or without a reflex rung beneath.
void DeviceWorld::choose_setup() {
  fakes::SeededRandom random(shared_.report.options.seed, index_, kSetup);
  static constexpr std::array<const char*, 3> kNames = {"primary", "compact", "tiny"};
  const std::uint64_t workers = 1 + random.below(3);
  for (std::uint64_t r = 0; r < workers; ++r) setup_.ladder.rungs.push_back({.name = kNames[r]});
  if (random.chance(kReflexPpm)) {
    setup_.ladder.rungs.push_back({.name = "reflex", .kind = ladder::RungKind::kReflex, .expected_ns = 1});
  }
  setup_.name = "model";
  setup_.canary_input.resize(8);
  setup_.output_bytes = 8;
  setup_.reflex = &reflex_;
  setup_.ladder.open_requests_max = static_cast<std::uint32_t>(random.between(8, 64));
}

bool DeviceWorld::TableReflex::evaluate(ByteView input, std::span<std::byte> output) {
  const auto rung = static_cast<std::uint32_t>(world_.setup_.ladder.rungs.size() - 1);
  const fakes::Answer answer = fakes::table_answer(rung, input);
  std::ranges::copy(answer, output.begin());
  world_.last_success_ns_ = world_.now_ns();
  return true;
}

void DeviceWorld::handle(const fakes::Event& event) {
  switch (static_cast<EventKind>(event.kind)) {
    case kRequestEvent:
      ask();
      if (now_ns() < shared_.requests_until_ns) {
        push(clients_.between(1, 2 * shared_.report.options.request_every_ns), kRequestEvent);
      }
      break;
    case kWakeEvent:
      if (scheduled_wake_ns_ == now_ns()) scheduled_wake_ns_ = kNeverNs;
      if (device_) device_->tick(now_ns());
      break;
    case kWorkerEvent:
    case kWorkerGoneEvent:
      workers_.deliver(event, *this);
      break;
    case kDiskEvent:
      if (disk_.pending(event.a)) {
        const ports::StorageDone done = disk_.complete(event.a, event.b != 0);
        if (device_) device_->on(now_ns(), done);
      }
      break;
    case kFaultEvent:
      strike(static_cast<std::uint32_t>(event.a));
      schedule_fault(static_cast<std::uint32_t>(event.a));
      break;
    case kFaultEndEvent:
      end_fault(static_cast<std::uint32_t>(event.a));
      break;
    case kAgentUpEvent:
      start_agent();
      break;
  }
  trace(event.kind, event.a, event.b);
  after_step();
}

void DeviceWorld::start_agent() {
  if (device_) return;
  std::vector<device::ModelSetup> models{setup_};
  device_ = std::make_unique<device::Device>(
      std::move(models),
      device::DevicePorts{
          .workers = workers_, .storage = disk_, .random = agent_random_, .answers = *this, .watcher = *this});
  boot_id_checked_ = 0;
  device_->start(now_ns());
}

// kill -9, or the power goes. Clients with an open request see their connection break: an explicit error.
void DeviceWorld::stop_agent(TimeNs down_for_ns, bool power) {
  if (!device_) return;
  check_state();
  shared_.report.hedges += device_->ladder_of(0).counters().hedges;
  shared_.report.rescues += device_->ladder_of(0).counters().rescues;
  device_.reset();
  workers_.all_die();
  shared_.report.cut += open_.size();
  open_.clear();
  scheduled_wake_ns_ = kNeverNs;
  last_success_ns_ = -1;
  if (power) {
    disk_.power_cut();
    ++shared_.report.power_cuts;
  } else {
    disk_.process_killed();
    ++shared_.report.agent_restarts;
  }
  push(down_for_ns, kAgentUpEvent);
}

void DeviceWorld::after_step() {
  if (!device_) return;
  submit_disk_operations();
  check();
  schedule_wake();
}

void DeviceWorld::submit_disk_operations() {
  for (const ports::StorageOp op : disk_.take_submitted()) {
    TimeNs takes_ns = disk_times_.between(kDiskOpNs / 10, 2 * kDiskOpNs);
    bool fails = false;
    if (disk_troubled_) {
      if (disk_times_.chance(kDiskNeverPpm)) continue;
      if (disk_times_.chance(kDiskSlowPpm)) takes_ns = disk_times_.between(kSecondNs / 10, 5 * kSecondNs);
      fails = disk_times_.chance(kDiskFailsPpm);
    }
    shared_.report.disk_faults += fails ? 1 : 0;
    push(takes_ns, kDiskEvent, op, fails ? 1 : 0);
  }
}

void DeviceWorld::schedule_wake() {
  const TimeNs wake_ns = device_->next_wake_ns();
  if (wake_ns == kNeverNs) return;
  const TimeNs at_ns = std::max(wake_ns, now_ns() + 1);
  if (at_ns >= scheduled_wake_ns_) return;
  scheduled_wake_ns_ = at_ns + timing_.between(0, kWakeJitterNs);
  shared_.queue.push(scheduled_wake_ns_, index_, kWakeEvent);
}

void DeviceWorld::ask() {
  ++shared_.report.requests;
  auto open = std::make_unique<Open>();
  open->id = next_request_++;
  open->admitted_ns = now_ns();
  open->deadline_ns = now_ns() + clients_.between(20 * kMillisecondNs, kSecondNs);
  open->min_rung = ports::kAnyRung;
  const std::uint64_t value = clients_.next();
  std::memcpy(open->input.data(), &value, sizeof value);
  if (clients_.chance(kMinRungPpm))
    open->min_rung = static_cast<std::uint32_t>(clients_.below(setup_.ladder.rungs.size()));
  if (!device_) {
    ++shared_.report.unreachable;
    return;
  }
  const ports::Request request{.id = open->id,
                               .model = 0,
                               .min_rung = open->min_rung,
                               .priority = static_cast<std::uint8_t>(value & 1),
                               .deadline_ns = open->deadline_ns,
                               .input = open->input};
  open_.push_back(std::move(open));
  device_->on(now_ns(), request);
}

void DeviceWorld::ask_burst() {
  const std::uint64_t count = faults_random_.below(kBurstMax);
  for (std::uint64_t i = 0; i < count && device_; ++i) ask();
}

std::unique_ptr<DeviceWorld::Open> DeviceWorld::take(ports::RequestId id) {
  const auto at = std::ranges::find(open_, id, [](const auto& open) { return open->id; });
  if (at == open_.end()) {
    violated("every admitted request ends exactly once", fmt::format("request {} ended, but it was not open", id));
    return nullptr;
  }
  std::swap(*at, open_.back());
  auto open = std::move(open_.back());
  open_.pop_back();
  return open;
}

void DeviceWorld::answer(ports::RequestId id, const ports::Answer& answer) {
  const auto open = take(id);
  if (!open) return;
  Report& report = shared_.report;
  if (now_ns() > open->deadline_ns) {
    violated("no answer is late",
             fmt::format("request {} was answered {} ns after its deadline", id, now_ns() - open->deadline_ns));
  }
  if (answer.rung > open->min_rung) {
    violated("no answer is from below the rung that was asked for",
             fmt::format("request {}: rung {}", id, answer.rung));
  }
  const fakes::Answer expected = fakes::table_answer(answer.rung, open->input);
  if (!std::ranges::equal(answer.output, expected)) {
    violated("every answer is fresh", fmt::format("request {} got an answer to something else", id));
  }
  ++report.answered;
  ++report.by_rung[answer.rung];
  ++report.by_reason[static_cast<std::size_t>(answer.reason)];
  report.worst_latency_ns = std::max(report.worst_latency_ns, now_ns() - open->admitted_ns);
  if (answer.rung == 0) best_answer_ns_ = now_ns();
  trace(100 + answer.rung, id, static_cast<std::uint64_t>(answer.reason));
}

void DeviceWorld::refuse(ports::RequestId id, const ports::Refusal& refusal) {
  const auto open = take(id);
  if (!open) return;
  if (now_ns() > open->deadline_ns) {
    violated("no refusal is late", fmt::format("request {} was refused after its deadline", id));
  }
  ++shared_.report.refused[static_cast<std::size_t>(refusal.reason)];
  trace(120, id, static_cast<std::uint64_t>(refusal.reason));
}

void DeviceWorld::worker_ready(const ports::WorkerReady& event) {
  if (device_) device_->on(now_ns(), event);
}

void DeviceWorld::worker_answered(const ports::WorkerAnswered& event) {
  if (event.ok) last_success_ns_ = now_ns();
  if (device_) device_->on(now_ns(), event);
}

void DeviceWorld::worker_gone(const ports::WorkerGone& event) {
  if (device_) device_->on(now_ns(), event);
}

void DeviceWorld::rung_event(TimeNs, std::uint32_t, std::uint32_t rung, ladder::RungEvent event, std::string_view) {
  Report& report = shared_.report;
  switch (event) {
    case ladder::RungEvent::kStarted:
      ++report.worker_starts;
      break;
    case ladder::RungEvent::kDied:
    case ladder::RungEvent::kWrong:
      ++report.worker_deaths;
      break;
    case ladder::RungEvent::kHung:
      ++report.worker_hangs;
      break;
    case ladder::RungEvent::kStartFailed:
    case ladder::RungEvent::kStartHung:
      ++report.start_failures;
      break;
    case ladder::RungEvent::kBreakerOpened:
      ++report.breakers_opened;
      break;
    case ladder::RungEvent::kBreakerClosed:
      ++report.breakers_closed;
      break;
    case ladder::RungEvent::kReady:
    case ladder::RungEvent::kServes:
    case ladder::RungEvent::kUnloaded:
      break;
  }
  trace(140 + static_cast<std::uint64_t>(event), rung);
}

void DeviceWorld::schedule_fault(std::uint32_t kind_index) {
  const auto fault = static_cast<Fault>(1u << kind_index);
  if ((shared_.report.faults & fault) == 0) return;
  const TimeNs in_ns = faults_random_.between(1, 2 * mean_interval_ns(fault));
  if (now_ns() + in_ns < shared_.faults_until_ns) push(in_ns, kFaultEvent, kind_index);
}

void DeviceWorld::strike(std::uint32_t kind_index) {
  const TimeNs lasts_ns =
      std::min(faults_random_.between(kSecondNs, 5 * kMinuteNs), shared_.faults_until_ns - now_ns());
  switch (static_cast<Fault>(1u << kind_index)) {
    case kWorkerDeath:
      return workers_.strike(faults_random_.next(), false);
    case kWorkerHang:
      return workers_.strike(faults_random_.next(), true);
    case kSlowAnswers:
      trouble_.slowdown = static_cast<std::uint32_t>(faults_random_.between(3, 200));
      break;
    case kStartFailures:
      trouble_.start_fails_ppm = static_cast<std::uint32_t>(faults_random_.between(100'000, kWholePpm));
      trouble_.start_hangs_ppm = static_cast<std::uint32_t>(faults_random_.between(0, 200'000));
      trouble_.job_dies_ppm = static_cast<std::uint32_t>(faults_random_.between(0, 300'000));
      break;
    case kDiskFaults:  // a device uses its disk most when it starts: it starts in the middle of the trouble
      disk_troubled_ = true;
      stop_agent(faults_random_.between(10 * kMillisecondNs, 5 * kSecondNs), false);
      break;
    case kClockJumps:
      shared_.queue.set_wall_offset_s(faults_random_.between(-300'000'000, 300'000'000));
      return;
    case kAgentRestarts:
      return stop_agent(faults_random_.between(10 * kMillisecondNs, 5 * kSecondNs), false);
    case kPowerCuts:
      return stop_agent(faults_random_.between(5 * kSecondNs, 5 * kMinuteNs), true);
    case kBursts:
      return ask_burst();
    case kBadInputs:
      trouble_.job_refused_ppm = 300'000;
      break;
  }
  workers_.set_trouble(trouble_);
  push(lasts_ns, kFaultEndEvent, kind_index);
}

void DeviceWorld::end_fault(std::uint32_t kind_index) {
  switch (static_cast<Fault>(1u << kind_index)) {
    case kSlowAnswers:
      trouble_.slowdown = 1;
      break;
    case kStartFailures:
      trouble_.start_fails_ppm = trouble_.start_hangs_ppm = trouble_.job_dies_ppm = 0;
      break;
    case kDiskFaults:
      disk_troubled_ = false;
      break;
    case kBadInputs:
      trouble_.job_refused_ppm = 0;
      break;
    default:
      break;
  }
  workers_.set_trouble(trouble_);
}

// What must hold after every step of this device.
void DeviceWorld::check() {
  for (const auto& open : open_) {
    if (now_ns() > open->deadline_ns) {
      return violated("every admitted request ends before its deadline",
                      fmt::format("request {} is still open {} ns after it", open->id, now_ns() - open->deadline_ns));
    }
  }
  const ladder::Ladder& l = device_->ladder_of(0);
  if (l.open_requests() > setup_.ladder.open_requests_max || l.open_requests() != open_.size()) {
    return violated("queues are bounded and hold exactly the open requests",
                    fmt::format("{} in the ladder, {} at the clients", l.open_requests(), open_.size()));
  }
  if (device_->model_ready(now_ns(), 0)) {
    const bool witnessed = last_success_ns_ >= 0 && now_ns() - last_success_ns_ <= setup_.ladder.health_period_ns;
    if (!witnessed) {
      return violated("readiness is truthful within its period",
                      fmt::format("ready, but the last answer was {} ns ago", now_ns() - last_success_ns_));
    }
  }
  check_state();
}

// A boot id that the device called durable is never given again, whatever happened to the disk since.
void DeviceWorld::check_state() {
  const std::uint64_t boot_id = device_->durable_boot_id();
  if (boot_id == boot_id_checked_) return;
  boot_id_checked_ = boot_id;
  if (boot_id <= boot_id_durable_) {
    return violated("state on disk is always recoverable",
                    fmt::format("boot id {} is given again, {} was durable", boot_id, boot_id_durable_));
  }
  boot_id_durable_ = boot_id;
}

void DeviceWorld::check_liveness() {
  if (!device_) return violated("the agent comes back", "it is down");
  if (!device_->model_ready(now_ns(), 0))
    violated("the model becomes ready again after the faults stop", "it is not ready");
  const std::uint32_t active = device_->ladder_of(0).active_rung(now_ns());
  if (active != 0) {
    const ladder::RungStatus best = device_->ladder_of(0).rung_status(now_ns(), 0);
    violated("the best rung serves again after the faults stop",
             fmt::format("rung {} serves; rung 0 is {}, its breaker {}", active, ladder::name_of(best.state),
                         ladder::name_of(best.breaker)));
  }
  if (best_answer_ns_ < 0 || now_ns() - best_answer_ns_ > kBestAgainWithinNs) {
    violated("requests are answered by the best rung again after the faults stop",
             fmt::format("its last answer was at {} s", best_answer_ns_ / kSecondNs));
  }
  shared_.report.hedges += device_->ladder_of(0).counters().hedges;
  shared_.report.rescues += device_->ladder_of(0).counters().rescues;
}

void DeviceWorld::violated(std::string invariant, std::string detail) {
  if (shared_.report.violation) return;
  shared_.report.violation = Violation{std::move(invariant), std::move(detail), index_, now_ns()};
}

void DeviceWorld::trace(std::uint64_t what, std::uint64_t a, std::uint64_t b) {
  shared_.trace.add(static_cast<std::uint64_t>(now_ns()));
  shared_.trace.add((static_cast<std::uint64_t>(index_) << 32) | what);
  shared_.trace.add(a * 31 + b);
}

}  // namespace lichen::sim
