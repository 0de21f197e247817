// SPDX-License-Identifier: Apache-2.0
// The "data" of one tensor of the Open Inference Protocol: numbers in JSON to dense bytes and back.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "protocol/json_cursor.hpp"
#include "tensor/spec.hpp"

namespace lichen::protocol {

// Reads the JSON array at the cursor, flat or nested like the shape, into `out` (spec.bytes() long). `where` names the
// input in errors.
[[nodiscard]] Result<void> read_json_data(JsonCursor& cursor, const tensor::TensorSpec& spec, std::string_view where,
                                          std::byte* out);

// Takes raw tensor bytes as they are; refuses a size that is not the tensor's, and booleans other than 0 and 1.
[[nodiscard]] Result<void> read_binary_data(std::string_view raw, const tensor::TensorSpec& spec,
                                            std::string_view where, std::byte* out);

// The same checks without taking them.
[[nodiscard]] Result<void> check_binary_data(std::string_view raw, const tensor::TensorSpec& spec,
                                             std::string_view where);

// Appends "[...]", flat, and returns how many elements were not finite and became null.
std::size_t append_json_data(std::string& out, const tensor::TensorSpec& spec, ByteView data);

}  // namespace lichen::protocol
