// SPDX-License-Identifier: Apache-2.0
#include "fakes/workers.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/assert.hpp"

namespace lichen::fakes {
namespace {

constexpr std::uint32_t kStepDone = 0;  // the start or the job ended well
constexpr std::uint32_t kGone = 1;

constexpr std::size_t kCommonBytes = 4;
constexpr std::uint64_t kCommonBits = 0xFFFF'FFFF;  // of an answer read as a little-endian number
constexpr std::uint32_t kImplausiblePpm = 250'000;  // of corruptions: all answers are what cannot be

std::uint64_t mixed_with(std::uint64_t mixed, ByteView input) {
  for (std::size_t at = 0; at < input.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, input.data() + at, std::min<std::size_t>(8, input.size() - at));
    mixed = mix64(mixed ^ word);
  }
  return mixed;
}

}  // namespace

Answer table_answer(std::uint32_t rung, ByteView input) {
  const std::uint64_t common = mixed_with(mix64(0), input) & kCommonBits;
  const std::uint64_t own = mixed_with(mix64(rung + 1), input) & ~kCommonBits;
  return std::bit_cast<Answer>(common | own);
}

bool TableJudge::plausible(ByteView output) const {
  return !std::ranges::all_of(output, [](std::byte b) { return b == std::byte{0xFF}; });
}

bool TableJudge::agree(ByteView a, ByteView b) const {
  return std::ranges::equal(a.first(kCommonBytes), b.first(kCommonBytes));
}

std::optional<Ppm> TableJudge::confidence(std::uint32_t, ByteView output) const {
  return static_cast<Ppm>(mixed_with(1, output) % (kWholePpm + 1));
}

Answer FakeWorkers::corrupted(Answer answer, std::uint64_t corruption) {
  if (corruption == ~0ull) return std::bit_cast<Answer>(corruption);
  return std::bit_cast<Answer>(std::bit_cast<std::uint64_t>(answer) ^ corruption);
}

FakeWorkers::Worker* FakeWorkers::find(ports::WorkerId id) {
  const auto at = std::ranges::find(workers_, id, &Worker::id);
  return at == workers_.end() ? nullptr : &*at;
}

// The event carries the job, so that an event of an earlier job (before the worker was frozen, say) is not taken for
// it.
void FakeWorkers::later(TimeNs in_ns, std::uint32_t what, const Worker& worker) {
  queue_.push(queue_.now_ns() + in_ns, target_, kind_ + what, worker.id, worker.job);
}

void FakeWorkers::go(Worker& worker, ports::WorkerEnd end, TimeNs in_ns) {
  if (worker.step == Step::kGoing) return;
  worker.was = worker.step;
  worker.step = Step::kGoing;
  worker.end = end;
  later(in_ns, kGone, worker);
}

ports::WorkerId FakeWorkers::start(std::uint32_t /*model*/, std::uint32_t rung) {
  Worker& worker = workers_.emplace_back();
  worker.id = next_id_++;
  worker.rung = rung;
  const WorkerTrouble& trouble = trouble_[rung];
  if (random_.chance(trouble.start_hangs_ppm)) {
    worker.frozen = true;
  } else if (random_.chance(trouble.start_fails_ppm)) {
    go(worker, ports::WorkerEnd::kStartFailed, around(model_.start_ns) * trouble.slowdown);
  } else {
    later(around(model_.start_ns) * trouble.slowdown, kStepDone, worker);
  }
  return worker.id;
}

void FakeWorkers::submit(ports::WorkerId id, ports::JobId job, ByteView input) {
  Worker* worker = find(id);
  if (worker == nullptr || worker->step == Step::kGoing) return;  // it died, and the caller will hear of it
  LICHEN_ASSERT(worker->step == Step::kIdle);
  worker->step = Step::kWorking;
  worker->job = job;
  ++jobs_[worker->rung];
  jobs_after_exposure_ += worker->exposed ? 1 : 0;
  worker->canary = std::ranges::all_of(input, [](std::byte b) { return b == std::byte{0}; });
  worker->wrong = worker->corruption != 0;
  worker->answer = corrupted(table_answer(worker->rung, input), worker->corruption);
  const WorkerTrouble& trouble = trouble_[worker->rung];
  worker->refuses = random_.chance(trouble.job_refused_ppm);
  const TimeNs takes_ns = around(model_.job_ns[worker->rung]) * trouble.slowdown;
  if (worker->frozen || random_.chance(trouble.job_hangs_ppm)) {
    worker->frozen = true;
  } else if (random_.chance(trouble.job_dies_ppm)) {
    go(*worker, ports::WorkerEnd::kDied, random_.between(1, takes_ns));
  } else {
    later(takes_ns, kStepDone, *worker);
  }
}

