// SPDX-License-Identifier: Apache-2.0
#include "protocol/oip_data.hpp"

#include <charconv>
#include <cmath>
#include <concepts>
#include <cstring>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "protocol/oip.hpp"
#include "tensor/half.hpp"

namespace lichen::protocol {
namespace {

using tensor::DType;
using tensor::TensorSpec;

constexpr std::string_view kWhat = "bad tensor data";

// Reads the elements of one tensor, row by row. It stops at the first thing wrong; `why` then says what.
template <typename T>
class DataReader {
 public:
  DataReader(JsonCursor& cursor, const TensorSpec& spec, std::byte* out) : cursor_(cursor), spec_(spec), out_(out) {}

  // At the first character of the value.
  bool read() {
    if (!cursor_.take('[')) return stop("expected an array");
    const auto elements = spec_.shape.elements();
    if (cursor_.peek() == '[' && spec_.shape.rank() > 1) return axis(0);
    return row(elements);
  }

  [[nodiscard]] const std::string& why() const { return why_; }
  [[nodiscard]] std::int64_t element() const { return element_; }

 private:
  // Behind the '[' of this axis.
  bool axis(std::size_t at) {
    const std::int64_t count = spec_.shape[at];
    if (at + 1 == spec_.shape.rank()) return row(count);
    for (std::int64_t i = 0; i < count; ++i) {
      if (i > 0 && !separated(i, count, at)) return false;
      if (!cursor_.take('[')) return stop(fmt::format("expected an array at depth {}, like the shape", at + 2));
      if (!axis(at + 1)) return false;
    }
    return closed(count, at);
  }

  bool row(std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) {
      if (i > 0 && !separated(i, count, spec_.shape.rank())) return false;
      T value{};
      if (const char* why = cursor_.next(value)) {
        return i == 0 && cursor_.peek() == ']' ? stop(fmt::format("0 elements instead of {}", count)) : stop(why);
      }
      std::memcpy(out_ + static_cast<std::size_t>(element_) * sizeof(T), &value, sizeof(T));
      ++element_;
    }
    return closed(count, spec_.shape.rank());
  }

  bool separated(std::int64_t so_far, std::int64_t count, std::size_t at) {
    if (cursor_.take(',')) [[likely]]
      return true;
    if (cursor_.peek() == ']') return stop(fmt::format("{} {} instead of {}", so_far, noun(at), count));
    return stop("expected ',' or ']'");
  }
  bool closed(std::int64_t count, std::size_t at) {
    if (cursor_.take(']')) return true;
    if (count == 0 || cursor_.peek() == ',') return stop(fmt::format("more than {} {}", count, noun(at)));
    return stop("expected ',' or ']'");
  }
  [[nodiscard]] std::string noun(std::size_t at) const {
    return at >= spec_.shape.rank() ? "elements" : fmt::format("rows on axis {}", at);
  }
  bool stop(std::string why) {
    why_ = std::move(why);
    return false;
  }

  JsonCursor& cursor_;
  const TensorSpec& spec_;
  std::byte* out_;
  std::int64_t element_ = 0;
  std::string why_;
};

template <typename T>
Result<void> read_as(JsonCursor& cursor, const TensorSpec& spec, std::string_view where, std::byte* out) {
  DataReader<T> reader(cursor, spec, out);
  if (reader.read()) return {};
  return fail(Code::kBadInput, std::string(kWhat),
              fmt::format("{}, data, element {}, {}", where, reader.element(), cursor.where()), reader.why(),
              fmt::format("send {} values of {} for shape {}", spec.shape.elements(), oip_name_of(spec.dtype),
                          spec.shape.to_text()));
}

template <typename T>
T value_at(ByteView data, std::size_t i) {
  T value{};
  std::memcpy(&value, data.data() + i * sizeof(T), sizeof(T));
  return value;
}

// Appends "[a,b,...]"; `print` appends one element.
template <typename Print>
void append_array(std::string& out, std::size_t count, Print&& print) {
  out.push_back('[');
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out.push_back(',');
    print(i);
  }
  out.push_back(']');
}

