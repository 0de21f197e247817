// SPDX-License-Identifier: Apache-2.0
// A ladder whose workers do what the test says, and everything it did in lists.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/bytes.hpp"
#include "ladder/ladder.hpp"

namespace lichen::ladder {

using ports::AnswerReason;
using ports::RefusalReason;

inline constexpr std::size_t kOutputBytes = 8;

// Draws the same number each time (or the largest below the bound), and remembers the bound.
class FixedRandom : public ports::Random {
 public:
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) override {
    last_bound_ = bound;
    return std::min(value_, bound - 1);
  }
  void always(TimeNs value) { value_ = static_cast<std::uint64_t>(value); }
  [[nodiscard]] std::uint64_t last_bound() const { return last_bound_; }

 private:
  std::uint64_t value_ = 0;
  std::uint64_t last_bound_ = 0;
};

// How a request ended.
struct End {
  ports::RequestId id = 0;
  bool answered = false;
  std::uint32_t rung = 0;
  AnswerReason reason = AnswerReason::kBest;
  RefusalReason refusal = RefusalReason::kNoRungAvailable;
  std::string output;
  std::uint32_t ballots = 0;
  std::uint32_t votes = 0;
  TimeNs at_ns = 0;
  TimeNs latency_ns = 0;
  TimeNs retry_after_ns = 0;
};

struct Job {
  ports::WorkerId worker = 0;
  ports::JobId job = 0;
  std::uint32_t rung = 0;
  std::string input;
};

struct Ask {
  TimeNs within_ns = kSecondNs;
  std::uint32_t min_rung = ports::kAnyRung;
  std::uint8_t priority = 0;
};

inline RungConfig worker_rung(std::string name, TimeNs expected_ns) {
  return {.name = std::move(name), .expected_ns = expected_ns};
}
inline RungConfig cloud_rung(TimeNs expected_ns) {
  return {.name = "cloud", .kind = RungKind::kCloud, .expected_ns = expected_ns};
}
inline RungConfig reflex_rung() {
  return {.name = "reflex", .kind = RungKind::kReflex, .expected_ns = 1};
}

// primary (5 ms) and compact (2 ms); no hedges unless a test asks for them.
inline LadderConfig two_workers() {
  LadderConfig config;
  config.rungs = {worker_rung("primary", 5 * kMillisecondNs), worker_rung("compact", 2 * kMillisecondNs)};
  config.hedge_delay_min_ns = kHourNs;
  return config;
}
inline LadderConfig two_workers_and_reflex() {
  LadderConfig config = two_workers();
  config.rungs.push_back(reflex_rung());
  return config;
}

// Three workers (5, 2 and 1 ms) that vote.
inline LadderConfig three_voters() {
  LadderConfig config = two_workers();
  config.rungs.push_back(worker_rung("tiny", kMillisecondNs));
  config.strategy = Strategy::kVote;
  return config;
}

