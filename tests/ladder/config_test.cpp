// SPDX-License-Identifier: Apache-2.0
// What a ladder's configuration may be, and the names that people and machines read.
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "support.hpp"

namespace lichen::ladder {
namespace {

struct Bad {
  std::string_view field;
  std::function<void(LadderConfig&)> spoil;
};

TEST(LadderConfig, TheDefaultsWithARungAreGood) {
  EXPECT_TRUE(check(two_workers(), "t").has_value());
  EXPECT_TRUE(check(two_workers_and_reflex(), "t").has_value());
}

TEST(LadderConfig, EachFieldOutOfItsLimitsIsNamed) {
  const std::vector<Bad> all = {
      {"rungs", [](LadderConfig& c) { c.rungs.clear(); }},
      {"rungs", [](LadderConfig& c) { c.rungs.resize(ports::kRungsMax + 1, worker_rung("r", 1)); }},
      {"reflex", [](LadderConfig& c) { c.rungs.insert(c.rungs.begin(), reflex_rung()); }},
      {"primary", [](LadderConfig& c) { c.rungs[0].expected_ns = 0; }},
      {"compact", [](LadderConfig& c) { c.rungs[1].hang_timeout_ns = 0; }},
      {"compact", [](LadderConfig& c) { c.rungs[1].start_timeout_ns = 0; }},
      {"open_requests_max", [](LadderConfig& c) { c.open_requests_max = 0; }},
      {"open_requests_max", [](LadderConfig& c) { c.open_requests_max = 4097; }},
      {"workers_loaded_max", [](LadderConfig& c) { c.workers_loaded_max = 0; }},
      {"reserve", [](LadderConfig& c) { c.reserve_ns = -1; }},
      {"reserve", [](LadderConfig& c) { c.reserve_ns = kSecondNs + 1; }},
      {"health_period", [](LadderConfig& c) { c.health_period_ns = kMillisecondNs; }},
      {"step_up_dwell", [](LadderConfig& c) { c.step_up_dwell_ns = -1; }},
      {"hedge_budget", [](LadderConfig& c) { c.hedge_budget_ppm = kWholePpm + 1; }},
      {"breaker.failures_max", [](LadderConfig& c) { c.breaker.failures_max = 0; }},
      {"breaker.failures_max", [](LadderConfig& c) { c.breaker.failures_max = 17; }},
      {"breaker.open", [](LadderConfig& c) { c.breaker.open_ns = 0; }},
      {"breaker.open", [](LadderConfig& c) { c.breaker.open_max_ns = c.breaker.open_ns - 1; }},
      {"breaker.backoff", [](LadderConfig& c) { c.breaker.backoff_ns = 0; }},
      {"breaker.backoff", [](LadderConfig& c) { c.breaker.backoff_max_ns = 2 * kHourNs; }},
  };
  for (const Bad& bad : all) {
    LadderConfig config = two_workers_and_reflex();
    bad.spoil(config);
    const auto checked = check(config, "device.toml");
    ASSERT_FALSE(checked.has_value()) << bad.field;
    EXPECT_EQ(checked.error().code, Code::kBadInput);
    EXPECT_EQ(checked.error().where, "device.toml, " + std::string(bad.field));
  }
}

TEST(LadderNames, EveryStateAndEventHasANameOfItsOwn) {
  std::set<std::string_view> states;
  for (int i = 0; i <= static_cast<int>(RungState::kDying); ++i) states.insert(name_of(static_cast<RungState>(i)));
  EXPECT_EQ(states.size(), 5u);
  std::set<std::string_view> events;
  for (int i = 0; i <= static_cast<int>(RungEvent::kWrong); ++i) events.insert(name_of(static_cast<RungEvent>(i)));
  EXPECT_EQ(events.size(), 11u);
}

TEST(LadderNames, EveryReasonHasANameOfItsOwn) {
  std::set<std::string_view> answers;
  for (int i = 0; i <= static_cast<int>(AnswerReason::kBudget); ++i) {
    answers.insert(ports::name_of(static_cast<AnswerReason>(i)));
  }
  EXPECT_EQ(answers.size(), LadderCounters{}.answered.size());
  std::set<std::string_view> refusals;
  for (int i = 0; i <= static_cast<int>(RefusalReason::kInputRefused); ++i) {
    refusals.insert(ports::name_of(static_cast<RefusalReason>(i)));
  }
  EXPECT_EQ(refusals.size(), LadderCounters{}.refused.size());
}

}  // namespace
}  // namespace lichen::ladder
