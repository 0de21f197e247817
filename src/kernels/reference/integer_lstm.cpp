// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/integer_lstm.hpp"

#include "kernels/reference/fixed16.hpp"
#include "kernels/reference/inverse_sqrt.hpp"

namespace lichen::kernels::reference {
namespace {

std::int16_t clamped16(std::int32_t x) {
  constexpr std::int32_t kMin = std::numeric_limits<std::int16_t>::min();
  constexpr std::int32_t kMax = std::numeric_limits<std::int16_t>::max();
  return static_cast<std::int16_t>(std::clamp(x, kMin, kMax));
}
std::int8_t clamped8(std::int32_t x) {
  return static_cast<std::int8_t>(std::clamp<std::int32_t>(x, -128, 127));
}

std::int32_t dot(const std::int8_t* weights, const std::int8_t* x, Index depth, std::int32_t sum) {
  for (Index i = 0; i < depth; ++i) sum = wrapping_add(sum, std::int32_t{weights[i]} * x[i]);
  return sum;
}

// a * b in q0.30 to 30 - shift fractional bits.
std::int16_t product(std::int16_t a, std::int16_t b, int shift) {
  return static_cast<std::int16_t>(rounding_divide_by_power_of_two(std::int32_t{a} * b, shift));
}

// To mean 0 and variance 1, times the coefficients, plus the bias: q3.12. Means have 10 bits after the point.
void normalize(const IntegerGate& g, Index count, std::int16_t* values) {
  constexpr std::int64_t kUnit = 1 << 20;
  std::int64_t sum = 0;
  std::int64_t squares = 0;
  for (Index i = 0; i < count; ++i) {
    sum += values[i];
    squares += std::int64_t{values[i]} * values[i];
  }
  const auto mean = static_cast<std::int32_t>(sum * 1024 / count);
  const std::int64_t spread = squares * (kUnit / count) - std::int64_t{mean} * mean;
  auto variance = static_cast<std::int32_t>(spread / kUnit);
  if (variance < 1) variance = g.variance_min;
  const Multiplier inverse = inverse_sqrt(variance);
  const Multiplier out{g.norm.value, g.norm.shift + 12};
  for (Index i = 0; i < count; ++i) {
    const std::int32_t normal = multiply(1024 * values[i] - mean, inverse);
    const auto weighted = static_cast<std::int32_t>(static_cast<std::uint32_t>(normal) *
                                                    static_cast<std::uint32_t>(std::int32_t{g.normalization[i]}));
    const std::int64_t with_bias = wrapping_add(weighted, g.bias[i]);
    const auto rounded = static_cast<std::int32_t>((with_bias > 0 ? with_bias + 512 : with_bias - 512) / 1024);
    values[i] = clamped16(multiply(rounded, out));
  }
}

void gate_sum(const IntegerLstm& s, const IntegerGate& g, const std::int8_t* x, const std::int8_t* h,
              const std::int16_t* c, std::int16_t* to) {
  for (Index i = 0; i < s.cells; ++i) {
    const std::int16_t of_x = clamped16(multiply(dot(g.x_weights + i * s.in, x, s.in, g.x_bias[i]), g.x));
    const std::int32_t of_h = multiply(dot(g.h_weights + i * s.outputs, h, s.outputs, g.h_bias[i]), g.h);
    to[i] = clamped16(wrapping_add(of_h, of_x));
  }
  if (g.peephole != nullptr) {  // LiteRT takes as many cells as there are outputs
    for (Index i = 0; i < std::min(s.outputs, s.cells); ++i)
      to[i] = clamped16(wrapping_add(multiply(std::int32_t{g.peephole[i]} * c[i], g.cell), to[i]));
  }
  if (g.normalization != nullptr) normalize(g, s.cells, to);
}

void logistic_gate(const IntegerLstm& s, const IntegerGate& g, const std::int8_t* x, const std::int8_t* h,
                   const std::int16_t* c, std::int16_t* to) {
  gate_sum(s, g, x, h, c, to);
  for (Index i = 0; i < s.cells; ++i) to[i] = logistic16(to[i]);
}

void update_cell(const IntegerLstm& s, const std::int16_t* in, const std::int16_t* forget,
                 const std::int16_t* candidate, std::int16_t* c) {
  constexpr std::int32_t kOne = std::numeric_limits<std::int16_t>::max();
  const bool coupled = s.gates[0].x_weights == nullptr;
  const int shift = 30 + s.cell_exponent;
  for (Index i = 0; i < s.cells; ++i) {
    const std::int16_t admitted = coupled ? static_cast<std::int16_t>(kOne - forget[i]) : in[i];
    const std::int16_t kept = product(forget[i], c[i], 15);
    c[i] = clamped16(kept + product(admitted, candidate[i], shift));
    if (s.cell_clip > 0) c[i] = static_cast<std::int16_t>(std::clamp(std::int32_t{c[i]}, -s.cell_clip, s.cell_clip));
  }
}

void project(const IntegerLstm& s, const std::int8_t* hidden, std::int8_t* h) {
  for (Index i = 0; i < s.outputs; ++i) {
    const std::int32_t sum = dot(s.projection + i * s.cells, hidden, s.cells, s.projection_bias[i]);
    h[i] = clamped8(wrapping_add(multiply(sum, s.projected), s.out_zero_point));
    if (s.projection_clip > 0)
      h[i] = static_cast<std::int8_t>(std::clamp(std::int32_t{h[i]}, -s.projection_clip, s.projection_clip));
  }
}

}  // namespace

void lstm_step(const IntegerLstm& s, const std::int8_t* x, std::int8_t* h, std::int16_t* c, std::int16_t* scratch,
               std::int8_t* hidden) {
  constexpr int kGateBits = 3;
  std::int16_t* in = scratch;
  std::int16_t* forget = scratch + s.cells;
  std::int16_t* candidate = scratch + 2 * s.cells;
  std::int16_t* out = scratch + 3 * s.cells;
  if (s.gates[0].x_weights != nullptr) logistic_gate(s, s.gates[0], x, h, c, in);
  logistic_gate(s, s.gates[1], x, h, c, forget);
  gate_sum(s, s.gates[2], x, h, c, candidate);
  for (Index i = 0; i < s.cells; ++i) candidate[i] = tanh16(candidate[i], kGateBits);
  update_cell(s, in, forget, candidate, c);
  logistic_gate(s, s.gates[3], x, h, c, out);
  // LiteRT stores what is projected with its zero point's sign turned, and takes it off so.
  const std::int32_t zero_point = s.projection == nullptr ? s.hidden_zero_point : -s.hidden_zero_point;
  std::int8_t* to = s.projection == nullptr ? h : hidden;
  for (Index i = 0; i < s.cells; ++i) {
    const std::int32_t value = std::int32_t{out[i]} * tanh16(c[i], 15 + s.cell_exponent);
    to[i] = clamped8(wrapping_add(multiply(value, s.hidden), zero_point));
  }
  if (s.projection != nullptr) project(s, hidden, h);
}

}  // namespace lichen::kernels::reference
