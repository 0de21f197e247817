// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "engine/native/builders.hpp"

namespace lichen::engine {
namespace {

constexpr std::array kBuilders = {
    Builder{graph::Op::kLogistic, build_logistic},
    Builder{graph::Op::kRelu, build_relu},
    Builder{graph::Op::kRelu6, build_relu},
};

}  // namespace

std::span<const Builder> unary_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
