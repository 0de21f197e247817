// SPDX-License-Identifier: Apache-2.0
// What a node knows beside its tensors: one plain struct an op (or a family of ops), and the variant of them all.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

namespace lichen::graph {

// kSame pads so that out = ceil(in / stride), the odd element at the end; kValid does not pad.
enum class Padding : std::uint8_t { kSame, kValid };

// Applied to an op's result before it is stored.
enum class Activation : std::uint8_t { kNone, kRelu, kReluN1To1, kRelu6 };

struct Conv2DAttributes {
  Padding padding = Padding::kSame;
  std::int32_t stride_h = 1;
  std::int32_t stride_w = 1;
  std::int32_t dilation_h = 1;
  std::int32_t dilation_w = 1;
  Activation activation = Activation::kNone;
};

struct DepthwiseConv2DAttributes {
  Padding padding = Padding::kSame;
  std::int32_t stride_h = 1;
  std::int32_t stride_w = 1;
  std::int32_t dilation_h = 1;
  std::int32_t dilation_w = 1;
  Activation activation = Activation::kNone;
  std::int32_t depth_multiplier = 1;  // output channels for each input channel
};

struct Pool2DAttributes {  // AveragePool2D, MaxPool2D
  Padding padding = Padding::kValid;
  std::int32_t stride_h = 1;
  std::int32_t stride_w = 1;
  std::int32_t filter_h = 1;
  std::int32_t filter_w = 1;
  Activation activation = Activation::kNone;
};

struct FullyConnectedAttributes {
  Activation activation = Activation::kNone;
  bool keep_dims = false;  // the output has the input's rank; otherwise it is [rows, units]
};

struct ElementwiseAttributes {  // Add, Mul
  Activation activation = Activation::kNone;
};

struct ReshapeAttributes {
  std::vector<std::int32_t> shape;  // may hold one -1; empty: the second input, or the output tensor, says it
};

struct SoftmaxAttributes {
  float beta = 1.0F;
};

struct NoAttributes {};

using Attributes = std::variant<NoAttributes, Conv2DAttributes, DepthwiseConv2DAttributes, Pool2DAttributes,
                                FullyConnectedAttributes, ElementwiseAttributes, ReshapeAttributes, SoftmaxAttributes>;

}  // namespace lichen::graph
