// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "kernels/avx512/elementwise.hpp"
#include "kernels/avx512/exp.hpp"

namespace lichen::kernels::avx512 {
namespace {

constexpr Index kLanes = 16;

inline __mmask16 first(Index count) {
  return count >= kLanes ? __mmask16{0xFFFF} : static_cast<__mmask16>((1U << count) - 1);
}

struct Clamp {
  __m512 min, max;
  explicit Clamp(FloatRange range) : min(_mm512_set1_ps(range.min)), max(_mm512_set1_ps(range.max)) {}
  // std::min(std::max(x, min), max): NaN passes.
  [[nodiscard]] __m512 operator()(__m512 x) const { return _mm512_min_ps(max, _mm512_max_ps(min, x)); }
};

// compute(vector of a, vector of b) over a run.
template <typename Compute>
inline void each_of(const Run<float>& run, Compute compute) {
  const __m512 same_a = _mm512_set1_ps(run.a[0]);
  const __m512 same_b = _mm512_set1_ps(run.b[0]);
  const auto chunk = [&](Index i, __mmask16 there) {
    const __m512 a = run.step_a == 0 ? same_a : _mm512_maskz_loadu_ps(there, run.a + i);
    const __m512 b = run.step_b == 0 ? same_b : _mm512_maskz_loadu_ps(there, run.b + i);
    _mm512_mask_storeu_ps(run.out + i, there, compute(a, b));
  };
  Index i = 0;
  for (; i + kLanes <= run.count; i += kLanes) chunk(i, 0xFFFF);
  if (i < run.count) chunk(i, first(run.count - i));
}

template <typename Compute>
inline void each_of(Index count, const float* in, float* out, Compute compute) {
  for (Index i = 0; i < count; i += kLanes) {
    const __mmask16 there = first(count - i);
    _mm512_mask_storeu_ps(out + i, there, compute(_mm512_maskz_loadu_ps(there, in + i)));
  }
}

}  // namespace

void add_f32(const Run<float>& run, FloatRange range) {
  const Clamp clamp(range);
  each_of(run, [&](__m512 a, __m512 b) { return clamp(_mm512_add_ps(a, b)); });
}

void mul_f32(const Run<float>& run, FloatRange range) {
  const Clamp clamp(range);
  each_of(run, [&](__m512 a, __m512 b) { return clamp(_mm512_mul_ps(a, b)); });
}

void clamp_f32(Index count, const float* in, FloatRange range, float* out) {
  const Clamp clamp(range);
  each_of(count, in, out, clamp);
}

void hard_swish_f32(Index count, const float* in, float* out) {
  const __m512 three = _mm512_set1_ps(3.0F);
  const __m512 six = _mm512_set1_ps(6.0F);
  each_of(count, in, out, [&](__m512 x) {
    const __m512 gate = _mm512_min_ps(six, _mm512_max_ps(_mm512_setzero_ps(), _mm512_add_ps(x, three)));
    return _mm512_div_ps(_mm512_mul_ps(x, gate), six);
  });
}

void hard_sigmoid_f32(Index count, const float* in, float alpha, float beta, float* out) {
  const Clamp clamp(FloatRange{0.0F, 1.0F});
  const __m512 a = _mm512_set1_ps(alpha);
  const __m512 b = _mm512_set1_ps(beta);
  each_of(count, in, out, [&](__m512 x) { return clamp(_mm512_add_ps(_mm512_mul_ps(a, x), b)); });
}

void logistic_f32(Index count, const float* in, float* out) {
  const __m512 one = _mm512_set1_ps(1.0F);
  each_of(count, in, out, [&](__m512 x) {
    return _mm512_div_ps(one, _mm512_add_ps(one, exp_of(_mm512_sub_ps(_mm512_setzero_ps(), x))));
  });
}

void softmax_f32(Index rows, Index depth, const float* in, float beta, float* out) {
  const __m512 scale = _mm512_set1_ps(beta);
  for (Index row = 0; row < rows; ++row, in += depth, out += depth) {
    __m512 most = _mm512_set1_ps(in[0]);
    for (Index i = 0; i < depth; i += kLanes)
      most = _mm512_mask_max_ps(most, first(depth - i), _mm512_maskz_loadu_ps(first(depth - i), in + i), most);
    const __m512 largest = _mm512_set1_ps(_mm512_reduce_max_ps(most));
    __m512 sums = _mm512_setzero_ps();
    for (Index i = 0; i < depth; i += kLanes) {
      const __mmask16 there = first(depth - i);
      const __m512 value =
          exp_of(_mm512_mul_ps(_mm512_sub_ps(_mm512_maskz_loadu_ps(there, in + i), largest), scale));
      sums = _mm512_mask_add_ps(sums, there, sums, value);
      _mm512_mask_storeu_ps(out + i, there, value);
    }
    const __m512 sum = _mm512_set1_ps(_mm512_reduce_add_ps(sums));
    each_of(depth, out, out, [&](__m512 x) { return _mm512_div_ps(x, sum); });
  }
}

}  // namespace lichen::kernels::avx512
