// SPDX-License-Identifier: Apache-2.0
// TensorProto to tensors with data.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "onnx/proto.hpp"
#include "tensor/tensor.hpp"

namespace lichen::formats {

// Element types by ONNX's numbers; nullopt: not one that Lichen has.
[[nodiscard]] std::optional<tensor::DType> dtype_of_onnx(std::int32_t type);
[[nodiscard]] std::int32_t onnx_type_of(tensor::DType dtype);
// "f32" of ours, "float64" of those we lack, "type 99" of those that do not exist.
[[nodiscard]] std::string onnx_type_name(std::int32_t type);

// A name from a file, printable and short enough for an error line.
[[nodiscard]] std::string clean_name(const std::string& text);

// `where` is for errors: "model.onnx, initializer 'w'". `raw` takes the place of raw_data where it is not empty, and
// is borrowed; whatever else the message has is copied.
[[nodiscard]] Result<tensor::Tensor> tensor_of(const ::onnx::TensorProto& from, const std::string& where,
                                               ByteView raw = {});

}  // namespace lichen::formats
