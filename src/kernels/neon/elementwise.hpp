// SPDX-License-Identifier: Apache-2.0
// Add and Mul for NEON, on runs of two inputs (kernels/broadcast_runs.hpp). Equal to the reference kernels bit for bit.
#pragma once

#include "kernels/reference/binary_fixed.hpp"

namespace lichen::kernels::neon {

// One run: a[i * step_a] op b[i * step_b], steps 0 or 1.
template <typename T>
struct Run {
  Index count = 0;
  const T* a = nullptr;
  const T* b = nullptr;
  Index step_a = 0, step_b = 0;
  T* out = nullptr;
};

void add(const Run<float>& run, FloatRange range);
void mul(const Run<float>& run, FloatRange range);

// T is int8_t or uint8_t.
template <typename T>
void add(const Run<T>& run, const reference::AddQuantized& q);
template <typename T>
void mul(const Run<T>& run, const reference::MulQuantized& q);

}  // namespace lichen::kernels::neon
