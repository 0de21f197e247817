// SPDX-License-Identifier: Apache-2.0
// TFLite's operators beside ours: one row an op. Internal to this folder.
#pragma once

#include <cstdint>
#include <string>

#include <tflite_schema_generated.h>

#include "base/error.hpp"
#include "graph/graph.hpp"

namespace lichen::formats {

inline constexpr std::int32_t kTfliteCustom = 32;

struct WrittenOptions {
  tflite::BuiltinOptions type = tflite::BuiltinOptions_NONE;
  flatbuffers::Offset<void> table;
};

struct TfliteOp {
  std::int32_t code;
  graph::Op op;
  std::int32_t version_float;  // the operator version that TFLite's own converter writes, by type
  std::int32_t version_integer;
  Result<graph::Attributes> (*read)(const tflite::Operator&);
  WrittenOptions (*write)(flatbuffers::FlatBufferBuilder&, const graph::Attributes&);
};

[[nodiscard]] const TfliteOp* tflite_op(std::int32_t code);  // null: not supported
[[nodiscard]] const TfliteOp& tflite_op(graph::Op op);

// "CONV_2D"; "builtin 999" for a number that has no name.
[[nodiscard]] std::string tflite_op_name(std::int32_t code);

}  // namespace lichen::formats
