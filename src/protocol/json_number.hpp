// SPDX-License-Identifier: Apache-2.0
// One JSON number: its grammar checked, its decimal digits taken, and its correctly rounded float or exact integer.
#pragma once

#include <cstdint>
#include <string_view>

namespace lichen::protocol {

// A number as written: (-1)^negative * mantissa * 10^exponent, where `exact`; otherwise it has more digits than
// `mantissa` holds, and only `token` tells its value.
struct JsonNumber {
  std::string_view token;
  std::uint64_t mantissa = 0;
  std::int64_t exponent = 0;
  bool negative = false;
  bool integral = true;  // written without fraction and exponent
  bool exact = true;
};

// Reads the number at the front of [begin, end). False: there is none by RFC 8259 (section 6).
[[nodiscard]] bool scan_number(const char* begin, const char* end, JsonNumber& number);

// The nearest float; false: its magnitude is above the largest one. Too small ones become (signed) zero.
[[nodiscard]] bool to_float(const JsonNumber& number, float& value);
[[nodiscard]] bool to_double(const JsonNumber& number, double& value);

// The integer; false: it has a fraction or exponent, or is outside of int64.
[[nodiscard]] bool to_int64(const JsonNumber& number, std::int64_t& value);

}  // namespace lichen::protocol
