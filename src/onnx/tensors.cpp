// SPDX-License-Identifier: Apache-2.0
#include "onnx/tensors.hpp"

#include <algorithm>
#include <array>
#include <concepts>
#include <limits>

#include <fmt/format.h>

namespace lichen::formats {
namespace {

constexpr std::size_t kNameBytesMax = 256;

struct TypeRow {
  std::int32_t onnx;
  std::string_view name;
  std::optional<tensor::DType> dtype;
};
constexpr std::array kTypes = {
    TypeRow{1, "float32", tensor::DType::kF32},
    TypeRow{2, "uint8", tensor::DType::kU8},
    TypeRow{3, "int8", tensor::DType::kI8},
    TypeRow{4, "uint16", std::nullopt},
    TypeRow{5, "int16", tensor::DType::kI16},
    TypeRow{6, "int32", tensor::DType::kI32},
    TypeRow{7, "int64", tensor::DType::kI64},
    TypeRow{8, "string", std::nullopt},
    TypeRow{9, "bool", tensor::DType::kBool},
    TypeRow{10, "float16", tensor::DType::kF16},
    TypeRow{11, "float64", std::nullopt},
    TypeRow{12, "uint32", std::nullopt},
    TypeRow{13, "uint64", std::nullopt},
    TypeRow{14, "complex64", std::nullopt},
    TypeRow{15, "complex128", std::nullopt},
    TypeRow{16, "bfloat16", std::nullopt},
    TypeRow{17, "float8e4m3fn", std::nullopt},
    TypeRow{18, "float8e4m3fnuz", std::nullopt},
    TypeRow{19, "float8e5m2", std::nullopt},
    TypeRow{20, "float8e5m2fnuz", std::nullopt},
    TypeRow{21, "uint4", std::nullopt},
    TypeRow{22, "int4", std::nullopt},
    TypeRow{23, "float4e2m1", std::nullopt},
    TypeRow{24, "float8e8m0", std::nullopt},
    TypeRow{25, "uint2", std::nullopt},
    TypeRow{26, "int2", std::nullopt},
};

const TypeRow* row_of(std::int32_t type) {
  const auto row = std::ranges::find(kTypes, type, &TypeRow::onnx);
  return row == kTypes.end() ? nullptr : &*row;
}

std::unexpected<Error> bad(const std::string& where, std::string why, Code code = Code::kBadInput) {
  return fail(code, "cannot load model", where, std::move(why));
}

template <typename T, typename From>
Result<Bytes> narrowed(const From& values, const std::string& where) {
  Bytes bytes(static_cast<std::size_t>(values.size()) * sizeof(T));
  for (int i = 0; i < values.size(); ++i) {
    const auto value = values.Get(i);
    if constexpr (std::integral<T>) {
      if (value < std::numeric_limits<T>::lowest() || value > std::numeric_limits<T>::max())
        return bad(where, fmt::format("element {} is {}, which its type does not hold", i, value));
    }
    const T element = static_cast<T>(value);
    std::memcpy(bytes.data() + static_cast<std::size_t>(i) * sizeof(T), &element, sizeof(T));
  }
  return bytes;
}

// The typed lists of a TensorProto: small integers, bool and float16 bits are in int32_data.
Result<Bytes> listed(const ::onnx::TensorProto& from, tensor::DType dtype, const std::string& where) {
  switch (dtype) {
    case tensor::DType::kF32:
      return narrowed<float>(from.float_data(), where);
    case tensor::DType::kI64:
      return narrowed<std::int64_t>(from.int64_data(), where);
    case tensor::DType::kI32:
      return narrowed<std::int32_t>(from.int32_data(), where);
    case tensor::DType::kI16:
      return narrowed<std::int16_t>(from.int32_data(), where);
    case tensor::DType::kI8:
      return narrowed<std::int8_t>(from.int32_data(), where);
    case tensor::DType::kU8:
    case tensor::DType::kBool:
      return narrowed<std::uint8_t>(from.int32_data(), where);
    case tensor::DType::kF16:
      return narrowed<std::uint16_t>(from.int32_data(), where);
  }
  return bad(where, "an element type that does not exist");
}

std::size_t filled_lists(const ::onnx::TensorProto& from, ByteView raw) {
  return static_cast<std::size_t>(from.float_data_size() > 0) + static_cast<std::size_t>(from.int32_data_size() > 0) +
         static_cast<std::size_t>(from.int64_data_size() > 0) + static_cast<std::size_t>(from.string_data_size() > 0) +
         static_cast<std::size_t>(from.double_data_size() > 0) + static_cast<std::size_t>(from.uint64_data_size() > 0) +
         static_cast<std::size_t>(!raw.empty());
}

Result<void> check_place(const ::onnx::TensorProto& from, const std::string& where, ByteView raw) {
  if (from.data_location() == ::onnx::TensorProto::EXTERNAL || from.external_data_size() > 0) {
    std::string location = "no location";
    for (const auto& entry : from.external_data()) {
      if (entry.key() == "location") location = fmt::format("'{}'", clean_name(entry.value()));
    }
    return fail(Code::kUnsupported, "cannot load model", where, fmt::format("external data is not read: {}", location),
                "save the model as one file");
  }
  if (from.has_segment()) return bad(where, "data in segments", Code::kUnsupported);
  if (filled_lists(from, raw) > 1) return bad(where, "its data is given twice");
  return {};
}

// A bool is 0 or 1, whatever a file says.
void make_bools(Bytes& bytes) {
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(byte != std::byte{0});
}

// A file does not align what is in it.
tensor::Data lent(ByteView bytes, tensor::DType dtype) {
  const tensor::Data data = tensor::Data::borrow(bytes);
  return data.is_aligned_to(size_of(dtype)) ? data : tensor::Data::borrow_unaligned(bytes);
}

}  // namespace

std::optional<tensor::DType> dtype_of_onnx(std::int32_t type) {
  const TypeRow* row = row_of(type);
  return row == nullptr ? std::nullopt : row->dtype;
}

std::int32_t onnx_type_of(tensor::DType dtype) {
  return std::ranges::find(kTypes, std::optional(dtype), &TypeRow::dtype)->onnx;
}

std::string onnx_type_name(std::int32_t type) {
  const TypeRow* row = row_of(type);
  return row == nullptr ? fmt::format("element type {}", type) : std::string(row->name);
}

std::string clean_name(const std::string& text) {
  std::string name = text.substr(0, kNameBytesMax);
  std::ranges::replace_if(name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, '?');
  return name;
}

Result<tensor::Tensor> tensor_of(const ::onnx::TensorProto& from, const std::string& where, ByteView raw) {
  const bool is_borrowed = !raw.empty();
  if (!is_borrowed) raw = bytes_of(from.raw_data());
  LICHEN_TRY(check_place(from, where, raw));
  const auto dtype = dtype_of_onnx(from.data_type());
  if (!dtype) {
    return bad(where, fmt::format("{} elements", onnx_type_name(from.data_type())),
               row_of(from.data_type()) == nullptr ? Code::kBadInput : Code::kUnsupported);
  }
  const std::vector<std::int64_t> dims(from.dims().begin(), from.dims().end());
  tensor::Tensor to{{clean_name(from.name()), *dtype, LICHEN_TRY(tensor::Shape::make(dims, where))}, {}};
  const bool is_lent = is_borrowed && *dtype != tensor::DType::kBool;
  Bytes bytes = raw.empty() ? LICHEN_TRY(listed(from, *dtype, where)) : is_lent ? Bytes{} : Bytes(raw.begin(), raw.end());
  if (*dtype == tensor::DType::kBool) make_bools(bytes);
  to.data = is_lent ? lent(raw, *dtype) : tensor::Data::own(std::move(bytes));
  if (to.data.size() != to.spec.bytes()) {
    return bad(where, fmt::format("{} bytes of data, but {} of {} need {}", to.data.size(), to.spec.shape.to_text(),
                                  name_of(*dtype), to.spec.bytes()));
  }
  return to;
}

}  // namespace lichen::formats
