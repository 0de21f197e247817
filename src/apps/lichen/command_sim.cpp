// SPDX-License-Identifier: Apache-2.0
// lichen sim run: one seed, or many until one breaks an invariant, in this process.
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "posix/clock.hpp"
#include "sim/world.hpp"
#include "sim_commands.hpp"
#include "sim_options.hpp"

namespace lichen::tool {
namespace {

struct Options {
  std::uint64_t seed = 1;
  std::uint64_t seeds = 1;
  WorldOptions world;
  bool json = false;
  bool quiet = false;
};

void show_progress(const sim::Progress& p, std::uint64_t seed) {
  fmt::print(stderr, "\rseed {}: {:3.0f} % of {} h", seed,
             100.0 * static_cast<double>(p.now_ns) / static_cast<double>(p.end_ns), p.end_ns / kHourNs);
  std::fflush(stderr);
}

Result<int> simulate(const Options& options) {
  LICHEN_TRY(plant(options.world.plant));
  sim::Options what = LICHEN_TRY(world_of(options.world));
  const bool live = !options.quiet && !options.json && isatty(STDERR_FILENO) == 1;
  const posix::MonotonicClock clock;
  const TimeNs before_ns = clock.now_ns();
  std::uint64_t seed = options.seed;
  for (;; ++seed) {
    what.seed = seed;
    sim::Onlookers onlookers;
    if (live) onlookers.progress = [seed](const sim::Progress& p) { show_progress(p, seed); };
    const sim::Report report = sim::run(sim::plan_of(what), onlookers);
    if (live) fmt::print(stderr, "\r\033[K");
    const bool last = report.violation || seed + 1 >= options.seed + options.seeds;
    if (options.json) {
      fmt::print("{}\n", sim::to_json(report).dump());
    } else if (last && (report.violation || options.seeds == 1)) {
      if (!options.quiet || report.violation) fmt::print("{}", sim::to_text(report));
    }
    if (report.violation) return 1;
    if (last) break;
  }
  if (!options.json && !options.quiet) {
    if (options.seeds > 1) fmt::print("{} seeds, {} to {}: all invariants held\n", options.seeds, options.seed, seed);
    fmt::print("{:.1f} s\n", static_cast<double>(clock.now_ns() - before_ns) / 1e9);
  }
  return 0;
}

}  // namespace

Command add_sim_run(CLI::App& app) {
  auto options = std::make_shared<Options>();  // shared with the command below, which outlives this call
  app.add_option("--seed", options->seed, "the (first) seed; the same seed gives the same run, everywhere")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--seeds", options->seeds, "how many seeds, one after the other, until one breaks an invariant")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000}));
  add_world_options(app, options->world, 100, 24);
  app.add_flag("--json", options->json, "one JSON object a seed");
  app.add_flag("--quiet", options->quiet, "no progress; nothing printed if all is well");
  return [options] { return simulate(*options); };
}

Commands add_sim(CLI::App& sim) {
  sim.require_subcommand(1);
  Commands commands;
  const auto add = [&](const char* name, const char* what, Command (*make)(CLI::App&)) {
    CLI::App* app = sim.add_subcommand(name, what);
    commands.emplace_back(app, make(*app));
  };
  add("run", "run a fleet of devices under faults, from a seed", add_sim_run);
  add("hunt", "run seed after seed on every core, and list those that break an invariant", add_sim_hunt);
  add("replay", "run one seed or world file again, and show what happened", add_sim_replay);
  add("shrink", "find the smallest world that still breaks the same invariant", add_sim_shrink);
  add("planted", "hunt the bugs that are planted to be found", add_sim_planted);
  add("compare", "find the first event where two runs part", add_sim_compare);
  return commands;
}

}  // namespace lichen::tool
