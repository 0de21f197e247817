// SPDX-License-Identifier: Apache-2.0
#include "kernels/avx512/elementwise.hpp"
#include "kernels/avx512/lanes.hpp"

namespace lichen::kernels::avx512 {
namespace {

constexpr Index kLanes = 16;
constexpr Index kBytes = 64;

// scaled_bounded() with the same multiplier in all lanes.
struct Scale {
  __m512i value, half, sign_from, right;

  Scale(Multiplier m, std::int32_t zero_point) {
    const std::int32_t divisor = -m.shift;  // its logarithm
    value = _mm512_set1_epi32(m.value);
    half = _mm512_set1_epi32((zero_point << divisor) + (divisor > 0 ? 1 << (divisor - 1) : 0));
    sign_from = _mm512_set1_epi32(divisor > 0 ? 31 : 32);
    right = _mm512_set1_epi32(divisor);
  }
  [[nodiscard]] __m512i operator()(__m512i x) const {
    const __m512i nudge = _mm512_set1_epi64(std::int64_t{1} << 31);
    const __m512i twice = _mm512_add_epi32(x, x);
    const __m512i even = _mm512_add_epi64(_mm512_mul_epi32(twice, value), nudge);
    const __m512i odd = _mm512_add_epi64(_mm512_mul_epi32(odd_down(twice), value), nudge);
    const __m512i high = high_halves(even, odd);
    const __m512i below = _mm512_srlv_epi32(high, sign_from);
    return _mm512_srav_epi32(_mm512_sub_epi32(_mm512_add_epi32(high, half), below), right);
  }
};

bool fits(Multiplier m) {
  constexpr std::int32_t kRightMax = 22;  // 255 divisors and sums below 2^29 stay below 2^31
  return m.shift <= 0 && m.shift >= -kRightMax;
}
// One half, as quantize_multiplier() writes it: what the input with the larger scale is multiplied by.
bool is_half(Multiplier m) {
  return m.value == (1 << 30) && m.shift == 0;
}

template <typename T>
inline __m512i widened(const T* at, __mmask16 there) {
  const __m128i bytes = _mm_maskz_loadu_epi8(there, at);
  if constexpr (static_cast<T>(-1) < T{0}) return _mm512_cvtepi8_epi32(bytes);
  return _mm512_cvtepu8_epi32(bytes);
}

inline __mmask16 first(Index count) {
  if (count >= kLanes) return 0xFFFF;
  return count <= 0 ? __mmask16{0} : static_cast<__mmask16>((1U << count) - 1);
}

// Four quarters of 16 lanes, in order, as bytes.
template <typename T>
inline void store_quarters(__m512i a, __m512i b, __m512i c, __m512i d, IntegerClamp clamp, T* out, Index left) {
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m512i bytes = _mm512_permutexvar_epi32(order, clamped_bytes<T>(a, b, c, d, clamp));
  if (left >= kBytes) {
    store(bytes, out);
  } else {
    store_first(bytes, out, left);
  }
}

// compute(sixteen of a, sixteen of b), widened, over a run: lanes to be packed, clamped and stored.
template <typename T, typename Compute>
inline void each_of(const Run<T>& run, IntegerClamp clamp, Compute compute) {
  const __m512i same_a = _mm512_set1_epi32(run.a[0]);
  const __m512i same_b = _mm512_set1_epi32(run.b[0]);
  for (Index i = 0; i < run.count; i += kBytes) {
    const auto quarter = [&](Index at) {
      const __mmask16 there = first(run.count - at);
      return compute(run.step_a == 0 ? same_a : widened(run.a + at, there),
                     run.step_b == 0 ? same_b : widened(run.b + at, there));
    };
    const Index left = run.count - i;
    const __m512i none = _mm512_setzero_si512();
    store_quarters(quarter(i), left > kLanes ? quarter(i + kLanes) : none,
                   left > 2 * kLanes ? quarter(i + 2 * kLanes) : none,
                   left > 3 * kLanes ? quarter(i + 3 * kLanes) : none, clamp, run.out + i, left);
  }
}

// One input of an addition, brought to the common scale.
struct Side {
  __m512i zero_point;
  Scale scale;
  bool half;

  Side(std::int32_t zero, Multiplier m) : zero_point(_mm512_set1_epi32(zero)), scale(m, 0), half(is_half(m)) {}
  [[nodiscard]] __m512i operator()(__m512i x) const {
    const __m512i moved = _mm512_sub_epi32(x, zero_point);
    if (half) return _mm512_slli_epi32(moved, reference::kAddLeftShift - 1);
    return scale(_mm512_slli_epi32(moved, reference::kAddLeftShift));
  }
};

// reference::stored_even: whole numbers of lanes; the packing after it saturates them.
struct Stored {
  __m512 scale;
  __m512i zero_point;

