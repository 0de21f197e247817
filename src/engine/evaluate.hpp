// SPDX-License-Identifier: Apache-2.0
// Computes one node whose inputs are all constant, by the plain C++ kernels.
#pragma once

#include <vector>

#include "base/error.hpp"
#include "engine/native/build.hpp"
#include "graph/graph.hpp"
#include "tensor/tensor.hpp"

namespace lichen::engine {

// One tensor an output; of outputs that are kNoTensor an empty one. Inputs of Shape and Size need not be constant.
[[nodiscard]] Result<std::vector<tensor::Tensor>> evaluate(const graph::Graph& graph, std::size_t at);

}  // namespace lichen::engine
