// SPDX-License-Identifier: Apache-2.0
// The commands of `lichen`. Each adds its options to the command line and returns what to do when it was chosen.
#pragma once

#include "sim_commands.hpp"

namespace lichen::tool {

[[nodiscard]] Command add_backends(CLI::App& app);
[[nodiscard]] Command add_bench(CLI::App& app);
[[nodiscard]] Command add_convert(CLI::App& app);
[[nodiscard]] Command add_inspect(CLI::App& app);
[[nodiscard]] Command add_run(CLI::App& app);
[[nodiscard]] Command add_status(CLI::App& app);
[[nodiscard]] Command add_top(CLI::App& app);

}  // namespace lichen::tool
