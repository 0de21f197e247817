// SPDX-License-Identifier: Apache-2.0
// Steps that need a vector unit. A builder asks for one where BuildContext::cpu says that it is there, and for the
// reference kernel otherwise; `kHasVectorKernels` is false in builds for CPUs that we have no vector kernels for.
#pragma once

#include "engine/native/builders.hpp"
#include "engine/native/quantization.hpp"
#include "kernels/panels.hpp"
#include "kernels/reference/binary_fixed.hpp"
#include "kernels/reference/pool.hpp"
#include "kernels/reference/unary.hpp"

namespace lichen::engine {

inline constexpr bool kHasVectorKernels = LICHEN_KERNELS_AVX2 != 0 || LICHEN_KERNELS_NEON != 0;
inline constexpr bool kHasVectorByReals = LICHEN_KERNELS_AVX2 != 0;

[[nodiscard]] inline bool wants_vector(const BuildContext& context) {
  return kHasVectorKernels && (context.cpu.avx2_fma || context.cpu.neon);
}
// Weights and bias that can be packed when the model is planned.
[[nodiscard]] inline bool can_pack(const graph::NodeView& node) {
  return node.is_constant(1) && (!node.has_input(2) || node.is_constant(2));
}
// The same for a layer with a window, whose padded image must be small enough. Groups are not among them.
[[nodiscard]] inline bool wants_vector(const BuildContext& context, const kernels::Window2D& w) {
  return wants_vector(context) && can_pack(context.node) && w.groups == 1 && kernels::padding_fits(w, kernels::kPanel);
}

[[nodiscard]] StepResult vector_conv2d_f32(const BuildContext& context, const kernels::Window2D& w,
                                           kernels::FloatRange range);
[[nodiscard]] StepResult vector_conv2d_hybrid(const BuildContext& context, const kernels::Window2D& w,
                                              kernels::FloatRange range);
[[nodiscard]] StepResult vector_fully_connected_f32(const BuildContext& context, const kernels::MatrixSize& m,
                                                    kernels::FloatRange range);
[[nodiscard]] StepResult vector_depthwise_conv2d_f32(const BuildContext& context, const kernels::Window2D& w,
                                                     kernels::FloatRange range);

// T is int8_t or uint8_t.
template <typename T>
[[nodiscard]] StepResult vector_conv2d(const BuildContext& context, const kernels::Window2D& w,
                                       const WeightedQuantization& q);
template <typename T>
[[nodiscard]] StepResult vector_fully_connected(const BuildContext& context, const kernels::MatrixSize& m,
                                                const WeightedQuantization& q);
template <typename T>
[[nodiscard]] StepResult vector_depthwise_conv2d(const BuildContext& context, const kernels::Window2D& w,
                                                 const WeightedQuantization& q);
// A depthwise convolution of an image with one channel, which is a convolution.
[[nodiscard]] StepResult vector_single_channel_f32(const BuildContext& context, const kernels::Window2D& w,
                                                   kernels::FloatRange range);
template <typename T>
[[nodiscard]] StepResult vector_single_channel(const BuildContext& context, const kernels::Window2D& w,
                                               const WeightedQuantization& q);

// These are null where there is no vector kernel for it.
[[nodiscard]] std::unique_ptr<Step> vector_add(const BuildContext& context, const kernels::reference::Broadcast& shape,
                                               kernels::FloatRange range);
[[nodiscard]] std::unique_ptr<Step> vector_mul(const BuildContext& context, const kernels::reference::Broadcast& shape,
                                               kernels::FloatRange range);
template <typename T>
[[nodiscard]] std::unique_ptr<Step> vector_add(const BuildContext& context, const kernels::reference::Broadcast& shape,
                                               const kernels::reference::AddQuantized& q);
template <typename T>
[[nodiscard]] std::unique_ptr<Step> vector_mul(const BuildContext& context, const kernels::reference::Broadcast& shape,
                                               const kernels::reference::MulQuantized& q);
// Of reals behind integers that round halves to even; `op` is its name.
template <typename T>
[[nodiscard]] std::unique_ptr<Step> vector_by_reals(const BuildContext& context, std::string_view op,
                                                    const kernels::reference::Broadcast& shape, kernels::FloatRange range,
                                                    const kernels::reference::PairAffine& q);
template <typename T>
using QuantizeEven = void (*)(std::span<const float> in, kernels::reference::Affine to, T* out);
template <typename T>
[[nodiscard]] QuantizeEven<T> vector_quantize_even(const BuildContext& context);
// By the op's name, as kernels::reference::unary_f32().
[[nodiscard]] kernels::reference::UnaryF32 vector_unary_f32(const BuildContext& context, std::string_view op);
[[nodiscard]] kernels::reference::LookUp vector_look_up(const BuildContext& context);
[[nodiscard]] std::unique_ptr<Step> vector_softmax(const BuildContext& context, kernels::Index rows,
                                                   kernels::Index depth, float beta);
[[nodiscard]] std::unique_ptr<Step> vector_average_pool2d(const BuildContext& context, const kernels::Window2D& w,
                                                          kernels::FloatRange range);
[[nodiscard]] std::unique_ptr<Step> vector_max_pool2d(const BuildContext& context, const kernels::Window2D& w,
                                                      kernels::FloatRange range);
template <typename T>
[[nodiscard]] std::unique_ptr<Step> vector_average_pool2d(const BuildContext& context, const kernels::Window2D& w,
                                                          kernels::IntegerClamp clamp);
template <typename T>
[[nodiscard]] std::unique_ptr<Step> vector_average_pool2d_even(const BuildContext& context, const kernels::Window2D& w,
                                                               const kernels::reference::AverageEven& q);
template <typename T>
[[nodiscard]] std::unique_ptr<Step> vector_max_pool2d(const BuildContext& context, const kernels::Window2D& w,
                                                      kernels::IntegerClamp clamp);

}  // namespace lichen::engine
