// SPDX-License-Identifier: Apache-2.0
#include "graph/ops/schema.hpp"

#include <array>

#include "base/assert.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {
namespace {

const std::array<OpSchema, 14>& table() {
  static const std::array<OpSchema, 14> kTable = {
      add_schema(),        average_pool2d_schema(),  conv2d_schema(),   depthwise_conv2d_schema(),
      dequantize_schema(), fully_connected_schema(), logistic_schema(), max_pool2d_schema(),
      mul_schema(),        quantize_schema(),        relu_schema(),     relu6_schema(),
      reshape_schema(),    softmax_schema()};
  return kTable;
}

}  // namespace

std::span<const OpSchema> schemas() {
  return table();
}

const OpSchema& schema_of(Op op) {
  const auto at = static_cast<std::size_t>(op);
  LICHEN_ASSERT(at < table().size() && table()[at].op == op);
  return table()[at];
}

}  // namespace lichen::graph
