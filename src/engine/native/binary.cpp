// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "engine/native/builders.hpp"

namespace lichen::engine {
namespace {

constexpr std::array kBuilders = {
    Builder{graph::Op::kAdd, build_add},
    Builder{graph::Op::kMul, build_mul},
};

}  // namespace

std::span<const Builder> binary_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
