// SPDX-License-Identifier: Apache-2.0
// The minimizer, with an invariant of our own that certain strikes break: it must find exactly those.
#include "sim/shrink.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>

#include <gtest/gtest.h>

#include "sim/html_report.hpp"
#include "sim/world.hpp"

namespace lichen::sim {
namespace {

constexpr std::uint32_t kPower = 7;
constexpr std::uint32_t kHang = 1;

Plan world() {
  return plan_of({.seed = 4, .devices = 20, .hours = 12, .faults = kAllFaults});
}

bool has(const Plan& plan, std::uint32_t device, std::uint32_t kind, std::uint32_t number) {
  return std::ranges::any_of(*plan.strikes, [&](const Strike& s) {
    return s.device == device && s.kind == kind && s.number == number && s.at_ns < plan.end_ns;
  });
}

// "Broken" when two given strikes both happen, of one device or of two.
struct Needs {
  std::uint32_t first_device;
  std::uint32_t second_device;
  TimeNs at_ns;

  std::optional<Violation> operator()(const Plan& plan) const {
    const bool both = has(plan, first_device, kPower, 1) && has(plan, second_device, kHang, 2);
    if (!both || plan.end_ns < at_ns) return std::nullopt;
    return Violation{"ours", "", second_device, at_ns};
  }
};

Shrunk shrunk(const Needs& needs) {
  Plan plan = world();
  plan.strikes = all_strikes(plan);
  std::uint64_t runs = 0;
  return shrink(plan, needs(plan).value(),
                {.broken_by = needs, .time_is_over = [&] { return ++runs > 20'000; }, .progress = {}});
}

TEST(Shrink, KeepsExactlyTheStrikesThatAreNeeded) {
  const Shrunk s = shrunk({3, 3, 10 * kHourNs});
  EXPECT_TRUE(s.finished);
  EXPECT_EQ(s.devices_before, 20u);
  EXPECT_GT(s.strikes_before, 500u);
  EXPECT_EQ(s.plan.devices, std::vector<std::uint32_t>{3});
  EXPECT_EQ(s.plan.strikes->size(), 2u);
  EXPECT_LE(s.plan.end_ns, 10 * kHourNs + kMillisecondNs);
  EXPECT_FALSE(s.plan.liveness);
}

TEST(Shrink, KeepsBothDevicesWhereBothAreNeeded) {
  const Shrunk s = shrunk({3, 11, 10 * kHourNs});
  EXPECT_EQ(s.plan.devices, (std::vector<std::uint32_t>{3, 11}));
  EXPECT_EQ(s.plan.strikes->size(), 2u);
}

TEST(Shrink, StopsWhenTheTimeIsOver) {
  Plan plan = world();
  plan.strikes = all_strikes(plan);
  const Needs needs{3, 3, 10 * kHourNs};
  const Shrunk s =
      shrink(plan, needs(plan).value(), {.broken_by = needs, .time_is_over = [] { return true; }, .progress = {}});
  EXPECT_FALSE(s.finished);
  EXPECT_EQ(s.runs, 0u);
  EXPECT_EQ(s.plan, plan);
}

TEST(HtmlReport, HasATimelineOfEveryDeviceAndTheBrokenInvariant) {
  const Plan plan = plan_of({.seed = 1, .devices = 3, .hours = 1, .faults = kAllFaults});
  Timeline timeline;
  Report report = run(plan, {.progress = {}, .timeline = &timeline, .log = nullptr});
  EXPECT_NE(to_html(plan, report, timeline).find("All invariants held"), std::string::npos);
  report.violation = Violation{"a < b", "\"quoted\"", 2, kMinuteNs};
  const std::string html = to_html(plan, report, timeline);
  for (const char* part : {"<!doctype html>", "a &lt; b", "&quot;quoted&quot;", "Device 0", "Device 1", "Device 2",
                           "rung 0", "answers 0", "</html>"}) {
    EXPECT_NE(html.find(part), std::string::npos) << part;
  }
  EXPECT_LT(html.find("Device 2"), html.find("Device 0"));  // the broken one first
  EXPECT_EQ(html.find("http"), std::string::npos);          // nothing from outside
}

}  // namespace
}  // namespace lichen::sim
