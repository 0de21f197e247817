// SPDX-License-Identifier: Apache-2.0
// Ops on elements for AVX-512: runs of two inputs (kernels/broadcast_runs.hpp), functions of one.
#pragma once

#include "kernels/reference/binary_fixed.hpp"

namespace lichen::kernels::avx512 {

// One run: a[i * step_a] op b[i * step_b], steps 0 or 1.
template <typename T>
struct Run {
  Index count = 0;
  const T* a = nullptr;
  const T* b = nullptr;
  Index step_a = 0, step_b = 0;
  T* out = nullptr;
};

// Equal to the reference kernels bit for bit, NaN included.
void add_f32(const Run<float>& run, FloatRange range);
void mul_f32(const Run<float>& run, FloatRange range);
void clamp_f32(Index count, const float* in, FloatRange range, float* out);
void hard_swish_f32(Index count, const float* in, float* out);  // x * min(max(x + 3, 0), 6) / 6
void hard_sigmoid_f32(Index count, const float* in, float alpha, float beta, float* out);  // of alpha * x + beta
// Within 1e-6 of the largest result, NaN as in the reference kernels.
void logistic_f32(Index count, const float* in, float* out);
void softmax_f32(Index rows, Index depth, const float* in, float beta, float* out);

// Can these do it? Their multipliers shift right only, by 22 bits at most.
[[nodiscard]] bool can_add(const reference::AddQuantized& q);
[[nodiscard]] bool can_mul(const reference::MulQuantized& q);
// T is int8_t or uint8_t. Equal to the reference kernels bit for bit.
template <typename T>
void add_i8(const Run<T>& run, const reference::AddQuantized& q);
template <typename T>
void mul_i8(const Run<T>& run, const reference::MulQuantized& q);


// Equal to reference::quantize_even bit for bit, NaN included.
template <typename T>
void quantize_even(Index count, const float* in, reference::Affine to, T* out);

// reference::binary_by_reals of Add, Sub or Mul with Rounding::kNearestEven, bit for bit.
enum class RealOp : std::uint8_t { kAdd, kSub, kMul };
template <typename T>
void by_reals(const Run<T>& run, RealOp op, FloatRange range, const reference::PairAffine& q);

}  // namespace lichen::kernels::avx512
