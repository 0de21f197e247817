// SPDX-License-Identifier: Apache-2.0
// Errors are values. An Error says what failed, where (file, tensor, node, byte), why, and what to do about it;
// the same four fields appear in C++, in JSON and over HTTP. No exception crosses a folder's border.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace lichen {

enum class Code : std::uint8_t {
  kBadInput,          // a file, model, request or config that is not what it should be
  kNotFound,          // no such file, model, tensor
  kUnsupported,       // well formed, but not something that this build, CPU or permission can do
  kExhausted,         // a named limit was reached
  kDeadlineExceeded,  // no answer could be given in time
  kUnavailable,       // nothing can answer now; trying later may work
  kDataLoss,          // stored bytes are damaged or gone
  kIo,                // the operating system refused
  kInternal,          // a bug in Lichen
};

// "bad_input", "not_found", ... : stable names for JSON and logs.
[[nodiscard]] std::string_view name_of(Code code);

// The exit code of a command that ends with this error: 1 failed, 3 bad input, 4 not supported here.
[[nodiscard]] int exit_code_of(Code code);

struct Error {
  Code code = Code::kInternal;
  std::string what;   // what failed: "cannot load model"
  std::string where;  // where: "digits.tflite, tensor 12, byte 480"
  std::string why;    // why: "scale is NaN"
  std::string hint;   // what to do: "re-export the model"

  // "WHAT: WHERE: WHY; TRY" with empty fields left out.
  [[nodiscard]] std::string to_line() const;
};

template <typename T>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(Code code, std::string what, std::string where = {},
                                                 std::string why = {}, std::string hint = {}) {
  return std::unexpected(Error{code, std::move(what), std::move(where), std::move(why), std::move(hint)});
}

}  // namespace lichen

// auto value = LICHEN_TRY(expression returning Result<T>): the value, or return the error to the caller.
// Also for Result<void>: LICHEN_TRY(check());
#define LICHEN_TRY(...)                                             \
  ({                                                                \
    auto lichen_try_result = (__VA_ARGS__);                         \
    if (!lichen_try_result) [[unlikely]]                            \
      return std::unexpected(std::move(lichen_try_result).error()); \
    std::move(lichen_try_result).value();                           \
  })
