// SPDX-License-Identifier: Apache-2.0
// lichen inspect: layers, shapes, parameters, multiply-accumulates, memory, and which kernel runs what.
#include <memory>
#include <string>

#include <fmt/format.h>

#include "base/json.hpp"
#include "commands.hpp"
#include "engine/session.hpp"
#include "formats/tflite.hpp"
#include "graph/print.hpp"
#include "posix/files.hpp"

namespace lichen::tool {
namespace {

struct Options {
  std::string model;
  bool json = false;
};

Json tensor_json(const engine::TensorInfo& info) {
  Json out = {{"name", info.spec.name}, {"dtype", tensor::name_of(info.spec.dtype)}, {"shape", info.spec.shape.dims()}};
  if (!info.quantization.scales.empty()) {
    out["scale"] = info.quantization.scales[0];
    out["zero_point"] = info.quantization.zero_points.empty() ? 0 : info.quantization.zero_points[0];
  }
  return out;
}

Json to_json(const graph::Graph& graph, const engine::Session& session, std::size_t file_bytes) {
  const graph::Cost cost = graph::cost_of(graph);
  Json nodes = Json::array();
  for (const engine::NodeProfile& node : session.nodes()) {
    nodes.push_back({{"name", node.name}, {"op", node.op}, {"kernel", node.kernel}, {"macs", node.macs}});
  }
  Json inputs = Json::array();
  for (const auto& info : session.inputs()) inputs.push_back(tensor_json(info));
  Json outputs = Json::array();
  for (const auto& info : session.outputs()) outputs.push_back(tensor_json(info));
  return {{"schema", "lichen.inspect.v1"},
          {"model", graph.name},
          {"file_bytes", file_bytes},
          {"macs", cost.macs},
          {"parameters", cost.parameters},
          {"parameter_bytes", cost.parameter_bytes},
          {"arena_bytes", session.arena_bytes()},
          {"packed_bytes", session.packed_bytes()},
          {"inputs", inputs},
          {"outputs", outputs},
          {"nodes", nodes}};
}

Result<int> inspect(const Options& options) {
  const Bytes file = LICHEN_TRY(posix::read_file(options.model, formats::kTfliteBytesMax));
  const graph::Graph graph = LICHEN_TRY(formats::read_tflite(file, options.model));
  const auto session = LICHEN_TRY(engine::Session::create(graph, {}));
  if (options.json) {
    fmt::print("{}\n", to_json(graph, *session, file.size()).dump());
    return 0;
  }
  fmt::print("{}", graph::to_text(graph));
  fmt::print("\nmemory: {} bytes of activations in one arena, {} bytes of packed weights, {} bytes on disk\n",
             session->arena_bytes(), session->packed_bytes(), file.size());
  fmt::print("kernels:\n");
  for (const engine::NodeProfile& node : session->nodes())
    fmt::print("  {:<18} {:<28} {}\n", node.op, node.kernel, node.name);
  return 0;
}

}  // namespace

Command add_inspect(CLI::App& app) {
  auto options = std::make_shared<Options>();  // shared with the command below, which outlives this call
  app.add_option("model", options->model, "a .tflite file")->required();
  app.add_flag("--json", options->json, "one JSON object");
  return [options] { return inspect(*options); };
}

}  // namespace lichen::tool