template <typename T>
void append_number(std::string& out, T value) {
  char text[32];  // the shortest float takes at most 15 characters, an int64 20
  const auto [end, error] = std::to_chars(text, text + sizeof text, value);
  LICHEN_ASSERT(error == std::errc());
  out.append(text, end);
}

template <typename T>
void append_integers(std::string& out, ByteView data) {
  append_array(out, data.size() / sizeof(T), [&](std::size_t i) { append_number(out, value_at<T>(data, i)); });
}

template <typename Load>
std::size_t append_floats(std::string& out, std::size_t count, Load&& load) {
  std::size_t non_finite = 0;
  append_array(out, count, [&](std::size_t i) {
    const float value = load(i);
    if (value == 0 && std::signbit(value)) {
      out += "-0.0";  // many readers take "-0" for the integer 0
      return;
    }
    if (std::isfinite(value)) return append_number(out, value);
    out += "null";
    ++non_finite;
  });
  return non_finite;
}

}  // namespace

Result<void> read_json_data(JsonCursor& cursor, const TensorSpec& spec, std::string_view where, std::byte* out) {
  switch (spec.dtype) {
    case DType::kF32:
      return read_as<float>(cursor, spec, where, out);
    case DType::kI8:
      return read_as<std::int8_t>(cursor, spec, where, out);
    case DType::kU8:
      return read_as<std::uint8_t>(cursor, spec, where, out);
    case DType::kI16:
      return read_as<std::int16_t>(cursor, spec, where, out);
    case DType::kI32:
      return read_as<std::int32_t>(cursor, spec, where, out);
    case DType::kI64:
      return read_as<std::int64_t>(cursor, spec, where, out);
    case DType::kBool:
      return read_as<bool>(cursor, spec, where, out);
    case DType::kF16:
      break;
  }
  return fail(Code::kUnsupported, std::string(kWhat), fmt::format("{}, data, {}", where, cursor.where()),
              "FP16 has no JSON form in the protocol", "send it as binary data, with the parameter binary_data_size");
}

Result<void> check_binary_data(std::string_view raw, const TensorSpec& spec, std::string_view where) {
  if (raw.size() != spec.bytes()) {
    return fail(
        Code::kBadInput, std::string(kWhat), fmt::format("{}, binary data", where),
        fmt::format("{} bytes instead of {}", raw.size(), spec.bytes()),
        fmt::format("send {} with shape {}, row-major and unpadded", oip_name_of(spec.dtype), spec.shape.to_text()));
  }
  if (spec.dtype == DType::kBool) {
    const std::size_t at = raw.find_first_not_of(std::string_view("\0\1", 2));
    if (at != std::string_view::npos) {
      return fail(Code::kBadInput, std::string(kWhat), fmt::format("{}, binary data, element {}", where, at),
                  fmt::format("byte {:#04x} is no BOOL", static_cast<unsigned char>(raw[at])), "send 0 or 1");
    }
  }
  return {};
}

Result<void> read_binary_data(std::string_view raw, const TensorSpec& spec, std::string_view where, std::byte* out) {
  LICHEN_TRY(check_binary_data(raw, spec, where));
  if (!raw.empty()) std::memcpy(out, raw.data(), raw.size());
  return {};
}

std::size_t append_json_data(std::string& out, const TensorSpec& spec, ByteView data) {
  const std::size_t count = data.size() / tensor::size_of(spec.dtype);
  switch (spec.dtype) {
    case DType::kF32:
      return append_floats(out, count, [&](std::size_t i) { return value_at<float>(data, i); });
    case DType::kF16:
      return append_floats(out, count, [&](std::size_t i) { return tensor::float_of_half(value_at<std::uint16_t>(data, i)); });
    case DType::kI8:
      append_integers<std::int8_t>(out, data);
      break;
    case DType::kU8:
      append_integers<std::uint8_t>(out, data);
      break;
    case DType::kI16:
      append_integers<std::int16_t>(out, data);
      break;
    case DType::kI32:
      append_integers<std::int32_t>(out, data);
      break;
    case DType::kI64:
      append_integers<std::int64_t>(out, data);
      break;
    case DType::kBool:
      append_array(out, count, [&](std::size_t i) { out += data[i] == std::byte{0} ? "false" : "true"; });
      break;
  }
  return 0;
}

}  // namespace lichen::protocol
