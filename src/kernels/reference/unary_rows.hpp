// SPDX-License-Identifier: Apache-2.0
// What tables of functions of one input share. Internal to this folder; internal linkage, because files that are optimized
// differently include it.
#pragma once

#include <type_traits>

#include "kernels/reference/unary.hpp"

namespace lichen::kernels::reference {
namespace {

using P = UnaryParameters;

// A function of one element, applied to all.
template <typename T, auto function>
void each(std::span<const T> in, P p, std::type_identity_t<decltype(function(T{}, P{}))>* out) {
  for (const T x : in) *out++ = function(x, p);
}

inline float shrink(float x, P p) {
  if (x < -p.alpha) return x + p.beta;
  return x > p.alpha ? x - p.beta : 0.0F;
}

template <typename Rows>
auto found(const Rows& rows, std::string_view op) -> decltype(rows[0].function) {
  for (const auto& r : rows) {
    if (r.op == op) return r.function;
  }
  return nullptr;
}

}  // namespace
}  // namespace lichen::kernels::reference
