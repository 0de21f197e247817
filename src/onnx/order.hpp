// SPDX-License-Identifier: Apache-2.0
// The order in which the nodes of a file are read. ONNX asks for one in which every value is made before it is used;
// some tools write others, and runtimes put up with it.
#pragma once

#include <vector>

#include "onnx/proto.hpp"

namespace lichen::formats {

// Indices of the nodes, each after those that make what it (or a branch of it) reads; otherwise as in the file. Nodes of
// a cycle come last: reading them names what is missing.
[[nodiscard]] std::vector<int> running_order(const google::protobuf::RepeatedPtrField<::onnx::NodeProto>& nodes);

}  // namespace lichen::formats
