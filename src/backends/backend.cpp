// SPDX-License-Identifier: Apache-2.0
#include "backends/backend.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "backends/native/native.hpp"
#include "backends/onnxruntime/onnxruntime.hpp"

namespace lichen::backends {
namespace {

constexpr Format kNativeReads[] = {Format::kTflite, Format::kOnnx};
constexpr Format kOnnxRuntimeReads[] = {Format::kOnnx};

constexpr Backend kBackends[] = {
    {"native", kNativeReads, "", native::version, native::load},
    {"onnxruntime", kOnnxRuntimeReads, "LICHEN_ONNXRUNTIME", onnxruntime::version, onnxruntime::load},
};

}  // namespace

Runner::~Runner() = default;

std::string_view ending_of(Format format) {
  return format == Format::kTflite ? ".tflite" : ".onnx";
}

Format format_of(const ModelSource& source) {
  constexpr std::string_view kIdentifier = "TFL3";
  constexpr std::size_t kIdentifierAt = 4;
  const bool is_tflite = source.bytes.size() >= kIdentifierAt + kIdentifier.size() &&
                         std::memcmp(source.bytes.data() + kIdentifierAt, kIdentifier.data(), kIdentifier.size()) == 0;
  return is_tflite || !source.name.ends_with(".onnx") ? Format::kTflite : Format::kOnnx;
}

std::span<const Backend> all() {
  return kBackends;
}

Result<const Backend*> named(std::string_view name) {
  for (const Backend& backend : kBackends) {
    if (backend.name == name) return &backend;
  }
  std::string known;
  for (const Backend& backend : kBackends) known += fmt::format("{}{}", known.empty() ? "" : ", ", backend.name);
  return fail(Code::kBadInput, "unknown backend", std::string(name), "there is none of this name",
              "there are " + known);
}

Result<std::unique_ptr<Runner>> load(const Backend& backend, const ModelSource& source, const LoadOptions& options,
                                     const Host& host) {
  const Format format = format_of(source);
  if (std::ranges::find(backend.reads, format) == backend.reads.end()) {
    return fail(Code::kUnsupported, "cannot load model", source.name,
                fmt::format("{} reads no {} files", backend.name, ending_of(format)),
                fmt::format("lichen convert makes a {} file of it", ending_of(backend.reads.front())));
  }
  return backend.load(source, options, host);
}

}  // namespace lichen::backends
