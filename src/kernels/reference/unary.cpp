// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "kernels/reference/unary_rows.hpp"

namespace lichen::kernels::reference {
namespace {

constexpr float kSqrtHalf = 0.70710678F;
constexpr float kSqrtTwoOverPi = 0.79788456F;

float clamped(float x, float low, float high) {
  return std::min(std::max(x, low), high);
}

float softplus(float x) {
  return std::max(x, 0.0F) + std::log1p(std::exp(-std::abs(x)));
}

float gelu(float x, P p) {
  if (p.alpha == 0.0F) return 0.5F * x * (1.0F + std::erf(x * kSqrtHalf));
  return 0.5F * x * (1.0F + std::tanh(kSqrtTwoOverPi * (x + 0.044715F * x * x * x)));
}

float elu(float x, P p) {
  return x > 0.0F ? x : p.alpha * std::expm1(x);
}

float leaky_relu(float x, P p) {
  return x >= 0.0F ? x : p.alpha * x;
}

float sign(float x) {
  if (x > 0.0F) return 1.0F;
  return x < 0.0F ? -1.0F : x;
}

struct RowF32 {
  std::string_view op;
  UnaryF32 function;
};

template <auto function>
constexpr RowF32 row(std::string_view op) {
  return {op, each<float, function>};
}

constexpr RowF32 kRowsF32[] = {
    row<[](float x, P) { return std::abs(x); }>("Abs"),
    row<[](float x, P) { return std::acos(x); }>("Acos"),
    row<[](float x, P) { return std::acosh(x); }>("Acosh"),
    row<[](float x, P) { return std::asin(x); }>("Asin"),
    row<[](float x, P) { return std::asinh(x); }>("Asinh"),
    row<[](float x, P) { return std::atan(x); }>("Atan"),
    row<[](float x, P) { return std::atanh(x); }>("Atanh"),
    row<[](float x, P) { return std::ceil(x); }>("Ceil"),
    row<[](float x, P p) { return std::max(x, 0.0F) + std::min(p.alpha * std::expm1(x / p.alpha), 0.0F); }>("Celu"),
    row<[](float x, P) { return std::cos(x); }>("Cos"),
    row<[](float x, P) { return std::cosh(x); }>("Cosh"),
    row<elu>("Elu"),
    row<[](float x, P) { return std::erf(x); }>("Erf"),
    row<[](float x, P) { return std::exp(x); }>("Exp"),
    row<[](float x, P) { return std::floor(x); }>("Floor"),
    row<gelu>("Gelu"),
    row<[](float x, P p) { return clamped(p.alpha * x + p.beta, 0.0F, 1.0F); }>("HardSigmoid"),
    row<[](float x, P) { return x * clamped(x + 3.0F, 0.0F, 6.0F) / 6.0F; }>("HardSwish"),
    row<leaky_relu>("LeakyRelu"),
    row<[](float x, P) { return std::log(x); }>("Log"),
    row<[](float x, P) { return 1.0F / (1.0F + std::exp(-x)); }>("Logistic"),
    row<[](float x, P) { return x * std::tanh(softplus(x)); }>("Mish"),
    row<[](float x, P) { return -x; }>("Neg"),
    row<[](float x, P) { return 1.0F / x; }>("Reciprocal"),
    row<[](float x, P) { return std::max(x, 0.0F); }>("Relu"),
    row<[](float x, P) { return clamped(x, 0.0F, 1.0F); }>("Relu0To1"),
    row<[](float x, P) { return clamped(x, 0.0F, 6.0F); }>("Relu6"),
    row<[](float x, P) { return clamped(x, -1.0F, 1.0F); }>("ReluN1To1"),
    row<[](float x, P) { return std::nearbyint(x); }>("Round"),
    row<[](float x, P) { return 1.0F / std::sqrt(x); }>("Rsqrt"),
    row<[](float x, P p) { return p.beta * elu(x, p); }>("Selu"),
    row<shrink>("Shrink"),
    row<[](float x, P) { return sign(x); }>("Sign"),
    row<[](float x, P) { return std::sin(x); }>("Sin"),
    row<[](float x, P) { return std::sinh(x); }>("Sinh"),
    row<[](float x, P) { return softplus(x); }>("Softplus"),
    row<[](float x, P) { return x / (1.0F + std::abs(x)); }>("Softsign"),
    row<[](float x, P) { return std::sqrt(x); }>("Sqrt"),
    row<[](float x, P) { return x * x; }>("Square"),
    row<[](float x, P) { return std::tan(x); }>("Tan"),
    row<[](float x, P) { return std::tanh(x); }>("Tanh"),
    row<[](float x, P p) { return p.alpha < x ? x : 0.0F; }>("ThresholdedRelu"),
};

bool is_inf(float x, P p) {
  const bool negative = p.alpha == 1.0F || p.alpha == 3.0F;
  return std::isinf(x) && (x < 0.0F ? negative : p.alpha >= 2.0F);
}

struct RowTest {
  std::string_view op;
  UnaryTest function;
};

constexpr RowTest kRowsTest[] = {
    {"IsInf", each<float, is_inf>},
    {"IsNan", each<float, [](float x, P) { return std::isnan(x); }>},
};

}  // namespace

UnaryF32 unary_f32(std::string_view op) {
  return found(kRowsF32, op);
}

UnaryTest unary_test(std::string_view op) {
  return found(kRowsTest, op);
}

void logical_not(std::span<const std::uint8_t> in, bool* out) {
  for (const std::uint8_t x : in) *out++ = x == 0;
}

void look_up(std::span<const std::uint8_t> in, const ByteTable& table, std::uint8_t* out) {
  for (const std::uint8_t x : in) *out++ = table[x];
}

}  // namespace lichen::kernels::reference
