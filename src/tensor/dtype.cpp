// SPDX-License-Identifier: Apache-2.0
#include "tensor/dtype.hpp"

#include <array>

namespace lichen::tensor {
namespace {

struct Row {
  std::string_view name;
  std::size_t size;
};
constexpr std::array<Row, 8> kRows = {
    {{"f32", 4}, {"f16", 2}, {"i8", 1}, {"u8", 1}, {"i16", 2}, {"i32", 4}, {"i64", 8}, {"bool", 1}}};

}  // namespace

std::size_t size_of(DType dtype) {
  return kRows[static_cast<std::size_t>(dtype)].size;
}

std::string_view name_of(DType dtype) {
  return kRows[static_cast<std::size_t>(dtype)].name;
}

std::optional<DType> dtype_named(std::string_view name) {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (kRows[i].name == name) return static_cast<DType>(i);
  }
  return std::nullopt;
}

}  // namespace lichen::tensor
