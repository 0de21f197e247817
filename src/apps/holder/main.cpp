// SPDX-License-Identifier: Apache-2.0
// lichen-holder: holds listening sockets for a command that may die.
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "holder.hpp"
#include "posix/listen_fds.hpp"

namespace {

constexpr int kExitUsage = 2;

constexpr std::string_view kHelp = R"(usage: lichen-holder --listen [NAME=]HOST:PORT ... -- COMMAND [ARGUMENT ...]

Binds the sockets, runs COMMAND with them (as systemd's socket activation does) and starts it again whenever it ends.
While it is away, connections wait instead of being refused. Ends with COMMAND at SIGTERM or SIGINT.

  --listen [NAME=]HOST:PORT   a TCP socket, up to 16; port 0 picks one; each is printed on stdout
  --help                      this
  --version                   the version

example: lichen-holder --listen rest=127.0.0.1:8080 -- lichend --config device.toml
)";

int bad_usage(std::string_view why) {
  fmt::print(stderr, "lichen-holder: {}; try --help\n", why);
  return kExitUsage;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace lichen;
  const std::vector<std::string> words(argv + 1, argv + argc);
  std::vector<holder::Listener> listeners;
  std::vector<std::string> command;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--help") return fmt::print("{}", kHelp), 0;
    if (words[i] == "--version") return fmt::print("lichen-holder {}\n", LICHEN_VERSION), 0;
    if (words[i] == "--") {
      command.assign(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
      break;
    }
    if (words[i] != "--listen" || i + 1 == words.size()) return bad_usage("unknown argument: " + words[i]);
    if (listeners.size() == posix::kListenFdsMax) return bad_usage("too many --listen");
    auto listener = holder::listen_on(words[++i]);
    if (!listener) {
      fmt::print(stderr, "lichen-holder: {}\n", listener.error().to_line());
      return exit_code_of(listener.error().code);
    }
    fmt::print("listening on {}\n", listener->where);
    listeners.push_back(std::move(*listener));
  }
  if (listeners.empty()) return bad_usage("no --listen");
  if (command.empty()) return bad_usage("no command after --");
  std::fflush(stdout);
  return holder::Holder(std::move(listeners), std::move(command)).run();
}
