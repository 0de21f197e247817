// SPDX-License-Identifier: Apache-2.0
#include "tensor/npy.hpp"

#include <array>
#include <charconv>

#include <fmt/format.h>

namespace lichen::tensor {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::size_t kHeaderBytesMax = 4096;

struct Row {
  std::string_view descr;
  DType dtype;
};
constexpr std::array<Row, 8> kTypes = {{{"<f4", DType::kF32},
                                        {"<f2", DType::kF16},
                                        {"|i1", DType::kI8},
                                        {"|u1", DType::kU8},
                                        {"<i2", DType::kI16},
                                        {"<i4", DType::kI32},
                                        {"<i8", DType::kI64},
                                        {"|b1", DType::kBool}}};

std::unexpected<Error> bad(std::string_view name, std::string why, Code code = Code::kBadInput) {
  return fail(code, "cannot read npy", std::string(name), std::move(why), "save it with numpy.save");
}

// The text after 'key': in a Python dictionary of literals, or nothing.
std::string_view value_of(std::string_view header, std::string_view key) {
  const std::size_t at = header.find(fmt::format("'{}'", key));
  if (at == std::string_view::npos) return {};
  const std::size_t colon = header.find(':', at);
  if (colon == std::string_view::npos) return {};
  std::string_view rest = header.substr(colon + 1);
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  return rest;
}

Result<Shape> parse_shape(std::string_view text, std::string_view name) {
  if (!text.starts_with('(')) return bad(name, "header has no shape");
  text.remove_prefix(1);
  std::array<std::int64_t, kRankMax> dims{};
  std::size_t rank = 0;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(" ,"), text.size()));
    if (text.starts_with(')')) break;
    if (rank == kRankMax) return bad(name, fmt::format("rank above {}", kRankMax));
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), dims[rank]);
    if (status != std::errc{}) return bad(name, "shape is not a tuple of integers");
    ++rank;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
  return Shape::make(std::span(dims).first(rank), name);
}

Result<DType> parse_dtype(std::string_view text, std::string_view name) {
  if (!text.starts_with('\'')) return bad(name, "header has no plain descr", Code::kUnsupported);
  text = text.substr(1, text.find('\'', 1) - 1);
  for (const Row& row : kTypes) {
    if (row.descr == text) return row.dtype;
  }
  return bad(name, fmt::format("element type '{}'", text.substr(0, 16)), Code::kUnsupported);
}

Result<std::string_view> header_of(ByteReader& reader, std::string_view name) {
  if (text_of(reader.get_bytes(kMagic.size())) != kMagic) return bad(name, "does not start with \\x93NUMPY");
  const auto major = reader.get<std::uint8_t>();
  const auto minor = reader.get<std::uint8_t>();
  if (major < 1 || major > 3 || minor != 0)
    return bad(name, fmt::format("version {}.{}", major, minor), Code::kUnsupported);
  const std::size_t length = major == 1 ? reader.get<std::uint16_t>() : reader.get<std::uint32_t>();
  if (length > kHeaderBytesMax) return bad(name, fmt::format("header of {} bytes", length));
  const std::string_view header = text_of(reader.get_bytes(length));
  if (!reader.ok()) return bad(name, "ends inside of the header");
  return header;
}

}  // namespace

Result<Tensor> read_npy(ByteView file, std::string_view name) {
  ByteReader reader(file);
  const std::string_view header = LICHEN_TRY(header_of(reader, name));
  Tensor tensor;
  tensor.spec.name = std::string(name);
  tensor.spec.dtype = LICHEN_TRY(parse_dtype(value_of(header, "descr"), name));
  if (!value_of(header, "fortran_order").starts_with("False")) {
    return bad(name, "Fortran order", Code::kUnsupported);
  }
  tensor.spec.shape = LICHEN_TRY(parse_shape(value_of(header, "shape"), name));
  if (reader.left() != tensor.spec.bytes()) {
    return bad(name, fmt::format("{} bytes of data, but {} of {} need {}", reader.left(), tensor.spec.shape.to_text(),
                                 name_of(tensor.spec.dtype), tensor.spec.bytes()));
  }
  const ByteView data = reader.get_bytes(tensor.spec.bytes());
  const bool aligned = reinterpret_cast<std::uintptr_t>(data.data()) % size_of(tensor.spec.dtype) == 0;
  tensor.data = aligned ? Data::borrow(data) : Data::own(Bytes(data.begin(), data.end()));
  return tensor;
}

Bytes write_npy(const Tensor& tensor) {
  std::string_view descr;
  for (const Row& row : kTypes) {
    if (row.dtype == tensor.spec.dtype) descr = row.descr;
  }
  std::string shape;
  for (const std::int64_t d : tensor.spec.shape.dims()) shape += fmt::format("{}, ", d);
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", descr, shape);
  constexpr std::size_t kFixed = 10;  // magic, version, length
  constexpr std::size_t kAlign = 64;
  header.append(kAlign - 1 - (kFixed + header.size()) % kAlign, ' ');
  header += '\n';
  Bytes file;
  ByteWriter writer(file);
  writer.put_bytes(bytes_of(kMagic));
  writer.put(std::uint8_t{1});
  writer.put(std::uint8_t{0});
  writer.put(static_cast<std::uint16_t>(header.size()));
  writer.put_bytes(bytes_of(header));
  writer.put_bytes(tensor.data.bytes());
  return file;
}

}  // namespace lichen::tensor
