// SPDX-License-Identifier: Apache-2.0
// The engines that can run a model, as a table: each has a name, the formats that it reads, and how to get a runner. An
// engine of others is a shared library that is looked for when somebody asks for it; nothing links it.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backends/runner.hpp"
#include "base/bytes.hpp"
#include "base/error.hpp"
#include "ports/libraries.hpp"
#include "tensor/spec.hpp"

namespace lichen::backends {

enum class Format : std::uint8_t { kTflite, kOnnx };

[[nodiscard]] std::string_view ending_of(Format format);  // ".tflite"

// A model file. Its bytes must outlive every runner that is made from it.
struct ModelSource {
  std::string name;  // for errors
  ByteView bytes;
  std::string path{};  // where it is on disk, for engines that read other files beside it; empty: nowhere
};

// By its content: what has neither the identifier of a .tflite nor the ending of an .onnx file is refused as the
// former.
[[nodiscard]] Format format_of(const ModelSource& source);

struct LoadOptions {
  int threads = 1;
  bool reference_kernels_only = false;  // native: plain C++ kernels, for comparison
  // Of all inputs in order, as they shall be; empty: as the model declares them, with 1 for sizes that it leaves open.
  std::vector<tensor::Shape> input_shapes{};
  // Where input_shapes is empty: shapes of the data at hand, of all inputs in order. One is taken where the model
  // leaves sizes open and the others fit; unknown: no data for this input.
  std::vector<tensor::Shape> data_shapes{};
};

// What a backend may need of the world.
struct Host {
  ports::Libraries& libraries;
  std::string library;  // the engine's library by path or name; empty: by its usual names
};

struct Backend {
  std::string_view name;
  std::span<const Format> reads;
  std::string_view library_variable;  // of the environment, naming the library: "LICHEN_ONNXRUNTIME"; empty: needs none
  // Its version. kUnsupported: it is not there or not one that we can talk to; says what to install, and how to name
  // it.
  Result<std::string> (*version)(const Host& host);
  Result<std::unique_ptr<Runner>> (*load)(const ModelSource& source, const LoadOptions& options, const Host& host);
};

// Ours first.
[[nodiscard]] std::span<const Backend> all();
// kBadInput: there is none of this name; names those there are.
[[nodiscard]] Result<const Backend*> named(std::string_view name);

// A runner of `backend`. kUnsupported: the engine is not there, does not read this format, or lacks what the model
// needs.
[[nodiscard]] Result<std::unique_ptr<Runner>> load(const Backend& backend, const ModelSource& source,
                                                   const LoadOptions& options, const Host& host);

}  // namespace lichen::backends
