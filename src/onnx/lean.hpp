// SPDX-License-Identifier: Apache-2.0
// What protobuf is given of a model file. It copies every byte that it reads into memory of its own, so the weights of the
// model's graph are taken out first: they stay where they are in the file, and the graph borrows them from there.
#pragma once

#include <vector>

#include "base/bytes.hpp"

namespace lichen::formats {

struct LeanModel {
  Bytes message;                  // the file without the bytes in `weights`; empty: there are none, parse the file
  std::vector<ByteView> weights;  // raw_data of the graph's initializers, in order; empty where the message has it
};

// Asks for bytes that check_wire() found sound as a ModelProto. The views are of `file`.
[[nodiscard]] LeanModel without_weights(ByteView file);

}  // namespace lichen::formats
