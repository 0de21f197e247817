// SPDX-License-Identifier: Apache-2.0
// lichen sim hunt: seed after seed on every core, one world a process. Lists the seeds that break an invariant, the
// probes that nobody reached, and can go on where it stopped.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <set>

#include <fmt/format.h>

#include "posix/clock.hpp"
#include "sim_commands.hpp"
#include "sim_options.hpp"
#include "sim_outcome.hpp"

namespace lichen::tool {
namespace {

constexpr TimeNs kSaveEveryNs = 5 * kSecondNs;

struct Options {
  std::uint64_t from = 1;
  std::uint64_t count = 1000;
  std::uint32_t minutes = 0;
  unsigned jobs = 0;
  bool first = false;
  std::uint64_t limit_s = 600;
  std::string state;
  WorldOptions world;
  bool probes = false;
  bool json = false;
  bool quiet = false;
};

// What a hunt has come to; written to a file now and then, so that it can go on.
struct Hunt {
  std::uint64_t next = 0;  // the first seed that was not given out
  std::set<std::uint64_t> running;
  std::uint64_t done = 0;
  std::uint64_t events = 0;
  std::uint64_t rechecked = 0;
  ProbeCounts probes{};
  std::map<std::uint64_t, sim::Violation> failures;
};

Json world_json(const Options& options) {
  const WorldOptions& w = options.world;
  return {{"from", options.from}, {"devices", w.devices}, {"hours", w.hours},
          {"faults", w.faults},   {"shape", w.shape},     {"request_every_ms", w.request_every_ms},
          {"plant", w.plant}};
}

Json state_json(const Options& options, const Hunt& hunt) {
  Json failures = Json::array();
  for (const auto& [seed, violation] : hunt.failures) {
    Json failure = sim::to_json(violation);
    failure["seed"] = seed;
    failures.push_back(std::move(failure));
  }
  Json probes = Json::object();
  for (std::size_t p = 0; p < kProbes; ++p) probes[std::string(kProbeNames[p])] = hunt.probes[p];
  // Those under way are given out again: their results were not counted.
  return {{"schema", "lichen.sim.hunt.v1"}, {"world", world_json(options)}, {"next", hunt.next},
          {"again", hunt.running},          {"seeds", hunt.done},           {"failed", hunt.failures.size()},
          {"events", hunt.events},          {"rechecked", hunt.rechecked},  {"failures", std::move(failures)},
          {"probes", std::move(probes)},    {"ok", hunt.failures.empty()}};
}

Result<Hunt> resume(const Options& options, std::set<std::uint64_t>& again) {
  Hunt hunt;
  hunt.next = options.from;
  if (options.state.empty() || ::access(options.state.c_str(), R_OK) != 0) return hunt;
  const auto other = [&](std::string why) {
    return fail(Code::kBadInput, "cannot go on", options.state, std::move(why), "remove it, or take another --state");
  };
  const std::string text = LICHEN_TRY(read_text(options.state));
  const Json json = LICHEN_TRY(parse_json(text, options.state));
  if (json.value("world", Json()) != world_json(options)) return other("it is of a hunt with other options");
  hunt.next = json.at("next").get<std::uint64_t>();
  again = json.at("again").get<std::set<std::uint64_t>>();
  hunt.done = json.at("seeds").get<std::uint64_t>();
  hunt.events = json.at("events").get<std::uint64_t>();
  hunt.rechecked = json.at("rechecked").get<std::uint64_t>();
  for (std::size_t p = 0; p < kProbes; ++p) hunt.probes[p] = json.at("probes").value(kProbeNames[p], std::uint64_t{0});
  for (const Json& f : json.at("failures")) {
    hunt.failures.emplace(f.at("seed").get<std::uint64_t>(),
                          sim::Violation{f.at("invariant").get<std::string>(), f.at("detail").get<std::string>(),
                                         f.at("device").get<std::uint32_t>(), f.at("time_ns").get<TimeNs>()});
  }
  return hunt;
}

void count(Hunt& hunt, const Outcome& outcome) {
  hunt.running.erase(outcome.seed);
  ++hunt.done;
  hunt.events += outcome.events;
  hunt.rechecked += outcome.rechecked ? 1 : 0;
  for (std::size_t p = 0; p < kProbes; ++p) hunt.probes[p] += outcome.probes[p];
  if (outcome.violation) hunt.failures.emplace(outcome.seed, *outcome.violation);
}

void show_progress(const Options& options, const Hunt& hunt, TimeNs took_ns) {
  constexpr std::uint64_t kBarCells = 30;
  const std::uint64_t cells = std::min(kBarCells, hunt.done * kBarCells / std::max<std::uint64_t>(options.count, 1));
  fmt::print(stderr, "\r\033[K[{}{}] {} of {} seeds, {:.1f} a second, {} failed", std::string(cells, '#'),
             std::string(kBarCells - cells, '.'), hunt.done, options.count,
             static_cast<double>(hunt.done) * 1e9 / static_cast<double>(std::max<TimeNs>(took_ns, 1)),
             hunt.failures.size());
  std::fflush(stderr);
}

void print_failures(const Options& options, const Hunt& hunt) {
  for (const auto& [seed, v] : hunt.failures) {
    fmt::print("seed {}: BROKEN: {}\n  {}\n  device {} at {:.6f} s\n", seed, v.invariant, v.detail, v.device,
               static_cast<double>(v.time_ns) / 1e9);
    std::string world = fmt::format("{} --devices {} --hours {}", seed, options.world.devices, options.world.hours);
    if (options.world.faults != "swarm") world += " --faults " + options.world.faults;
    if (options.world.shape != "swarm") world += " --shape " + options.world.shape;
    if (options.world.request_every_ms != 0)
      world += fmt::format(" --request-every-ms {}", options.world.request_every_ms);
    if (!options.world.plant.empty()) world += " --plant " + options.world.plant;
    fmt::print("  lichen sim replay {0}\n  lichen sim shrink {0}\n", world);
  }
}

void print_probes(const Options& options, const Hunt& hunt) {
  if (!kHasProbes) {
    fmt::print("probes: none in this build (-DLICHEN_PROBES=OFF)\n");
    return;
  }
  const auto reached = std::ranges::count_if(hunt.probes, [](std::uint64_t n) { return n > 0; });
  fmt::print("probes: {} of {} reached\n", reached, kProbes);
  for (std::size_t p = 0; p < kProbes; ++p) {
    if (hunt.probes[p] == 0) fmt::print("  never reached: {}\n", kProbeNames[p]);
  }
  if (!options.probes) return;
  for (std::size_t p = 0; p < kProbes; ++p) fmt::print("  {:>12}  {}\n", hunt.probes[p], kProbeNames[p]);
}

Result<int> hunt_seeds(const Options& options) {
  LICHEN_TRY(plant(options.world.plant));
  const sim::Options world = LICHEN_TRY(world_of(options.world));
  std::set<std::uint64_t> again;
  Hunt hunt = LICHEN_TRY(resume(options, again));
  const posix::MonotonicClock clock;
  const TimeNs before_ns = clock.now_ns();
  const std::uint64_t done_before = hunt.done;
  const TimeNs until_ns = options.minutes == 0 ? kNeverNs : before_ns + options.minutes * kMinuteNs;
  const bool live = !options.quiet && !options.json && isatty(STDERR_FILENO) == 1;
  TimeNs saved_ns = before_ns;
  Result<void> saved;
  const auto save = [&] {
    if (!options.state.empty()) saved = write_text(options.state, state_json(options, hunt).dump(1) + "\n");
    saved_ns = clock.now_ns();
  };
  const auto next = [&]() -> std::optional<std::uint64_t> {
    if (clock.now_ns() >= until_ns) return std::nullopt;
    std::uint64_t seed = 0;
    if (!again.empty()) {
      seed = *again.begin();
      again.erase(again.begin());
    } else if (hunt.next < options.from + options.count) {
      seed = hunt.next++;
    } else {
      return std::nullopt;
    }
    hunt.running.insert(seed);
    return seed;
  };
  const auto work = [&](std::uint64_t seed) {
    sim::Options what = world;
    what.seed = seed;
    return pack(outcome_of(sim::plan_of(what), is_rechecked(seed)));
  };
  const auto done = [&](const Ended& ended) {
    count(hunt, unpack(ended));
    if (clock.now_ns() - saved_ns > kSaveEveryNs) save();
    return !(options.first && !hunt.failures.empty());
  };
  const auto tick = [&] {
    if (live) show_progress(options, hunt, clock.now_ns() - before_ns);
  };
  const Pool pool{.jobs = options.jobs == 0 ? cores() : options.jobs,
                  .limit_ns = static_cast<TimeNs>(options.limit_s) * kSecondNs};
  run_apart(pool, next, work, done, tick);
  save();
  LICHEN_TRY(saved);
  if (live) fmt::print(stderr, "\r\033[K");
  const double took_s = static_cast<double>(clock.now_ns() - before_ns) / 1e9;
  if (options.json) {
    Json json = state_json(options, hunt);
    json["seconds"] = took_s;
    fmt::print("{}\n", json.dump());
  } else if (!options.quiet || !hunt.failures.empty()) {
    print_failures(options, hunt);
    fmt::print("seeds: {}; clean: {}; failed: {}; run twice: {}; {:.1f} s, {:.1f} seeds a second\n", hunt.done,
               hunt.done - hunt.failures.size(), hunt.failures.size(), hunt.rechecked, took_s,
               static_cast<double>(hunt.done - done_before) / std::max(took_s, 1e-9));
    print_probes(options, hunt);
  }
  if (hunt.done == 0)
    return fail(Code::kDeadlineExceeded, "nothing was simulated", "hunt", "no seed was finished in time");
  return hunt.failures.empty() ? 0 : 1;
}

}  // namespace

Command add_sim_hunt(CLI::App& app) {
  auto options = std::make_shared<Options>();  // shared with the command below, which outlives this call
  app.add_option("--from", options->from, "the first seed")->capture_default_str()->check(CLI::NonNegativeNumber);
  app.add_option("--count", options->count, "how many seeds")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000'000}));
  app.add_option("--minutes", options->minutes, "give out no more seeds after so long; 0: until all are done")
      ->capture_default_str()
      ->check(CLI::Range(0u, 1'000'000u));
  app.add_option("--jobs", options->jobs, "worlds at once; 0: one a core")
      ->capture_default_str()
      ->check(CLI::Range(0u, 1024u));
  app.add_option("--limit", options->limit_s, "seconds that one seed may take")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000}));
  app.add_option("--state", options->state, "a file to go on from, and to keep what was done in");
  app.add_flag("--first", options->first, "stop at the first seed that fails");
  add_world_options(app, options->world, 10, 4);
  app.add_flag("--probes", options->probes, "list how often each probe was reached");
  app.add_flag("--json", options->json, "one JSON object");
  app.add_flag("--quiet", options->quiet, "no progress; nothing printed if all is well");
  return [options] { return hunt_seeds(*options); };
}

}  // namespace lichen::tool
