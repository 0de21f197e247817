// SPDX-License-Identifier: Apache-2.0
// lichend: the agent. Reads device.toml, keeps the workers of its ladders alive, and answers.
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include "device/config.hpp"
#include "host.hpp"
#include "posix/files.hpp"
#include "posix/os.hpp"

namespace {

constexpr int kExitUsage = 2;
// The agent computes next to nothing, but deadlines hang on it: on a starved device it goes first, if it may.
constexpr int kNiceness = -10;

struct Arguments {
  std::string config;
  std::vector<std::string> listen;
  bool check = false;
  bool explain = false;
  bool quiet = false;
  bool verbose = false;
};

void set_up_log(const Arguments& arguments) {
  auto log = spdlog::stderr_color_st("lichend");
  log->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v");
  log->set_level(arguments.quiet ? spdlog::level::err : arguments.verbose ? spdlog::level::debug : spdlog::level::info);
  spdlog::set_default_logger(std::move(log));
}

lichen::Result<lichen::device::DeviceConfig> load_config(const Arguments& arguments) {
  const lichen::Bytes text = LICHEN_TRY(lichen::posix::read_file(arguments.config, lichen::device::kConfigBytesMax));
  auto config = LICHEN_TRY(lichen::device::parse_config(lichen::text_of(text), arguments.config));
  for (const std::string& address : arguments.listen) {
    if (address.starts_with("unix:")) continue;
    if (auto at = lichen::device::parse_host_port(address, "--listen"); !at)
      return std::unexpected(std::move(at).error());
  }
  if (!arguments.listen.empty()) config.server.listen = arguments.listen;
  return config;
}

lichen::Result<void> serve(const Arguments& arguments) {
  const auto config = LICHEN_TRY(load_config(arguments));
  if (arguments.check) {
    fmt::print("{}: good: {} model(s)\n", arguments.config, config.models.size());
    return {};
  }
  if (lichen::posix::niceness() > kNiceness && !lichen::posix::set_niceness(kNiceness)) {
    spdlog::debug("no permission for niceness {}: answers may be late while the device is starved", kNiceness);
  }
  const auto host = LICHEN_TRY(lichen::lichend::Host::create(config, arguments.config));
  host->run();
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("lichend: keeps models answering on this device, whatever breaks");
  Arguments arguments;
  app.add_option("--config", arguments.config, "device.toml");
  app.add_option("--listen", arguments.listen, "instead of [server] listen: HOST:PORT (port 0 picks one) or unix:PATH");
  app.add_flag("--check", arguments.check, "read the config, say whether it is good, and end");
  app.add_flag("--explain-config", arguments.explain, "print every key of device.toml with its default and meaning");
  app.add_flag("--quiet", arguments.quiet, "log errors only");
  app.add_flag("--verbose", arguments.verbose, "log every start of a worker too");
  app.set_version_flag("--version", "lichend " LICHEN_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : kExitUsage;
  }
  if (arguments.explain) return fmt::print("{}", lichen::device::explain_config()), 0;
  if (arguments.config.empty()) {
    fmt::print(stderr,
               "lichen: cannot start: --config is missing; write a device.toml (lichend --explain-config shows how)\n");
    return kExitUsage;
  }
  set_up_log(arguments);
  if (const auto ok = serve(arguments); !ok) {
    fmt::print(stderr, "lichen: {}\n", ok.error().to_line());
    return lichen::exit_code_of(ok.error().code);
  }
  return 0;
}
