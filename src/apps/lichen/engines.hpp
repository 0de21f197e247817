// SPDX-License-Identifier: Apache-2.0
// The choice of an engine on the command line, and a model in the one that was chosen.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "backends/backend.hpp"
#include "base/error.hpp"
#include "posix/mapped_file.hpp"

namespace lichen::tool {

struct EngineChoice {
  std::string backend = "native";
  std::string library;  // empty: what the backend's variable of the environment names, or its usual names
};

[[nodiscard]] std::vector<std::string> backend_names();

// --backend and --library.
void add_engine_options(CLI::App& app, EngineChoice& choice);

// The library to take for a backend.
[[nodiscard]] std::string library_of(const backends::Backend& backend, const std::string& given);

struct LoadedModel {
  posix::MappedFile file;  // the runner may borrow its weights from it
  std::unique_ptr<backends::Runner> runner;
};

[[nodiscard]] Result<LoadedModel> load_into(const EngineChoice& choice, const std::string& path,
                                            const backends::LoadOptions& options);

}  // namespace lichen::tool
