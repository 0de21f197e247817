// SPDX-License-Identifier: Apache-2.0
#include "protocol/json_cursor.hpp"

#include <cstring>

#include <fmt/format.h>

#include "protocol/json_number.hpp"

namespace lichen::protocol {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

// Bytes of the UTF-8 sequence at the front of `text`, or 0 where there is none (overlong forms, surrogates and code
// points above U+10FFFF are none; Unicode 15, table 3-7).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
    return byte(i) >= low && byte(i) <= high;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return follows(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = lead == 0xED ? 0x9F : 0xBF;
    return follows(1, low, high) && follows(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;
    return follows(1, low, high) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

void append_utf8(std::string& out, std::uint32_t point) {
  const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | (point >> 6));
    put(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    put(0xE0 | (point >> 12));
    put(0x80 | ((point >> 6) & 0x3F));
    put(0x80 | (point & 0x3F));
  } else {
    put(0xF0 | (point >> 18));
    put(0x80 | ((point >> 12) & 0x3F));
    put(0x80 | ((point >> 6) & 0x3F));
    put(0x80 | (point & 0x3F));
  }
}

}  // namespace

char JsonCursor::peek() {
  while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  return at_ < text_.size() ? text_[at_] : '\0';
}

bool JsonCursor::take(char c) {
  if (peek() != c || at_ == text_.size()) return false;
  ++at_;
  return true;
}

std::string JsonCursor::where() const {
  return fmt::format("{}, byte {}", source_, at_);
}

std::unexpected<Error> JsonCursor::bad(std::string why) const {
  if (at_ >= text_.size()) why = "it ends too early: " + why;
  return fail(Code::kBadInput, "bad JSON", where(), std::move(why), "send one UTF-8 JSON document");
}

Result<void> JsonCursor::expect(char c) {
  if (take(c)) return {};
  return bad(fmt::format("expected '{}'", c));
}

Result<void> JsonCursor::expect_end() {
  (void)peek();
  if (at_ == text_.size()) return {};
  return bad("expected nothing more");
}

Result<std::uint32_t> JsonCursor::hex4() {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    std::uint32_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<std::uint32_t>(c - '0');
    } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
      digit = static_cast<std::uint32_t>((c | 0x20) - 'a') + 10;
    } else {
      return bad("expected four hexadecimal digits");
    }
    value = value * 16 + digit;
  }
  return value;
}

// After the backslash.
Result<void> JsonCursor::escape(std::string& out) {
  constexpr std::string_view kLetters = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  const char c = at_ < text_.size() ? text_[at_] : '\0';
  if (const std::size_t i = c == '\0' ? std::string_view::npos : kLetters.find(c); i != std::string_view::npos) {
    ++at_;
    out.push_back(kMeanings[i]);
    return {};
  }
  if (c != 'u') return bad("no such escape in a string");
  ++at_;
  std::uint32_t point = LICHEN_TRY(hex4());
  if (point >= 0xDC00 && point <= 0xDFFF) return bad("a low surrogate without its high one");
  if (point >= 0xD800 && point <= 0xDBFF) {
    if (text_.substr(at_, 2) != "\\u") return bad("a high surrogate without its low one");
    at_ += 2;
    const std::uint32_t low = LICHEN_TRY(hex4());
    if (low < 0xDC00 || low > 0xDFFF) return bad("a high surrogate without its low one");
    point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
  }
  append_utf8(out, point);
  return {};
}

Result<std::string> JsonCursor::string() {
  if (!take('"')) return bad("expected a string");
  std::string out;
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '"') {
      ++at_;
      return out;
    }
    if (c == '\\') {
      ++at_;
      LICHEN_TRY(escape(out));
      continue;
    }
    if (static_cast<unsigned char>(c) < 0x20) return bad("a control character in a string");
    const std::size_t length = utf8_length(text_.substr(at_));
    if (length == 0) return bad("not UTF-8");
    out.append(text_, at_, length);
    at_ += length;
  }
  return bad("expected the end of a string");
}

Result<void> JsonCursor::literal(std::string_view word) {
  if (text_.substr(at_, word.size()) != word) return bad("not a JSON value");
  at_ += word.size();
  return {};
}

Result<bool> JsonCursor::boolean() {
  bool value = false;
  if (const char* why = next(value)) return bad(why);
  return value;
}

Result<double> JsonCursor::number() {
  (void)peek();
  JsonNumber number;
  if (!scan_number(begin(), end(), number)) return bad("expected a number");
  double value = 0;
  if (!to_double(number, value)) return bad("the number is too large");
  at_ += number.token.size();
  return value;
}

Result<std::int64_t> JsonCursor::integer() {
  std::int64_t value = 0;
  if (const char* why = next_integer(value)) return bad(why);
  return value;
}

Result<void> JsonCursor::skip_value(std::size_t depth) {
  const auto member = [&](const std::string&) { return skip_value(depth + 1); };
  const auto element = [&] { return skip_value(depth + 1); };
  const char c = peek();
  if ((c == '{' || c == '[') && depth == kJsonDepthMax) return bad(fmt::format("nested deeper than {}", kJsonDepthMax));
  switch (c) {
    case '{':
      return each_member(member);
    case '[':
      return each_element(element);
    case '"': {
      LICHEN_TRY(string());
      return {};
    }
    case 't':
      return literal("true");
    case 'f':
      return literal("false");
    case 'n':
      return literal("null");
    default:
      break;
  }
  JsonNumber number;
  if (!scan_number(begin(), end(), number)) return bad("not a JSON value");
  at_ += number.token.size();
  return {};
}

const char* JsonCursor::next(float& value) {
  (void)peek();
  JsonNumber number;
  if (!scan_number(begin(), end(), number)) return "expected a number";
  if (!to_float(number, value)) return kOutOfRange;
  at_ += number.token.size();
  return nullptr;
}

const char* JsonCursor::next(bool& value) {
  const char c = peek();
  const std::string_view word = c == 't' ? "true" : "false";
  if ((c != 't' && c != 'f') || text_.substr(at_, word.size()) != word) return "expected true or false";
  at_ += word.size();
  value = c == 't';
  return nullptr;
}

const char* JsonCursor::next_integer(std::int64_t& value) {
  (void)peek();
  JsonNumber number;
  if (!scan_number(begin(), end(), number)) return "expected an integer";
  if (!number.integral) return "expected an integer without fraction or exponent";
  if (!to_int64(number, value)) return kOutOfRange;
  at_ += number.token.size();
  return nullptr;
}

}  // namespace lichen::protocol
