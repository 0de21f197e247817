// SPDX-License-Identifier: Apache-2.0
#include "protocol/json_number.hpp"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>

namespace lichen::protocol {
namespace {

constexpr std::uint64_t kMantissaTenthMax =
    std::numeric_limits<std::uint64_t>::max() / 10 - 1;  // room for one digit more
constexpr std::int64_t kExponentMax = 100'000;  // far outside of every type; keeps the sums below from overflowing

constexpr std::array<double, 23> kPowersOfTen = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                                 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Takes digits into the mantissa; each one that does not fit any more makes the number inexact.
const char* take_digits(const char* p, const char* end, JsonNumber& number) {
  while (p != end && is_digit(*p)) {
    if (number.mantissa > kMantissaTenthMax) {
      number.exact = false;
    } else {
      number.mantissa = number.mantissa * 10 + static_cast<std::uint64_t>(*p - '0');
    }
    ++p;
  }
  return p;
}

// "e", "E" and what follows; null where the grammar is broken.
const char* take_exponent(const char* p, const char* end, JsonNumber& number) {
  ++p;
  const bool negative = p != end && *p == '-';
  if (p != end && (*p == '-' || *p == '+')) ++p;
  if (p == end || !is_digit(*p)) return nullptr;
  std::int64_t exponent = 0;
  for (; p != end && is_digit(*p); ++p) {
    if (exponent < kExponentMax) exponent = exponent * 10 + (*p - '0');
  }
  number.exponent += negative ? -exponent : exponent;
  number.integral = false;
  return p;
}

// The decimal exponent of the first digit that is not zero; tells overflow from underflow.
bool is_tiny(std::string_view token, std::int64_t written_exponent) {
  const std::size_t first = token.find_first_of("123456789");
  const std::size_t mantissa_end = token.find_first_of("eE");
  if (first == std::string_view::npos || first > mantissa_end) return true;
  std::size_t point = token.find('.');
  if (point == std::string_view::npos) point = std::min(mantissa_end, token.size());
  return static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first) + written_exponent <= 0;
}

std::int64_t exponent_written(std::string_view token) {
  const std::size_t e = token.find_first_of("eE");
  JsonNumber number;
  if (e != std::string_view::npos) (void)take_exponent(token.data() + e, token.data() + token.size(), number);
  return number.exponent;
}

// Through the library's parser: right for every number, slower.
template <typename Float>
bool to_floating(const JsonNumber& number, Float& value) {
  const char* begin = &number.token.front();  // a token is never empty
  const auto [p, error] = std::from_chars(begin, begin + number.token.size(), value);
  if (error == std::errc() && std::isfinite(value)) return true;
  if (!is_tiny(number.token, exponent_written(number.token))) return false;
  value = number.negative ? -Float{0} : Float{0};
  return true;
}

// The correctly rounded double where one multiplication or division gives it: both operands are exact (Clinger,
// "How to Read Floating Point Numbers Accurately", 1990).
bool quick_double(const JsonNumber& number, double& value) {
  constexpr std::uint64_t kExactMax = std::uint64_t{1} << 53;
  constexpr auto kPowersMax = static_cast<std::int64_t>(kPowersOfTen.size());
  if (!number.exact || number.mantissa > kExactMax) return false;
  if (number.exponent <= -kPowersMax || number.exponent >= kPowersMax) return false;
  value = static_cast<double>(number.mantissa);
  if (number.exponent < 0) {
    value /= kPowersOfTen[static_cast<std::size_t>(-number.exponent)];
  } else {
    value *= kPowersOfTen[static_cast<std::size_t>(number.exponent)];
  }
  if (number.negative) value = -value;
  return true;
}

}  // namespace

bool scan_number(const char* begin, const char* end, JsonNumber& number) {
  number = {};
  const char* p = begin;
  if (p != end && *p == '-') {
    number.negative = true;
    ++p;
  }
  if (p == end || !is_digit(*p)) return false;
  if (*p == '0') {
    ++p;
    if (p != end && is_digit(*p)) return false;
  } else {
    p = take_digits(p, end, number);
  }
  if (p != end && *p == '.') {
    const char* fraction = p + 1;
    p = take_digits(fraction, end, number);
    if (p == fraction) return false;
    number.exponent = fraction - p;
    number.integral = false;
  }
  if (p != end && (*p == 'e' || *p == 'E')) {
    p = take_exponent(p, end, number);
    if (p == nullptr) return false;
  }
  number.token = {begin, static_cast<std::size_t>(p - begin)};
  return true;
}

bool to_float(const JsonNumber& number, float& value) {
  // Rounding the rounded double to float is right unless that double lies exactly between two floats (its low 29 bits
  // are 100...0): only there might the true value lie on the other side.
  constexpr std::uint64_t kLowBits = (std::uint64_t{1} << 29) - 1;
  constexpr std::uint64_t kHalfway = std::uint64_t{1} << 28;
  double wide = 0;
  if (quick_double(number, wide)) {
    const double magnitude = std::fabs(wide);
    const bool normal = magnitude >= static_cast<double>(std::numeric_limits<float>::min()) &&
                        magnitude <= static_cast<double>(std::numeric_limits<float>::max());
    if (wide == 0 || (normal && (std::bit_cast<std::uint64_t>(wide) & kLowBits) != kHalfway)) {
      value = static_cast<float>(wide);
      return true;
    }
  }
  return to_floating(number, value);
}

bool to_double(const JsonNumber& number, double& value) {
  return quick_double(number, value) || to_floating(number, value);
}

bool to_int64(const JsonNumber& number, std::int64_t& value) {
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (!number.integral || !number.exact) return false;
  if (number.mantissa > kMax + (number.negative ? 1 : 0)) return false;
  value = static_cast<std::int64_t>(number.negative ? 0 - number.mantissa : number.mantissa);
  return true;
}

}  // namespace lichen::protocol
