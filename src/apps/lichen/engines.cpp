// SPDX-License-Identifier: Apache-2.0
#include "engines.hpp"

#include <cstdlib>
#include <utility>

#include "formats/tflite.hpp"
#include "posix/library.hpp"

namespace lichen::tool {

std::vector<std::string> backend_names() {
  std::vector<std::string> names;
  for (const backends::Backend& backend : backends::all()) names.emplace_back(backend.name);
  return names;
}

void add_engine_options(CLI::App& app, EngineChoice& choice) {
  app.add_option("--backend", choice.backend, "the engine that runs it; `lichen backends` lists them")
      ->capture_default_str()
      ->check(CLI::IsMember(backend_names()));
  app.add_option("--library", choice.library, "the shared library of an engine that is not ours, by its path");
}

std::string library_of(const backends::Backend& backend, const std::string& given) {
  if (!given.empty() || backend.library_variable.empty()) return given;
  const char* named = std::getenv(std::string(backend.library_variable).c_str());
  return named == nullptr ? std::string() : std::string(named);
}

Result<LoadedModel> load_into(const EngineChoice& choice, const std::string& path,
                              const backends::LoadOptions& options) {
  const backends::Backend& backend = *LICHEN_TRY(backends::named(choice.backend));
  posix::Libraries libraries;
  LoadedModel model{LICHEN_TRY(posix::MappedFile::open(path, formats::kTfliteBytesMax)), nullptr};
  model.runner = LICHEN_TRY(backends::load(backend, {path, model.file.bytes(), path}, options,
                                           {libraries, library_of(backend, choice.library)}));
  return model;
}

}  // namespace lichen::tool
