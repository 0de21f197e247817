// SPDX-License-Identifier: Apache-2.0
// A strict, forward-only reader of one JSON text (RFC 8259), for messages whose bulk is numbers: a tensor of a hundred
// thousand elements goes straight into its buffer, without a document tree. For small documents use base/json.hpp.
//
// Every error names the byte at which the text stops being what was expected.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/json.hpp"

namespace lichen::protocol {

class JsonCursor {
 public:
  // `source` names the text in errors ("request body"). Both must outlive the cursor.
  JsonCursor(std::string_view text, std::string_view source) : text_(text), source_(source) {}

  // The next character that is not white space, without taking it; '\0' at the end.
  [[nodiscard]] char peek();
  // Takes the next character if it is `c`.
  [[nodiscard]] bool take(char c);

  [[nodiscard]] Result<void> expect(char c);
  [[nodiscard]] Result<void> expect_end();
  [[nodiscard]] Result<std::string> string();
  [[nodiscard]] Result<bool> boolean();
  [[nodiscard]] Result<double> number();
  [[nodiscard]] Result<std::int64_t> integer();
  // Checks and passes over any value, nested at most kJsonDepthMax deep.
  [[nodiscard]] Result<void> skip() { return skip_value(0); }

  // Visitors take the value of each member or element: Result<void>(const std::string& key), Result<void>().
  template <typename Visit>
  [[nodiscard]] Result<void> each_member(Visit&& visit) {
    LICHEN_TRY(expect('{'));
    if (take('}')) return {};
    do {
      const std::string key = LICHEN_TRY(string());
      LICHEN_TRY(expect(':'));
      LICHEN_TRY(visit(key));
    } while (take(','));
    return expect('}');
  }
  template <typename Visit>
  [[nodiscard]] Result<void> each_element(Visit&& visit) {
    LICHEN_TRY(expect('['));
    if (take(']')) return {};
    do {
      LICHEN_TRY(visit());
    } while (take(','));
    return expect(']');
  }

  // The hot path: the next value as an element of a tensor. Nothing on success, else why it is not one; at() is then
  // where the value begins. Floats are rounded correctly; those too small for the type become (signed) zero.
  [[nodiscard]] const char* next(float& value);
  [[nodiscard]] const char* next(bool& value);
  template <typename Int>
  [[nodiscard]] const char* next(Int& value) {
    std::int64_t wide = 0;
    if (const char* why = next_integer(wide)) return why;
    value = static_cast<Int>(wide);
    return value == wide ? nullptr : kOutOfRange;
  }

  [[nodiscard]] std::size_t at() const { return at_; }
  void seek(std::size_t at) { at_ = at; }
  [[nodiscard]] std::size_t left() const { return text_.size() - at_; }
  // Where the cursor is, for errors: "request body, byte 17".
  [[nodiscard]] std::string where() const;
  // "bad JSON: request body, byte 17: WHY".
  [[nodiscard]] std::unexpected<Error> bad(std::string why) const;

  static constexpr const char* kOutOfRange = "the number does not fit the tensor's datatype";

 private:
  [[nodiscard]] const char* next_integer(std::int64_t& value);
  [[nodiscard]] Result<void> skip_value(std::size_t depth);
  [[nodiscard]] Result<void> literal(std::string_view word);
  [[nodiscard]] Result<void> escape(std::string& out);
  [[nodiscard]] Result<std::uint32_t> hex4();
  [[nodiscard]] const char* begin() const { return text_.data() + at_; }
  [[nodiscard]] const char* end() const { return text_.data() + text_.size(); }

  std::string_view text_;
  std::string_view source_;
  std::size_t at_ = 0;
};

}  // namespace lichen::protocol
