// SPDX-License-Identifier: Apache-2.0
// lichen sim run: one seed, or many until one breaks an invariant.
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "base/planted.hpp"
#include "commands.hpp"
#include "posix/clock.hpp"
#include "sim/world.hpp"

namespace lichen::tool {
namespace {

struct Options {
  std::uint64_t seed = 1;
  std::uint64_t seeds = 1;
  std::uint32_t devices = 100;
  std::uint32_t hours = 24;
  std::string faults = "swarm";
  std::string plant;
  bool json = false;
  bool quiet = false;
};

#ifdef LICHEN_PLANTED_BUGS
Result<void> plant(const std::string& name) {
  if (name.empty()) return {};
  std::string known;
  for (const BugRow& row : kBugs) {
    known += known.empty() ? "" : ", ";
    known += row.name;
    if (row.name != name) continue;
    planted_bug = row.bug;
    return {};
  }
  return fail(Code::kBadInput, "unknown planted bug", name, {}, "use one of " + known);
}
#else
Result<void> plant(const std::string& name) {
  if (name.empty()) return {};
  return fail(Code::kUnsupported, "no bugs are planted in this build", name, {},
              "configure with -DLICHEN_PLANTED_BUGS=ON (preset planted)");
}
#endif

void show_progress(const sim::Progress& p, std::uint64_t seed) {
  fmt::print(stderr, "\rseed {}: {:3.0f} % of {} h", seed,
             100.0 * static_cast<double>(p.now_ns) / static_cast<double>(p.end_ns), p.end_ns / kHourNs);
  std::fflush(stderr);
}

Result<int> simulate(const Options& options) {
  LICHEN_TRY(plant(options.plant));
  sim::Options what;
  what.devices = options.devices;
  what.hours = options.hours;
  what.faults = LICHEN_TRY(sim::parse_faults(options.faults));
  const bool live = !options.quiet && !options.json && isatty(STDERR_FILENO) == 1;
  const posix::MonotonicClock clock;
  const TimeNs before_ns = clock.now_ns();
  std::uint64_t seed = options.seed;
  for (;; ++seed) {
    what.seed = seed;
    const sim::Report report = sim::run(what, live ? [seed](const sim::Progress& p) { show_progress(p, seed); }
                                                   : std::function<void(const sim::Progress&)>());
    if (live) fmt::print(stderr, "\r\033[K");
    const bool last = report.violation || seed + 1 >= options.seed + options.seeds;
    if (options.json) {
      fmt::print("{}\n", sim::to_json(report).dump());
    } else if (last && (report.violation || options.seeds == 1)) {
      fmt::print("{}", sim::to_text(report));
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
  app.add_option("--devices", options->devices, "how many devices")
      ->capture_default_str()
      ->check(CLI::Range(1u, sim::kDevicesMax));
  app.add_option("--hours", options->hours, "simulated hours")
      ->capture_default_str()
      ->check(CLI::Range(1u, sim::kHoursMax));
  app.add_option("--faults", options->faults,
                 "all, none, swarm (chosen by the seed), or some of " + sim::faults_to_text(sim::kAllFaults))
      ->capture_default_str();
  app.add_option("--plant", options->plant, "switch a planted bug on (builds with LICHEN_PLANTED_BUGS only)");
  app.add_flag("--json", options->json, "one JSON object a seed");
  app.add_flag("--quiet", options->quiet, "no progress; nothing printed if all is well");
  return [options] { return simulate(*options); };
}

}  // namespace lichen::tool
