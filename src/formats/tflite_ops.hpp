// SPDX-License-Identifier: Apache-2.0
// TFLite's operators beside ours: one row an operator, in families (tflite_ops_<family>.cpp). A row whose tensors are
// the same on both sides in the same order says only how the options and the attributes translate; others have
// functions that make several nodes of one operator (tflite_incoming.hpp), or several operators of one node
// (tflite_outgoing.hpp). Internal to this folder.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include <tflite_schema_generated.h>

#include "base/error.hpp"
#include "graph/graph.hpp"

namespace lichen::formats {

inline constexpr std::int32_t kTfliteCustom = 32;
inline constexpr std::int32_t kTfliteCallOnce = 129;
inline constexpr std::int32_t kTfliteVarHandle = 142;
inline constexpr std::int32_t kTfliteReadVariable = 143;
inline constexpr std::int32_t kTfliteAssignVariable = 144;
inline constexpr std::int32_t kTfliteNone = -1;  // of rows for writing alone: TFLite has no such operator

class Incoming;
class Outgoing;
using TfliteOptions = tflite::BuiltinOptionsUnion;

struct TfliteOp {
  std::int32_t code = kTfliteNone;
  graph::Op op = graph::Op::kCount;  // kCount: an operator that is composed of several of ours, for reading alone
  std::int32_t version_float = 1;    // the operator version that TFLite's own converter writes, by type
  std::int32_t version_integer = 1;
  Result<graph::Attributes> (*attributes)(const tflite::Operator&) = nullptr;
  Result<void> (*read)(Incoming&) = nullptr;  // instead of `attributes`
  void (*options)(const graph::Attributes&, TfliteOptions&) = nullptr;
  Result<void> (*write)(Outgoing&) = nullptr;  // instead of `options`
  std::uint32_t parameters = 0;                // bit i: input i says sizes, axes or the like, which TFLite wants in i32

  [[nodiscard]] bool reads() const { return attributes != nullptr || read != nullptr; }
  [[nodiscard]] bool writes() const { return options != nullptr || write != nullptr; }
};

// The families.
[[nodiscard]] std::span<const TfliteOp> tflite_elementwise_rows();
[[nodiscard]] std::span<const TfliteOp> tflite_layer_rows();
[[nodiscard]] std::span<const TfliteOp> tflite_movement_rows();
[[nodiscard]] std::span<const TfliteOp> tflite_reduce_rows();
[[nodiscard]] std::span<const TfliteOp> tflite_state_rows();
[[nodiscard]] std::span<const TfliteOp> tflite_detection_rows();
[[nodiscard]] std::span<const TfliteOp> tflite_composed_rows();  // of ops that TFLite lacks

// Null: not supported. A custom operator goes by its name.
[[nodiscard]] const TfliteOp* tflite_op(std::int32_t code, std::string_view custom_name);
[[nodiscard]] const TfliteOp* tflite_op(graph::Op op);

// "CONV_2D"; "builtin 999" for a number that has no name.
[[nodiscard]] std::string tflite_op_name(std::int32_t code);

// What several families need to translate.
[[nodiscard]] std::unexpected<Error> bad_options(std::string why, Code code = Code::kBadInput);
[[nodiscard]] Result<graph::Activation> read_activation(tflite::ActivationFunctionType type);
[[nodiscard]] tflite::ActivationFunctionType write_activation(graph::Activation activation);
[[nodiscard]] Result<graph::Padding> read_padding(tflite::Padding padding);
[[nodiscard]] std::optional<tensor::DType> read_type(tflite::TensorType type);
[[nodiscard]] tflite::TensorType write_type(tensor::DType dtype);

template <typename T>
[[nodiscard]] Result<const T*> options_of(const tflite::Operator& from) {
  const T* options = from.builtin_options_as<T>();
  if (options == nullptr) return bad_options("there are none");
  return options;
}

// Rows' functions for operators without options.
template <typename A>
Result<graph::Attributes> fixed_attributes(const tflite::Operator&) {
  return A{};
}
inline void no_options(const graph::Attributes&, TfliteOptions&) {}

}  // namespace lichen::formats
