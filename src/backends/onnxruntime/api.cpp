// SPDX-License-Identifier: Apache-2.0
#include "backends/onnxruntime/api.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace lichen::backends::onnxruntime {
namespace {

constexpr const char* kUsualNames[] = {"libonnxruntime.so.1", "libonnxruntime.so"};
constexpr const char* kSymbol = "OrtGetApiBase";
constexpr const char* kMajorVersion = "1.";
constexpr std::size_t kTensorsMax = 4096;  // inputs or outputs of a model

constexpr const char* kInstall =
    "install it (pip install onnxruntime, or a release from its makers) and give the path of its libonnxruntime.so in "
    "LICHEN_ONNXRUNTIME or --library";

struct Element {
  int code;
  tensor::DType dtype;
};
constexpr Element kElements[] = {{kOrtFloat, tensor::DType::kF32}, {kOrtFloat16, tensor::DType::kF16},
                                 {kOrtInt8, tensor::DType::kI8},   {kOrtUint8, tensor::DType::kU8},
                                 {kOrtInt16, tensor::DType::kI16}, {kOrtInt32, tensor::DType::kI32},
                                 {kOrtInt64, tensor::DType::kI64}, {kOrtBool, tensor::DType::kBool}};

struct CodeOf {
  int theirs;
  Code ours;
};
// Of the rest (kOrtFail among them: a model of an opset that it does not know) nobody can say whose fault it was.
constexpr CodeOf kCodes[] = {{kOrtInvalidArgument, Code::kBadInput},  {kOrtNoSuchFile, Code::kNotFound},
                             {kOrtRuntimeException, Code::kBadInput}, {kOrtInvalidProtobuf, Code::kBadInput},
                             {kOrtInvalidGraph, Code::kBadInput},     {kOrtNotImplemented, Code::kUnsupported}};

Result<OrtGetBase> find(const Host& host) {
  std::vector<std::string> names{std::begin(kUsualNames), std::end(kUsualNames)};
  if (!host.library.empty()) names = {host.library};
  std::string reasons;
  for (const std::string& name : names) {
    const auto found = host.libraries.find(name, kSymbol);
    if (found) return reinterpret_cast<OrtGetBase>(*found);
    reasons += fmt::format("{}{}", reasons.empty() ? "" : "; ", found.error().why);
  }
  return fail(Code::kUnsupported, "ONNX Runtime is not there", names.front(), reasons, kInstall);
}

}  // namespace

Result<Api> Api::open(const Host& host) {
  const OrtBase* base = LICHEN_TRY(find(host))();
  const std::string where = host.library.empty() ? std::string("libonnxruntime.so") : host.library;
  if (base == nullptr) return fail(Code::kUnsupported, "cannot use ONNX Runtime", where, "it gives no interface");
  const std::string version = base->get_version_string();
  const OrtTable* table = version.starts_with(kMajorVersion) ? base->get_api(kOrtVersion) : nullptr;
  if (table != nullptr) return Api(*table, version);
  return fail(Code::kUnsupported, "cannot use ONNX Runtime", where,
              fmt::format("it is version {} and its interface not the one of versions 1", version),
              "install a version 1");
}

Error Api::error_of(OrtObject status, const char* what, const std::string& where) const {
  const int code = entry<OrtCodeFn>(kOrtGetErrorCode)(status);
  Error error{Code::kUnavailable, what, where, entry<OrtMessageFn>(kOrtGetErrorMessage)(status), {}};
  entry<OrtReleaseFn>(kOrtReleaseStatus)(status);
  for (char& c : error.why) {
    if (c == '\n' || c == '\r') c = ' ';  // an error is one line
  }
  error.why = "ONNX Runtime: " + error.why;
  for (const CodeOf& known : kCodes) {
    if (known.theirs == code) error.code = known.ours;
  }
  return error;
}

int Api::element_of(tensor::DType dtype) {
  for (const Element& element : kElements) {
    if (element.dtype == dtype) return element.code;
  }
  return 0;
}

Result<Declared> Api::declared(OrtObject tensor_info, std::string name, const std::string& where) const {
  constexpr const char* kWhat = "cannot use model";
  Declared tensor{std::move(name), {}, {}};
  int code = 0;
  LICHEN_TRY(call<OrtElementFn>(kWhat, where, kOrtGetTensorElementType, tensor_info, &code));
  const auto* known = std::ranges::find(kElements, code, &Element::code);
  if (known == std::end(kElements)) {
    return fail(Code::kUnsupported, kWhat, fmt::format("{}, {}", where, tensor.name),
                fmt::format("its elements are of a type that Lichen has not (ONNX Runtime's number {})", code));
  }
  tensor.dtype = known->dtype;
  std::size_t rank = 0;
  LICHEN_TRY(call<OrtCountFn>(kWhat, where, kOrtGetDimensionsCount, tensor_info, &rank));
  if (rank > tensor::kRankMax) {
    return fail(Code::kUnsupported, kWhat, fmt::format("{}, {}", where, tensor.name),
                fmt::format("it has {} axes, and {} are the most", rank, tensor::kRankMax));
  }
  tensor.dims.resize(rank);
  LICHEN_TRY(call<OrtDimensionsFn>(kWhat, where, kOrtGetDimensions, tensor_info, tensor.dims.data(), rank));
  return tensor;
}

Result<std::vector<Declared>> Api::tensors_of(OrtObject session, const Places& places, const std::string& where) const {
  constexpr const char* kWhat = "cannot use model";
  std::size_t count = 0;
  LICHEN_TRY(call<OrtCountFn>(kWhat, where, places.count, session, &count));
  if (count > kTensorsMax)
    return fail(Code::kExhausted, kWhat, where,
                fmt::format("it has {} {}s, and {} are the most", count, places.kind, kTensorsMax));
  OrtObject allocator = nullptr;  // the library's own
  LICHEN_TRY(call<OrtMakeFn>(kWhat, where, kOrtGetAllocatorWithDefaultOptions, &allocator));
  std::vector<Declared> tensors;
  for (std::size_t i = 0; i < count; ++i) {
    char* text = nullptr;
    LICHEN_TRY(call<OrtNameFn>(kWhat, where, places.name, session, i, allocator, &text));
    std::string name = text;
    LICHEN_TRY(call<OrtFreeFn>(kWhat, where, kOrtAllocatorFree, allocator, static_cast<void*>(text)));
    const Owned type = LICHEN_TRY(make<OrtTypeInfoFn>(kWhat, where, places.type, kOrtReleaseTypeInfo, session, i));
    OrtObject info = nullptr;
    LICHEN_TRY(call<OrtCastFn>(kWhat, where, kOrtCastTypeInfoToTensorInfo, type.get(), &info));
    if (info == nullptr) {
      return fail(Code::kUnsupported, kWhat, fmt::format("{}, {} {}", where, places.kind, name),
                  "it is a sequence, a map or optional, and Lichen has tensors only");
    }
    tensors.push_back(LICHEN_TRY(declared(info, std::move(name), where)));
  }
  return tensors;
}

}  // namespace lichen::backends::onnxruntime
