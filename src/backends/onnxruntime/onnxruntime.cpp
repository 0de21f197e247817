// SPDX-License-Identifier: Apache-2.0
#include "backends/onnxruntime/onnxruntime.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "backends/onnxruntime/api.hpp"
#include "backends/watch.hpp"
#include "base/assert.hpp"
#include "kernels/aligned.hpp"

namespace lichen::backends::onnxruntime {
namespace {

constexpr int kThreadsMax = 256;
constexpr const char* kLoad = "cannot load model";
constexpr const char* kRun = "cannot run model";

// Does `shape` leave what the model fixes as it is?
bool fits(const Declared& tensor, const tensor::Shape& shape) {
  return shape.known() && std::ranges::equal(tensor.dims, shape.dims(), [](std::int64_t fixed, std::int64_t wanted) {
           return fixed < 0 || fixed == wanted;
         });
}

std::string text_of(const Declared& tensor) {
  std::string text;
  for (const std::int64_t dim : tensor.dims) text += (text.empty() ? "" : ", ") + (dim < 0 ? "?" : std::to_string(dim));
  return "[" + text + "]";
}

Result<std::vector<tensor::Shape>> checked(const std::vector<Declared>& inputs, std::span<const tensor::Shape> shapes,
                                           const std::string& where) {
  if (shapes.size() != inputs.size()) {
    return fail(Code::kBadInput, "shapes do not fit", where,
                fmt::format("the model has {} input(s), but {} shape(s) were given", inputs.size(), shapes.size()));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const bool is_open = inputs[i].dims.empty();  // a scalar, or of any rank: the engine tells them apart when it runs
    if (is_open ? shapes[i].known() : fits(inputs[i], shapes[i])) continue;
    return fail(Code::kBadInput, "shapes do not fit", fmt::format("{}, {}", where, inputs[i].name),
                fmt::format("it is {}, not {}", text_of(inputs[i]), shapes[i].to_text()));
  }
  return std::vector<tensor::Shape>(shapes.begin(), shapes.end());
}

Result<std::vector<tensor::Shape>> shapes_for(const std::vector<Declared>& inputs, const LoadOptions& options,
                                              const std::string& where) {
  if (!options.input_shapes.empty()) return checked(inputs, options.input_shapes, where);
  std::vector<tensor::Shape> shapes;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (i < options.data_shapes.size() && fits(inputs[i], options.data_shapes[i])) {
      shapes.push_back(options.data_shapes[i]);
      continue;
    }
    std::vector<std::int64_t> dims = inputs[i].dims;
    for (std::int64_t& dim : dims) dim = dim < 0 ? 1 : dim;
    shapes.push_back(LICHEN_TRY(tensor::Shape::make(dims, where)));
  }
  return shapes;
}

std::vector<const char*> names_of(const std::vector<Declared>& tensors) {
  std::vector<const char*> names;
  for (const Declared& tensor : tensors) names.push_back(tensor.name.c_str());
  return names;
}

class OrtRunner final : public Runner {
 public:
  OrtRunner(Api api, std::string model)
      : api_(std::move(api)),
        model_(std::move(model)),
        engine_{"onnxruntime", api_.version(), "reals by sums in another order, integer layers rounded in its own way"},
        watch_([this] {
          // Asked of a run that is under way; should even that fail, the run goes on to its end.
          [[maybe_unused]] const auto asked =
              api_.call<OrtSetFn>(kRun, model_, kOrtRunOptionsSetTerminate, run_options_.get());
        }) {}

  Result<void> load(const ModelSource& source, const LoadOptions& options);

  [[nodiscard]] const Engine& engine() const override { return engine_; }
  [[nodiscard]] std::span<const engine::TensorInfo> inputs() const override { return inputs_; }
  [[nodiscard]] std::span<const engine::TensorInfo> outputs() const override { return outputs_; }
  [[nodiscard]] std::span<std::byte> input(std::size_t i) override {
    LICHEN_ASSERT(i < places_.size());
    return places_[i].bytes;
  }
  [[nodiscard]] std::span<const std::byte> output(std::size_t i) const override {
    LICHEN_ASSERT(i < outputs_.size());
    return i < output_bytes_.size() ? output_bytes_[i] : std::span<const std::byte>{};
  }
  [[nodiscard]] Result<void> resize(std::span<const tensor::Shape> input_shapes) override;
  [[nodiscard]] Result<void> run(const engine::RunOptions& options) override;
  void reset_state() override {}  // its sessions keep nothing from run to run

