// SPDX-License-Identifier: Apache-2.0
// Post-training quantization: a model in f32 becomes one in 8-bit integers throughout, a quarter of the size, by the
// rules of TensorFlow Lite's 8-bit specification (tensorflow.org/lite/performance/quantization_spec): activations i8
// with one asymmetric scale from what calibration saw, weights i8 symmetric (per output channel in convolutions, per
// tensor in fully connected layers), biases i32.
#pragma once

#include <span>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "graph/graph.hpp"

namespace lichen::forge {

// What the model's own inputs and outputs are.
enum class Border {
  kInt8,   // i8 with a scale: the caller converts (engine::Adapter does)
  kFloat,  // f32 as before, with Quantize and Dequantize nodes inside
};

struct QuantizeOptions {
  Border border = Border::kInt8;
};

// `model` is a graph that computes in f32 (kUnsupported names the tensor or node that does not); it is verified, and so
// is the result, which owns its constants. `samples` are real inputs, each all graph inputs dense and in order; a
// hundred or so show the ranges. Names of graph inputs and outputs stay. Deterministic.
[[nodiscard]] Result<graph::Graph> quantize_int8(const graph::Graph& model, std::span<const Bytes> samples,
                                                 const QuantizeOptions& options);

}  // namespace lichen::forge
