// SPDX-License-Identifier: Apache-2.0
// The promise under random events: every request ends exactly once, before its deadline, with an answer of its own from
// a rung that was good enough. Clients also ask from within their answers.
#include <algorithm>
#include <cstdint>
#include <map>

#include <gtest/gtest.h>

#include "base/mix.hpp"
#include "support.hpp"

namespace lichen::ladder {
namespace {

constexpr std::uint64_t kSeeds = 1000;
constexpr int kSteps = 600;

struct Asked {
  TimeNs deadline_ns = 0;
  std::uint32_t min_rung = 0;
};

LadderConfig random_config(SplitMix64& random) {
  LadderConfig config;
  const std::uint64_t workers = 1 + random.below(3);
  for (std::uint64_t r = 0; r < workers; ++r) {
    RungConfig rung = worker_rung("w" + std::to_string(r), kMillisecondNs * static_cast<TimeNs>(1 + random.below(10)));
    rung.hang_timeout_ns = kMillisecondNs * static_cast<TimeNs>(20 + random.below(500));
    rung.start_timeout_ns = kMillisecondNs * static_cast<TimeNs>(50 + random.below(500));
    config.rungs.push_back(std::move(rung));
  }
  if (random.chance(500'000)) config.rungs.push_back(reflex_rung());
  const std::uint64_t strategy = random.below(3);
  if (strategy == 1) config.strategy = Strategy::kCascade;
  if (strategy == 2 && config.rungs.size() >= 2) {
    config.strategy = Strategy::kVote;
    config.vote_rungs = static_cast<std::uint32_t>(2 + random.below(config.rungs.size() - 1));
  }
  if (random.chance(300'000)) config.rungs[0].kind = RungKind::kCloud;
  if (random.chance(300'000)) config.rungs[0].jobs_per_day_max = 1'000'000;
  config.check_period_ns = kMillisecondNs * static_cast<TimeNs>(random.below(2) * 50);
  config.open_requests_max = static_cast<std::uint32_t>(1 + random.below(20));
  config.workers_loaded_max = static_cast<std::uint32_t>(1 + random.below(3));
  config.hedge_budget_ppm = static_cast<Ppm>(random.below(1'000'001));
  config.step_up_dwell_ns = kMillisecondNs * static_cast<TimeNs>(random.below(200));
  config.health_period_ns = kMillisecondNs * static_cast<TimeNs>(20 + random.below(2000));
  config.breaker.open_ns = kMillisecondNs * static_cast<TimeNs>(1 + random.below(500));
  return config;
}

class Chaos {
 public:
  explicit Chaos(std::uint64_t seed) : random_(seed), config_(random_config(random_)), rig_(config_) {
    rig_.when_ended = [this](const End&) {
      if (random_.chance(100'000)) ask();
    };
  }

  void run() {
    rig_.start();
    for (int step = 0; step < kSteps && !testing::Test::HasFailure(); ++step) {
      something_happens();
      check_open();
    }
    rig_.when_ended = nullptr;
    if (random_.chance(500'000)) {
      rig_.ladder().stop(rig_.now_ns());
    } else {
      rig_.advance(3 * kSecondNs);
    }
    EXPECT_EQ(rig_.ladder().open_requests(), 0u);
    check_ends();
  }
  [[nodiscard]] std::size_t answered() const {
    return static_cast<std::size_t>(std::ranges::count(rig_.ends(), true, &End::answered));
  }

 private:
  // The numbers of requests are those of the rig: 1, 2, ... The bookkeeping comes first, for it may end at once.
  void ask() {
    const Ask ask{.within_ns = static_cast<TimeNs>(random_.below(200 * kMillisecondNs)),
                  .min_rung = random_.chance(200'000) ? static_cast<std::uint32_t>(random_.below(4)) : ports::kAnyRung,
                  .priority = static_cast<std::uint8_t>(random_.below(2))};
    asked_[asked_.size() + 1] = {rig_.now_ns() + ask.within_ns, ask.min_rung};
    (void)rig_.ask(ask);
  }

  void something_happens() {
    const auto rung = static_cast<std::uint32_t>(random_.below(config_.rungs.size()));
    const ports::WorkerId worker = rig_.worker_of(rung);
    const bool starting = rig_.status(rung).state == RungState::kStarting;
    rig_.random().always(static_cast<TimeNs>(random_.below(50 * kMillisecondNs)));
    switch (random_.below(11)) {
      case 0:
      case 1:
      case 2:
        return ask();
      case 3:
      case 4:
        if (rig_.job_of(rung)) rig_.answer(rung);
        return;
      case 5:
        if (starting && worker != 0) rig_.become_ready(rung);
        return;
      case 6:
        if (worker != 0 && (rig_.killed(worker) || random_.chance(200'000))) {
          rig_.gone(worker, starting ? ports::WorkerEnd::kStartFailed : ports::WorkerEnd::kDied);
        }
        return;
      case 7:
        if (!rig_.job_of(rung) || !random_.chance(400'000)) return;
        if (random_.chance(500'000)) return rig_.refuse_input(rung);
        return rig_.answer_with(rung, "nan");
      case 8:
        rig_.confidence_of(rung, static_cast<Ppm>(random_.below(1'000'001)));
        if (random_.chance(200'000)) {
          rig_.limit({.best_rung = static_cast<std::uint32_t>(random_.below(3)), .link_up = random_.chance(500'000)});
        }
        return;
      default:
        return rig_.advance(static_cast<TimeNs>(random_.below(20 * kMillisecondNs)));
    }
  }

  void check_open() {
    ASSERT_LE(rig_.ladder().open_requests(), config_.open_requests_max);
    ASSERT_EQ(asked_.size() - rig_.ends().size(), rig_.ladder().open_requests());
  }

  void check_ends() {
    ASSERT_EQ(rig_.ends().size(), asked_.size());  // that none ended twice is watched by the rig
    for (const End& end : rig_.ends()) {
      const Asked& asked = asked_.at(end.id);
      ASSERT_LE(end.at_ns, asked.deadline_ns) << "request " << end.id;
      if (!end.answered) continue;
      ASSERT_LE(end.rung, asked.min_rung) << "request " << end.id;
      const std::string own = "r" + std::to_string(end.rung) + ":q" + std::to_string(end.id);
      ASSERT_EQ(end.output.substr(0, kOutputBytes).find(own.substr(0, kOutputBytes)), 0u) << end.output;
    }
  }

  SplitMix64 random_;
  LadderConfig config_;
  Rig rig_;
  std::map<ports::RequestId, Asked> asked_;
};

TEST(LadderProperty, EveryRequestEndsExactlyOnceBeforeItsDeadlineWhateverHappens) {
  std::size_t answered = 0;
  for (std::uint64_t seed = 0; seed < kSeeds && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Chaos chaos(seed);
    chaos.run();
    answered += chaos.answered();
  }
  EXPECT_GT(answered, kSeeds * 20);
}

}  // namespace
}  // namespace lichen::ladder
