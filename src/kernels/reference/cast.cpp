// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/cast.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <type_traits>

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
    return converted<To>(float_of_half(x.bits));
  } else if constexpr (std::is_same_v<From, Bool>) {
    return converted<To>(static_cast<std::int32_t>(x.byte != 0 ? 1 : 0));
  } else if constexpr (std::is_same_v<To, Half>) {
    return {half_of_float(static_cast<float>(x))};
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

float float_of_half(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16;
  const std::uint32_t rest = half & 0x7FFFU;
  if (rest >= 0x7C00U) return std::bit_cast<float>(sign | 0x7F800000U | ((rest & 0x3FFU) << 13));  // infinity, NaN
  if (rest >= 0x400U) return std::bit_cast<float>(sign | ((rest << 13) + (112U << 23)));
  const float small = static_cast<float>(rest) * 0x1p-24F;
  return sign != 0 ? -small : small;
}

std::uint16_t half_of_float(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000U);
  const std::uint32_t rest = bits & 0x7FFFFFFFU;
  if (rest > 0x7F800000U) return static_cast<std::uint16_t>(sign | 0x7E00U | ((rest >> 13) & 0x3FFU));
  if (rest >= 0x47800000U) return sign | 0x7C00U;  // 65536 and above
  if (rest < 0x38800000U) {                        // below the smallest normal: in steps of 2^-24
    const float steps = std::nearbyint(std::abs(x) * 0x1p24F);
    return static_cast<std::uint16_t>(sign | static_cast<std::uint16_t>(steps));
  }
  const std::uint32_t rounded = rest + 0xFFFU + ((rest >> 13) & 1U);  // halves to even; may carry into infinity
  return static_cast<std::uint16_t>(sign | ((rounded - (112U << 23)) >> 13));
}

}  // namespace lichen::kernels::reference