void FakeWorkers::kill(ports::WorkerId id) {
  Worker* worker = find(id);
  if (worker == nullptr || worker->step == Step::kGoing) return;
  const bool stuck = random_.chance(trouble_[worker->rung].kill_stuck_ppm);
  worker->frozen = worker->frozen || stuck;
  go(*worker, ports::WorkerEnd::kKilled, around(stuck ? model_.stuck_ns : model_.kill_ns));
}

void FakeWorkers::strike(std::uint64_t pick, bool freeze) {
  if (workers_.empty()) return;
  Worker& worker = workers_[static_cast<std::size_t>(pick % workers_.size())];
  if (freeze) {
    worker.frozen = true;
  } else {
    const bool starting = worker.step == Step::kStarting;
    go(worker, starting ? ports::WorkerEnd::kStartFailed : ports::WorkerEnd::kDied, kMicrosecondNs * 50);
  }
}

void FakeWorkers::corrupt(std::uint64_t pick, std::uint32_t from) {
  if (workers_.empty()) return;
  Worker& worker = workers_[static_cast<std::size_t>(pick % workers_.size())];
  if (worker.rung < from) return;
  SplitMix64 random(pick);
  worker.corruption = random.chance(kImplausiblePpm) ? ~0ull : (random.next() & kCommonBits) | 1;
  corruptions_.emplace_back(worker.rung, worker.corruption);
}

void FakeWorkers::all_die() {
  workers_.clear();
  corruptions_.clear();
  known_ = {};
  jobs_ = {};
}

bool FakeWorkers::corrupt_worker_says(std::uint32_t rung, ByteView input, ByteView output) const {
  const Answer right = table_answer(rung, input);
  return std::ranges::any_of(corruptions_, [&](const auto& c) {
    return c.first == rung && std::ranges::equal(corrupted(right, c.second), output);
  });
}

bool FakeWorkers::corruption_lives() const {
  return std::ranges::any_of(workers_, [&](const Worker& w) {
    const Known& known = known_[w.rung];
    return w.corruption != 0 && w.step != Step::kGoing && !known.wrong && known.wrong_in_row < 2;
  });
}

void FakeWorkers::canary_answered(Worker& worker) {
  Known& known = known_[worker.rung];
  if (!worker.wrong) {
    known.right = known.right || !known.wrong;
    known.wrong_in_row = 0;
    return;
  }
  ++known.wrong_in_row;
  known.wrong = known.wrong || !known.right;
  worker.exposed = known.right && known.wrong_in_row == 1;
}

bool FakeWorkers::deliver(const Event& event, ports::WorkerEvents& sink) {
  Worker* worker = find(event.a);
  if (worker == nullptr) return false;
  if (event.kind == kind_ + kGone) {
    const ports::WorkerGone gone{worker->id, worker->end, {}};
    workers_.erase(workers_.begin() + (worker - workers_.data()));
    sink.worker_gone(gone);
    return false;
  }
  if (worker->frozen || worker->job != event.b) return false;
  const bool going = worker->step == Step::kGoing;
  Step& step = going ? worker->was : worker->step;
  if (step == Step::kStarting) {
    if (going && worker->end == ports::WorkerEnd::kStartFailed) return false;
    step = Step::kIdle;
    sink.worker_ready({worker->id});
    return false;
  }
  if (going && step != Step::kWorking) return false;
  LICHEN_ASSERT(step == Step::kWorking);
  step = Step::kIdle;
  const Answer answer = worker->answer;  // the sink may start workers, which moves them
  const bool ok = !worker->refuses;
  if (ok && !going && worker->canary) canary_answered(*worker);
  sink.worker_answered({worker->id, worker->job, ok, ok ? ByteView(answer) : ByteView()});
  return ok;
}

}  // namespace lichen::fakes
