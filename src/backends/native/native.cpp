// SPDX-License-Identifier: Apache-2.0
#include "backends/native/native.hpp"

#include <utility>

#include "formats/tflite.hpp"
#include "onnx/onnx.hpp"

namespace lichen::backends::native {
namespace {

class NativeRunner final : public Runner {
 public:
  explicit NativeRunner(std::unique_ptr<engine::Session> session) : session_(std::move(session)) {}

  [[nodiscard]] const Engine& engine() const override { return engine_; }
  [[nodiscard]] std::span<const engine::TensorInfo> inputs() const override { return session_->inputs(); }
  [[nodiscard]] std::span<const engine::TensorInfo> outputs() const override { return session_->outputs(); }
  [[nodiscard]] std::span<std::byte> input(std::size_t i) override { return session_->input(i); }
  [[nodiscard]] std::span<const std::byte> output(std::size_t i) const override { return session_->output(i); }
  [[nodiscard]] Result<void> resize(std::span<const tensor::Shape> shapes) override { return session_->resize(shapes); }
  [[nodiscard]] Result<void> run(const engine::RunOptions& options) override { return session_->run(options); }
  void reset_state() override { session_->reset_state(); }
  [[nodiscard]] std::span<const engine::NodeProfile> nodes() const override { return session_->nodes(); }
  [[nodiscard]] std::optional<Memory> memory() const override {
    return Memory{session_->arena_bytes(), session_->packed_bytes()};
  }

 private:
  Engine engine_{"native", LICHEN_VERSION,
                 "integers of .tflite equal LiteRT's reference kernels, those of .onnx its specification"};
  std::unique_ptr<engine::Session> session_;
};

std::vector<tensor::Shape> shapes_for(const graph::Graph& graph, const LoadOptions& options) {
  if (!options.input_shapes.empty() || graph.free_dimensions.empty()) return options.input_shapes;
  std::vector<tensor::Shape> shapes;
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    shapes.push_back(graph.tensor(graph.inputs[i]).spec.shape);
    if (i >= options.data_shapes.size() || !options.data_shapes[i].known()) continue;
    if (options.data_shapes[i].rank() == shapes[i].rank()) shapes[i] = options.data_shapes[i];
  }
  return shapes;
}

}  // namespace

Result<graph::Graph> read(const ModelSource& source) {
  return format_of(source) == Format::kTflite ? formats::read_tflite(source.bytes, source.name)
                                              : formats::read_onnx(source.bytes, source.name);
}

Result<std::string> version(const Host&) {
  return LICHEN_VERSION;
}

Result<std::unique_ptr<Runner>> load(const ModelSource& source, const LoadOptions& options, const Host&) {
  graph::Graph graph = LICHEN_TRY(read(source));
  const engine::SessionOptions wanted{.threads = options.threads,
                                      .reference_kernels_only = options.reference_kernels_only,
                                      .input_shapes = shapes_for(graph, options)};
  return std::make_unique<NativeRunner>(LICHEN_TRY(engine::Session::create(std::move(graph), wanted)));
}

}  // namespace lichen::backends::native
