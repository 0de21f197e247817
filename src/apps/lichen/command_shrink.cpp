// SPDX-License-Identifier: Apache-2.0
// lichen sim shrink: from a seed that fails to the smallest world that still fails the same way, as a world file.
#include <unistd.h>

#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include "posix/clock.hpp"
#include "sim/shrink.hpp"
#include "sim_commands.hpp"
#include "sim_options.hpp"
#include "sim_outcome.hpp"

namespace lichen::tool {
namespace {

struct Options {
  std::string source;
  std::string out;
  std::uint32_t minutes = 10;
  WorldOptions world;
  bool json = false;
  bool quiet = false;
};

// In a process of its own: what breaks may be an assertion.
std::optional<sim::Violation> broken_by(const sim::Plan& plan) {
  std::optional<sim::Violation> violation;
  bool given = false;
  run_apart(
      {.jobs = 1}, [&]() { return std::exchange(given, true) ? std::nullopt : std::optional<std::uint64_t>(0); },
      [&](std::uint64_t) { return pack(outcome_of(plan, false)); },
      [&](const Ended& ended) {
        violation = unpack(ended).violation;
        return true;
      });
  return violation;
}

double percent(std::size_t part, std::size_t whole) {
  return whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

void show_progress(std::string_view step, const sim::Shrunk& s, double took_s) {
  fmt::print(stderr, "\r\033[K{:>5.0f} s  {:<12} {} runs: {} of {} devices, {} of {} strikes, {:.1f} s simulated",
             took_s, step, s.runs, s.plan.devices.size(), s.devices_before, s.plan.strikes->size(), s.strikes_before,
             static_cast<double>(s.plan.end_ns) / 1e9);
  std::fflush(stderr);
}

Json shrunk_json(const sim::Shrunk& s, const std::string& out, double took_s) {
  return {{"schema", "lichen.sim.shrink.v1"},
          {"world", out},
          {"violation", sim::to_json(s.violation)},
          {"devices_before", s.devices_before},
          {"devices", s.plan.devices.size()},
          {"strikes_before", s.strikes_before},
          {"strikes", s.plan.strikes->size()},
          {"end_ns", s.plan.end_ns},
          {"runs", s.runs},
          {"finished", s.finished},
          {"seconds", took_s}};
}

Result<int> shrink_world(const Options& options) {
  LICHEN_TRY(plant(options.world.plant));
  const sim::Plan plan = LICHEN_TRY(plan_from(options.source, options.world));
  const posix::MonotonicClock clock;
  const TimeNs before_ns = clock.now_ns();
  const TimeNs until_ns = before_ns + options.minutes * kMinuteNs;
  const auto took_s = [&] { return static_cast<double>(clock.now_ns() - before_ns) / 1e9; };
  const auto violation = broken_by(plan);
  if (!violation) {
    return fail(Code::kBadInput, "nothing to shrink", options.source, "this world breaks no invariant",
                "give the options of the run that failed, too");
  }
  const bool live = !options.quiet && !options.json && isatty(STDERR_FILENO) == 1;
  sim::ShrinkHooks hooks{
      .broken_by = broken_by, .time_is_over = [&] { return clock.now_ns() >= until_ns; }, .progress = {}};
  if (live) hooks.progress = [&](std::string_view step, const sim::Shrunk& s) { show_progress(step, s, took_s()); };
  const sim::Shrunk s = sim::shrink(plan, *violation, hooks);
  if (live) fmt::print(stderr, "\r\033[K");
  const std::string out = options.out.empty() ? fmt::format("world-{}.json", plan.seed) : options.out;
  Json world = sim::to_json(s.plan);
  world["violation"] = sim::to_json(s.violation);
  LICHEN_TRY(write_text(out, world.dump(1) + "\n"));
  if (options.json) {
    fmt::print("{}\n", shrunk_json(s, out, took_s()).dump());
    return 0;
  }
  if (options.quiet) return 0;
  fmt::print("BROKEN: {}\n  {}\n", s.violation.invariant, s.violation.detail);
  fmt::print("{} of {} devices ({:.1f} %), {} of {} strikes ({:.1f} %), {:.3f} s simulated; {} runs, {:.1f} s{}\n",
             s.plan.devices.size(), s.devices_before, percent(s.plan.devices.size(), s.devices_before),
             s.plan.strikes->size(), s.strikes_before, percent(s.plan.strikes->size(), s.strikes_before),
             static_cast<double>(s.plan.end_ns) / 1e9, s.runs, took_s(),
             s.finished ? "" : "; the time was over before nothing more could be left out");
  fmt::print("again: lichen sim replay {}{}\n", out,
             options.world.plant.empty() ? "" : " --plant " + options.world.plant);
  return 0;
}

}  // namespace

Command add_sim_shrink(CLI::App& app) {
  auto options = std::make_shared<Options>();  // shared with the command below, which outlives this call
  app.add_option("world", options->source, "a seed, or a world file")->required();
  app.add_option("--out", options->out, "the world file to write (world-SEED.json)");
  app.add_option("--minutes", options->minutes, "at most")->capture_default_str()->check(CLI::Range(1u, 10'000u));
  add_world_options(app, options->world, 10, 4);
  app.add_flag("--json", options->json, "one JSON object");
  app.add_flag("--quiet", options->quiet, "no progress, nothing printed");
  return [options] { return shrink_world(*options); };
}

}  // namespace lichen::tool
