// SPDX-License-Identifier: Apache-2.0
// A seed is a run: the same on every machine, in every build, every time.
#include "sim/world.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/mix.hpp"
#include "sim/device_world.hpp"

namespace lichen::sim {
namespace {

Options small(std::uint64_t seed) {
  return {.seed = seed, .devices = 5, .hours = 2, .faults = kAllFaults};
}

// Changes whenever the behaviour of a decider, a fake or the world changes: then look why, and write the new one here.
constexpr std::uint64_t kGoldenHash = 0xF2D6B29B466E7781ull;
constexpr std::uint64_t kGoldenEvents = 20820;

TEST(World, ItsTraceIsTheGoldenOne) {
  const Report report = run(small(1));
  ASSERT_FALSE(report.violation.has_value()) << to_text(report);
  EXPECT_EQ(report.trace_hash, kGoldenHash) << std::hex << report.trace_hash;
  EXPECT_EQ(report.events, kGoldenEvents);
}

TEST(World, TheSameSeedGivesTheSameTrace) {
  const Report first = run(small(7));
  const Report second = run(small(7));
  EXPECT_EQ(first.trace_hash, second.trace_hash);
  EXPECT_EQ(to_json(first), to_json(second));
}

TEST(World, DifferentSeedsGiveDifferentTraces) {
  EXPECT_NE(run(small(1)).trace_hash, run(small(2)).trace_hash);
}

TEST(World, LookingOnDoesNotChangeTheTrace) {
  Timeline timeline;
  HashLog log;
  const Onlookers onlookers{.progress = [](const Progress&) {}, .timeline = &timeline, .log = &log};
  const Report watched = run(plan_of(small(3)), onlookers);
  EXPECT_EQ(watched.trace_hash, run(small(3)).trace_hash);
  EXPECT_EQ(log.entries.size(), watched.events);
  EXPECT_EQ(log.entries.back().hash, watched.trace_hash);
  EXPECT_GT(timeline.happenings.size(), watched.answered);
}

// What happens to the first device of a world of `devices`, as a hash of its events.
std::uint64_t trace_of_the_first(std::uint32_t devices) {
  Shared shared(plan_of({.seed = 1, .devices = devices, .hours = 2, .faults = kAllFaults}));
  std::vector<std::unique_ptr<DeviceWorld>> worlds;
  for (std::uint32_t d = 0; d < devices; ++d) worlds.push_back(std::make_unique<DeviceWorld>(shared, d, d));
  TraceHash trace;
  while (!shared.queue.empty() && shared.queue.next_ns() <= 2 * kHourNs) {
    const fakes::Event event = shared.queue.pop();
    worlds[event.target]->handle(event);
    if (event.target != 0) continue;
    for (const std::uint64_t value :
         {static_cast<std::uint64_t>(event.time_ns), std::uint64_t{event.kind}, event.a, event.b}) {
      trace.add(value);
    }
  }
  EXPECT_FALSE(shared.report.violation.has_value());
  return trace.value();
}

// One random stream per seed, device and purpose.
TEST(World, AnotherDeviceChangesNothingForTheFirst) {
  const std::uint64_t alone = trace_of_the_first(1);
  EXPECT_EQ(trace_of_the_first(2), alone);
  EXPECT_EQ(trace_of_the_first(6), alone);
}

TEST(World, EveryRequestIsAccountedFor) {
  const Report r = run(small(5));
  std::uint64_t refused = 0;
  for (const std::uint64_t count : r.refused) refused += count;
  EXPECT_EQ(r.requests, r.answered + refused + r.unreachable + r.cut);
  std::uint64_t by_rung = 0;
  for (const std::uint64_t count : r.by_rung) by_rung += count;
  EXPECT_EQ(by_rung, r.answered);
}

TEST(World, RequestsComeAboutAsOftenAsAsked) {
  Options options{.seed = 1, .devices = 20, .hours = 2, .faults = kNoFaults};
  const Report every_ten = run(options);
  options.request_every_ns = kSecondNs;
  const Report every_one = run(options);
  const double expected = 20.0 * 2 * 360;
  EXPECT_NEAR(static_cast<double>(every_ten.requests), expected, expected * 0.05);
  EXPECT_NEAR(static_cast<double>(every_one.requests), expected * 10, expected * 10 * 0.05);
}

TEST(Report, NamesTheCommandThatRunsItAgain) {
  const Report report = run({.seed = 9, .devices = 2, .hours = 1, .faults = kWorkerDeath | kDiskFaults});
  EXPECT_EQ(replay_command(report),
            "lichen sim replay 9 --devices 2 --hours 1 --faults worker-death,disk --shape plain");
}

TEST(Report, AViolationIsShownWithItsReplay) {
  Report report = run({.seed = 9, .devices = 1, .hours = 1, .faults = kNoFaults});
  EXPECT_NE(to_text(report).find("all invariants held"), std::string::npos);
  EXPECT_TRUE(to_json(report)["ok"].get<bool>());
  report.violation = Violation{.invariant = "i", .detail = "d", .device = 3, .time_ns = 2 * kSecondNs};
  const std::string text = to_text(report);
  EXPECT_NE(text.find("BROKEN: i"), std::string::npos);
  EXPECT_NE(text.find("again: lichen sim replay 9"), std::string::npos);
  const Json json = to_json(report);
  EXPECT_FALSE(json["ok"].get<bool>());
  EXPECT_EQ(json["violation"]["device"].get<std::uint32_t>(), 3u);
}

}  // namespace
}  // namespace lichen::sim
