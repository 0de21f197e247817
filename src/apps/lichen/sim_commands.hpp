// SPDX-License-Identifier: Apache-2.0
// The commands of `lichen sim`. They are also a program of their own, lichen-sim, which needs no engine: what ./soak
// and the planted build use.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/error.hpp"

namespace lichen::tool {

// Does the command; the value is the exit code.
using Command = std::function<Result<int>()>;
using Commands = std::vector<std::pair<CLI::App*, Command>>;

[[nodiscard]] Commands add_sim(CLI::App& sim);

[[nodiscard]] Command add_sim_run(CLI::App& app);
[[nodiscard]] Command add_sim_hunt(CLI::App& app);
[[nodiscard]] Command add_sim_replay(CLI::App& app);
[[nodiscard]] Command add_sim_shrink(CLI::App& app);
[[nodiscard]] Command add_sim_planted(CLI::App& app);
[[nodiscard]] Command add_sim_compare(CLI::App& app);

// Parses the command line and does the command that was chosen; returns the exit code.
int run_chosen(CLI::App& app, const Commands& commands, int argc, char** argv);

}  // namespace lichen::tool
