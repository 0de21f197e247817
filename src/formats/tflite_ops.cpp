// SPDX-License-Identifier: Apache-2.0
#include "formats/tflite_ops.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace lichen::formats {
namespace {

using graph::Activation;
using tensor::DType;

constexpr std::array kFamilies = {tflite_elementwise_rows, tflite_layer_rows, tflite_movement_rows,
                                  tflite_reduce_rows,      tflite_state_rows, tflite_detection_rows,
                                  tflite_composed_rows};

struct ActivationPair {
  tflite::ActivationFunctionType type;
  Activation activation;
};
constexpr std::array<ActivationPair, 5> kActivations = {{
    {tflite::ActivationFunctionType_NONE, Activation::kNone},
    {tflite::ActivationFunctionType_RELU, Activation::kRelu},
    {tflite::ActivationFunctionType_RELU_N1_TO_1, Activation::kReluN1To1},
    {tflite::ActivationFunctionType_RELU6, Activation::kRelu6},
    {tflite::ActivationFunctionType_TANH, Activation::kTanh},
}};

struct TypePair {
  tflite::TensorType type;
  DType dtype;
};
constexpr std::array<TypePair, 8> kTypes = {{
    {tflite::TensorType_FLOAT32, DType::kF32},
    {tflite::TensorType_FLOAT16, DType::kF16},
    {tflite::TensorType_INT32, DType::kI32},
    {tflite::TensorType_UINT8, DType::kU8},
    {tflite::TensorType_INT64, DType::kI64},
    {tflite::TensorType_BOOL, DType::kBool},
    {tflite::TensorType_INT16, DType::kI16},
    {tflite::TensorType_INT8, DType::kI8},
}};

// The name of the one custom operator that we know, see tflite_ops_detection.cpp.
constexpr std::string_view kDetectionPostProcess = "TFLite_Detection_PostProcess";

}  // namespace

const TfliteOp* tflite_op(std::int32_t code, std::string_view custom_name) {
  if (code < 0 || (code == kTfliteCustom && custom_name != kDetectionPostProcess)) return nullptr;
  for (const auto& family : kFamilies) {
    for (const TfliteOp& row : family()) {
      if (row.code == code && row.reads()) return &row;
    }
  }
  return nullptr;
}

const TfliteOp* tflite_op(graph::Op op) {
  for (const auto& family : kFamilies) {
    for (const TfliteOp& row : family()) {
      if (row.op == op && row.writes()) return &row;
    }
  }
  return nullptr;
}

std::unexpected<Error> bad_options(std::string why, Code code) {
  return fail(code, "bad operator", "options", std::move(why));
}

Result<Activation> read_activation(tflite::ActivationFunctionType type) {
  const auto* at = std::ranges::find(kActivations, type, &ActivationPair::type);
  if (at != kActivations.end()) return at->activation;
  return bad_options(fmt::format("fused activation {}", static_cast<int>(type)), Code::kUnsupported);
}

tflite::ActivationFunctionType write_activation(Activation activation) {
  return std::ranges::find(kActivations, activation, &ActivationPair::activation)->type;
}

Result<graph::Padding> read_padding(tflite::Padding padding) {
  if (padding == tflite::Padding_SAME) return graph::Padding::kSame;
  if (padding == tflite::Padding_VALID) return graph::Padding::kValid;
  return bad_options(fmt::format("padding {}", static_cast<int>(padding)));
}

std::optional<DType> read_type(tflite::TensorType type) {
  const auto* at = std::ranges::find(kTypes, type, &TypePair::type);
  return at == kTypes.end() ? std::nullopt : std::optional(at->dtype);
}

tflite::TensorType write_type(DType dtype) {
  return std::ranges::find(kTypes, dtype, &TypePair::dtype)->type;
}

}  // namespace lichen::formats
