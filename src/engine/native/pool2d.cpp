// SPDX-License-Identifier: Apache-2.0
// Poolings of images and volumes.
#include <array>

#include "engine/native/builders.hpp"
#include "engine/native/quantization.hpp"
#include "engine/native/sharing.hpp"
#include "engine/native/vector.hpp"
#include "engine/native/volume.hpp"
#include "engine/native/window.hpp"
#include "kernels/reference/pool.hpp"

namespace lichen::engine {
namespace {

using graph::Op;
using kernels::Index;
using kernels::Window3D;
using kernels::reference::Rows;

// compute(rows) over all rows of the output, shared out.
template <typename Compute>
void share(const Window3D& w, const StepBuffers& b, const Compute& compute) {
  const Index row_work = w.in_c * w.filter[0] * w.filter[1] * w.filter[2];
  share_rows(*b.threads, kernels::reference::all_rows(w).end, row_work,
             [&](Index begin, Index end) { compute(Rows{begin, end}); });
}

template <typename T, typename Range>
void max_and_indices(const Window3D& w, Range range, bool column_major, const StepBuffers& b) {
  share(w, b, [&](Rows rows) {
    if (b.out<T>() != nullptr) kernels::reference::max_pool(w, b.in<T>(0), range, rows, b.out<T>());
    if (auto* indices = b.out<std::int64_t>(1))
      kernels::reference::max_pool_indices(w, b.in<T>(0), column_major, rows, indices);
  });
}

StepResult build_f32(Op op, const Window3D& w, const graph::Pool2DAttributes& a) {
  const kernels::FloatRange range = range_of(a.activation);
  switch (op) {
    case Op::kLpPool2D:
      return make_step("lp_pool f32 reference", 0, [w, p = a.p](const StepBuffers& b) {
        share(w, b, [&](Rows rows) { kernels::reference::lp_pool(w, b.in<float>(0), p, rows, b.out<float>()); });
      });
    case Op::kAveragePool2D:
    case Op::kAveragePool3D:
      return make_step("average_pool f32 reference", 0, [w, range, pads = a.counts_padding](const StepBuffers& b) {
        share(w, b, [&](Rows rows) {
          kernels::reference::average_pool(w, b.in<float>(0), pads, range, rows, b.out<float>());
        });
      });
    default:
      return make_step("max_pool f32 reference", 0, [w, range, major = a.column_major](const StepBuffers& b) {
        max_and_indices<float>(w, range, major, b);
      });
  }
}

kernels::reference::AverageEven average_even_of(const graph::NodeView& node, kernels::IntegerClamp clamp) {
  const tensor::Quantization& in = node.input(0).quantization;
  const tensor::Quantization& out = node.output().quantization;
  return {in.zero_point(), out.zero_point(), in.scale() / out.scale(), clamp};
}

template <typename T>
StepResult build_integer(const BuildContext& context, const Window3D& w, const graph::Pool2DAttributes& a) {
  const graph::Tensor& output = context.node.output();
  const tensor::IntegerRange whole = tensor::range_of(output.spec.dtype);
  const bool plain = output.quantization.empty();
  const kernels::IntegerClamp clamp =
      plain ? kernels::IntegerClamp{whole.min, whole.max} : clamp_of(a.activation, output);
  if (context.node.node().op == Op::kMaxPool2D) {
    return make_step(std::is_signed_v<T> ? "max_pool i8 reference" : "max_pool u8 reference", 0,
                     [w, clamp, major = a.column_major](const StepBuffers& b) {
                       max_and_indices<T>(w, clamp, major, b);
                     });
  }
  if (rounds_to_even(context.node)) {
    return make_step(std::is_signed_v<T> ? "average_pool i8 even reference" : "average_pool u8 even reference", 0,
                     [w, q = average_even_of(context.node, clamp), pads = a.counts_padding](const StepBuffers& b) {
                       share(w, b, [&](Rows rows) {
                         kernels::reference::average_pool_nearest_even(w, b.in<T>(0), q, pads, rows, b.out<T>());
                       });
                     });
  }
  if (a.counts_padding)
    return fail(Code::kUnsupported, "cannot plan model", {}, "an integer average that counts its padding");
  return make_step(std::is_signed_v<T> ? "average_pool i8 reference" : "average_pool u8 reference", 0,
                   [w, clamp](const StepBuffers& b) {
                     share(w, b, [&](Rows rows) {
                       kernels::reference::average_pool(w, b.in<T>(0), clamp, rows, b.out<T>());
                     });
                   });
}

// 16 bits, which only TFLite has.
StepResult build_words(const BuildContext& context, const Window3D& w, const graph::Pool2DAttributes& a) {
  using T = std::int16_t;
  if (rounds_to_even(context.node) || a.counts_padding || context.node.has_output(1)) return not_computed(context);
  const kernels::IntegerClamp clamp = clamp_of(a.activation, context.node.output());
  if (context.node.node().op == Op::kMaxPool2D) {
    return make_step("max_pool i16 reference", 0, [w, clamp](const StepBuffers& b) {
      share(w, b, [&](Rows rows) { kernels::reference::max_pool(w, b.in<T>(0), clamp, rows, b.out<T>()); });
    });
  }
  return make_step("average_pool i16 reference", 0, [w, clamp](const StepBuffers& b) {
    share(w, b, [&](Rows rows) { kernels::reference::average_pool(w, b.in<T>(0), clamp, rows, b.out<T>()); });
  });
}

template <typename T, typename Range>
std::unique_ptr<Step> vector_step(const BuildContext& context, const kernels::Window2D& w, Range range) {
  const bool average = context.node.node().op == Op::kAveragePool2D;
  if constexpr (!std::is_same_v<T, float>) {
    if (average && rounds_to_even(context.node))
      return vector_average_pool2d_even<T>(context, w, average_even_of(context.node, range));
  }
  if constexpr (std::is_same_v<T, float>) {
    return average ? vector_average_pool2d(context, w, range) : vector_max_pool2d(context, w, range);
  } else {
    return average ? vector_average_pool2d<T>(context, w, range) : vector_max_pool2d<T>(context, w, range);
  }
}

// The plain forms in vectors; null: this one is not among them.
StepResult vector_pool2d(const BuildContext& context, const graph::Pool2DAttributes& a) {
  const graph::Tensor& output = context.node.output();
  const Op op = context.node.node().op;
  const tensor::DType dtype = output.spec.dtype;
  const bool real = dtype == tensor::DType::kF32;
  if (a.dilation_h != 1 || a.dilation_w != 1 || a.counts_padding || context.node.has_output(1)) return nullptr;
  if (op == Op::kLpPool2D || (!real && output.quantization.empty())) return nullptr;
  const auto [top, left, bottom, right] = a.pads;
  if (std::max(top, bottom) >= a.filter_h || std::max(left, right) >= a.filter_w) return nullptr;  // windows of padding
  const kernels::Window2D w = LICHEN_TRY(window_of(context.node, a, a.filter_h, a.filter_w));
  if (real) return vector_step<float>(context, w, range_of(a.activation));
  if (dtype == tensor::DType::kI8) return vector_step<std::int8_t>(context, w, clamp_of(a.activation, output));
  if (dtype == tensor::DType::kU8) return vector_step<std::uint8_t>(context, w, clamp_of(a.activation, output));
  return nullptr;
}

StepResult build_pool2d(const BuildContext& context) {
  const auto& a = context.node.attributes<graph::Pool2DAttributes>();
  const Op op = context.node.node().op;
  const Window3D w = LICHEN_TRY(window_of_image(context.node, a));
  if constexpr (kHasVectorKernels) {
    if (auto step = LICHEN_TRY(vector_pool2d(context, a))) return step;
  }
  const tensor::DType dtype = context.node.input(0).spec.dtype;
  if (dtype == tensor::DType::kF32) return build_f32(op, w, a);
  if (op == Op::kLpPool2D) return not_computed(context);
  if (dtype == tensor::DType::kI8) return build_integer<std::int8_t>(context, w, a);
  if (dtype == tensor::DType::kU8) return build_integer<std::uint8_t>(context, w, a);
  if (dtype == tensor::DType::kI16) return build_words(context, w, a);
  return not_computed(context);
}

StepResult build_pool3d(const BuildContext& context) {
  const auto& a = context.node.attributes<graph::Pool3DAttributes>();
  const Window3D w = LICHEN_TRY(window_of_volume(context.node, graph::volume_rules(a)));
  graph::Pool2DAttributes rest;
  rest.counts_padding = a.counts_padding;
  return build_f32(context.node.node().op, w, rest);
}

constexpr std::array kBuilders = {
    Builder{Op::kAveragePool2D, build_pool2d}, Builder{Op::kLpPool2D, build_pool2d},
    Builder{Op::kMaxPool2D, build_pool2d},     Builder{Op::kAveragePool3D, build_pool3d},
    Builder{Op::kMaxPool3D, build_pool3d},
};

}  // namespace

std::span<const Builder> pool2d_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
