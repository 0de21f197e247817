// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstring>

#include "engine/native/builders.hpp"

namespace lichen::engine {

static StepResult build_reshape(const BuildContext& context) {
  const std::size_t bytes = context.node.output().spec.bytes();
  return make_step("reshape copy", 0, [bytes](const StepBuffers& b) {
    if (bytes > 0) std::memcpy(b.outputs[0], b.inputs[0], bytes);
  });
}

namespace {
constexpr std::array kBuilders = {Builder{graph::Op::kReshape, build_reshape}};
}  // namespace

std::span<const Builder> reshape_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
