// SPDX-License-Identifier: Apache-2.0
#include "sim/device_world.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "device/device_state.hpp"
#include "store/state_file.hpp"

namespace lichen::sim {
namespace {

// One random stream per purpose, so that one more draw for one shifts no other.
enum Purpose : std::uint64_t { kArrivals = 16, kAgent, kDiskTimes, kDiskContent, kWorkers, kSetup, kTiming, kRequests };

constexpr TimeNs kWakeJitterNs = 200 * kMicrosecondNs;  // an event loop is never exactly on time
constexpr TimeNs kDiskOpNs = 2 * kMillisecondNs;
constexpr std::uint32_t kDiskFailsPpm = 200'000;  // while the disk is troubled
constexpr std::uint32_t kDiskNeverPpm = 50'000;
constexpr std::uint32_t kDiskSlowPpm = 300'000;
constexpr std::uint32_t kDeadOnArrivalPpm = 500;         // of requests: the network held them up
constexpr TimeNs kStoppingMaxNs = 200 * kMillisecondNs;  // from the refusal of everything to the end of the process
constexpr TimeNs kBestAgainWithinNs = 5 * kMinuteNs;     // of the end of a run
constexpr std::array<std::uint32_t, 3> kCloudBudgets = {0, 2'000, 20'000};  // jobs a day; 0: no limit
constexpr TimeNs kGenerousNs = 500 * kMillisecondNs;     // a deadline that leaves time for any healthy rung

}  // namespace

DeviceWorld::DeviceWorld(Shared& shared, std::uint32_t target, std::uint32_t number)
    : shared_(shared),
      target_(target),
      number_(number),
      arrivals_(stream(kArrivals)),
      agent_random_(stream(kAgent)),
      disk_times_(stream(kDiskTimes)),
      timing_(stream(kTiming)),
      request_salt_(stream(kRequests).next()),
      disk_(stream(kDiskContent)),
      workers_(shared.queue, target, kWorkerEvent, stream(kWorkers), worker_model()),
      reflex_(*this),
      witness_(setup_.ladder),
      strikes_(shared.plan, number) {
  choose_setup();
  witness_ = Witness(setup_.ladder);
  choose_fate();
  push(arrivals_.between(0, kSecondNs), kAgentUpEvent);
  push(arrivals_.between(2 * kSecondNs, 2 * kSecondNs + 2 * shared.plan.shape.request_every_ns), kRequestEvent);
  schedule_strike();
  if (shared.plan.faults_until_ns > 0) push(shared.plan.faults_until_ns, kHealEvent);
}

fakes::WorkerModel DeviceWorld::worker_model() const {
  const TimeNs best_ns = shared_.plan.shape.job_ns;
  fakes::WorkerModel model{.start_ns = shared_.plan.shape.start_ns, .kill_ns = shared_.plan.shape.kill_ns};
  TimeNs job_ns = best_ns;
  for (TimeNs& of_rung : model.job_ns) {
    of_rung = std::max<TimeNs>(job_ns, 2);
    job_ns = job_ns == best_ns ? best_ns / 4 : job_ns / 2;
  }
  return model;
}

// Ladders differ from device to device: some worker rungs, with or without a reflex rung beneath.
void DeviceWorld::choose_setup() {
  fakes::SeededRandom random = stream(kSetup);
  const Shape& shape = shared_.plan.shape;
  static constexpr std::array<const char*, 5> kNames = {"primary", "compact", "small", "smaller", "tiny"};
  const std::int64_t workers = random.between(shape.worker_rungs_min, shape.worker_rungs_max);
  ladder::LadderConfig& l = setup_.ladder;
  for (std::int64_t r = 0; r < workers; ++r) {
    l.rungs.push_back({.name = kNames[static_cast<std::size_t>(r)],
                       .hang_timeout_ns = shape.hang_timeout_ns,
                       .start_timeout_ns = shape.start_timeout_ns});
  }
  if (random.chance(static_cast<std::uint32_t>(shape.reflex_ppm))) {
    l.rungs.push_back({.name = "reflex", .kind = ladder::RungKind::kReflex, .expected_ns = 1});
  }
  l.open_requests_max = static_cast<std::uint32_t>(random.between(shape.queue_min, shape.queue_max));
  l.reserve_ns = shape.reserve_ns;
  l.health_period_ns = shape.health_period_ns;
  l.step_up_dwell_ns = shape.step_up_dwell_ns;
  l.workers_loaded_max = static_cast<std::uint32_t>(shape.workers_loaded_max);
  l.hedge_budget_ppm = static_cast<Ppm>(shape.hedge_budget_ppm);
  l.breaker.failures_max = static_cast<std::uint32_t>(shape.breaker_failures_max);
  l.breaker.window_ns = shape.breaker_window_ns;
  l.breaker.open_ns = shape.breaker_open_ns;
  l.breaker.open_max_ns = shape.breaker_open_max_ns;
  const auto strategy = static_cast<std::int64_t>(random.below(kWholePpm));
  const auto rungs = static_cast<std::uint32_t>(l.rungs.size());
  const auto voters = static_cast<std::uint32_t>(2 + random.below(2));
  const bool cloud = random.chance(static_cast<std::uint32_t>(shape.cloud_ppm));
  const std::uint64_t budget = random.below(3);
  if (strategy < shape.vote_ppm && rungs >= 2) {
    l.strategy = ladder::Strategy::kVote;
    l.vote_rungs = std::min(voters, rungs);
  } else if (strategy < shape.vote_ppm + shape.cascade_ppm) {
    l.strategy = ladder::Strategy::kCascade;
  }
  if (cloud && workers >= 2) {
    l.rungs[0].kind = ladder::RungKind::kCloud;
    l.rungs[0].jobs_per_day_max = kCloudBudgets[static_cast<std::size_t>(budget)];
  }
  setup_.judge = &judge_;
  setup_.name = "model";
  setup_.canary_input.resize(8);
  setup_.output_bytes = 8;
  setup_.reflex = &reflex_;
}

bool DeviceWorld::TableReflex::evaluate(ByteView input, std::span<std::byte> output) {
  const auto rung = static_cast<std::uint32_t>(world_.setup_.ladder.rungs.size() - 1);
  const fakes::Answer answer = fakes::table_answer(rung, input);
  SplitMix64 chance(std::bit_cast<std::uint64_t>(answer) ^ static_cast<std::uint64_t>(world_.now_ns()));
  if (chance.chance(world_.reflex_refuses_ppm_)) return false;
  std::ranges::copy(answer, output.begin());
  world_.last_success_ns_ = world_.now_ns();
  return true;
}

void DeviceWorld::handle(const fakes::Event& event) {
  switch (static_cast<EventKind>(event.kind)) {
    case kRequestEvent:
      client_asks();
      break;
    case kWakeEvent:
      if (scheduled_wake_ns_ == now_ns()) scheduled_wake_ns_ = wanted_wake_ns_ = kNeverNs;
      if (device_) {
        violated(witness_.woke(now_ns()));
        device_->tick(now_ns());
      }
      break;
    case kWorkerEvent:
    case kWorkerGoneEvent:
      workers_.deliver(event, *this);
      break;
    case kDiskEvent:
      disk_done(event);
      break;
    case kStrikeEvent:
      strike();
      break;
    case kStrikeEndEvent:
      end_strike(event.a);
      break;
    case kHealEvent:
      heal();
      break;
    case kAgentUpEvent:
      start_agent();
      break;
    case kAgentDownEvent:
      if (device_ && event.a == agent_) agent_is_gone();
      break;
  }
  trace(event.kind, event.a, event.b);
  after_step();
}

void DeviceWorld::start_agent() {
  if (device_) return;
  ++agent_;
  stopping_ = false;
  restored_checked_ = false;
  boot_id_checked_ = 0;
  witness_.agent_started();
  note(Happening::What::kAgentUp, 0, agent_);
  std::vector<device::ModelSetup> models{setup_};
  device_ = std::make_unique<device::Device>(
      std::move(models),
      device::DevicePorts{
          .workers = workers_, .storage = disk_, .random = agent_random_, .answers = *this, .watcher = *this});
  agent_since_ns_ = now_ns();
  device_->set_limits(now_ns(), limits_);
  device_->start(now_ns());
}

// kill -9, or the power goes. Clients with an open request see their connection break: an explicit error.
void DeviceWorld::kill_agent(TimeNs down_for_ns, bool power) {
  if (!device_) return;
  note(Happening::What::kAgentDown, 0, power ? 1 : 0);
  if (!open_.empty()) note(Happening::What::kCut, 0, open_.size());
  shared_.report.cut += open_.size();
  open_.clear();
  agent_is_gone();
  if (power) {
    disk_.power_cut();
    ++shared_.report.power_cuts;
  } else {
    disk_.process_killed();
    ++shared_.report.agent_restarts;
  }
  push(down_for_ns, kAgentUpEvent);
}

// A stop in good order: everything open is refused, and the process ends a moment later.
void DeviceWorld::ask_agent_to_stop(TimeNs down_for_ns) {
  if (!device_ || stopping_) return;
  stopping_ = true;
  device_->stop(now_ns());
  push(std::min(down_for_ns, kStoppingMaxNs), kAgentDownEvent, agent_);
  push(down_for_ns + kStoppingMaxNs, kAgentUpEvent);
}

void DeviceWorld::agent_is_gone() {
  check_state();
  if (!open_.empty()) {
    violated("every admitted request ends exactly once",
             fmt::format("the agent stopped, and request {} has not ended", open_.front()->id));
  }
  if (stopping_) {
    note(Happening::What::kAgentDown, 0, 0);
    disk_.process_killed();
    ++shared_.report.agent_stops;
  }
  shared_.report.hedges += device_->ladder_of(0).counters().hedges;
  shared_.report.rescues += device_->ladder_of(0).counters().rescues;
  device_.reset();
  workers_.all_die();
  open_.clear();
  scheduled_wake_ns_ = wanted_wake_ns_ = kNeverNs;
  last_success_ns_ = -1;
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

void DeviceWorld::disk_done(const fakes::Event& event) {
  if (!disk_.pending(event.a)) return;
  const bool before_any_start = witness_.starts() == 0;
  const ports::StorageDone done = disk_.complete(event.a, event.b != 0);
  if (!device_) return;
  device_->on(now_ns(), done);
  check_restored(before_any_start);
}

void DeviceWorld::schedule_wake() {
  const TimeNs wake_ns = device_->next_wake_ns();
  if (wake_ns == kNeverNs) return;
  const TimeNs at_ns = std::max(wake_ns, now_ns() + 1);
  if (at_ns >= wanted_wake_ns_) return;
  wanted_wake_ns_ = at_ns;
  scheduled_wake_ns_ = at_ns + timing_.between(0, kWakeJitterNs);
  shared_.queue.push(scheduled_wake_ns_, target_, kWakeEvent);
}

void DeviceWorld::client_asks() {
  const std::uint64_t salt = mix64(request_salt_ + arrivals_count_++);
  if (now_ns() >= shared_.plan.requests_from_ns && now_ns() < shared_.plan.requests_until_ns) ask(salt);
  const TimeNs in_ns = arrivals_.between(1, 2 * shared_.plan.shape.request_every_ns);
  if (now_ns() + in_ns < shared_.plan.requests_until_ns) push(in_ns, kRequestEvent);
}

void DeviceWorld::ask(std::uint64_t salt) {
  ++shared_.report.requests;
  if (!device_) {
    ++shared_.report.unreachable;
    return;
  }
  SplitMix64 random(salt);
  const Shape& shape = shared_.plan.shape;
  auto open = std::make_unique<Open>();
  open->id = next_request_++;
  open->admitted_ns = now_ns();
  const std::uint64_t value = random.next();
  std::memcpy(open->input.data(), &value, sizeof value);
  const auto spread_ns = static_cast<std::uint64_t>(shape.deadline_max_ns - shape.deadline_min_ns);
  open->deadline_ns = now_ns() + shape.deadline_min_ns + static_cast<TimeNs>(random.below(spread_ns + 1));
  open->min_rung = ports::kAnyRung;
  if (random.chance(static_cast<std::uint32_t>(shape.min_rung_ppm))) {
    open->min_rung = static_cast<std::uint32_t>(random.below(setup_.ladder.rungs.size()));
  }
  if (random.chance(kDeadOnArrivalPpm)) open->deadline_ns = now_ns() - static_cast<TimeNs>(random.below(kSecondNs));
  const bool converged = healed_now_ && now_ns() >= shared_.plan.faults_until_ns + kConvergeNs;
  open->owed =
      converged && !stopping_ && core_can_answer(open->min_rung) && open->deadline_ns - now_ns() >= kGenerousNs;
  const ports::Request request{.id = open->id,
                               .model = 0,
                               .min_rung = open->min_rung,
                               .priority = static_cast<std::uint8_t>(value & 1),
                               .deadline_ns = open->deadline_ns,
                               .input = open->input};
  open_.push_back(std::move(open));
  device_->on(now_ns(), request);
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
  check_answer(*open, answer);
  if ((answer.rung == 0) != (answer.reason == ports::AnswerReason::kBest)) {
    violated("every answer says why it is not from the best rung",
             fmt::format("request {}: rung {} for \"{}\"", id, answer.rung, ports::name_of(answer.reason)));
  }
  ++report.answered;
  ++report.by_rung[answer.rung];
  ++report.by_reason[static_cast<std::size_t>(answer.reason)];
  report.worst_latency_ns = std::max(report.worst_latency_ns, now_ns() - open->admitted_ns);
  const ladder::LadderConfig& l = setup_.ladder;
  const bool any_will_do = l.strategy != ladder::Strategy::kBestFirst || l.rungs[0].jobs_per_day_max > 0;
  if (answer.rung == 0 || any_will_do) best_answer_ns_ = now_ns();
  trace(100 + answer.rung, id, static_cast<std::uint64_t>(answer.reason));
  note(Happening::What::kAnswer, answer.rung, static_cast<std::uint64_t>(answer.reason), now_ns() - open->admitted_ns);
}

// A corrupt worker's answer may get through until its canary tells, but never what cannot be, and never where rungs
// vote: no two are corrupt in the same way.
void DeviceWorld::check_answer(const Open& open, const ports::Answer& answer) {
  if (!judge_.plausible(answer.output))
    violated("what cannot be right is not given", fmt::format("request {}: rung {}", open.id, answer.rung));
  const fakes::Answer expected = fakes::table_answer(answer.rung, open.input);
  if (std::ranges::equal(answer.output, expected)) return;
  if (setup_.ladder.strategy == ladder::Strategy::kVote) {
    violated("no wrong answer gets a majority", fmt::format("request {}: rung {}", open.id, answer.rung));
  } else if (!workers_.corrupt_worker_says(answer.rung, open.input, answer.output)) {
    violated("every answer is fresh", fmt::format("request {} got an answer to something else", open.id));
  }
}

void DeviceWorld::set_limits(const ladder::Limits& limits) {
  limits_ = limits;
  witness_.limited(limits);
  if (device_) device_->set_limits(now_ns(), limits);
}

void DeviceWorld::refuse(ports::RequestId id, const ports::Refusal& refusal) {
  const auto open = take(id);
  if (!open) return;
  if (now_ns() > std::max(open->deadline_ns, open->admitted_ns)) {
    violated("no refusal is late", fmt::format("request {} was refused after its deadline", id));
  }
  const bool full =
      refusal.reason == ports::RefusalReason::kOverloaded && open_.size() >= setup_.ladder.open_requests_max;
  if (open->owed && !stopping_ && !full) {
    violated("what the healed core can answer is answered",
             fmt::format("request {} was refused ({})", id, ports::name_of(refusal.reason)));
  }
  ++shared_.report.refused[static_cast<std::size_t>(refusal.reason)];
  trace(120, id, static_cast<std::uint64_t>(refusal.reason));
  note(Happening::What::kRefusal, 0, static_cast<std::uint64_t>(refusal.reason));
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
    default:
      break;
  }
  violated(witness_.rung_event(now_ns(), rung, event));
  trace(140 + static_cast<std::uint64_t>(event), rung);
  note(Happening::What::kRung, rung, static_cast<std::uint64_t>(event));
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
  if (!stopping_ && device_->model_ready(now_ns(), 0)) {
    const bool witnessed = last_success_ns_ >= 0 && now_ns() - last_success_ns_ <= setup_.ladder.health_period_ns;
    if (!witnessed) {
      return violated("readiness is truthful within its period",
                      fmt::format("ready, but the last answer was {} ns ago", now_ns() - last_success_ns_));
    }
  }
  violated(witness_.step(l));
  violated(witness_.spent(now_ns() - agent_since_ns_, workers_.jobs_of(0)));
  if (workers_.jobs_after_exposure() > 0)
    violated("a worker that answered its canary wrongly is asked no more", "it was given another job");
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

// A state that was read in time is heeded: breakers that were open before the restart are not closed after it.
void DeviceWorld::check_restored(bool before_any_start) {
  if (restored_checked_ || device_->state().boot_id == 0) return;
  restored_checked_ = true;
  if (!before_any_start) return;  // the ladders could not wait for it
  std::optional<store::StateFile::Generation> newest;
  for (const std::string_view name : {"device-state.0", "device-state.1"}) {
    const Bytes* content = disk_.visible(name);
    auto found = content != nullptr ? store::StateFile::unframe(*content) : std::nullopt;
    if (found && (!newest || found->number > newest->number)) newest = std::move(found);
  }
  const auto state = newest ? device::decode(newest->content) : Result<device::DeviceState>();
  if (!newest || !state || state->times_opened.empty()) return;
  const ladder::Ladder& l = device_->ladder_of(0);
  for (std::uint32_t rung = 0; rung < std::min<std::size_t>(l.rungs(), state->times_opened[0].size()); ++rung) {
    if (state->times_opened[0][rung] == 0 || l.times_opened(rung) != 0) continue;
    return violated("breakers that were open stay so over a restart",
                    fmt::format("rung {} had opened {} times", rung, state->times_opened[0][rung]));
  }
}

void DeviceWorld::check_liveness() {
  if (device_) {
    shared_.report.hedges += device_->ladder_of(0).counters().hedges;
    shared_.report.rescues += device_->ladder_of(0).counters().rescues;
  }
  const bool budget = setup_.ladder.rungs[0].jobs_per_day_max > 0;  // a core that may have spent it owes nothing
  if (!shared_.plan.liveness || healed_ == 0 || (budget && healed_ == 1)) return;
  if (!device_) return violated("the agent comes back", "it is down");
  const ladder::Ladder& l = device_->ladder_of(0);
  if (!device_->model_ready(now_ns(), 0)) {
    violated("the model becomes ready again after the faults stop", "it is not ready");
  }
  const auto best = static_cast<std::uint32_t>(std::countr_zero(healed_));
  const std::uint32_t active = l.active_rung(now_ns());
  if (active > best) {
    const ladder::RungStatus status = l.rung_status(now_ns(), best);
    violated("the best healed rung serves again after the faults stop",
             fmt::format("rung {} serves; rung {} is {}, its breaker {}", active, best, ladder::name_of(status.state),
                         ladder::name_of(status.breaker)));
  }
  if (!forever_.empty()) return;
  if (best_answer_ns_ < 0 || now_ns() - best_answer_ns_ > kBestAgainWithinNs) {
    violated("requests are answered by the best rung again after the faults stop",
             fmt::format("its last answer was at {} s", best_answer_ns_ / kSecondNs));
  }
  if (workers_.corruption_lives())
    violated("corruption is found by canaries", "a worker still answers wrongly, half an hour later");
  violated(witness_.calm(now_ns(), l));
}

void DeviceWorld::violated(std::string invariant, std::string detail) {
  if (shared_.report.violation) return;
  shared_.report.violation = Violation{std::move(invariant), std::move(detail), number_, now_ns()};
  if (shared_.timeline == nullptr) return;
  const Violation& v = *shared_.report.violation;
  shared_.timeline->happenings.push_back(
      {.at_ns = now_ns(), .device = number_, .what = Happening::What::kBroken, .text = v.invariant + ": " + v.detail});
}

void DeviceWorld::trace(std::uint64_t what, std::uint64_t a, std::uint64_t b) {
  shared_.trace.add(static_cast<std::uint64_t>(now_ns()));
  shared_.trace.add((static_cast<std::uint64_t>(number_) << 32) | what);
  shared_.trace.add(a * 31 + b);
}

void DeviceWorld::note(Happening::What what, std::uint32_t rung, std::uint64_t value, TimeNs lasts_ns) {
  if (shared_.timeline == nullptr) return;
  shared_.timeline->happenings.push_back(
      {.at_ns = now_ns(), .device = number_, .what = what, .rung = rung, .value = value, .lasts_ns = lasts_ns});
}

}  // namespace lichen::sim
