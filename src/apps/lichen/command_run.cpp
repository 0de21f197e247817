// SPDX-License-Identifier: Apache-2.0
// lichen run: one input through a model, here in this process, in the engine that was chosen.
#include <algorithm>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/json.hpp"
#include "commands.hpp"
#include "difference.hpp"
#include "engines.hpp"
#include "inputs.hpp"
#include "pictures.hpp"
#include "posix/clock.hpp"
#include "posix/files.hpp"
#include "tensor/npy.hpp"

namespace lichen::tool {
namespace {

constexpr std::size_t kLabelsBytesMax = 16 << 20;
constexpr std::size_t kValuesShown = 16;

struct Options {
  std::string model;
  std::vector<std::string> inputs;
  std::string labels;
  std::size_t top = 5;
  PictureOptions picture;
  EngineChoice engine;
  std::string compare;  // another backend
  bool reference = false;
  bool json = false;
};

Result<std::vector<std::string>> read_labels(const std::string& path) {
  std::vector<std::string> labels;
  if (path.empty()) return labels;
  const Bytes file = LICHEN_TRY(posix::read_file(path, kLabelsBytesMax));
  std::string_view text = text_of(file);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    labels.emplace_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return labels;
}

std::vector<std::size_t> best_of(const std::vector<float>& values, std::size_t count) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  count = std::min(count, order.size());
  std::partial_sort(
      order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
      [&](std::size_t a, std::size_t b) { return values[a] > values[b] || (values[a] == values[b] && a < b); });
  order.resize(count);
  return order;
}

std::string label_of(const std::vector<std::string>& labels, std::size_t index) {
  return index < labels.size() ? labels[index] : fmt::format("{}", index);
}

void print_output(const engine::TensorInfo& info, const std::vector<float>& values, const Options& options,
                  const std::vector<std::string>& labels) {
  fmt::print("{} {} {}\n", info.spec.name, tensor::name_of(info.spec.dtype), info.spec.shape.to_text());
  if (options.top > 0 && values.size() > 1) {
    for (const std::size_t i : best_of(values, options.top))
      fmt::print("  {:<24} {:.6g}\n", label_of(labels, i), values[i]);
    return;
  }
  for (std::size_t i = 0; i < std::min(values.size(), kValuesShown); ++i) fmt::print("  {:.6g}\n", values[i]);
  if (values.size() > kValuesShown) fmt::print("  ... {} more; --json prints all\n", values.size() - kValuesShown);
}

Result<void> fill_inputs(backends::Runner& runner, const Options& options) {
  if (options.inputs.size() != runner.inputs().size()) {
    return fail(Code::kBadInput, "inputs do not fit", options.model,
                fmt::format("the model has {} input(s), but {} file(s) were given", runner.inputs().size(),
                            options.inputs.size()),
                "give one --input for each, in the model's order");
  }
  for (std::size_t i = 0; i < options.inputs.size(); ++i) {
    const engine::TensorInfo& input = runner.inputs()[i];
    const std::string& path = options.inputs[i];
    const Bytes bytes =
        is_picture(path) ? LICHEN_TRY(read_picture(path, input, options.picture)) : LICHEN_TRY(read_input(path, input));
    std::ranges::copy(bytes, runner.input(i).begin());
  }
  return {};
}

// Where the model leaves sizes open, an array brings its own.
Result<std::vector<tensor::Shape>> data_shapes(const Options& options) {
  std::vector<tensor::Shape> shapes;
  for (const std::string& path : options.inputs) {
    shapes.push_back(tensor::Shape::unknown());
    if (!path.ends_with(".npy")) continue;
    const Bytes file = LICHEN_TRY(posix::read_file(path, kInputBytesMax));
    shapes.back() = LICHEN_TRY(tensor::read_npy(file, path)).spec.shape;
  }
  return shapes;
}

struct Ran {
  LoadedModel model;
  double took_us = 0;
};

Result<Ran> run_in(const EngineChoice& choice, const Options& options, const std::vector<tensor::Shape>& shapes) {
  Ran ran{LICHEN_TRY(
      load_into(choice, options.model, {.reference_kernels_only = options.reference, .data_shapes = shapes}))};
  LICHEN_TRY(fill_inputs(*ran.model.runner, options));
  const posix::MonotonicClock clock;
  const TimeNs before_ns = clock.now_ns();
  LICHEN_TRY(ran.model.runner->run());
  ran.took_us = static_cast<double>(clock.now_ns() - before_ns) / 1e3;
  return ran;
}

Json output_json(const engine::TensorInfo& info, const std::vector<float>& values, const Options& options,
                 const std::vector<std::string>& labels) {
  Json top = Json::array();
  for (const std::size_t k : best_of(values, options.top))
    top.push_back({{"index", k}, {"label", label_of(labels, k)}, {"value", values[k]}});
  return {{"name", info.spec.name},
          {"dtype", tensor::name_of(info.spec.dtype)},
          {"shape", info.spec.shape.dims()},
          {"values", values},
          {"top", top}};
}

// The same inputs through the other engine.
Result<Ran> run_in_other(const Options& options, const std::vector<tensor::Shape>& shapes) {
  Options other = options;
  other.engine.backend = options.compare;
  other.reference = false;
  return run_in(other.engine, other, shapes);
}

// How far the answers of two engines lie apart.
Result<Json> compared(const backends::Runner& first, const Ran& other, const Options& options) {
  const backends::Runner& second = *other.model.runner;
  if (first.outputs().size() != second.outputs().size())
    return fail(Code::kInternal, "cannot compare", options.model, "the engines give different numbers of outputs");
  if (!options.json) fmt::print("compared with {} {}:\n", second.engine().name, second.engine().version);
  Json outputs = Json::array();
  for (std::size_t i = 0; i < first.outputs().size(); ++i) {
    const Difference difference =
        LICHEN_TRY(difference_of({first.outputs()[i], first.output(i)}, {second.outputs()[i], second.output(i)}));
    if (!options.json) fmt::print("  {}: {}\n", first.outputs()[i].spec.name, to_text(difference));
    outputs.push_back(to_json(first.outputs()[i].spec.name, difference));
  }
  return Json{{"backend", second.engine().name},
              {"backend_version", second.engine().version},
              {"took_us", other.took_us},
              {"outputs", outputs}};
}

Result<int> run(const Options& options) {
  const auto labels = LICHEN_TRY(read_labels(options.labels));
  const std::vector<tensor::Shape> shapes = LICHEN_TRY(data_shapes(options));
  const Ran ran = LICHEN_TRY(run_in(options.engine, options, shapes));
  std::optional<Ran> other;
  if (!options.compare.empty()) other = LICHEN_TRY(run_in_other(options, shapes));
  const backends::Runner& runner = *ran.model.runner;
  Json outputs = Json::array();
  for (std::size_t i = 0; i < runner.outputs().size(); ++i) {
    const engine::TensorInfo& info = runner.outputs()[i];
    const std::vector<float> values = to_floats(info, runner.output(i));
    if (options.json) {
      outputs.push_back(output_json(info, values, options, labels));
    } else {
      print_output(info, values, options, labels);
    }
  }
  if (!options.json) fmt::print("{:.0f} us, {} {}\n", ran.took_us, runner.engine().name, runner.engine().version);
  Json report = {{"schema", "lichen.run.v1"},       {"model", options.model},
                 {"backend", runner.engine().name}, {"backend_version", runner.engine().version},
                 {"took_us", ran.took_us},          {"outputs", outputs}};
  if (other) report["compared"] = LICHEN_TRY(compared(runner, *other, options));
  if (options.json) fmt::print("{}\n", report.dump());
  return 0;
}

}  // namespace

