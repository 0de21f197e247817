// SPDX-License-Identifier: Apache-2.0
#include "inputs.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include <fmt/format.h>

#include "posix/files.hpp"
#include "tensor/half.hpp"
#include "tensor/npy.hpp"

namespace lichen::tool {
namespace {

using tensor::DType;

Result<std::vector<float>> parse_csv(std::string_view text, const std::string& path) {
  std::vector<float> values;
  std::size_t line = 1;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    if (*at == '\n') ++line;
    if (*at == ',' || *at == ' ' || *at == '\t' || *at == '\r' || *at == '\n') {
      ++at;
      continue;
    }
    float value = 0;
    const auto [next, error] = std::from_chars(at, end, value);
    if (error != std::errc()) {
      return fail(Code::kBadInput, "cannot read input", fmt::format("{}, line {}", path, line), "not a number",
                  "give numbers separated by commas");
    }
    values.push_back(value);
    at = next;
  }
  return values;
}

struct Half {
  std::uint16_t bits = 0;
};

float real_of(Half x) {
  return tensor::float_of_half(x.bits);
}
template <typename T>
float real_of(T x) {
  return static_cast<float>(x);
}

float scale_of(const engine::TensorInfo& info) {
  return info.quantization.scales.empty() ? 1.0F : info.quantization.scales[0];
}
std::int32_t zero_point_of(const engine::TensorInfo& info) {
  return info.quantization.zero_points.empty() ? 0 : static_cast<std::int32_t>(info.quantization.zero_points[0]);
}

// Calls f with a value of the element type.
template <typename F>
void with_type(DType dtype, F f) {
  switch (dtype) {
    case DType::kF32:
      return f(float{});
    case DType::kF16:
      return f(Half{});
    case DType::kI8:
      return f(std::int8_t{});
    case DType::kU8:
    case DType::kBool:
      return f(std::uint8_t{});
    case DType::kI16:
      return f(std::int16_t{});
    case DType::kI32:
      return f(std::int32_t{});
    case DType::kI64:
      return f(std::int64_t{});
  }
}

template <typename T>
void put_as(Bytes& out, std::size_t index, double value) {
  const double low = static_cast<double>(std::numeric_limits<T>::lowest());
  const double high = static_cast<double>(std::numeric_limits<T>::max());
  const T stored = std::isnan(value) ? T{} : static_cast<T>(std::clamp(value, low, high));
  std::memcpy(out.data() + index * sizeof(T), &stored, sizeof(T));
}

std::vector<float> floats_of(const tensor::Tensor& t) {
  std::vector<float> out;
  with_type(t.spec.dtype, [&]<typename T>(T) {
    for (const T value : t.data.as<T>()) out.push_back(real_of(value));
  });
  return out;
}

Error wrong_count(const std::string& path, std::size_t got, std::size_t want, const engine::TensorInfo& input) {
  return Error{Code::kBadInput, "input does not fit", path,
               fmt::format("it has {} values, but input '{}' of shape {} takes {}", got, input.spec.name,
                           input.spec.shape.to_text(), want),
               "see lichen inspect"};
}

}  // namespace

Result<Bytes> bytes_from_floats(const std::vector<float>& values, const engine::TensorInfo& input,
                                const std::string& path) {
  Bytes out(input.spec.bytes());
  const bool quantized = !input.quantization.scales.empty();
  std::size_t not_numbers = values.size();
  with_type(input.spec.dtype, [&]<typename T>(T) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if constexpr (std::is_same_v<T, float>) {
        std::memcpy(out.data() + i * sizeof(float), &values[i], sizeof(float));
      } else if constexpr (std::is_same_v<T, Half>) {
        const std::uint16_t bits = tensor::half_of_float(values[i]);
        std::memcpy(out.data() + i * sizeof bits, &bits, sizeof bits);
      } else {
        const double value = static_cast<double>(values[i]);
        if (std::isnan(value)) not_numbers = std::min(not_numbers, i);
        const double scaled = quantized ? std::round(value / static_cast<double>(scale_of(input))) : std::round(value);
        put_as<T>(out, i, scaled + (quantized ? zero_point_of(input) : 0));
      }
    }
  });
  if (not_numbers < values.size()) {
    return fail(Code::kBadInput, "cannot read input", fmt::format("{}, value {}", path, not_numbers),
                "NaN has no integer value");
  }
  return out;
}

Result<Bytes> read_input(const std::string& path, const engine::TensorInfo& input) {
  Bytes file = LICHEN_TRY(posix::read_file(path, kInputBytesMax));
  const auto elements = static_cast<std::size_t>(input.spec.shape.elements());
  if (path.ends_with(".raw")) {
    if (file.size() != input.spec.bytes()) {
      return fail(
          Code::kBadInput, "input does not fit", path,
          fmt::format("it has {} bytes, but input '{}' takes {}", file.size(), input.spec.name, input.spec.bytes()));
    }
    return file;
  }
  std::vector<float> values;
  if (path.ends_with(".npy")) {
    const tensor::Tensor t = LICHEN_TRY(tensor::read_npy(file, path));
    if (static_cast<std::size_t>(t.spec.shape.elements()) != elements) {
      return std::unexpected(wrong_count(path, static_cast<std::size_t>(t.spec.shape.elements()), elements, input));
    }
    if (t.spec.dtype == input.spec.dtype) return Bytes(t.data.bytes().begin(), t.data.bytes().end());
    values = floats_of(t);
  } else if (path.ends_with(".csv")) {
    values = LICHEN_TRY(parse_csv(text_of(file), path));
  } else {
    return fail(Code::kUnsupported, "cannot read input", path, "its ending is none of .npy, .csv, .raw, .png, .jpg, .bmp",
                "convert it to .npy");
  }
  if (values.size() != elements) return std::unexpected(wrong_count(path, values.size(), elements, input));
  return bytes_from_floats(values, input, path);
}

std::vector<float> to_floats(const engine::TensorInfo& output, ByteView bytes) {
  std::vector<float> values(static_cast<std::size_t>(output.spec.shape.elements()));
  with_type(output.spec.dtype, [&]<typename T>(T) {
    const bool quantized = !output.quantization.scales.empty();
    for (std::size_t i = 0; i < values.size(); ++i) {
      T stored{};
      std::memcpy(&stored, bytes.data() + i * sizeof(T), sizeof(T));
      const float value = real_of(stored);
      values[i] = quantized ? (value - static_cast<float>(zero_point_of(output))) * scale_of(output) : value;
    }
  });
  return values;
}

}  // namespace lichen::tool
