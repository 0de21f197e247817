// SPDX-License-Identifier: Apache-2.0
#include "kernels/neon/elementwise.hpp"

#include <algorithm>

#include "kernels/neon/requantize.hpp"

namespace lichen::kernels::neon {
namespace {

// op(vectors of a, vectors of b) over eight elements at a time.
template <typename Op>
void each_eight(const Run<float>& run, const Op& op) {
  const auto load = [](const float* from, Index step, Index count) {
    return step == 0 ? float32x4x2_t{{vdupq_n_f32(*from), vdupq_n_f32(*from)}} : load_eight(from, count);
  };
  for (Index i = 0; i < run.count; i += 8) {
    const Index count = run.count - i;
    const float32x4x2_t x = load(run.a + i * run.step_a, run.step_a, count);
    const float32x4x2_t y = load(run.b + i * run.step_b, run.step_b, count);
    store_floats(op(x.val[0], y.val[0]), run.out + i, count);
    store_floats(op(x.val[1], y.val[1]), run.out + i + 4, count - 4);
  }
}
template <typename T, typename Op>
void each_eight(const Run<T>& run, const Op& op) {
  const auto load = [](const T* from, Index step, Index count) {
    return step == 0 ? vdup_n_u8(static_cast<std::uint8_t>(*from)) : load_eight(from, count);
  };
  for (Index i = 0; i < run.count; i += 8) {
    const Index count = run.count - i;
    const uint8x8_t x = load(run.a + i * run.step_a, run.step_a, count);
    const uint8x8_t y = load(run.b + i * run.step_b, run.step_b, count);
    store_bytes(op(x, y), run.out + i, count);
  }
}

struct Wide {
  int32x4_t low, high;
};

// What follows the last multiplication.
struct Finish {
  Lanes multiplier;
  int32x4_t zero_point, min, max;

  Finish(Multiplier m, std::int32_t zero, IntegerClamp clamp)
      : multiplier(lanes_of(m)),
        zero_point(vdupq_n_s32(zero)),
        min(vdupq_n_s32(clamp.min)),
        max(vdupq_n_s32(clamp.max)) {}
  [[nodiscard]] int32x4_t operator()(int32x4_t x) const {
    return vminq_s32(vmaxq_s32(vaddq_s32(multiply(x, multiplier), zero_point), min), max);
  }
};

int16x8_t words(std::int32_t value) {
  return vdupq_n_s16(static_cast<std::int16_t>(value));
}

// Stored values minus the zero point, shifted and scaled.
struct AddSide {
  int16x8_t zero_point;
  Lanes multiplier;

  template <typename T>
  [[nodiscard]] Wide scaled(uint8x8_t bytes) const {
    const int16x8_t moved = vsubq_s16(widened<T>(bytes), zero_point);
    constexpr int kShift = reference::kAddLeftShift;
    return {multiply(vshlq_n_s32(vmovl_s16(vget_low_s16(moved)), kShift), multiplier),
            multiply(vshlq_n_s32(vmovl_high_s16(moved), kShift), multiplier)};
  }
};

}  // namespace

void add(const Run<float>& run, FloatRange range) {
  each_eight(run, [&](float32x4_t x, float32x4_t y) { return clamp(vaddq_f32(x, y), range); });
}

void mul(const Run<float>& run, FloatRange range) {
  each_eight(run, [&](float32x4_t x, float32x4_t y) { return clamp(vmulq_f32(x, y), range); });
}

template <typename T>
void add(const Run<T>& run, const reference::AddQuantized& q) {
  const AddSide a{words(q.zero_point_a), lanes_of(q.multiplier_a)};
  const AddSide b{words(q.zero_point_b), lanes_of(q.multiplier_b)};
  const Finish finish(q.multiplier_out, q.zero_point_out, q.clamp);
  each_eight(run, [&](uint8x8_t x, uint8x8_t y) {
    const Wide p = a.scaled<T>(x);
    const Wide r = b.scaled<T>(y);
    return to_bytes<T>(finish(vaddq_s32(p.low, r.low)), finish(vaddq_s32(p.high, r.high)));
  });
}

template <typename T>
void mul(const Run<T>& run, const reference::MulQuantized& q) {
  const int16x8_t zero_a = words(q.zero_point_a);
  const int16x8_t zero_b = words(q.zero_point_b);
  const Finish finish(q.multiplier, q.zero_point_out, q.clamp);
  each_eight(run, [&](uint8x8_t x, uint8x8_t y) {
    const int16x8_t p = vsubq_s16(widened<T>(x), zero_a);
    const int16x8_t r = vsubq_s16(widened<T>(y), zero_b);
    return to_bytes<T>(finish(vmull_s16(vget_low_s16(p), vget_low_s16(r))), finish(vmull_high_s16(p, r)));
  });
}

template void add(const Run<std::int8_t>&, const reference::AddQuantized&);
template void add(const Run<std::uint8_t>&, const reference::AddQuantized&);
template void mul(const Run<std::int8_t>&, const reference::MulQuantized&);
template void mul(const Run<std::uint8_t>&, const reference::MulQuantized&);

}  // namespace lichen::kernels::neon
