// SPDX-License-Identifier: Apache-2.0
// lichen: the tool. Looks into models, runs them, asks a device how it is, and simulates fleets.
#include <cstdio>
#include <exception>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "commands.hpp"

namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

int run(const lichen::tool::Command& command) {
  const lichen::Result<int> done = command();
  if (done) return *done;
  fmt::print(stderr, "lichen: {}\n", done.error().to_line());
  return lichen::exit_code_of(done.error().code);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("lichen: models on devices that keep answering");
  app.set_version_flag("--version", "lichen " LICHEN_VERSION);
  app.require_subcommand(1);
  app.footer("Exit codes: 0 done, 1 failed, 2 usage, 3 bad input, 4 not supported here.");
  CLI::App* sim = app.add_subcommand("sim", "the simulated world");
  sim->require_subcommand(1);

  std::vector<std::pair<CLI::App*, lichen::tool::Command>> commands;
  CLI::App* run_model = app.add_subcommand("run", "run a model on one input");
  CLI::App* inspect = app.add_subcommand("inspect", "show what a model is made of and what runs it");
  CLI::App* bench = app.add_subcommand("bench", "measure a model on this machine, layer by layer");
  CLI::App* backends = app.add_subcommand("backends", "list the engines that can run models, and which are here");
  CLI::App* convert = app.add_subcommand("convert", "bring a model from one format into another");
  CLI::App* status = app.add_subcommand("status", "ask a device how it is");
  CLI::App* sim_run = sim->add_subcommand("run", "run a fleet of devices under faults, from a seed");
  commands.emplace_back(run_model, lichen::tool::add_run(*run_model));
  commands.emplace_back(inspect, lichen::tool::add_inspect(*inspect));
  commands.emplace_back(bench, lichen::tool::add_bench(*bench));
  commands.emplace_back(backends, lichen::tool::add_backends(*backends));
  commands.emplace_back(convert, lichen::tool::add_convert(*convert));
  commands.emplace_back(status, lichen::tool::add_status(*status));
  commands.emplace_back(sim_run, lichen::tool::add_sim_run(*sim_run));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : kExitUsage;
  }
  try {
    for (const auto& [parsed, command] : commands) {
      if (parsed->parsed()) return run(command);
    }
  } catch (const std::exception& e) {
    fmt::print(stderr, "lichen: unexpected failure: {}; please report it\n", e.what());
    return kExitFailed;
  }
  return kExitUsage;
}
