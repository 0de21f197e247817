// SPDX-License-Identifier: Apache-2.0
#include "sim/shrink.hpp"

#include <algorithm>
#include <set>
#include <vector>

namespace lichen::sim {
namespace {

constexpr TimeNs kTailNs = 2 * kSecondNs;
constexpr std::array<TimeNs, 7> kRequestWindows = {kSecondNs,      10 * kSecondNs, kMinuteNs,  5 * kMinuteNs,
                                                   20 * kMinuteNs, kHourNs,        4 * kHourNs};

class Shrinker {
 public:
  Shrinker(const Plan& plan, const Violation& violation, const ShrinkHooks& hooks) : hooks_(hooks) {
    best_.plan = plan;
    best_.violation = violation;
    if (!plan.strikes) best_.plan.strikes = all_strikes(plan);
    best_.devices_before = plan.devices.size();
    best_.strikes_before = best_.plan.strikes->size();
  }

  Shrunk run() {
    cut_after_violation();
    keep_devices();
    std::size_t size = 0;
    do {
      size = measure();
      drop_kinds();
      drop_strikes();
      drop_requests();
      soften_strikes();
      cut_after_violation();
    } while (measure() < size && !over());
    best_.finished = !over();
    return best_;
  }

 private:
  [[nodiscard]] bool over() const { return hooks_.time_is_over(); }
  [[nodiscard]] std::size_t measure() const { return best_.plan.devices.size() + best_.plan.strikes->size(); }

  // Takes the candidate if it still breaks the same invariant.
  bool try_out(std::string_view step, Plan candidate) {
    if (candidate == best_.plan || over()) return false;
    ++best_.runs;
    const auto violation = hooks_.broken_by(candidate);
    const bool same = violation && violation->invariant == best_.violation.invariant;
    if (same) {
      best_.plan = std::move(candidate);
      best_.violation = *violation;
    }
    if (hooks_.progress) hooks_.progress(step, best_);
    return same;
  }

  static void forget_strikes_of_others(Plan& plan) {
    const std::set<std::uint32_t> kept(plan.devices.begin(), plan.devices.end());
    std::erase_if(*plan.strikes, [&](const Strike& s) {
      return !kept.contains(s.device) || s.at_ns >= std::min(plan.faults_until_ns, plan.end_ns);
    });
  }

  // What comes after a broken promise of safety does not matter; what broke at the end needs its healing, but perhaps
  // earlier.
  void cut_after_violation() {
    Plan plan = best_.plan;
    plan.liveness = false;
    plan.end_ns = std::max<TimeNs>(best_.violation.time_ns, 0) + kMillisecondNs;
    plan.faults_until_ns = std::min(plan.faults_until_ns, plan.end_ns);
    plan.requests_until_ns = std::min(plan.requests_until_ns, plan.end_ns);
    forget_strikes_of_others(plan);
    if (plan.end_ns < best_.plan.end_ns && try_out("time", plan)) return;
    if (!best_.plan.liveness) return;
    for (TimeNs until_ns = kMinuteNs; until_ns < best_.plan.faults_until_ns; until_ns *= 2) {
      if (end_faults_at(until_ns)) return;
    }
  }

  bool end_faults_at(TimeNs until_ns) {
    Plan plan = best_.plan;
    plan.end_ns = until_ns + (plan.end_ns - plan.faults_until_ns);
    plan.faults_until_ns = until_ns;
    plan.requests_until_ns = std::min(plan.requests_until_ns, plan.end_ns - kTailNs);
    forget_strikes_of_others(plan);
    return try_out("time", plan);
  }

  void keep_devices() {
    Plan alone = best_.plan;
    alone.devices = {best_.violation.device};
    forget_strikes_of_others(alone);
    if (try_out("devices", alone)) return;
    leave_out<std::uint32_t>("devices", best_.plan.devices, [](Plan& plan, std::vector<std::uint32_t> devices) {
      plan.devices = std::move(devices);
      forget_strikes_of_others(plan);
    });
  }

  void drop_kinds() {
    for (std::uint32_t kind = 0; kind < kFaultKinds; ++kind) {
      Plan plan = best_.plan;
      std::erase_if(*plan.strikes, [&](const Strike& s) { return s.kind == kind; });
      try_out("fault kinds", std::move(plan));
    }
  }

  void drop_strikes() {
    leave_out<Strike>("strikes", *best_.plan.strikes,
                      [](Plan& plan, std::vector<Strike> strikes) { plan.strikes = std::move(strikes); });
  }

  // Delta debugging: leaves out chunks, larger ones first, until no single item can go.
  template <typename Item>
  void leave_out(std::string_view step, std::vector<Item> items, void (*put)(Plan&, std::vector<Item>)) {
    std::size_t chunks = 1;
    while (!items.empty() && !over()) {
      const std::size_t size = (items.size() + chunks - 1) / chunks;
      bool smaller = false;
      for (std::size_t from = 0; from < items.size() && !over();) {
        const auto first = items.begin() + static_cast<std::ptrdiff_t>(from);
        const auto last = items.begin() + static_cast<std::ptrdiff_t>(std::min(from + size, items.size()));
        std::vector<Item> left(items.begin(), first);
        left.insert(left.end(), last, items.end());
        Plan plan = best_.plan;
        put(plan, left);
        if (!plan.devices.empty() && try_out(step, std::move(plan))) {
          items = std::move(left);
          smaller = true;
        } else {
          from += size;
        }
      }
      if (size == 1 && !smaller) return;
      chunks = size == 1 ? items.size() : std::min(chunks * 2, std::max<std::size_t>(items.size(), 1));
    }
  }

  // No requests but shortly before it breaks.
  void drop_requests() {
    for (const TimeNs window_ns : kRequestWindows) {
      Plan plan = best_.plan;
      plan.requests_from_ns = best_.violation.time_ns - window_ns;
      if (plan.requests_from_ns <= best_.plan.requests_from_ns) return;
      if (try_out("requests", std::move(plan))) return;
    }
  }

  // Shorter and milder strikes, each halved as often as it still breaks.
  void soften_strikes() {
    for (std::size_t i = 0; i < best_.plan.strikes->size(); ++i) {
      while (soften(i, [](Strike& s) { s.lasts_ns = s.lasts_ns > kSecondNs ? s.lasts_ns / 2 : s.lasts_ns; })) {
      }
      while (
          soften(i, [](Strike& s) { s.severity_ppm = s.severity_ppm > 1000 ? s.severity_ppm / 2 : s.severity_ppm; })) {
      }
    }
  }

  template <typename Change>
  bool soften(std::size_t strike, Change change) {
    Plan plan = best_.plan;
    change((*plan.strikes)[strike]);
    return try_out("severity", std::move(plan));
  }

  const ShrinkHooks& hooks_;
  Shrunk best_;
};

}  // namespace

Shrunk shrink(const Plan& plan, const Violation& violation, const ShrinkHooks& hooks) {
  return Shrinker(plan, violation, hooks).run();
}

}  // namespace lichen::sim
