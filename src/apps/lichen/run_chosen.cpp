// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <exception>

#include <fmt/format.h>

#include "sim_commands.hpp"

namespace lichen::tool {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

int run(const Command& command) {
  const Result<int> done = command();
  if (done) return *done;
  fmt::print(stderr, "lichen: {}\n", done.error().to_line());
  return exit_code_of(done.error().code);
}

}  // namespace

int run_chosen(CLI::App& app, const Commands& commands, int argc, char** argv) {
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

}  // namespace lichen::tool
