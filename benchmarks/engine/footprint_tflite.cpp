// SPDX-License-Identifier: Apache-2.0
// What a program costs that holds the engine and the TFLite reader, and nothing of other formats: its size is a bar.
// ARGUMENT is not used.
#include <cstring>
#include <memory>

#include "engine/session.hpp"
#include "footprint.h"
#include "formats/tflite.hpp"
#include "mapped_file.hpp"

namespace {

using namespace lichen;

struct Model {
  bench::MappedFile file;
  graph::Graph graph;
  std::unique_ptr<engine::Session> session;
};

template <typename T>
T must(Result<T> result) {
  if (!result) footprint_die("cannot load or run the model", result.error().to_line().c_str());
  return std::move(*result);
}

}  // namespace

void engine_open(const char* /*argument*/) {}

void* engine_load(const char* path) {
  auto model = std::make_unique<Model>();
  model->file = bench::MappedFile(path);
  if (model->file.bytes().empty()) footprint_die("cannot read the model", path);
  model->graph = must(formats::read_tflite(model->file.bytes(), path));
  model->session = must(engine::Session::create(model->graph, {}));
  for (std::size_t i = 0; i < model->session->inputs().size(); ++i) {
    const std::span<std::byte> input = model->session->input(i);
    std::memset(input.data(), 0, input.size());
  }
  return model.release();
}

void engine_run(void* loaded) {
  const auto ran = static_cast<Model*>(loaded)->session->run();
  if (!ran) footprint_die("cannot run the model", ran.error().to_line().c_str());
}

void engine_unload(void* loaded) {
  delete static_cast<Model*>(loaded);
}
