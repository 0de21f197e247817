// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/conv3d.hpp"

#include <array>

#include "engine/native/builders.hpp"
#include "engine/native/quantization.hpp"
#include "engine/native/sharing.hpp"
#include "engine/native/volume.hpp"

namespace lichen::engine {

static StepResult build_conv3d(const BuildContext& context) {
  const auto& a = context.node.attributes<graph::Conv3DAttributes>();
  const tensor::Shape& weights = context.node.input(1).spec.shape;
  kernels::Window3D w = LICHEN_TRY(window_of_volume(context.node, graph::volume_rules(a, weights)));
  w.out_c = weights[0];
  const kernels::FloatRange range = range_of(a.activation);
  const kernels::Index groups = w.in_c / weights[4];
  const kernels::Index macs = weights.elements();
  return make_step("conv3d f32 reference", 0, [w, groups, range, macs](const StepBuffers& b) {
    const kernels::Index grain = std::max<kernels::Index>(1, kFloatMacsAPart / macs);
    b.threads->parallel_for(kernels::reference::all_rows(w).end, grain, [&](kernels::Index begin, kernels::Index end) {
      kernels::reference::conv3d(w, groups, b.in<float>(0), b.in<float>(1), b.in<float>(2), range, {begin, end},
                                 b.out<float>());
    });
  });
}

namespace {
constexpr std::array kBuilders = {Builder{graph::Op::kConv3D, build_conv3d}};
}  // namespace

std::span<const Builder> conv3d_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
