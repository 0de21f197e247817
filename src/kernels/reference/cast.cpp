// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/cast.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <type_traits>

#include "tensor/half.hpp"

namespace lichen::kernels::reference {
namespace {

struct Half {
  std::uint16_t bits;
};
struct Bool {  // a byte that is 0 or not
  std::uint8_t byte;
};

template <typename T>
T truncated(float x) {
  constexpr auto kMin = static_cast<float>(std::numeric_limits<T>::min());
  constexpr auto kMax = -kMin;  // one more than the largest, which a float does not hold
  if (std::isnan(x)) return 0;
  if (x >= kMax) return std::numeric_limits<T>::max();
  return x <= kMin ? std::numeric_limits<T>::min() : static_cast<T>(x);
}

template <typename To, typename From>
To converted(From x) {
  if constexpr (std::is_same_v<From, Half>) {
    return converted<To>(tensor::float_of_half(x.bits));
  } else if constexpr (std::is_same_v<From, Bool>) {
    return converted<To>(static_cast<std::int32_t>(x.byte != 0 ? 1 : 0));
  } else if constexpr (std::is_same_v<To, Half>) {
    return {tensor::half_of_float(static_cast<float>(x))};
  } else if constexpr (std::is_same_v<To, Bool>) {
    return {static_cast<std::uint8_t>(x != From{0} ? 1 : 0)};
  } else if constexpr (std::is_same_v<From, float> && std::is_same_v<To, std::int64_t>) {
    return truncated<std::int64_t>(x);
  } else if constexpr (std::is_same_v<From, float> && !std::is_same_v<To, float>) {
    return static_cast<To>(truncated<std::int32_t>(x));
  } else {
    return static_cast<To>(x);
  }
}

template <typename From, typename To>
void each(const std::byte* in, Index count, std::byte* out) {
  const auto* from = reinterpret_cast<const From*>(in);
  auto* to = reinterpret_cast<To*>(out);
  for (Index i = 0; i < count; ++i) to[i] = converted<To>(from[i]);
}

template <typename From>
constexpr std::array<Cast, 8> kFrom = {  // by the values of DType
    each<From, float>,        each<From, Half>,         each<From, std::int8_t>,  each<From, std::uint8_t>,
    each<From, std::int16_t>, each<From, std::int32_t>, each<From, std::int64_t>, each<From, Bool>};

constexpr std::array<const std::array<Cast, 8>*, 8> kCasts = {
    &kFrom<float>,        &kFrom<Half>,         &kFrom<std::int8_t>,  &kFrom<std::uint8_t>,
    &kFrom<std::int16_t>, &kFrom<std::int32_t>, &kFrom<std::int64_t>, &kFrom<Bool>};
static_assert(static_cast<int>(tensor::DType::kF32) == 0 && static_cast<int>(tensor::DType::kBool) == 7);

}  // namespace

Cast cast(tensor::DType from, tensor::DType to) {
  return (*kCasts[static_cast<std::size_t>(from)])[static_cast<std::size_t>(to)];
}

}  // namespace lichen::kernels::reference
