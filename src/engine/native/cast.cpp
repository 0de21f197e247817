// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/cast.hpp"

#include <array>

#include "engine/native/element_types.hpp"

namespace lichen::engine {
namespace {

StepResult build_cast(const BuildContext& context) {
  const tensor::DType from = context.node.input(0).spec.dtype;
  const tensor::DType to = context.node.output().spec.dtype;
  const auto function = kernels::reference::cast(from, to);
  const auto in_size = static_cast<kernels::Index>(size_of(from));
  const auto out_size = static_cast<kernels::Index>(size_of(to));
  return make_step("cast reference", 0, [=, count = elements_of(context.node.output())](const StepBuffers& b) {
    b.threads->parallel_for(count, 1 << 14, [&](kernels::Index begin, kernels::Index end) {
      function(b.in<std::byte>(0) + begin * in_size, end - begin, b.out<std::byte>() + begin * out_size);
    });
  });
}

constexpr std::array kBuilders = {Builder{graph::Op::kCast, build_cast}};

}  // namespace

std::span<const Builder> cast_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
