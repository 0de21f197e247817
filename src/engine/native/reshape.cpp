// SPDX-License-Identifier: Apache-2.0
// Reshape, Flatten, Identity, Squeeze, Unsqueeze: the same bytes.
#include <array>
#include <cstring>

#include "engine/native/builders.hpp"

namespace lichen::engine {

static StepResult build_reshape(const BuildContext& context) {
  const std::size_t bytes = context.node.output().spec.bytes();
  return make_step("reshape copy", 0, [bytes](const StepBuffers& b) {
    if (bytes > 0 && b.outputs[0] != b.inputs[0]) std::memcpy(b.outputs[0], b.inputs[0], bytes);
  });
}

namespace {
constexpr std::array kBuilders = {
    Builder{graph::Op::kReshape, build_reshape},   Builder{graph::Op::kFlatten, build_reshape},
    Builder{graph::Op::kIdentity, build_reshape},  Builder{graph::Op::kSqueeze, build_reshape},
    Builder{graph::Op::kUnsqueeze, build_reshape},
};
}  // namespace

std::span<const Builder> reshape_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
