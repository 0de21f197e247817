// SPDX-License-Identifier: Apache-2.0
#include "engine/native/build.hpp"

#include <array>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "engine/backends/xnnpack/xnnpack.hpp"
#include "engine/native/builders.hpp"
#include "graph/ops/checks.hpp"

namespace lichen::engine {

Step::~Step() = default;

Result<void> PackBudget::take(std::size_t bytes) {
  if (bytes > bytes_max_ - used_) {
    return fail(Code::kExhausted, "cannot plan model", {},
                fmt::format("its weights need more than {} bytes when packed", bytes_max_));
  }
  used_ += bytes;
  return {};
}

namespace {

constexpr std::span<const Builder> (*kFamilies[])() = {
    binary_builders, concat_builders, gather_builders, movement_builders, pool2d_builders, quantize_builders,
    reshape_builders, select_builders, slice_builders, softmax_builders, unary_builders, weighted_builders,
    conv3d_builders, matmul_builders, normalization_builders, transpose_conv2d_builders,
    detection_builders, recurrent_builders, sequence_builders,
    make_builders, pad_builders, resize_builders, scatter_builders, space_builders,
    cast_builders, integer_layers_builders, quantize_linear_builders, reduce_builders,
};

using Build = StepResult (*)(const BuildContext&);

const std::array<Build, static_cast<std::size_t>(graph::Op::kCount)>& builders() {
  static const auto kBuilders = [] {
    std::array<Build, static_cast<std::size_t>(graph::Op::kCount)> made{};
    for (const auto family : kFamilies) {
      for (const Builder& builder : family()) {
        LICHEN_ASSERT(made[static_cast<std::size_t>(builder.op)] == nullptr);
        made[static_cast<std::size_t>(builder.op)] = builder.build;
      }
    }
    return made;
  }();
  return kBuilders;
}

}  // namespace

std::unexpected<Error> not_computed(const BuildContext& context) {
  const graph::Tensor& input = context.node.input(0);
  return fail(Code::kUnsupported, "cannot plan model", fmt::format("tensor '{}'", input.spec.name),
              fmt::format("no kernel computes this op with {}{}", name_of(input.spec.dtype),
                          graph::is_quantized(input) ? " that has a scale" : ""));
}

bool has_kernel(graph::Op op) {
  return builders()[static_cast<std::size_t>(op)] != nullptr;
}

Result<std::unique_ptr<Step>> build_step(const BuildContext& context) {
  const Build build = builders()[static_cast<std::size_t>(context.node.node().op)];
  if (build == nullptr) return fail(Code::kUnsupported, "cannot plan model", {}, "no kernel computes this op yet");
  if (context.xnnpack == XnnpackUse::kPreferred) {
    if (auto step = LICHEN_TRY(xnnpack_step(context))) return step;
  }
  auto own = LICHEN_TRY(build(context));
  if (context.xnnpack == XnnpackUse::kWhereNoneOfOurs && own->is_reference()) {
    if (auto step = LICHEN_TRY(xnnpack_step(context))) return step;
  }
  return own;
}

}  // namespace lichen::engine
