// SPDX-License-Identifier: Apache-2.0
// TransposeConv2D. In f32 with constant weights each row of the input is one matrix product by the packed weights,
// whose columns are then added where they belong.
#include "kernels/reference/transpose_conv2d.hpp"

#include <array>
#include <vector>

#include "engine/native/builders.hpp"
#include "engine/native/quantization.hpp"
#include "engine/native/vector.hpp"
#include "engine/native/words.hpp"
#include "graph/ops/transpose_conv.hpp"

namespace lichen::engine {
namespace {

namespace reference = kernels::reference;
using kernels::Index;
using kernels::Window2D;

Result<Window2D> window_of(const graph::NodeView& node) {
  const auto& a = node.attributes<graph::TransposeConvAttributes>();
  const tensor::Shape& in = node.input(0).spec.shape;
  const tensor::Shape& weights = node.input(1).spec.shape;
  const auto windows = LICHEN_TRY(graph::transpose_windows(node));
  if (!windows) return fail(Code::kBadInput, "cannot plan model", {}, "the output's shape is not known");
  Window2D w;
  w.batch = in[0];
  w.in_h = in[1], w.in_w = in[2], w.in_c = in[3];
  w.out_h = windows->h.out, w.out_w = windows->w.out, w.out_c = weights[0];
  w.filter_h = weights[1], w.filter_w = weights[2];
  w.stride_h = a.stride_h, w.stride_w = a.stride_w;
  w.dilation_h = a.dilation_h, w.dilation_w = a.dilation_w;
  w.pad_h = windows->h.pad_before, w.pad_w = windows->w.pad_before;
  w.groups = a.groups;
  return w;
}

template <typename T>
StepResult build_integer(const BuildContext& context, const Window2D& w, graph::Activation activation) {
  const ScaleProduct product = std::is_signed_v<T> ? ScaleProduct::kDouble : ScaleProduct::kFloat;
  auto q = LICHEN_TRY(weighted_quantization(context.node, activation, static_cast<std::size_t>(w.out_c), product));
  const auto scratch = static_cast<std::size_t>(w.out_h * w.out_w * w.out_c) * sizeof(std::int32_t);
  return make_step(std::is_signed_v<T> ? "transpose_conv2d i8 reference" : "transpose_conv2d u8 reference", scratch,
                   [w, q = std::move(q)](const StepBuffers& b) {
                     reference::transpose_conv2d(w, b.in<T>(0), b.in<T>(1), b.in<std::int32_t>(2), q.requantization(),
                                                 reinterpret_cast<std::int32_t*>(b.scratch), b.out<T>());
                   });
}

StepResult build_words(const BuildContext& context, const Window2D& w, graph::Activation activation) {
  auto q = LICHEN_TRY(words_quantization(context, activation, static_cast<std::size_t>(w.out_c)));
  return with_sum_type(context.node, [&]<typename Sum>(Type<Sum>) -> StepResult {
    const auto scratch = static_cast<std::size_t>(w.out_h * w.out_w * w.out_c) * sizeof(Sum);
    return make_step("transpose_conv2d i16 reference", scratch, [w, q = std::move(q)](const StepBuffers& b) {
      reference::transpose_conv2d(w, b.in<std::int16_t>(0), b.in<std::int8_t>(1), b.in<Sum>(2), q.requantization(),
                                  reinterpret_cast<Sum*>(b.scratch), b.out<std::int16_t>());
    });
  });
}

// [in_w][filter_h][filter_w][out] products of one row of pixels: a fully connected layer of weights [tap, out][in].
StepResult row_products(const BuildContext& context, const Window2D& w) {
  const std::span<const float> from = context.node.input(1).constant->as<float>();
  const Index taps = w.filter_h * w.filter_w;
  std::vector<float> weights(from.size());
  for (Index c = 0; c < w.out_c; ++c) {
    for (Index t = 0; t < taps; ++t) {
      std::copy_n(from.data() + (c * taps + t) * w.in_c, w.in_c,
                  weights.data() + (t * w.out_c + c) * w.in_c);
    }
  }
  graph::Graph g;
  const auto x = g.add("x", tensor::DType::kF32, {w.in_w, w.in_c});
  const auto k = g.add_constant("weights", {taps * w.out_c, w.in_c}, std::span<const float>(weights));
  const auto y = g.add("y", tensor::DType::kF32, {w.in_w, taps * w.out_c});
  g.nodes.push_back({graph::Op::kFullyConnected, {}, graph::FullyConnectedAttributes{}, {x, k}, {y}});
  const BuildContext layer{graph::NodeView(g, g.nodes[0]), context.cpu, context.budget};
  return vector_fully_connected_f32(layer, {w.in_w, taps * w.out_c, w.in_c}, {});
}

StepResult build_by_products(const BuildContext& context, const Window2D& w, kernels::FloatRange range) {
  auto product = LICHEN_TRY(row_products(context, w));
  const std::size_t products =
      (static_cast<std::size_t>(w.in_w * w.filter_h * w.filter_w * w.out_c) * sizeof(float) + 63) / 64 * 64;
  const std::size_t scratch = products + product->scratch_bytes();
  return make_step("transpose_conv2d f32 avx2", scratch,
                   [w, range, products, product = std::move(product)](const StepBuffers& b) {
                     reference::transpose_conv2d_start(w, b.in<float>(2), b.out<float>());
                     for (Index row = 0; row < w.batch * w.in_h; ++row) {
                       const std::array in = {
                           reinterpret_cast<const std::byte*>(b.in<float>(0) + row * w.in_w * w.in_c)};
                       const std::array out = {b.scratch};
                       product->run({in, out, b.scratch + products, b.threads, b.report});
                       reference::transpose_conv2d_add_row(w, row / w.in_h, row % w.in_h,
                                                           reinterpret_cast<const float*>(b.scratch), b.out<float>());
                     }
                     reference::transpose_conv2d_finish(w, range, b.out<float>());
                   });
}

StepResult build(const BuildContext& context) {
  const auto& a = context.node.attributes<graph::TransposeConvAttributes>();
  const Window2D w = LICHEN_TRY(window_of(context.node));
  switch (context.node.input(0).spec.dtype) {
    case tensor::DType::kI8:
      return build_integer<std::int8_t>(context, w, a.activation);
    case tensor::DType::kU8:
      return build_integer<std::uint8_t>(context, w, a.activation);
    case tensor::DType::kI16:
      return build_words(context, w, a.activation);
    case tensor::DType::kF32:
      break;
    default:
      return not_computed(context);
  }
  const kernels::FloatRange range = range_of(a.activation);
  if constexpr (kHasVectorKernels) {
    if (wants_vector(context) && context.node.is_constant(1) && w.groups == 1)
      return build_by_products(context, w, range);
  }
  return make_step("transpose_conv2d f32 reference", 0, [w, range](const StepBuffers& b) {
    reference::transpose_conv2d(w, b.in<float>(0), b.in<float>(1), b.in<float>(2), range, b.out<float>());
  });
}

constexpr std::array kBuilders = {Builder{graph::Op::kTransposeConv2D, build}};

}  // namespace

std::span<const Builder> transpose_conv2d_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
