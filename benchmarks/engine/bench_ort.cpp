// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime as a worker, through its C interface: no Python between the clock and the engine.
//   bench_ort LIBRARY MODEL.onnx THREADS INPUT
// LIBRARY is libonnxruntime.so of the Python package; INPUT the bytes of input 0. Sequential execution, all
// optimizations and its own default of spinning threads; inputs and outputs are placed once.
#include <dlfcn.h>

#include <cstdlib>
#include <memory>

#include "backends/onnxruntime/ort_api.h"
#include "worker.hpp"

namespace {

using lichen::bench::give_up;

class Api {
 public:
  explicit Api(const char* library) {
    void* handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) give_up(std::string("cannot open ONNX Runtime: ") + dlerror());
    const auto get_base = reinterpret_cast<OrtGetBase>(dlsym(handle, "OrtGetApiBase"));
    if (get_base == nullptr) give_up("no OrtGetApiBase in " + std::string(library));
    table_ = get_base()->get_api(kOrtVersion);
    if (table_ == nullptr) give_up("ONNX Runtime has no interface of version 1");
  }

  template <typename Function>
  [[nodiscard]] Function entry(int place) const {
    return reinterpret_cast<Function>(table_->entries[place]);
  }

  // Calls an entry that answers with a status.
  template <typename Function, typename... Arguments>
  void call(int place, Arguments... arguments) const {
    const OrtObject status = entry<Function>(place)(arguments...);
    if (status != nullptr) give_up(entry<OrtMessageFn>(kOrtGetErrorMessage)(status));
  }

 private:
  const OrtTable* table_ = nullptr;
};

struct Tensor {
  std::string name;
  int element = 0;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> bytes;
  OrtObject value = nullptr;
};

struct Type {
  int element;
  std::size_t bytes;
  const char* name;
};

constexpr Type kTypes[] = {{kOrtFloat, 4, "float32"}, {kOrtUint8, 1, "uint8"}, {kOrtInt8, 1, "int8"},
                           {kOrtInt32, 4, "int32"},   {kOrtInt64, 8, "int64"}, {kOrtBool, 1, "bool"}};

const Type& type_of(int element) {
  for (const Type& type : kTypes) {
    if (type.element == element) return type;
  }
  give_up("element type " + std::to_string(element) + " is not one that this benchmark knows");
}

class OrtEngine : public lichen::bench::Engine {
 public:
  OrtEngine(const Api& api, const char* model, int threads) : api_(api) {
    OrtObject env = nullptr;
    OrtObject options = nullptr;
    api_.call<OrtCreateEnvFn>(kOrtCreateEnv, static_cast<int>(kOrtWarnings), "bench", &env);
    api_.call<OrtMakeFn>(kOrtCreateSessionOptions, &options);
    api_.call<OrtSetNumberFn>(kOrtSetIntraOpNumThreads, options, threads);
    api_.call<OrtSetNumberFn>(kOrtSetInterOpNumThreads, options, 1);
    api_.call<OrtCreateSessionFn>(kOrtCreateSession, env, model, options, &session_);
    api_.call<OrtMemoryInfoFn>(kOrtCreateCpuMemoryInfo, static_cast<int>(kOrtArenaAllocator),
                               static_cast<int>(kOrtMemTypeDefault), &memory_);
    tensors(kOrtSessionGetInputCount, kOrtSessionGetInputName, kOrtSessionGetInputTypeInfo, inputs_);
    tensors(kOrtSessionGetOutputCount, kOrtSessionGetOutputName, kOrtSessionGetOutputTypeInfo, outputs_);
    bind();
  }

  void run() override {
    api_.call<OrtRunFn>(kOrtRun, session_, nullptr, input_names_.data(), input_values_.data(), input_values_.size(),
                        output_names_.data(), output_values_.size(), output_values_.data());
  }
  [[nodiscard]] std::size_t input_count() const override { return inputs_.size(); }
  [[nodiscard]] std::span<std::byte> input(std::size_t i) override { return inputs_.at(i).bytes; }
  [[nodiscard]] std::size_t output_count() const override { return outputs_.size(); }
  [[nodiscard]] lichen::bench::Output output(std::size_t i) const override {
    const Tensor& tensor = outputs_.at(i);
    return {type_of(tensor.element).name, tensor.shape, tensor.bytes};
  }

 private:
  void tensors(int count_place, int name_place, int type_place, std::vector<Tensor>& to) {
    OrtObject allocator = nullptr;
    api_.call<OrtMakeFn>(kOrtGetAllocatorWithDefaultOptions, &allocator);
    std::size_t count = 0;
    api_.call<OrtCountFn>(count_place, session_, &count);
    to.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
      char* name = nullptr;
      api_.call<OrtNameFn>(name_place, session_, i, allocator, &name);
      to[i].name = name;
      OrtObject type = nullptr;
      OrtObject info = nullptr;
      api_.call<OrtTypeInfoFn>(type_place, session_, i, &type);
      api_.call<OrtCastFn>(kOrtCastTypeInfoToTensorInfo, type, &info);
      api_.call<OrtElementFn>(kOrtGetTensorElementType, info, &to[i].element);
      std::size_t rank = 0;
      api_.call<OrtCountFn>(kOrtGetDimensionsCount, info, &rank);
      to[i].shape.resize(rank);
      api_.call<OrtDimensionsFn>(kOrtGetDimensions, info, to[i].shape.data(), rank);
      place(to[i]);
    }
  }

  void place(Tensor& tensor) const {
    std::size_t bytes = type_of(tensor.element).bytes;
    for (std::int64_t& dim : tensor.shape) {
      if (dim < 1) dim = 1;
      bytes *= static_cast<std::size_t>(dim);
    }
    tensor.bytes.resize(bytes);
    api_.call<OrtWrapFn>(kOrtCreateTensorWithDataAsOrtValue, memory_, static_cast<void*>(tensor.bytes.data()), bytes,
                         static_cast<const std::int64_t*>(tensor.shape.data()), tensor.shape.size(), tensor.element,
                         &tensor.value);
  }

  void bind() {
    for (const Tensor& tensor : inputs_) {
      input_names_.push_back(tensor.name.c_str());
      input_values_.push_back(tensor.value);
    }
    for (const Tensor& tensor : outputs_) {
      output_names_.push_back(tensor.name.c_str());
      output_values_.push_back(tensor.value);
    }
  }

  const Api& api_;
  OrtObject session_ = nullptr;
  OrtObject memory_ = nullptr;
  std::vector<Tensor> inputs_;
  std::vector<Tensor> outputs_;
  std::vector<const char*> input_names_;
  std::vector<const char*> output_names_;
  std::vector<OrtObject> input_values_;
  std::vector<OrtObject> output_values_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) give_up("usage: bench_ort LIBRARY MODEL.onnx THREADS INPUT");
  const Api api(argv[1]);
  const double start = lichen::bench::now_us();
  OrtEngine engine(api, argv[2], std::atoi(argv[3]));
  const double loaded = lichen::bench::now_us();
  lichen::bench::serve(engine, argv[4], start, loaded);
  std::_Exit(0);
}
