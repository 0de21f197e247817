// SPDX-License-Identifier: Apache-2.0
#include "graph/ops/schema.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/assert.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {
namespace {

constexpr std::size_t kOps = static_cast<std::size_t>(Op::kCount);

constexpr std::span<const OpSchema> (*kFamilies[])() = {
    binary_rows, cast_rows, concat_rows, conv2d_rows, depthwise_conv2d_rows, detection_rows, fully_connected_rows,
    gather_rows, integer_layers_rows, make_rows, matmul_rows, movement_rows, normalization_rows, pad_rows,
    pool2d_rows, quantize_linear_rows, quantize_rows, recurrent_rows, reduce_rows, reshape_rows, resize_rows,
    scatter_rows, select_rows, sequence_rows, slice_rows, softmax_rows, space_rows, state_rows,
    transpose_conv2d_rows, unary_rows, volume_rows,
};

struct Table {
  std::vector<OpSchema> rows;
  std::array<std::size_t, kOps> place{};  // by op, plus one; 0: no row
};

const Table& table() {
  static const Table kTable = [] {
    Table made;
    for (const auto family : kFamilies) {
      for (const OpSchema& row : family()) {
        LICHEN_ASSERT(made.place[static_cast<std::size_t>(row.op)] == 0 && row.infer != nullptr);
        made.rows.push_back(row);
        made.place[static_cast<std::size_t>(row.op)] = made.rows.size();
      }
    }
    return made;
  }();
  return kTable;
}

template <typename T>
std::vector<std::int64_t> widened(ByteView bytes) {
  std::vector<std::int64_t> values(bytes.size() / sizeof(T));
  for (std::size_t i = 0; i < values.size(); ++i) {
    T value{};
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    values[i] = value;
  }
  return values;
}

}  // namespace

std::optional<ByteView> NodeView::value(std::size_t i) const {
  if (!has_input(i)) return std::nullopt;
  if (input(i).constant) return input(i).constant->bytes();
  if (values_ == nullptr) return std::nullopt;
  const auto id = static_cast<std::size_t>(node_.inputs[i]);
  if (id >= values_->bytes.size() || values_->bytes[id].data() == nullptr) {
    values_->missing = true;
    return std::nullopt;
  }
  constexpr std::size_t kBits = 64;
  LICHEN_ASSERT(i < kBits);
  values_->asked |= std::uint64_t{1} << i;
  return values_->bytes[id];
}

std::optional<std::vector<std::int64_t>> NodeView::integers(std::size_t i) const {
  const std::optional<ByteView> bytes = value(i);
  if (!bytes) return std::nullopt;
  if (input(i).spec.dtype == tensor::DType::kI32) return widened<std::int32_t>(*bytes);
  LICHEN_ASSERT(input(i).spec.dtype == tensor::DType::kI64);
  return widened<std::int64_t>(*bytes);
}

std::optional<std::vector<float>> NodeView::floats(std::size_t i) const {
  const std::optional<ByteView> bytes = value(i);
  if (!bytes) return std::nullopt;
  LICHEN_ASSERT(input(i).spec.dtype == tensor::DType::kF32);
  std::vector<float> values(bytes->size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), bytes->data(), values.size() * sizeof(float));
  return values;
}

std::span<const OpSchema> schemas() {
  return table().rows;
}

const OpSchema* find_schema(Op op) {
  const auto at = static_cast<std::size_t>(op);
  const std::size_t place = at < kOps ? table().place[at] : 0;
  return place == 0 ? nullptr : &table().rows[place - 1];
}

const OpSchema& schema_of(Op op) {
  const OpSchema* schema = find_schema(op);
  LICHEN_ASSERT(schema != nullptr);
  return *schema;
}

std::optional<Op> op_named(std::string_view name) {
  const auto at = std::ranges::find(table().rows, name, &OpSchema::name);
  if (at == table().rows.end()) return std::nullopt;
  return at->op;
}

}  // namespace lichen::graph