 private:
  // An input's memory, and the library's view of it.
  struct Place {
    kernels::AlignedVector<std::byte> bytes;
    Owned value;
  };

  Result<void> create_session(const ModelSource& source, int threads);
  Result<void> place(const std::vector<tensor::Shape>& shapes);
  Result<void> run_to_end_or_deadline(const engine::RunOptions& options, std::vector<OrtObject>& outputs);
  Result<void> take_outputs();
  void forget_outputs();

  Api api_;
  std::string model_;
  Engine engine_;
  Owned env_{nullptr, nullptr};  // what comes later is made with it, and goes before it
  Owned session_{nullptr, nullptr};
  Owned memory_{nullptr, nullptr};
  Owned run_options_{nullptr, nullptr};
  std::vector<Declared> declared_inputs_;
  std::vector<Declared> declared_outputs_;
  std::vector<const char*> input_names_;
  std::vector<const char*> output_names_;
  std::vector<Place> places_;
  std::vector<OrtObject> input_values_;  // of places_
  std::vector<Owned> output_values_;     // of the last run
  std::vector<std::span<const std::byte>> output_bytes_;
  std::vector<engine::TensorInfo> inputs_;
  std::vector<engine::TensorInfo> outputs_;
  Watch watch_;  // last: its thread uses the others
};

Result<void> OrtRunner::create_session(const ModelSource& source, int threads) {
  env_ = LICHEN_TRY(
      api_.make<OrtCreateEnvFn>(kLoad, model_, kOrtCreateEnv, kOrtReleaseEnv, static_cast<int>(kOrtErrors), "lichen"));
  const Owned options =
      LICHEN_TRY(api_.make<OrtMakeFn>(kLoad, model_, kOrtCreateSessionOptions, kOrtReleaseSessionOptions));
  LICHEN_TRY(api_.call<OrtSetNumberFn>(kLoad, model_, kOrtSetIntraOpNumThreads, options.get(), threads));
  LICHEN_TRY(api_.call<OrtSetNumberFn>(kLoad, model_, kOrtSetInterOpNumThreads, options.get(), 1));
  // By its path the library finds what the file refers to: weights in other files.
  session_ = source.path.empty()
                 ? LICHEN_TRY(api_.make<OrtCreateFromArrayFn>(
                       kLoad, model_, kOrtCreateSessionFromArray, kOrtReleaseSession, env_.get(),
                       static_cast<const void*>(source.bytes.data()), source.bytes.size(), options.get()))
                 : LICHEN_TRY(api_.make<OrtCreateSessionFn>(kLoad, model_, kOrtCreateSession, kOrtReleaseSession,
                                                            env_.get(), source.path.c_str(), options.get()));
  memory_ = LICHEN_TRY(api_.make<OrtMemoryInfoFn>(kLoad, model_, kOrtCreateCpuMemoryInfo, kOrtReleaseMemoryInfo,
                                                  static_cast<int>(kOrtArenaAllocator),
                                                  static_cast<int>(kOrtMemTypeDefault)));
  run_options_ = LICHEN_TRY(api_.make<OrtMakeFn>(kLoad, model_, kOrtCreateRunOptions, kOrtReleaseRunOptions));
  return {};
}

Result<void> OrtRunner::load(const ModelSource& source, const LoadOptions& options) {
  if (options.threads < 1 || options.threads > kThreadsMax) {
    return fail(Code::kUnsupported, kLoad, model_, fmt::format("{} threads", options.threads),
                fmt::format("use 1 to {} threads", kThreadsMax));
  }
  if (options.reference_kernels_only)
    return fail(Code::kUnsupported, kLoad, model_, "onnxruntime has no reference kernels to choose",
                "leave --reference out");
  LICHEN_TRY(create_session(source, options.threads));
  declared_inputs_ = LICHEN_TRY(api_.tensors_of(session_.get(), Api::kInputs, model_));
  declared_outputs_ = LICHEN_TRY(api_.tensors_of(session_.get(), Api::kOutputs, model_));
  input_names_ = names_of(declared_inputs_);
  output_names_ = names_of(declared_outputs_);
  return place(LICHEN_TRY(shapes_for(declared_inputs_, options, model_)));
}

Result<void> OrtRunner::place(const std::vector<tensor::Shape>& shapes) {
  std::vector<Place> places;
  std::vector<engine::TensorInfo> infos;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const Declared& input = declared_inputs_[i];
    infos.push_back({{input.name, input.dtype, shapes[i]}, {}});
    places.push_back({kernels::AlignedVector<std::byte>(infos[i].spec.bytes()), Owned{nullptr, nullptr}});
    Place& placed = places.back();
    placed.value = LICHEN_TRY(api_.make<OrtWrapFn>(
        kLoad, model_, kOrtCreateTensorWithDataAsOrtValue, kOrtReleaseValue, memory_.get(),
        static_cast<void*>(placed.bytes.data()), placed.bytes.size(),
        static_cast<const std::int64_t*>(shapes[i].dims().data()), shapes[i].rank(), Api::element_of(input.dtype)));
  }
  places_ = std::move(places);
  inputs_ = std::move(infos);
  input_values_.clear();
  for (const Place& placed : places_) input_values_.push_back(placed.value.get());
  forget_outputs();
  return {};
}