Command add_run(CLI::App& app) {
  auto options = std::make_shared<Options>();  // shared with the command below, which outlives this call
  app.add_option("model", options->model, "a .tflite or .onnx file")->required();
  app.add_option("--input", options->inputs,
                 "values (.npy, .csv, .raw) or a picture (.png, .jpg, .bmp); once for each input of the model")
      ->required();
  app.add_option("--labels", options->labels, "names of the classes, one a line");
  app.add_option("--top", options->top, "how many of the largest values to show; 0: the values in order")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  PictureOptions& picture = options->picture;
  app.add_option("--resize", picture.size, "WxH of pictures; without it, what the input takes")->group("Pictures");
  app.add_option("--mean", picture.mean, "subtracted from each pixel: one value, or one a channel")
      ->delimiter(',')
      ->group("Pictures");
  app.add_option("--std", picture.deviation, "then each pixel is divided by it")->delimiter(',')->group("Pictures");
  app.add_option("--scale", picture.scale, "then each pixel is multiplied by it")->group("Pictures");
  app.add_option("--layout", picture.layout, "of the input: nhwc or nchw; without it, told from its shape")
      ->check(CLI::IsMember({"nhwc", "nchw"}))
      ->group("Pictures");
  app.add_flag("--bgr", picture.bgr, "blue first")->group("Pictures");
  add_engine_options(app, options->engine);
  app.add_option("--compare", options->compare, "run it in this backend as well, and say how far its answers lie apart")
      ->check(CLI::IsMember(backend_names()));
  app.add_flag("--reference", options->reference, "plain C++ kernels instead of the vector ones (native only)");
  app.add_flag("--json", options->json, "one JSON object");
  return [options] { return run(*options); };
}

}  // namespace lichen::tool
