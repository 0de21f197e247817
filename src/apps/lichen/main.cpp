// SPDX-License-Identifier: Apache-2.0
// lichen: the tool. Looks into models, runs them, asks a device how it is, and simulates fleets.
#include "commands.hpp"

int main(int argc, char** argv) {
  CLI::App app("lichen: models on devices that keep answering");
  app.set_version_flag("--version", "lichen " LICHEN_VERSION);
  app.require_subcommand(1);
  app.footer("Exit codes: 0 done, 1 failed, 2 usage, 3 bad input, 4 not supported here.");
  lichen::tool::Commands commands = lichen::tool::add_sim(*app.add_subcommand("sim", "the simulated world"));
  CLI::App* run_model = app.add_subcommand("run", "run a model on one input");
  CLI::App* inspect = app.add_subcommand("inspect", "show what a model is made of and what runs it");
  CLI::App* bench = app.add_subcommand("bench", "measure a model on this machine, layer by layer");
  CLI::App* backends = app.add_subcommand("backends", "list the engines that can run models, and which are here");
  CLI::App* convert = app.add_subcommand("convert", "bring a model from one format into another");
  CLI::App* status = app.add_subcommand("status", "ask a device how it is");
  CLI::App* top = app.add_subcommand("top", "watch a device: rungs, rates, memory, again and again");
  commands.emplace_back(run_model, lichen::tool::add_run(*run_model));
  commands.emplace_back(inspect, lichen::tool::add_inspect(*inspect));
  commands.emplace_back(bench, lichen::tool::add_bench(*bench));
  commands.emplace_back(backends, lichen::tool::add_backends(*backends));
  commands.emplace_back(convert, lichen::tool::add_convert(*convert));
  commands.emplace_back(status, lichen::tool::add_status(*status));
  commands.emplace_back(top, lichen::tool::add_top(*top));
  return lichen::tool::run_chosen(app, commands, argc, argv);
}
