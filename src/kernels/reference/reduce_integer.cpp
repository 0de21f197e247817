// SPDX-License-Identifier: Apache-2.0
// Many types times many functions, none of them hot: compiled for size.
#include "kernels/reference/reduce_rows.hpp"

namespace lichen::kernels::reference {
namespace {

struct All {
  using Acc = std::uint8_t;
  static Acc start() { return 1; }
  static Acc step(Acc acc, std::uint8_t x) { return x != 0 ? acc : Acc{0}; }
  static Acc join(Acc a, Acc b) { return step(a, b); }
  static std::uint8_t finish(Acc acc, Index) { return acc; }
};
struct Any {
  using Acc = std::uint8_t;
  static Acc start() { return 0; }
  static Acc step(Acc acc, std::uint8_t x) { return x != 0 ? Acc{1} : acc; }
  static Acc join(Acc a, Acc b) { return step(a, b); }
  static std::uint8_t finish(Acc acc, Index) { return acc; }
};

}  // namespace

template <typename T>
Reduce<T> reduce(std::string_view op) {
  return found<T>(op);
}
template Reduce<std::int8_t> reduce<std::int8_t>(std::string_view);
template Reduce<std::uint8_t> reduce<std::uint8_t>(std::string_view);
template Reduce<std::int16_t> reduce<std::int16_t>(std::string_view);
template Reduce<std::int32_t> reduce<std::int32_t>(std::string_view);
template Reduce<std::int64_t> reduce<std::int64_t>(std::string_view);

Reduce<std::uint8_t> reduce_bools(std::string_view op) {
  if (op == "ReduceAll" || op == "ReduceMin") return reduce_by<All, std::uint8_t>;
  return op == "ReduceAny" || op == "ReduceMax" ? reduce_by<Any, std::uint8_t> : nullptr;
}

}  // namespace lichen::kernels::reference
