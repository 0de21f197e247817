// SPDX-License-Identifier: Apache-2.0
// lichen-sim: the commands of `lichen sim` without the rest, built in a minute.
#include "sim_commands.hpp"

int main(int argc, char** argv) {
  CLI::App app("lichen-sim: the simulated world (lichen sim)");
  app.footer("Exit codes: 0 done, 1 failed, 2 usage, 3 bad input, 4 not supported here.");
  return lichen::tool::run_chosen(app, lichen::tool::add_sim(app), argc, argv);
}
