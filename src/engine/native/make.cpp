// SPDX-License-Identifier: Apache-2.0
// Compress, EyeLike, Fill, NonZero, OneHot, Range, Shape, Size.
#include "graph/ops/make.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/native/moves.hpp"
#include "graph/ops/checks.hpp"
#include "kernels/reference/make.hpp"

namespace lichen::engine {
namespace {

using kernels::Index;
using kernels::reference::Kept;
using tensor::DType;

StepResult build_compress(const BuildContext& context) {
  const graph::NodeView& node = context.node;
  const auto& a = node.attributes<graph::CompressAttributes>();
  const tensor::Shape& x = node.input(0).spec.shape;
  const std::size_t axis = a.flat ? 0 : LICHEN_TRY(graph::axis_of(a.axis, x.rank()));
  const Index places = a.flat ? x.elements() : x[axis];
  Kept k{.size = std::min<Index>(places, node.input(1).spec.shape.elements()), .run = element_bytes(node.input(0))};
  if (!a.flat) {
    k.outer = elements_of(x, 0, axis);
    k.run *= elements_of(x, axis + 1, x.rank());
  }
  k.step = places * k.run;
  const bool flat = a.flat;
  return make_step("compress copy", 0, [k, x, axis, flat](const StepBuffers& b) {
    const Index count = kernels::reference::compress(k, b.in<std::uint8_t>(1), b.inputs[0], b.outputs[0]);
    std::array<std::int64_t, tensor::kRankMax> dims{};
    for (std::size_t i = 0; i < x.rank(); ++i) dims[i] = x[i];
    dims[axis] = count;
    b.report->shapes[0] = tensor::Shape(std::span<const std::int64_t>(dims).first(flat ? 1 : x.rank()));
  });
}

StepResult build_non_zero(const BuildContext& context) {
  const tensor::TensorSpec& x = context.node.input(0).spec;
  const bool is_float = x.dtype == DType::kF32 || x.dtype == DType::kF16;
  const Index bytes = element_bytes(context.node.input(0));
  return make_step("non_zero", 0, [shape = x.shape, is_float, bytes](const StepBuffers& b) {
    const Index count = kernels::reference::non_zero(shape.dims(), bytes, is_float, b.inputs[0], b.out<std::int64_t>());
    b.report->shapes[0] = {std::max<std::int64_t>(1, static_cast<std::int64_t>(shape.rank())), count};
  });
}

StepResult build_fill(const BuildContext& context) {
  const Index count = context.node.output().spec.shape.elements();
  const Index bytes = element_bytes(context.node.output());
  return make_step("fill", 0, [count, bytes](const StepBuffers& b) {
    kernels::reference::fill(b.inputs[1], bytes, count, b.outputs[0]);
  });
}

// The bytes of the number 1.
std::array<std::byte, 8> one_of(DType dtype) {
  std::array<std::byte, 8> one{};
  const float real = 1.0F;
  constexpr std::uint16_t kHalf = 0x3C00;
  if (dtype == DType::kF32) {
    std::memcpy(one.data(), &real, sizeof(real));
  } else if (dtype == DType::kF16) {
    std::memcpy(one.data(), &kHalf, sizeof(kHalf));
  } else {
    one[0] = std::byte{1};  // little-endian
  }
  return one;
}

StepResult build_eye_like(const BuildContext& context) {
  const tensor::TensorSpec& out = context.node.output().spec;
  const Index k = context.node.attributes<graph::EyeLikeAttributes>().k;
  const auto one = one_of(out.dtype);
  const Index bytes = element_bytes(context.node.output());
  return make_step("eye_like", 0, [shape = out.shape, k, one, bytes](const StepBuffers& b) {
    const Index rows = shape[0];
    const Index columns = shape[1];
    if (rows * columns > 0) std::memset(b.outputs[0], 0, static_cast<std::size_t>(rows * columns * bytes));
    for (Index i = std::max<Index>(0, -k); i < rows && i + k < columns; ++i)
      std::memcpy(b.outputs[0] + (i * columns + i + k) * bytes, one.data(), static_cast<std::size_t>(bytes));
  });
}

StepResult build_one_hot(const BuildContext& context) {
  const graph::NodeView& node = context.node;
  const tensor::Shape& out = node.output().spec.shape;
  const auto axis =
      LICHEN_TRY(graph::axis_of(node.attributes<graph::AxisAttributes>().axis, node.input(0).spec.shape.rank() + 1));
  const kernels::reference::OneHot o{.outer = elements_of(out, 0, axis),
                                     .depth = out[axis],
                                     .inner = elements_of(out, axis + 1, out.rank()),
                                     .element = element_bytes(node.output())};
  switch (node.input(0).spec.dtype) {
    case DType::kF32:
      return make_step("one_hot", 0, [o](const StepBuffers& b) {
        kernels::reference::one_hot(o, b.in<float>(0), b.inputs[2], b.outputs[0]);
      });
    case DType::kI32:
      return make_step("one_hot", 0, [o](const StepBuffers& b) {
        kernels::reference::one_hot(o, b.in<std::int32_t>(0), b.inputs[2], b.outputs[0]);
      });
    default:
      return make_step("one_hot", 0, [o](const StepBuffers& b) {
        kernels::reference::one_hot(o, b.in<std::int64_t>(0), b.inputs[2], b.outputs[0]);
      });
  }
}

template <typename T>
std::unique_ptr<Step> step_of_range(Index count) {
  return make_step("range", 0, [count](const StepBuffers& b) {
    kernels::reference::range(*b.in<T>(0), *b.in<T>(2), count, b.out<T>());
  });
}

StepResult build_range(const BuildContext& context) {
  const Index count = context.node.output().spec.shape.elements();
  switch (context.node.input(0).spec.dtype) {
    case DType::kF32:
      return step_of_range<float>(count);
    case DType::kI32:
      return step_of_range<std::int32_t>(count);
    default:
      return step_of_range<std::int64_t>(count);
  }
}

// Numbers that are known when the model is planned.
std::unique_ptr<Step> step_of_numbers(std::string_view kernel, std::vector<std::int64_t> numbers, DType dtype) {
  const bool wide = dtype == DType::kI64;
  return make_step(kernel, 0, [numbers = std::move(numbers), wide](const StepBuffers& b) {
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      if (wide) {
        b.out<std::int64_t>()[i] = numbers[i];
      } else {
        b.out<std::int32_t>()[i] = static_cast<std::int32_t>(numbers[i]);
      }
    }
  });
}

StepResult build_shape(const BuildContext& context) {
  const graph::ShapePiece piece = graph::shape_piece(context.node);
  const std::span<const std::int64_t> dims = context.node.input(0).spec.shape.dims().subspan(piece.first, piece.count);
  return step_of_numbers("shape", {dims.begin(), dims.end()}, context.node.output().spec.dtype);
}

StepResult build_size(const BuildContext& context) {
  return step_of_numbers("size", {context.node.input(0).spec.shape.elements()}, context.node.output().spec.dtype);
}

constexpr std::array kBuilders = {
    Builder{graph::Op::kCompress, build_compress}, Builder{graph::Op::kEyeLike, build_eye_like},
    Builder{graph::Op::kFill, build_fill},         Builder{graph::Op::kNonZero, build_non_zero},
    Builder{graph::Op::kOneHot, build_one_hot},    Builder{graph::Op::kRange, build_range},
    Builder{graph::Op::kShape, build_shape},       Builder{graph::Op::kSize, build_size},
};

}  // namespace

std::span<const Builder> make_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
