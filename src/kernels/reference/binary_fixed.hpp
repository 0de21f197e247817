// SPDX-License-Identifier: Apache-2.0
// Ops on two quantized tensors in the integer arithmetic of LiteRT's reference kernels. T is int8_t or uint8_t; add, sub,
// mul and compare take int16_t too, whose zero points are 0.
#pragma once

#include "kernels/reference/binary.hpp"

namespace lichen::kernels::reference {

// Add, Sub, SquaredDifference and comparisons: inputs are shifted left and brought to a joint scale first.
struct AddQuantized {
  std::int32_t zero_point_a = 0, zero_point_b = 0, zero_point_out = 0;
  Multiplier multiplier_a, multiplier_b, multiplier_out;
  IntegerClamp clamp;
};
inline constexpr int kAddLeftShift = 20;    // of Add and Sub of bytes
inline constexpr int kAddLeftShift16 = 15;  // of 16 bits
inline constexpr int kSquaredDifferenceLeftShift = 7;
inline constexpr int kComparisonLeftShift = 8;

// Add and Sub of 16 bits where all scales are powers of two: each input is shifted right to the output's scale, rounded
// by itself (halves away from zero), and the sum saturates.
struct AddShifted {
  int shift_a = 0, shift_b = 0;
  IntegerClamp clamp;
};

// Mul, Div, PRelu.
struct MulQuantized {
  std::int32_t zero_point_a = 0, zero_point_b = 0, zero_point_out = 0;
  Multiplier multiplier;
  Multiplier identity;  // of PRelu: where the input is not negative
  IntegerClamp clamp;
};

template <typename T>
void add(const Broadcast& shape, const T* a, const T* b, const AddQuantized& q, T* out);
template <typename T>
void sub(const Broadcast& shape, const T* a, const T* b, const AddQuantized& q, T* out);
void add_shifted(const Broadcast& shape, const std::int16_t* a, const std::int16_t* b, const AddShifted& q,
                 std::int16_t* out);
void sub_shifted(const Broadcast& shape, const std::int16_t* a, const std::int16_t* b, const AddShifted& q,
                 std::int16_t* out);
template <typename T>
void squared_difference(const Broadcast& shape, const T* a, const T* b, const AddQuantized& q, T* out);
template <typename T>
void mul(const Broadcast& shape, const T* a, const T* b, const MulQuantized& q, T* out);
// What is divided by 0 gives the largest or smallest value, and 0 / 0 gives 0.
template <typename T>
void div(const Broadcast& shape, const T* a, const T* b, const MulQuantized& q, T* out);
template <typename T>
void prelu(const Broadcast& shape, const T* a, const T* b, const MulQuantized& q, T* out);
// `function` compares the inputs at their joint scale.
template <typename T>
void compare(const Broadcast& shape, const T* a, const T* b, Comparison<std::int32_t> function, const AddQuantized& q,
             bool* out);

}  // namespace lichen::kernels::reference
