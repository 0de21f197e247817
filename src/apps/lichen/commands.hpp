// SPDX-License-Identifier: Apache-2.0
// The commands of `lichen`. Each adds its options to the command line and returns what to do when it was chosen.
#pragma once

#include <functional>

#include <CLI/CLI.hpp>

#include "base/error.hpp"

namespace lichen::tool {

// Does the command; the value is the exit code.
using Command = std::function<Result<int>()>;

[[nodiscard]] Command add_backends(CLI::App& app);
[[nodiscard]] Command add_bench(CLI::App& app);
[[nodiscard]] Command add_convert(CLI::App& app);
[[nodiscard]] Command add_inspect(CLI::App& app);
[[nodiscard]] Command add_run(CLI::App& app);
[[nodiscard]] Command add_status(CLI::App& app);
[[nodiscard]] Command add_sim_run(CLI::App& sim);

}  // namespace lichen::tool
