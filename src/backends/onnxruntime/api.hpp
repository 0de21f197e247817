// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime's table of functions with types, owners and errors as values.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backends/backend.hpp"
#include "backends/onnxruntime/ort_api.h"
#include "tensor/spec.hpp"

namespace lichen::backends::onnxruntime {

// An object of the library, released with its owner.
using Owned = std::unique_ptr<void, OrtReleaseFn>;

// An input or output as a model declares it, or as a value has it.
struct Declared {
  std::string name;
  tensor::DType dtype = tensor::DType::kF32;
  std::vector<std::int64_t> dims;  // -1: open
};

class Api {
 public:
  // Finds the library and asks it for what we speak. kUnsupported: there is none, or it is another version.
  static Result<Api> open(const Host& host);

  [[nodiscard]] const std::string& version() const { return version_; }

  // An entry that answers with a status. `what` and `where`: for the error.
  template <typename Function, typename... Arguments>
  [[nodiscard]] Result<void> call(const char* what, const std::string& where, int place, Arguments... arguments) const {
    const OrtObject status = entry<Function>(place)(arguments...);
    if (status == nullptr) [[likely]]
      return {};
    return std::unexpected(error_of(status, what, where));
  }
  // The same for an entry that makes an object as its last argument, which `release` destroys.
  template <typename Function, typename... Arguments>
  [[nodiscard]] Result<Owned> make(const char* what, const std::string& where, int place, int release,
                                   Arguments... arguments) const {
    OrtObject object = nullptr;
    LICHEN_TRY(call<Function>(what, where, place, arguments..., &object));
    return own(object, release);
  }
  [[nodiscard]] Owned own(OrtObject object, int release) const { return {object, entry<OrtReleaseFn>(release)}; }

  // Type and sizes from a tensor info of the library. kUnsupported: of a type that we have none for.
  [[nodiscard]] Result<Declared> declared(OrtObject tensor_info, std::string name, const std::string& where) const;
  // All inputs or all outputs of a session, in order.
  struct Places {
    const char* kind;
    int count;
    int name;
    int type;
  };
  static constexpr Places kInputs{"input", kOrtSessionGetInputCount, kOrtSessionGetInputName,
                                  kOrtSessionGetInputTypeInfo};
  static constexpr Places kOutputs{"output", kOrtSessionGetOutputCount, kOrtSessionGetOutputName,
                                   kOrtSessionGetOutputTypeInfo};
  [[nodiscard]] Result<std::vector<Declared>> tensors_of(OrtObject session, const Places& places,
                                                         const std::string& where) const;

  [[nodiscard]] static int element_of(tensor::DType dtype);

 private:
  Api(const OrtTable& table, std::string version) : table_(&table), version_(std::move(version)) {}

  template <typename Function>
  [[nodiscard]] Function entry(int place) const {
    return reinterpret_cast<Function>(table_->entries[place]);
  }
  // Releases the status.
  [[nodiscard]] Error error_of(OrtObject status, const char* what, const std::string& where) const;

  const OrtTable* table_;  // the library's, which stays loaded
  std::string version_;
};

}  // namespace lichen::backends::onnxruntime
