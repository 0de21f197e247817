// SPDX-License-Identifier: Apache-2.0
// What the commands of `lichen sim` share: the options that make a world, planted bugs, and where a world comes from.
#pragma once

#include <cstdint>
#include <string>

#include <CLI/CLI.hpp>

#include "base/error.hpp"
#include "sim/plan.hpp"
#include "sim/report.hpp"

namespace lichen::tool {

struct WorldOptions {
  std::uint32_t devices = 0;
  std::uint32_t hours = 0;
  std::string faults = "swarm";
  std::string shape = "swarm";
  std::uint64_t request_every_ms = 0;
  std::string plant;
};

void add_world_options(CLI::App& app, WorldOptions& options, std::uint32_t devices, std::uint32_t hours);
[[nodiscard]] Result<sim::Options> world_of(const WorldOptions& options);
// Switches the planted bug on, for the rest of this process.
[[nodiscard]] Result<void> plant(const std::string& name);

// A seed with the options, or a world file.
[[nodiscard]] Result<sim::Plan> plan_from(const std::string& seed_or_file, const WorldOptions& options);
// The command that shows this failure again; `source` is what plan_from() was given.
[[nodiscard]] std::string again_command(const sim::Report& report, const std::string& source, const std::string& plant);

[[nodiscard]] Result<std::string> read_text(const std::string& path);
// Writes beside it and renames, so that a reader sees the old text or the new one.
[[nodiscard]] Result<void> write_text(const std::string& path, const std::string& text);

}  // namespace lichen::tool
