// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/normalization.hpp"

#include <array>

#include "base/assert.hpp"
#include "engine/native/axis_view.hpp"
#include "engine/native/builders.hpp"
#include "engine/native/sharing.hpp"

namespace lichen::engine {
namespace {

namespace reference = kernels::reference;
using graph::NormAttributes;
using graph::Op;
using kernels::Index;
using reference::AxisView;

// Lines of one axis are shared out by what is before it.
template <typename Compute>
void share_lines(const AxisView& v, const StepBuffers& b, const Compute& compute) {
  const Index size = v.channels * v.inner;
  share_rows(*b.threads, v.outer, size * Index{sizeof(float)}, [&](Index begin, Index end) {
    compute(AxisView{end - begin, v.channels, v.inner}, begin * size);
  });
}

StepResult build_batch_norm(const BuildContext& context) {
  const auto& a = context.node.attributes<NormAttributes>();
  const AxisView v = axis_view(context.node.input(0).spec.shape, a.axis);
  const auto scratch = static_cast<std::size_t>(2 * v.channels) * sizeof(float);
  return make_step("batch_norm f32 reference", scratch, [v, epsilon = a.epsilon](const StepBuffers& b) {
    reference::batch_norm(v, b.in<float>(0), {b.in<float>(1), b.in<float>(2)}, b.in<float>(3), b.in<float>(4), epsilon,
                          reinterpret_cast<float*>(b.scratch), b.out<float>());
  });
}

StepResult build_group_norm(const BuildContext& context) {
  const graph::NodeView& node = context.node;
  const auto& a = node.attributes<NormAttributes>();
  const tensor::Shape& shape = node.input(0).spec.shape;
  const AxisView v = axis_view(shape, a.axis);
  reference::GroupSize s;
  s.batch = shape[0];
  s.before = v.outer / shape[0];
  s.channels = v.channels;
  s.after = v.inner;
  s.groups = node.node().op == Op::kInstanceNorm ? v.channels : a.groups;
  s.parameters_per_group = node.input(1).spec.shape.elements() != v.channels;
  if (node.input(2).spec.shape.elements() != node.input(1).spec.shape.elements())
    return fail(Code::kUnsupported, "cannot plan model", {}, "scale and bias of different sizes");
  const auto channels = static_cast<std::size_t>(s.channels);
  return make_step("group_norm f32 reference", 2 * channels * (sizeof(double) + sizeof(float)),
                   [s, epsilon = a.epsilon, channels](const StepBuffers& b) {
                     auto* sums = reinterpret_cast<double*>(b.scratch);
                     reference::group_norm(s, b.in<float>(0), {b.in<float>(1), b.in<float>(2)}, epsilon, sums,
                                           reinterpret_cast<float*>(sums + 2 * channels), b.out<float>());
                   });
}

reference::RowNorm row_norm(const graph::NodeView& node) {
  const auto& a = node.attributes<NormAttributes>();
  const tensor::Shape& shape = node.input(0).spec.shape;
  const AxisView v = axis_view(shape, a.axis);
  reference::RowNorm n;
  n.rows = v.outer;
  n.depth = v.channels * v.inner;
  n.scale_count = node.input(1).spec.shape.elements();
  n.bias_count = node.has_input(2) ? node.input(2).spec.shape.elements() : 1;
  n.epsilon = a.epsilon;
  return n;
}

StepResult build_layer_norm(const BuildContext& context) {
  return make_step("layer_norm f32 reference", 0, [n = row_norm(context.node)](const StepBuffers& b) {
    share_rows(*b.threads, n.rows, n.depth * Index{sizeof(float)}, [&](Index begin, Index end) {
      reference::RowNorm part = n;
      part.rows = end - begin;
      const auto from = [&](float* rows, Index size) { return rows == nullptr ? nullptr : rows + begin * size; };
      reference::layer_norm(part, b.in<float>(0) + begin * n.depth, {b.in<float>(1), b.in<float>(2)},
                            from(b.out<float>(1), 1), from(b.out<float>(2), 1), from(b.out<float>(), n.depth));
    });
  });
}

StepResult build_rms_norm(const BuildContext& context) {
  return make_step("rms_norm f32 reference", 0, [n = row_norm(context.node)](const StepBuffers& b) {
    reference::rms_norm(n, b.in<float>(0), b.in<float>(1), b.out<float>());
  });
}

template <typename T>
StepResult build_integer_l2(const BuildContext& context, const AxisView& v) {
  return make_step(std::is_signed_v<T> ? "l2_norm i8 reference" : "l2_norm u8 reference", 0,
                   [v, in = context.node.input(0).quantization.zero_point(),
                    out = context.node.output().quantization.zero_point()](const StepBuffers& b) {
                     reference::l2_norm(v, b.in<T>(0), in, out, b.out<T>());
                   });
}

StepResult build_l2_norm(const BuildContext& context) {
  const auto& a = context.node.attributes<NormAttributes>();
  const AxisView v = axis_view(context.node.input(0).spec.shape, a.axis);
  switch (context.node.input(0).spec.dtype) {
    case tensor::DType::kF32:
      return make_step("l2_norm f32 reference", 0, [v, epsilon = a.epsilon](const StepBuffers& b) {
        share_lines(v, b, [&](const AxisView& part, Index at) {
          reference::l2_norm(part, b.in<float>(0) + at, epsilon, b.out<float>() + at);
        });
      });
    case tensor::DType::kI8:
      return build_integer_l2<std::int8_t>(context, v);
    case tensor::DType::kU8:
      return build_integer_l2<std::uint8_t>(context, v);
    default:
      return not_computed(context);
  }
}

StepResult build_lp_norm(const BuildContext& context) {
  const auto& a = context.node.attributes<NormAttributes>();
  const AxisView v = axis_view(context.node.input(0).spec.shape, a.axis);
  return make_step("lp_norm f32 reference", 0, [v, p = a.p](const StepBuffers& b) {
    reference::lp_norm(v, b.in<float>(0), p, b.out<float>());
  });
}

StepResult build_local_response_norm(const BuildContext& context) {
  const auto& a = context.node.attributes<graph::LocalResponseNormAttributes>();
  const AxisView v = axis_view(context.node.input(0).spec.shape, a.axis);
  const reference::ResponseNorm n{a.before, a.after, a.alpha, a.beta, a.bias};
  return make_step("local_response_norm f32 reference", 0, [v, n](const StepBuffers& b) {
    share_lines(v, b, [&](const AxisView& part, Index at) {
      reference::local_response_norm(part, b.in<float>(0) + at, n, b.out<float>() + at);
    });
  });
}

StepResult build_hardmax(const BuildContext& context) {
  const AxisView v = axis_view(context.node.input(0).spec.shape, context.node.attributes<graph::AxisAttributes>().axis);
  return make_step("hardmax f32 reference", 0,
                   [v](const StepBuffers& b) { reference::hardmax(v, b.in<float>(0), b.out<float>()); });
}

constexpr std::array kBuilders = {
    Builder{Op::kBatchNorm, build_batch_norm},   Builder{Op::kGroupNorm, build_group_norm},
    Builder{Op::kInstanceNorm, build_group_norm}, Builder{Op::kLayerNorm, build_layer_norm},
    Builder{Op::kRmsNorm, build_rms_norm},       Builder{Op::kL2Norm, build_l2_norm},
    Builder{Op::kLpNorm, build_lp_norm},         Builder{Op::kLocalResponseNorm, build_local_response_norm},
    Builder{Op::kHardmax, build_hardmax},
};

}  // namespace

std::span<const Builder> normalization_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
