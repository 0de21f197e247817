// SPDX-License-Identifier: Apache-2.0
// lichen inspect: layers, shapes, parameters, multiply-accumulates, memory, and which kernel runs what.
#include <algorithm>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "backends/backend.hpp"
#include "base/json.hpp"
#include "commands.hpp"
#include "engine/session.hpp"
#include "formats/outline.hpp"
#include "formats/tflite.hpp"
#include "graph/draw.hpp"
#include "graph/print.hpp"
#include "model_file.hpp"
#include "onnx/outline.hpp"
#include "posix/files.hpp"

namespace lichen::tool {
namespace {

struct Options {
  std::string model;
  std::string svg;
  std::string dot;
  bool as_stored = false;
  bool json = false;
};

Json shape_json(const tensor::Shape& shape) {
  return shape.known() ? Json(shape.dims()) : Json(nullptr);
}

Json tensor_json(const engine::TensorInfo& info) {
  Json out = {{"name", info.spec.name}, {"dtype", tensor::name_of(info.spec.dtype)}, {"shape", shape_json(info.spec.shape)}};
  if (!info.quantization.scales.empty()) {
    out["scale"] = info.quantization.scales[0];
    out["zero_point"] = info.quantization.zero_points.empty() ? 0 : info.quantization.zero_points[0];
  }
  return out;
}

Json to_json(const ModelFile& model, const engine::Session& session) {
  const graph::Cost cost = graph::cost_of(session.planned_graph());
  Json nodes = Json::array();
  for (const engine::NodeProfile& node : session.nodes()) {
    nodes.push_back({{"name", node.name}, {"op", node.op}, {"kernel", node.kernel}, {"macs", node.macs}});
  }
  Json inputs = Json::array();
  for (const auto& info : session.inputs()) inputs.push_back(tensor_json(info));
  Json outputs = Json::array();
  for (const auto& info : session.outputs()) outputs.push_back(tensor_json(info));
  return {{"schema", "lichen.inspect.v1"},
          {"model", model.graph.name},
          {"format", model.format},
          {"file_bytes", model.file.bytes().size()},
          {"nodes_stored", model.graph.nodes.size()},
          {"static", session.is_static()},
          {"macs", cost.macs},
          {"parameters", cost.parameters},
          {"parameter_bytes", cost.parameter_bytes},
          {"arena_bytes", session.arena_bytes()},
          {"packed_bytes", session.packed_bytes()},
          {"inputs", inputs},
          {"outputs", outputs},
          {"nodes", nodes}};
}

Result<void> draw(const graph::Graph& graph, const Options& options) {
  if (!options.svg.empty()) LICHEN_TRY(posix::write_file(options.svg, bytes_of(graph::to_svg(graph))));
  if (!options.dot.empty()) LICHEN_TRY(posix::write_file(options.dot, bytes_of(graph::to_dot(graph))));
  return {};
}

// The layers of a file that cannot be loaded, those that are in the way marked. The error itself is the command's end.
void show_outline(const Options& options, const Error& error) {
  const auto file = posix::MappedFile::open(options.model, formats::kTfliteBytesMax);
  if (!file) return;
  const bool is_tflite = backends::format_of({options.model, file->bytes()}) == backends::Format::kTflite;
  const auto outline = is_tflite ? formats::outline_tflite(file->bytes(), options.model)
                                 : formats::outline_onnx(file->bytes(), options.model);
  if (!outline || outline->empty()) return;
  Json nodes = Json::array();
  for (std::size_t i = 0; i < outline->size(); ++i) {
    const graph::OutlineLine& line = (*outline)[i];
    if (!options.json) fmt::print("{:>5} {:<14} {:<28} {}\n", i, line.known ? "" : "NOT SUPPORTED", line.op, line.name);
    nodes.push_back({{"op", line.op}, {"name", line.name}, {"supported", line.known}});
  }
  if (!options.json) return;
  fmt::print("{}\n", Json{{"schema", "lichen.inspect.v1"},
                          {"model", options.model},
                          {"format", is_tflite ? "tflite" : "onnx"},
                          {"error", lichen::to_json(error)},
                          {"nodes", nodes}}
                        .dump());
}

Result<int> inspect(const Options& options) {
  Result<ModelFile> loaded = load_model(options.model);
  if (!loaded && loaded.error().code == Code::kUnsupported) show_outline(options, loaded.error());
  const ModelFile model = LICHEN_TRY(std::move(loaded));
  if (options.as_stored) {
    LICHEN_TRY(draw(model.graph, options));
    fmt::print("{}", graph::to_text(model.graph));
    return 0;
  }
  const auto session = LICHEN_TRY(engine::Session::create(model.graph, {}));
  LICHEN_TRY(draw(session->planned_graph(), options));
  if (options.json) {
    fmt::print("{}\n", to_json(model, *session).dump());
    return 0;
  }
  fmt::print("{}", graph::to_text(session->planned_graph()));
  fmt::print("\n{} nodes of the file became {}; {}\n", model.graph.nodes.size(), session->nodes().size(),
             session->is_static() ? "all shapes are known: a run allocates nothing"
                                  : "some shapes depend on values: planned while it runs");
  fmt::print("memory: {} bytes of activations, {} bytes of packed weights, {} bytes on disk\n", session->arena_bytes(),
             session->packed_bytes(), model.file.bytes().size());
  fmt::print("kernels:\n");
  for (const engine::NodeProfile& node : session->nodes())
    fmt::print("  {:<18} {:<34} {}\n", node.op, node.kernel.empty() ? "(chosen when it runs)" : node.kernel, node.name);
  return 0;
}

}  // namespace

Command add_inspect(CLI::App& app) {
  auto options = std::make_shared<Options>();  // shared with the command below, which outlives this call
  app.add_option("model", options->model, "a .tflite or .onnx file")->required();
  app.add_option("--svg", options->svg, "write a picture of the graph as it runs");
  app.add_option("--dot", options->dot, "write the graph for Graphviz");
  app.add_flag("--as-stored", options->as_stored, "the graph of the file, before it is rewritten for this engine");
  app.add_flag("--json", options->json, "one JSON object");
  return [options] { return inspect(*options); };
}

}  // namespace lichen::tool