class Rig : private ports::Workers,
            private ports::Answers,
            private Watcher,
            private ports::Reflex,
            private ports::Judge {
 public:
  // `reflex_trouble`: why the reflex rung has no table; empty: it has one.
  explicit Rig(const LadderConfig& config, const std::string& reflex_trouble = {})
      : config_(config),
        ladder_(0, config, Bytes(1, std::byte{'c'}), kOutputBytes,
                {.workers = *this,
                 .answers = *this,
                 .random = random_,
                 .watcher = *this,
                 .reflex = reflex_trouble.empty() ? this : nullptr,
                 .reflex_trouble = reflex_trouble,
                 .judge = this}) {}

  // Starts the ladder; its workers are left starting.
  void start(const std::vector<std::uint32_t>& times_opened = {}) { ladder_.start(now_ns_, times_opened); }
  // Every started worker becomes ready and answers its canary after the time that its rung is expected to take.
  void bring_all_up() {
    for (std::uint32_t rung = 0; rung < ladder_.rungs(); ++rung) {
      if (worker_of(rung) != 0) bring_up(rung);
    }
  }
  void bring_up(std::uint32_t rung) {
    become_ready(rung);
    advance(config_.rungs[rung].expected_ns);
    answer(rung);
  }
  void start_all() {
    start();
    bring_all_up();
  }

  // Time passes; the ladder is woken whenever it wants to be.
  void advance(TimeNs by_ns) {
    const TimeNs end_ns = now_ns_ + by_ns;
    while (ladder_.next_wake_ns() <= end_ns) {
      now_ns_ = std::max(now_ns_, ladder_.next_wake_ns());
      ladder_.tick(now_ns_);
    }
    now_ns_ = end_ns;
  }
  // The same, with every job answered at once.
  void advance_answering(TimeNs by_ns) {
    const TimeNs end_ns = now_ns_ + by_ns;
    while (ladder_.next_wake_ns() <= end_ns) {
      advance(std::max<TimeNs>(0, ladder_.next_wake_ns() - now_ns_));
      for (std::uint32_t rung = 0; rung < ladder_.rungs(); ++rung) {
        if (job_of(rung)) answer(rung);
      }
    }
    now_ns_ = end_ns;
  }

  ports::RequestId ask(const Ask& ask = {}) {
    const ports::RequestId id = ++asked_;
    const std::string& input = inputs_[id] = "q" + std::to_string(id);
    ladder_.submit(now_ns_, {.id = id,
                             .min_rung = ask.min_rung,
                             .priority = ask.priority,
                             .deadline_ns = now_ns_ + ask.within_ns,
                             .input = bytes_of(input)});
    return id;
  }

  // What the newest worker of a rung does.
  void become_ready(std::uint32_t rung) { ladder_.on(now_ns_, ports::WorkerReady{worker_of(rung)}); }
  void answer(std::uint32_t rung) { answer(job_of(rung).value(), true); }
  void refuse_input(std::uint32_t rung) { answer(job_of(rung).value(), false); }
  void answer(const Job& job, bool ok) {
    answer_with(job, ok, "r" + std::to_string(job.rung) + ":" + job.input);
  }
  // Rungs agree on what comes after the colon; "nan" cannot be right.
  void answer_with(std::uint32_t rung, const std::string& output) { answer_with(job_of(rung).value(), true, output); }
  void answer_with(const Job& job, bool ok, const std::string& output) {
    done_jobs_.push_back(job.job);
    ladder_.on(now_ns_, ports::WorkerAnswered{job.worker, job.job, ok, ok ? bytes_of(output) : ByteView()});
  }
  // How sure a rung says it is from now on.
  void confidence_of(std::uint32_t rung, Ppm ppm) { confidence_[rung] = ppm; }
  void limit(const Limits& limits) { ladder_.set_limits(now_ns_, limits); }
  void die(std::uint32_t rung, ports::WorkerEnd end = ports::WorkerEnd::kDied, std::string detail = {}) {
    gone(worker_of(rung), end, std::move(detail));
  }
  void gone(ports::WorkerId worker, ports::WorkerEnd end, std::string detail = {}) {
    for (auto& [rung, id] : live_) {
      if (id == worker) id = 0;
    }
    std::erase_if(jobs_, [&](const Job& job) { return job.worker == worker; });
    ladder_.on(now_ns_, ports::WorkerGone{worker, end, std::move(detail)});
  }
  // Dies with `failures` in a row, so that the breaker opens, and stays down.
  void break_rung(std::uint32_t rung, std::uint32_t failures = 3) {
    for (std::uint32_t i = 0; i < failures; ++i) {
      while (worker_of(rung) == 0) advance(kMillisecondNs);
      die(rung, ports::WorkerEnd::kStartFailed, "broken by the test");
    }
  }

  // The job that a rung works on now.
  [[nodiscard]] std::optional<Job> job_of(std::uint32_t rung) const {
    for (auto job = jobs_.rbegin(); job != jobs_.rend(); ++job) {
      if (job->worker == worker_of(rung)) return is_done(*job) ? std::nullopt : std::optional(*job);
    }
    return std::nullopt;
  }
  [[nodiscard]] bool works_on(std::uint32_t rung, ports::RequestId id) const {
    const auto job = job_of(rung);
    return job && job->input == inputs_.at(id);
  }
  [[nodiscard]] std::size_t jobs_for(ports::RequestId id) const {
    return static_cast<std::size_t>(std::ranges::count(all_inputs_, inputs_.at(id)));
  }
  [[nodiscard]] const End* end_of(ports::RequestId id) const {
    const auto at = std::ranges::find(ends_, id, &End::id);
    return at == ends_.end() ? nullptr : &*at;
  }
  // Answered by this rung, for this reason, with this rung's answer to this very request.
  [[nodiscard]] testing::AssertionResult answered_by(ports::RequestId id, std::uint32_t rung,
                                                     AnswerReason reason) const {
    const End* end = end_of(id);
    if (end == nullptr) return testing::AssertionFailure() << "request " << id << " is still open";
    if (!end->answered) return testing::AssertionFailure() << "refused: " << ports::name_of(end->refusal);
    if (end->rung != rung || end->reason != reason) {
      return testing::AssertionFailure() << "rung " << end->rung << ", " << ports::name_of(end->reason);
    }
    const std::string expected = "r" + std::to_string(rung) + ":" + inputs_.at(id);
    if (!end->output.starts_with(expected)) return testing::AssertionFailure() << "a foreign answer: " << end->output;
    return testing::AssertionSuccess();
  }
  [[nodiscard]] testing::AssertionResult refused_for(ports::RequestId id, RefusalReason reason) const {
    const End* end = end_of(id);
    if (end == nullptr) return testing::AssertionFailure() << "request " << id << " is still open";
    if (end->answered) return testing::AssertionFailure() << "answered by rung " << end->rung;
    if (end->refusal != reason) return testing::AssertionFailure() << ports::name_of(end->refusal);
    return testing::AssertionSuccess();
  }

  [[nodiscard]] ports::WorkerId worker_of(std::uint32_t rung) const {
    const auto at = live_.find(rung);
    return at == live_.end() ? 0 : at->second;
  }
  [[nodiscard]] RungStatus status(std::uint32_t rung) const { return ladder_.rung_status(now_ns_, rung); }
  [[nodiscard]] bool killed(ports::WorkerId worker) const { return std::ranges::count(kills_, worker) > 0; }
  [[nodiscard]] std::size_t happened(std::uint32_t rung, RungEvent event) const {
    return static_cast<std::size_t>(std::ranges::count(events_, std::pair(rung, event)));
  }
  [[nodiscard]] TimeNs now_ns() const { return now_ns_; }
  [[nodiscard]] Ladder& ladder() { return ladder_; }
  [[nodiscard]] FixedRandom& random() { return random_; }
  [[nodiscard]] const std::vector<End>& ends() const { return ends_; }
  void reflex_refuses() { reflex_ok_ = false; }
  // Called after each answer or refusal, from within it.
  std::function<void(const End&)> when_ended;

 private:
  [[nodiscard]] bool is_done(const Job& job) const { return std::ranges::count(done_jobs_, job.job) > 0; }

  ports::WorkerId start(std::uint32_t, std::uint32_t rung) override { return live_[rung] = ++started_; }
  void submit(ports::WorkerId worker, ports::JobId job, ByteView input) override {
    for (const auto& [rung, id] : live_) {
      if (id != worker) continue;
      EXPECT_FALSE(job_of(rung).has_value()) << "a job for a worker that has one";
      jobs_.push_back({worker, job, rung, std::string(text_of(input))});
      all_inputs_.emplace_back(text_of(input));
    }
  }
  void kill(ports::WorkerId worker) override { kills_.push_back(worker); }

  void answer(ports::RequestId id, const ports::Answer& answer) override {
    ended({.id = id,
           .answered = true,
           .rung = answer.rung,
           .reason = answer.reason,
           .output = std::string(text_of(answer.output)),
           .ballots = answer.ballots,
           .votes = answer.votes,
           .at_ns = now_ns_,
           .latency_ns = answer.latency_ns});
  }
  void refuse(ports::RequestId id, const ports::Refusal& refusal) override {
    ended({.id = id,
           .refusal = refusal.reason,
           .output = {},
           .at_ns = now_ns_,
           .latency_ns = refusal.latency_ns,
           .retry_after_ns = refusal.retry_after_ns});
  }
  void ended(const End& end) {
    EXPECT_EQ(end_of(end.id), nullptr) << "request " << end.id << " ended twice";
    ends_.push_back(end);
    if (when_ended) when_ended(end);
  }
  void rung_event(TimeNs, std::uint32_t, std::uint32_t rung, RungEvent event, std::string_view) override {
    events_.emplace_back(rung, event);
  }
  [[nodiscard]] bool plausible(ByteView output) const override { return !text_of(output).starts_with("nan"); }
  [[nodiscard]] bool agree(ByteView a, ByteView b) const override {
    const auto meaning = [](ByteView output) {
      const std::string_view text = text_of(output);
      const std::string_view after = text.substr(text.find(':') + 1);
      return after.substr(0, after.find('\0'));
    };
    return meaning(a) == meaning(b);
  }
  [[nodiscard]] std::optional<Ppm> confidence(std::uint32_t rung, ByteView) const override {
    const auto at = confidence_.find(rung);
    return at == confidence_.end() ? std::nullopt : std::optional(at->second);
  }
  bool evaluate(ByteView input, std::span<std::byte> output) override {
    const std::string text = "r" + std::to_string(ladder_.rungs() - 1) + ":" + std::string(text_of(input));
    for (std::size_t i = 0; i < output.size(); ++i) output[i] = i < text.size() ? bytes_of(text)[i] : std::byte{0};
    return reflex_ok_;
  }

  LadderConfig config_;
  TimeNs now_ns_ = kHourNs;
  FixedRandom random_;
  std::map<std::uint32_t, ports::WorkerId> live_;  // rung -> its newest worker that is not gone
  ports::WorkerId started_ = 0;
  std::vector<Job> jobs_;  // of live workers
  std::vector<std::string> all_inputs_;
  std::vector<ports::JobId> done_jobs_;
  std::vector<ports::WorkerId> kills_;
  std::vector<End> ends_;
  std::vector<std::pair<std::uint32_t, RungEvent>> events_;
  std::map<ports::RequestId, std::string> inputs_;
  std::map<std::uint32_t, Ppm> confidence_;
  ports::RequestId asked_ = 0;
  bool reflex_ok_ = true;
  Ladder ladder_;
};

}  // namespace lichen::ladder
