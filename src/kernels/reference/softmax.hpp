// SPDX-License-Identifier: Apache-2.0
// Softmax over rows of `depth` elements. The integer form is gemmlowp's fixed-point exponential and reciprocal, as
// LiteRT's reference kernel uses them; its output always means q(1/256, smallest value of T), or 1/65536 in 16 bits.
#pragma once

#include "kernels/reference/word_tables.hpp"

namespace lichen::kernels::reference {

void softmax(Index rows, Index depth, const float* in, float beta, float* out);
// The logarithm of it.
void log_softmax(Index rows, Index depth, const float* in, float beta, float* out);
// Elements of a row that lie `step` apart, rows beside each other; what: softmax or log_softmax. `line`: scratch of
// 2 * depth.
void softmax_strided(Index outer, Index depth, Index step, const float* in, float beta,
                     void (*what)(Index, Index, const float*, float, float*), float* line, float* out);

struct SoftmaxQuantized {
  Multiplier multiplier;            // input difference -> fixed point with 5 integer bits; shift is >= 0
  std::int32_t difference_min = 0;  // what lies further below the row's maximum counts as 0
};
[[nodiscard]] Result<SoftmaxQuantized> softmax_quantized(float beta, float in_scale);

// In is int8_t or uint8_t; Out is that, or int16_t in steps of 1 / 65536 from the smallest value.
template <typename In, typename Out>
void softmax(Index rows, Index depth, const In* in, const SoftmaxQuantized& q, Out* out);

// 16 bits to 16 bits in steps of 1 / 32768 from 0: exponential and reciprocal by interpolated tables.
struct SoftmaxWords {
  Multiplier multiplier;  // input difference -> steps of 10 / 65535
  WordTable exponential;  // of -10 to 0
  WordTable reciprocal;   // 1 / (1 + x) of 0 to 1
};
[[nodiscard]] Result<SoftmaxWords> softmax_words(float beta, float in_scale);
void softmax(Index rows, Index depth, const std::int16_t* in, const SoftmaxWords& q, std::int16_t* out);

// Its logarithm: the output always means q(1/16, largest value of T), which is from -16 to 0.
struct LogSoftmaxQuantized {
  SoftmaxQuantized in;
  Multiplier reverse;  // fixed point with 5 integer bits -> input difference
};
[[nodiscard]] Result<LogSoftmaxQuantized> log_softmax_quantized(float in_scale);
template <typename T>
void log_softmax(Index rows, Index depth, const T* in, const LogSoftmaxQuantized& q, T* out);

}  // namespace lichen::kernels::reference