  explicit Stored(reference::Affine q) : scale(_mm512_set1_ps(q.scale)), zero_point(_mm512_set1_epi32(q.zero_point)) {}
  [[nodiscard]] __m512i operator()(__m512 real) const {
    const __m512 far = _mm512_set1_ps(1e5F);
    const __m512 none = _mm512_set1_ps(-1e5F);
    // The second operand comes back where one is NaN, and a NaN becomes 0 steps.
    const __m512 steps = _mm512_min_ps(far, _mm512_max_ps(none, _mm512_div_ps(real, scale)));
    const __mmask16 numbers = _mm512_cmp_ps_mask(steps, steps, _CMP_ORD_Q);
    return _mm512_add_epi32(_mm512_maskz_cvtps_epi32(numbers, steps), zero_point);
  }
};

struct Real {
  __m512 scale;
  __m512i zero_point;

  explicit Real(reference::Affine q) : scale(_mm512_set1_ps(q.scale)), zero_point(_mm512_set1_epi32(q.zero_point)) {}
  [[nodiscard]] __m512 operator()(__m512i stored) const {
    return _mm512_mul_ps(scale, _mm512_cvtepi32_ps(_mm512_sub_epi32(stored, zero_point)));
  }
};

template <typename T>
constexpr IntegerClamp kWholeRange{std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};

template <typename T, typename Compute>
inline void each_real(const Run<T>& run, FloatRange range, const reference::PairAffine& q, Compute compute) {
  const Real a(q.a);
  const Real b(q.b);
  const Stored out(q.out);
  const __m512 low = _mm512_set1_ps(range.min);
  const __m512 high = _mm512_set1_ps(range.max);
  each_of(run, kWholeRange<T>, [&](__m512i x, __m512i y) {
    return out(_mm512_min_ps(high, _mm512_max_ps(low, compute(a(x), b(y)))));
  });
}

}  // namespace

template <typename T>
void quantize_even(Index count, const float* in, reference::Affine to, T* out) {
  const Stored stored(to);
  for (Index i = 0; i < count; i += kBytes) {
    const auto quarter = [&](Index at) { return stored(_mm512_maskz_loadu_ps(first(count - at), in + at)); };
    store_quarters(quarter(i), quarter(i + kLanes), quarter(i + 2 * kLanes), quarter(i + 3 * kLanes), kWholeRange<T>,
                   out + i, count - i);
  }
}

template <typename T>
void by_reals(const Run<T>& run, RealOp op, FloatRange range, const reference::PairAffine& q) {
  switch (op) {
    case RealOp::kAdd:
      return each_real(run, range, q, [](__m512 x, __m512 y) { return _mm512_add_ps(x, y); });
    case RealOp::kSub:
      return each_real(run, range, q, [](__m512 x, __m512 y) { return _mm512_sub_ps(x, y); });
    case RealOp::kMul:
      return each_real(run, range, q, [](__m512 x, __m512 y) { return _mm512_mul_ps(x, y); });
  }
}

bool can_add(const reference::AddQuantized& q) {
  return fits(q.multiplier_a) && fits(q.multiplier_b) && fits(q.multiplier_out);
}

bool can_mul(const reference::MulQuantized& q) {
  return fits(q.multiplier);
}

template <typename T>
void add_i8(const Run<T>& run, const reference::AddQuantized& q) {
  const Side a(q.zero_point_a, q.multiplier_a);
  const Side b(q.zero_point_b, q.multiplier_b);
  const Scale out(q.multiplier_out, q.zero_point_out);
  each_of(run, q.clamp, [&](__m512i x, __m512i y) { return out(_mm512_add_epi32(a(x), b(y))); });
}

template <typename T>
void mul_i8(const Run<T>& run, const reference::MulQuantized& q) {
  const __m512i zero_a = _mm512_set1_epi32(q.zero_point_a);
  const __m512i zero_b = _mm512_set1_epi32(q.zero_point_b);
  const Scale out(q.multiplier, q.zero_point_out);
  each_of(run, q.clamp, [&](__m512i x, __m512i y) {
    return out(_mm512_mullo_epi32(_mm512_sub_epi32(x, zero_a), _mm512_sub_epi32(y, zero_b)));
  });
}

template void add_i8(const Run<std::int8_t>&, const reference::AddQuantized&);
template void add_i8(const Run<std::uint8_t>&, const reference::AddQuantized&);
template void mul_i8(const Run<std::int8_t>&, const reference::MulQuantized&);
template void mul_i8(const Run<std::uint8_t>&, const reference::MulQuantized&);
template void quantize_even(Index, const float*, reference::Affine, std::int8_t*);
template void quantize_even(Index, const float*, reference::Affine, std::uint8_t*);
template void by_reals(const Run<std::int8_t>&, RealOp, FloatRange, const reference::PairAffine&);
template void by_reals(const Run<std::uint8_t>&, RealOp, FloatRange, const reference::PairAffine&);

}  // namespace lichen::kernels::avx512