void OrtRunner::forget_outputs() {
  output_bytes_.clear();
  output_values_.clear();
  outputs_.clear();
  for (const Declared& output : declared_outputs_) {
    const bool is_open = std::ranges::any_of(output.dims, [](std::int64_t dim) { return dim < 0; });
    const auto shape = tensor::Shape::make(output.dims, model_);
    outputs_.push_back({{output.name, output.dtype, is_open || !shape ? tensor::Shape::unknown() : *shape}, {}});
  }
}

Result<void> OrtRunner::resize(std::span<const tensor::Shape> input_shapes) {
  return place(LICHEN_TRY(checked(declared_inputs_, input_shapes, model_)));
}

Result<void> OrtRunner::run(const engine::RunOptions& options) {
  LICHEN_TRY(engine::may_go_on(options, model_));
  output_bytes_.clear();
  output_values_.clear();
  std::vector<OrtObject> outputs(declared_outputs_.size());
  const Result<void> ran = run_to_end_or_deadline(options, outputs);
  for (const OrtObject output : outputs) output_values_.push_back(api_.own(output, kOrtReleaseValue));
  LICHEN_TRY(ran);
  return take_outputs();
}

Result<void> OrtRunner::run_to_end_or_deadline(const engine::RunOptions& options, std::vector<OrtObject>& outputs) {
  const auto run_once = [&] {
    return api_.call<OrtRunFn>(kRun, model_, kOrtRun, session_.get(), run_options_.get(),
                               static_cast<const char* const*>(input_names_.data()),
                               static_cast<const OrtObject*>(input_values_.data()), input_values_.size(),
                               static_cast<const char* const*>(output_names_.data()), outputs.size(), outputs.data());
  };
  if (!Watch::is_needed(options)) return run_once();
  watch_.begin(options);
  Result<void> ran = run_once();
  Result<void> stopped = watch_.end();
  if (stopped) return ran;
  LICHEN_TRY(api_.call<OrtSetFn>(kRun, model_, kOrtRunOptionsUnsetTerminate, run_options_.get()));
  if (ran) return ran;  // it was done before it looked
  stopped.error().where = model_;
  return stopped;
}

Result<void> OrtRunner::take_outputs() {
  for (std::size_t i = 0; i < output_values_.size(); ++i) {
    const std::string& name = declared_outputs_[i].name;
    const OrtObject value = output_values_[i].get();
    if (value == nullptr) return fail(Code::kUnsupported, kRun, fmt::format("{}, {}", model_, name), "it has no value");
    const Owned info =
        LICHEN_TRY(api_.make<OrtValueInfoFn>(kRun, model_, kOrtGetTensorTypeAndShape, kOrtReleaseTensorInfo, value));
    const Declared given = LICHEN_TRY(api_.declared(info.get(), name, model_));
    outputs_[i].spec.dtype = given.dtype;
    outputs_[i].spec.shape = LICHEN_TRY(tensor::Shape::make(given.dims, fmt::format("{}, {}", model_, name)));
    void* data = nullptr;
    LICHEN_TRY(api_.call<OrtDataFn>(kRun, model_, kOrtGetTensorMutableData, value, &data));
    output_bytes_.emplace_back(static_cast<const std::byte*>(data), outputs_[i].spec.bytes());
  }
  return {};
}

}  // namespace

Result<std::string> version(const Host& host) {
  return LICHEN_TRY(Api::open(host)).version();
}

Result<std::unique_ptr<Runner>> load(const ModelSource& source, const LoadOptions& options, const Host& host) {
  auto runner = std::make_unique<OrtRunner>(LICHEN_TRY(Api::open(host)), source.name);
  LICHEN_TRY(runner->load(source, options));
  return runner;
}

}  // namespace lichen::backends::onnxruntime
