// SPDX-License-Identifier: Apache-2.0
// Concat. Where scales differ, bytes go through a table that holds LiteRT's (or ONNX's) arithmetic for each of their 256
// values.
#include "kernels/reference/concat.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/native/moves.hpp"
#include "engine/native/sharing.hpp"
#include "engine/native/vector.hpp"
#include "graph/ops/checks.hpp"
#include "kernels/reference/affine.hpp"

namespace lichen::engine {
namespace {

using kernels::Index;
using kernels::reference::Affine;
using kernels::reference::ByteTable;
using kernels::reference::Piece;

// In float, halves away from zero, as LiteRT's reference kernel brings an input to the output's scale.
ByteTable table_of(const graph::Tensor& in, const graph::Tensor& out) {
  const float scale = in.quantization.scale() * (1.0F / out.quantization.scale());
  const float bias = static_cast<float>(-in.quantization.zero_point()) * scale;
  const tensor::IntegerRange range = tensor::range_of(in.spec.dtype);
  ByteTable table{};
  for (std::int32_t value = range.min; value <= range.max; ++value) {
    const float scaled = std::round(static_cast<float>(value) * scale + bias);
    const float bounded = std::clamp(scaled, -65536.0F, 65536.0F);  // what an i32 holds for certain
    const std::int32_t stored = static_cast<std::int32_t>(bounded) + out.quantization.zero_point();
    table[static_cast<std::uint8_t>(value)] = static_cast<std::uint8_t>(std::clamp(stored, range.min, range.max));
  }
  return table;
}

// As DequantizeLinear and QuantizeLinear.
ByteTable even_table_of(const graph::Tensor& in, const graph::Tensor& out) {
  const Affine from{in.quantization.scale(), in.quantization.zero_point()};
  const Affine to{out.quantization.scale(), out.quantization.zero_point()};
  const tensor::IntegerRange range = tensor::range_of(in.spec.dtype);
  ByteTable table{};
  for (std::int32_t value = range.min; value <= range.max; ++value) {
    const float real = kernels::reference::real_of(value, from);
    const auto steps = kernels::reference::stored_even<std::int16_t>(real, to.scale, static_cast<float>(to.zero_point));
    table[static_cast<std::uint8_t>(value)] =
        static_cast<std::uint8_t>(std::clamp<std::int32_t>(steps, range.min, range.max));
  }
  return table;
}

StepResult build_requantized(const BuildContext& context, std::size_t axis) {
  const graph::NodeView& node = context.node;
  const bool even = rounds_to_even(node);
  const graph::Tensor& out = node.output();
  const tensor::Shape& shape = out.spec.shape;
  const Index outer = elements_of(shape, 0, axis);
  const Index row = elements_of(shape, axis, shape.rank());
  std::vector<Piece> pieces;
  Index offset = 0;
  for (std::size_t i = 0; i < node.input_count(); ++i) {
    const graph::Tensor& in = node.input(i);
    const Index width = elements_of(in.spec.shape, axis, shape.rank());
    const bool same = in.quantization == out.quantization;
    pieces.push_back({offset, width, same, even ? even_table_of(in, out) : table_of(in, out)});
    offset += width;
  }
  kernels::reference::LookUp look_up = &kernels::reference::look_up;
  if constexpr (kHasVectorKernels) {
    if (const auto vector = vector_look_up(context)) look_up = vector;
  }
  return make_step("concat requantized", 0, [pieces = std::move(pieces), outer, row, look_up](const StepBuffers& b) {
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      share_rows(*b.threads, outer, pieces[i].width, [&](Index begin, Index end) {
        kernels::reference::concat_piece(pieces[i], row, look_up, b.in<std::uint8_t>(i), b.out<std::uint8_t>(), begin,
                                         end);
      });
    }
  });
}

StepResult build_concat(const BuildContext& context) {
  const graph::NodeView& node = context.node;
  const graph::Tensor& out = node.output();
  const std::size_t rank = out.spec.shape.rank();
  const std::size_t axis = LICHEN_TRY(graph::axis_of(node.attributes<graph::AxisAttributes>().axis, rank));
  bool same_scale = true;
  for (std::size_t i = 0; i < node.input_count(); ++i)
    same_scale = same_scale && node.input(i).quantization == out.quantization;
  if (!same_scale) return build_requantized(context, axis);
  const std::vector<Index> to = steps_of(out.spec);
  std::vector<Move> moves;
  Index offset = 0;
  for (std::size_t i = 0; i < node.input_count(); ++i) {
    const tensor::TensorSpec& in = node.input(i).spec;
    const std::vector<Index> from = steps_of(in);
    std::vector<kernels::reference::CopyAxis> axes;
    for (std::size_t k = 0; k < rank; ++k) axes.push_back({in.shape[k], from[k], to[k]});
    moves.push_back({kernels::reference::copy_of(axes, element_bytes(out), 0, offset), i, 0});
    offset += in.shape[axis] * to[axis];
  }
  return step_of_moves("concat copy", std::move(moves));
}

constexpr std::array kBuilders = {Builder{graph::Op::kConcat, build_concat}};

}  // namespace

std::span<const Builder> concat_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
