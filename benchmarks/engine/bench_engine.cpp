// SPDX-License-Identifier: Apache-2.0
// Times Session::run of model files, native kernels or the reference ones.
//   bench_engine [--reference] [--nodes] [--threads N] [--rounds N] MODEL ...
// prints one JSON object a file: median and 95th percentile over rounds. And, for the script `run`:
//   bench_engine --worker [--reference] [--threads N] [--shapes 1x576,scalar,...] MODEL INPUT
// is a worker (worker.hpp) with the bytes of file INPUT in input 0, or without a first run where INPUT is "-".
// --shapes: those of all inputs, of a model that leaves some open.
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <sstream>

#include <fmt/format.h>

#include "engine/session.hpp"
#include "formats/tflite.hpp"
#include "graph/print.hpp"
#include "mapped_file.hpp"
#include "onnx/onnx.hpp"
#include "worker.hpp"

namespace {

using namespace lichen;

struct Options {
  bool reference = false;
  bool nodes = false;
  bool worker = false;
  int threads = 1;
  std::size_t rounds = 200;
  std::vector<tensor::Shape> shapes;  // empty: as the model has them
  std::vector<std::string> files;
};

struct Model {
  bench::MappedFile file;  // the graph's weights are in it
  graph::Graph graph;
  std::unique_ptr<engine::Session> session;
};

Result<std::unique_ptr<Model>> load(const std::string& path, const Options& options) {
  auto model = std::make_unique<Model>();
  model->file = bench::MappedFile(path.c_str());
  if (model->file.bytes().empty()) bench::give_up("cannot read " + path);
  const auto read = path.ends_with(".onnx") ? formats::read_onnx : formats::read_tflite;
  model->graph = LICHEN_TRY(read(model->file.bytes(), path));
  engine::SessionOptions wanted{options.threads, options.reference};
  wanted.input_shapes = options.shapes;
  model->session = LICHEN_TRY(engine::Session::create(model->graph, wanted));
  return model;
}

std::string numpy_name(tensor::DType dtype) {
  switch (dtype) {
    case tensor::DType::kF32:
      return "float32";
    case tensor::DType::kF16:
      return "float16";
    case tensor::DType::kI8:
      return "int8";
    case tensor::DType::kU8:
      return "uint8";
    case tensor::DType::kI16:
      return "int16";
    case tensor::DType::kI32:
      return "int32";
    case tensor::DType::kI64:
      return "int64";
    case tensor::DType::kBool:
      return "bool";
  }
  bench::give_up("an output of unknown type");
}

class LichenEngine : public bench::Engine {
 public:
  explicit LichenEngine(engine::Session& session) : session_(session) {}
  void run() override {
    if (const auto ran = session_.run(); !ran) bench::give_up(ran.error().to_line());
  }
  [[nodiscard]] std::size_t input_count() const override { return session_.inputs().size(); }
  [[nodiscard]] std::span<std::byte> input(std::size_t i) override { return session_.input(i); }
  [[nodiscard]] std::size_t output_count() const override { return session_.outputs().size(); }
  [[nodiscard]] bench::Output output(std::size_t i) const override {
    const tensor::TensorSpec& spec = session_.outputs()[i].spec;
    const auto dims = spec.shape.dims();
    return {numpy_name(spec.dtype), {dims.begin(), dims.end()}, session_.output(i)};
  }

 private:
  engine::Session& session_;
};

void work(const Options& options) {
  if (options.files.size() != 2) bench::give_up("--worker wants MODEL and INPUT");
  const double start = bench::now_us();
  const auto model = load(options.files[0], options);
  if (!model) bench::give_up(model.error().to_line());
  const double loaded = bench::now_us();
  LichenEngine engine(*(*model)->session);
  bench::serve(engine, options.files[1], start, loaded);
}

Result<void> time_model(const std::string& path, const Options& options) {
  const double start = bench::now_us();
  const auto model = LICHEN_TRY(load(path, options));
  const double load_us = bench::now_us() - start;
  engine::Session& session = *model->session;
  if (options.nodes) {
    for (const engine::NodeProfile& node : session.nodes())
      fmt::print(stderr, "{:<32} {:>10} {}\n", node.kernel, node.macs, node.name);
  }
  LICHEN_TRY(session.run());
  std::vector<double> us;
  for (std::size_t round = 0; round < options.rounds; ++round) {
    const double before = bench::now_us();
    LICHEN_TRY(session.run());
    us.push_back(bench::now_us() - before);
  }
  std::ranges::sort(us);
  fmt::print(
      "{{\"schema\": \"lichen.bench.engine.v1\", \"model\": \"{}\", \"kernels\": \"{}\", \"threads\": {}, "
      "\"median_us\": {:.1f}, \"p95_us\": {:.1f}, \"min_us\": {:.1f}, \"load_us\": {:.0f}, \"macs\": {}, "
      "\"arena_bytes\": {}, \"packed_bytes\": {}}}\n",
      path, options.reference ? "reference" : "native", options.threads, us[us.size() / 2], us[us.size() * 95 / 100],
      us.front(), load_us, graph::cost_of(model->graph).macs, session.arena_bytes(), session.packed_bytes());
  return {};
}

// "1x576,scalar": a shape an input.
std::vector<tensor::Shape> shapes_of(const std::string& text) {
  std::vector<tensor::Shape> shapes;
  std::istringstream inputs(text);
  std::string input;
  while (std::getline(inputs, input, ',')) {
    std::vector<std::int64_t> dims;
    std::istringstream parts(input == "scalar" ? "" : input);
    std::string dim;
    while (std::getline(parts, dim, 'x')) dims.push_back(std::strtoll(dim.c_str(), nullptr, 10));
    shapes.emplace_back(std::span<const std::int64_t>(dims));
  }
  return shapes;
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--reference") {
      options.reference = true;
    } else if (argument == "--nodes") {
      options.nodes = true;
    } else if (argument == "--worker") {
      options.worker = true;
    } else if (argument == "--threads" && i + 1 < argc) {
      options.threads = std::atoi(argv[++i]);
    } else if (argument == "--shapes" && i + 1 < argc) {
      options.shapes = shapes_of(argv[++i]);
    } else if (argument == "--rounds" && i + 1 < argc) {
      options.rounds = std::max<std::size_t>(1, std::strtoul(argv[++i], nullptr, 10));
    } else {
      options.files.emplace_back(argument);
    }
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  if (options.worker) {
    work(options);
    return 0;
  }
  int exit_code = 0;
  for (const std::string& model : options.files) {
    if (const auto timed = time_model(model, options); !timed) {
      fmt::print(stderr, "lichen: {}\n", timed.error().to_line());
      exit_code = exit_code_of(timed.error().code);
    }
  }
  return exit_code;
}
