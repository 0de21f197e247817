// SPDX-License-Identifier: Apache-2.0
// lichen backends: which engines can run models here, and why others cannot.
#include <memory>
#include <string>

#include <fmt/format.h>

#include "base/json.hpp"
#include "commands.hpp"
#include "engines.hpp"
#include "posix/library.hpp"

namespace lichen::tool {
namespace {

struct Options {
  std::string library;
  bool json = false;
};

Json endings_of(const backends::Backend& backend) {
  Json endings = Json::array();
  for (const backends::Format format : backend.reads) endings.push_back(backends::ending_of(format));
  return endings;
}

Json to_json(const backends::Backend& backend, const Result<std::string>& version) {
  Json out = {{"name", backend.name}, {"reads", endings_of(backend)}, {"available", version.has_value()}};
  if (version) out["version"] = *version;
  if (!version) out["error"] = lichen::to_json(version.error());
  return out;
}

void print_line(const backends::Backend& backend, const Result<std::string>& version) {
  std::string endings;
  for (const backends::Format format : backend.reads)
    endings += (endings.empty() ? "" : " ") + std::string(backends::ending_of(format));
  fmt::print("{:<14} {:<10} {:<16} {}\n", backend.name, version ? *version : "-", endings,
             version ? "ready" : "not here: " + version.error().to_line());
}

Result<int> list(const Options& options) {
  posix::Libraries libraries;
  Json all = Json::array();
  for (const backends::Backend& backend : backends::all()) {
    const auto version = backend.version({libraries, library_of(backend, options.library)});
    if (options.json) {
      all.push_back(to_json(backend, version));
    } else {
      print_line(backend, version);
    }
  }
  if (options.json) fmt::print("{}\n", Json{{"schema", "lichen.backends.v1"}, {"backends", all}}.dump());
  return 0;
}

}  // namespace

Command add_backends(CLI::App& app) {
  auto options = std::make_shared<Options>();  // shared with the command below, which outlives this call
  app.add_option("--library", options->library, "the shared library of an engine that is not ours, by its path");
  app.add_flag("--json", options->json, "one JSON object");
  return [options] { return list(*options); };
}

}  // namespace lichen::tool
