// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "engine/native/builders.hpp"

namespace lichen::engine {
namespace {

constexpr std::array kBuilders = {
    Builder{graph::Op::kConv2D, build_conv2d},
    Builder{graph::Op::kDepthwiseConv2D, build_depthwise_conv2d},
    Builder{graph::Op::kFullyConnected, build_fully_connected},
};

}  // namespace

std::span<const Builder> weighted_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
