// SPDX-License-Identifier: Apache-2.0
// lichen sim replay: one world again, with what happened to the device that failed. lichen sim compare: two logs of
// runs that should be one.
#include <cstdio>
#include <memory>

#include <fmt/format.h>

#include "sim/html_report.hpp"
#include "sim/world.hpp"
#include "sim_commands.hpp"
#include "sim_options.hpp"

namespace lichen::tool {
namespace {

struct Options {
  std::string source;
  WorldOptions world;
  std::optional<std::uint32_t> device;
  std::size_t lines = 60;
  bool all = false;
  std::string html;
  std::string log;
  std::uint64_t log_every = 1;
  bool json = false;
  bool quiet = false;
};

// Of the device that failed, or that was asked for.
std::vector<const sim::Happening*> shown(const Options& options, const sim::Report& report,
                                         const sim::Timeline& timeline) {
  std::vector<const sim::Happening*> shown;
  const auto device =
      options.device ? options.device : (report.violation ? std::optional(report.violation->device) : std::nullopt);
  if (!device) return shown;
  for (const sim::Happening& h : timeline.happenings) {
    if (h.device == *device) shown.push_back(&h);
  }
  if (!options.all && shown.size() > options.lines) {
    shown.erase(shown.begin(), shown.end() - static_cast<std::ptrdiff_t>(options.lines));
  }
  return shown;
}

void print_text(const Options& options, const sim::Report& report, const sim::Timeline& timeline) {
  fmt::print("{}", sim::to_text(report));
  const auto happenings = shown(options, report, timeline);
  if (happenings.empty()) return;
  fmt::print("\ndevice {}{}\n", happenings.front()->device, options.all ? "" : ", the last of what happened");
  for (const sim::Happening* h : happenings) fmt::print("{}\n", sim::to_line(*h));
}

Result<int> replay(const Options& options) {
  LICHEN_TRY(plant(options.world.plant));
  const sim::Plan plan = LICHEN_TRY(plan_from(options.source, options.world));
  sim::Timeline timeline;
  sim::HashLog log{.every = options.log_every, .entries = {}};
  const sim::Report report =
      sim::run(plan, {.progress = {}, .timeline = &timeline, .log = options.log.empty() ? nullptr : &log});
  if (!options.log.empty()) LICHEN_TRY(write_text(options.log, sim::to_text(log)));
  if (!options.html.empty()) LICHEN_TRY(write_text(options.html, sim::to_html(plan, report, timeline)));
  if (options.json) {
    Json json = sim::to_json(report);
    if (report.violation) json["violation"]["replay"] = again_command(report, options.source, options.world.plant);
    json["timeline"] = Json::array();
    for (const sim::Happening* h : shown(options, report, timeline)) json["timeline"].push_back(sim::to_json(*h));
    fmt::print("{}\n", json.dump());
  } else if (!options.quiet) {
    print_text(options, report, timeline);
  }
  return report.violation ? 1 : 0;
}

struct Logs {
  std::string left;
  std::string right;
};

Result<int> compare_logs(const Logs& logs) {
  const std::string left_text = LICHEN_TRY(read_text(logs.left));
  const std::string right_text = LICHEN_TRY(read_text(logs.right));
  const sim::HashLog left = LICHEN_TRY(sim::hash_log_from(left_text, logs.left));
  const sim::HashLog right = LICHEN_TRY(sim::hash_log_from(right_text, logs.right));
  const auto divergence = LICHEN_TRY(sim::compare(left, right));
  if (!divergence) {
    fmt::print("the same run: {} entries, every {} events\n", left.entries.size(), left.every);
    return 0;
  }
  fmt::print("{}", sim::to_text(*divergence));
  return 1;
}

}  // namespace

Command add_sim_replay(CLI::App& app) {
  auto options = std::make_shared<Options>();  // shared with the command below, which outlives this call
  app.add_option("world", options->source, "a seed, or a world file")->required();
  add_world_options(app, options->world, 10, 4);
  app.add_option("--device", options->device, "show what happened to this device (default: the one that failed)");
  app.add_option("--lines", options->lines, "how much of it, at the end")->capture_default_str();
  app.add_flag("--all", options->all, "all of it");
  app.add_option("--html", options->html, "write a page with a timeline of every device");
  app.add_option("--log", options->log, "write the running hash of the trace, for lichen sim compare");
  app.add_option("--log-every", options->log_every, "events")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000}));
  app.add_flag("--json", options->json, "one JSON object");
  app.add_flag("--quiet", options->quiet, "print nothing");
  return [options] { return replay(*options); };
}

Command add_sim_compare(CLI::App& app) {
  auto logs = std::make_shared<Logs>();  // shared with the command below, which outlives this call
  app.add_option("first", logs->left, "a log that lichen sim replay --log wrote")->required();
  app.add_option("second", logs->right, "another")->required();
  return [logs] { return compare_logs(*logs); };
}

}  // namespace lichen::tool
