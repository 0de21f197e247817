// SPDX-License-Identifier: Apache-2.0
// What values the tensors of a model take on real inputs: the model is run on samples and every tensor's smallest and
// largest value are kept.
#pragma once

#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "graph/graph.hpp"

namespace lichen::forge {

struct Range {
  float min = 0;
  float max = 0;
};

// One range for each tensor of the graph (0..0 for constants and for tensors that no node computes). A sample is all
// graph inputs, dense and in order. The graph must compute in f32 only.
// kBadInput: no samples, a sample of the wrong size, a NaN or infinity (the error names the tensor and the sample).
// kExhausted: a model whose tensors together are more than the engine's arena, since all are kept at once.
[[nodiscard]] Result<std::vector<Range>> measure_ranges(const graph::Graph& model, std::span<const Bytes> samples);

}  // namespace lichen::forge
