// SPDX-License-Identifier: Apache-2.0
// lichen sim planted: hunts each planted bug until a seed finds it. One that is not found shows where the simulation is
// blind.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include "base/planted.hpp"
#include "posix/clock.hpp"
#include "sim_commands.hpp"
#include "sim_options.hpp"
#include "sim_outcome.hpp"

namespace lichen::tool {
namespace {

struct Options {
  std::vector<std::string> names;
  std::uint64_t seeds = 1000;
  unsigned jobs = 0;
  bool list = false;
  bool json = false;
  WorldOptions world;
};

struct Found {
  std::optional<std::uint64_t> seed;
  std::uint64_t seeds = 0;  // that were run
  std::string as;           // the invariant
  double seconds = 0;
};

Found hunt_bug(const Options& options, const sim::Options& world) {
  const posix::MonotonicClock clock;
  const TimeNs before_ns = clock.now_ns();
  Found found;
  std::uint64_t next = 1;
  run_apart(
      {.jobs = options.jobs == 0 ? cores() : options.jobs},
      [&]() { return next <= options.seeds ? std::optional(next++) : std::nullopt; },
      [&](std::uint64_t seed) {
        sim::Options what = world;
        what.seed = seed;
        return pack(outcome_of(sim::plan_of(what), false));
      },
      [&](const Ended& ended) {
        const Outcome outcome = unpack(ended);
        ++found.seeds;
        if (!outcome.violation) return true;
        found.seed = outcome.seed;
        found.as = outcome.violation->invariant;
        return false;
      });
  found.seconds = static_cast<double>(clock.now_ns() - before_ns) / 1e9;
  return found;
}

void print(const Options& options, const BugRow& row, const Found& found) {
  if (options.json) {
    Json json = {{"schema", "lichen.sim.planted.v1"}, {"bug", row.name},
                 {"found", found.seed.has_value()},   {"seeds", found.seeds},
                 {"seconds", found.seconds},          {"as", found.as}};
    if (found.seed) json["seed"] = *found.seed;
    fmt::print("{}\n", json.dump());
  } else {
    fmt::print("{:<24} {}\n", row.name,
               found.seed ? fmt::format("after {:>4} seeds, {:6.1f} s: {}", found.seeds, found.seconds, found.as)
                          : fmt::format("NOT FOUND in {} seeds, {:.1f} s", found.seeds, found.seconds));
  }
  std::fflush(stdout);
}

Result<int> hunt_all(const Options& options) {
  if (options.list) {
    for (const BugRow& row : kBugs) fmt::print("{:<24} {}\n", row.name, row.mistake);
    return 0;
  }
  const sim::Options world = LICHEN_TRY(world_of(options.world));
  for (const std::string& name : options.names) LICHEN_TRY(plant(name));
  LICHEN_TRY(plant(std::string(kBugs.front().name)));
  std::size_t found_all = 0;
  std::size_t hunted = 0;
  for (const BugRow& row : kBugs) {
    if (!options.names.empty() && std::ranges::find(options.names, row.name) == options.names.end()) continue;
    LICHEN_TRY(plant(std::string(row.name)));
    const Found found = hunt_bug(options, world);
    print(options, row, found);
    ++hunted;
    found_all += found.seed ? 1 : 0;
  }
  if (!options.json) fmt::print("{} of {} planted bugs found within {} seeds each\n", found_all, hunted, options.seeds);
  return found_all == hunted ? 0 : 1;
}

}  // namespace

Command add_sim_planted(CLI::App& app) {
  auto options = std::make_shared<Options>();  // shared with the command below, which outlives this call
  app.add_option("bugs", options->names, "only these");
  app.add_flag("--list", options->list, "name them, and what is wrong");
  app.add_option("--seeds", options->seeds, "for each bug, until one finds it")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000}));
  app.add_option("--jobs", options->jobs, "worlds at once; 0: one a core")
      ->capture_default_str()
      ->check(CLI::Range(0u, 1024u));
  add_world_options(app, options->world, 10, 4);
  app.add_flag("--json", options->json, "one JSON object a bug");
  return [options] { return hunt_all(*options); };
}

}  // namespace lichen::tool
