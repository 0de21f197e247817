// SPDX-License-Identifier: Apache-2.0
#include "sim_options.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/planted.hpp"

namespace lichen::tool {

void add_world_options(CLI::App& app, WorldOptions& options, std::uint32_t devices, std::uint32_t hours) {
  options.devices = devices;
  options.hours = hours;
  app.add_option("--devices", options.devices, "how many devices")
      ->capture_default_str()
      ->check(CLI::Range(1u, sim::kDevicesMax));
  app.add_option("--hours", options.hours, "simulated hours")
      ->capture_default_str()
      ->check(CLI::Range(1u, sim::kHoursMax));
  app.add_option("--faults", options.faults,
                 "all, none, swarm (chosen by the seed), or some of " + sim::faults_to_text(sim::kAllFaults))
      ->capture_default_str();
  app.add_option("--shape", options.shape, "of ladders, clients and fault rates: plain, or swarm (chosen by the seed)")
      ->capture_default_str()
      ->check(CLI::IsMember({"plain", "swarm"}));
  app.add_option("--request-every-ms", options.request_every_ms, "between two requests of a device; 0: by the shape")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{3'600'000}));
  app.add_option("--plant", options.plant, "switch a planted bug on (builds with LICHEN_PLANTED_BUGS only)");
}

Result<sim::Options> world_of(const WorldOptions& options) {
  sim::Options world;
  world.devices = options.devices;
  world.hours = options.hours;
  world.faults = LICHEN_TRY(sim::parse_faults(options.faults));
  world.shape = options.shape == "plain" ? sim::ShapeChoice::kPlain : sim::ShapeChoice::kSwarm;
  world.request_every_ns = static_cast<TimeNs>(options.request_every_ms) * kMillisecondNs;
  return world;
}

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

Result<sim::Plan> plan_from(const std::string& seed_or_file, const WorldOptions& options) {
  std::uint64_t seed = 0;
  const char* end = seed_or_file.data() + seed_or_file.size();
  const auto [at, error] = std::from_chars(seed_or_file.data(), end, seed);
  if (error == std::errc() && at == end) {
    sim::Options world = LICHEN_TRY(world_of(options));
    world.seed = seed;
    return sim::plan_of(world);
  }
  const std::string text = LICHEN_TRY(read_text(seed_or_file));
  const Json json = LICHEN_TRY(parse_json(text, seed_or_file));
  return sim::plan_from_json(json, seed_or_file);
}

std::string again_command(const sim::Report& report, const std::string& source, const std::string& plant) {
  const bool is_seed = std::ranges::all_of(source, [](char c) { return c >= '0' && c <= '9'; });
  std::string command = is_seed ? sim::replay_command(report) : "lichen sim replay " + source;
  if (!plant.empty()) command += " --plant " + plant;
  return command;
}

Result<std::string> read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf()))
    return fail(Code::kNotFound, "cannot read", path, "no such file, or it is empty");
  return text.str();
}

Result<void> write_text(const std::string& path, const std::string& text) {
  const std::string beside = path + ".new";
  std::ofstream file(beside, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file || std::rename(beside.c_str(), path.c_str()) != 0) {
    return fail(Code::kIo, "cannot write", path, "the folder is missing, full or not writable");
  }
  return {};
}

}  // namespace lichen::tool
