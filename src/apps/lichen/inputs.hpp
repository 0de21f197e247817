// SPDX-License-Identifier: Apache-2.0
// The inputs of `lichen run`: a file into the bytes of one model input.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "engine/session.hpp"

namespace lichen::tool {

inline constexpr std::size_t kInputBytesMax = 256 << 20;

// Reads `path` (.npy, .csv or .raw by its ending) as values for `input`, as many as it has elements:
//   .npy  any type; values of the input's own type are taken as they are, others as for bytes_from_floats()
//   .csv  numbers separated by commas, spaces or lines; treated as f32
//   .raw  the input's own bytes
[[nodiscard]] Result<Bytes> read_input(const std::string& path, const engine::TensorInfo& input);

// Values for `input` in its type: quantized where it is, to the nearest f16 where it holds those, rounded and saturated
// where it holds integers. As many as it has elements; `path` is for errors.
[[nodiscard]] Result<Bytes> bytes_from_floats(const std::vector<float>& values, const engine::TensorInfo& input,
                                              const std::string& path);

// The values of an output as f32, dequantized where it is quantized.
[[nodiscard]] std::vector<float> to_floats(const engine::TensorInfo& output, ByteView bytes);

}  // namespace lichen::tool
