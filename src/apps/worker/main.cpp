// SPDX-License-Identifier: Apache-2.0
// lichen-worker: one model in a sandbox. Started by lichend, not by people.
#include <charconv>
#include <cstdio>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "engine/backends/xnnpack/xnnpack.hpp"
#include "model_body.hpp"
#include "posix/worker_runtime.hpp"

namespace {

constexpr int kExitUsage = 2;

constexpr std::string_view kHelp = R"(usage: lichen-worker --template FD

Runs one model in a sandbox. lichend starts it and talks to it over the socket FD; there is nothing to do by hand.

  --help      this
  --version   the version
)";

}  // namespace

int main(int argc, char** argv) {
  const std::string_view first = argc > 1 ? argv[1] : "";
  if (first == "--help") return fmt::print("{}", kHelp), 0;
  if (first == "--version") return fmt::print("lichen-worker {}\n", LICHEN_VERSION), 0;
  int socket = -1;
  const std::string_view number = argc == 3 ? argv[2] : "";
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), socket);
  if (first != "--template" || error != std::errc() || end != number.data() + number.size() || socket < 0) {
    fmt::print(stderr, "lichen-worker: bad arguments: it is started by lichend; try --help\n");
    return kExitUsage;
  }
  lichen::engine::start_xnnpack();  // where it is built in: it reads files about the CPU, the sandbox has none
  lichen::worker::ModelBody body;
  return lichen::posix::run_template(socket, body);
}
