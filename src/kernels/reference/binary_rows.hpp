// SPDX-License-Identifier: Apache-2.0
// Tables of functions of two inputs by the name of the op, and that of comparisons. Internal to this folder; internal
// linkage, because files that are optimized differently include it.
#pragma once

#include <string_view>
#include <type_traits>

#include "kernels/reference/pairs.hpp"

namespace lichen::kernels::reference {
namespace {

template <typename Function>
struct Row {
  std::string_view op;
  Function function;
};

template <typename Rows>
auto found(const Rows& rows, std::string_view op) -> decltype(rows[0].function) {
  for (const auto& r : rows) {
    if (r.op == op) return r.function;
  }
  return nullptr;
}

// One loop a type, not one a function: a call for each element costs less than so many loops take room.
template <typename T, typename Out>
[[gnu::noinline]] void each_pair_called(const Broadcast& s, const T* a, const T* b, Out* out, Out (*function)(T, T)) {
  each_pair(s, a, b, out, function);
}

template <typename T, auto function>
void test(const Broadcast& s, const T* a, const T* b, bool* out) {
  if constexpr (std::is_floating_point_v<T>) {
    each_pair_fast(s, a, b, out, function);
  } else {
    each_pair_called<T, bool>(s, a, b, out, function);
  }
}

template <typename T>
bool less(T a, T b) {
  return a < b;
}
template <typename T>
bool less_equal(T a, T b) {
  return a <= b;
}

template <typename T>
constexpr Row<Comparison<T>> kRowsComparison[] = {
    {"Equal", test<T, [](T a, T b) { return a == b; }>},
    {"Greater", test<T, [](T a, T b) { return less(b, a); }>},
    {"GreaterEqual", test<T, [](T a, T b) { return less_equal(b, a); }>},
    {"Less", test<T, less<T>>},
    {"LessEqual", test<T, less_equal<T>>},
    {"NotEqual", test<T, [](T a, T b) { return a != b; }>},
};

}  // namespace
}  // namespace lichen::kernels::reference
