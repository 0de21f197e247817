// SPDX-License-Identifier: Apache-2.0
// What builders of ops on elements share: from a tensor to the types and numbers that kernels take.
#pragma once

#include <utility>

#include "engine/native/builders.hpp"
#include "graph/ops/checks.hpp"
#include "kernels/reference/affine.hpp"

namespace lichen::engine {

template <typename T>
struct Type {
  using type = T;
};

// f(Type<T>{}) with T the C++ type of an integer dtype; f(Type<void>{}) for all others.
template <typename F>
auto with_integer_type(tensor::DType dtype, const F& f) {
  switch (dtype) {
    case tensor::DType::kI8:
      return f(Type<std::int8_t>{});
    case tensor::DType::kU8:
      return f(Type<std::uint8_t>{});
    case tensor::DType::kI16:
      return f(Type<std::int16_t>{});
    case tensor::DType::kI32:
      return f(Type<std::int32_t>{});
    case tensor::DType::kI64:
      return f(Type<std::int64_t>{});
    default:
      return f(Type<void>{});
  }
}

[[nodiscard]] inline kernels::reference::Affine affine_of(const graph::Tensor& tensor) {
  return {tensor.quantization.scale(), tensor.quantization.zero_point()};
}

[[nodiscard]] inline kernels::reference::Rounding rounding_of(const BuildContext& context) {
  return context.node.graph().rounding == graph::IntegerRounding::kNearestEven
             ? kernels::reference::Rounding::kNearestEven
             : kernels::reference::Rounding::kAwayFromZero;
}

[[nodiscard]] inline std::string_view op_name(const BuildContext& context) {
  return graph::schema_of(context.node.node().op).name;
}

[[nodiscard]] inline kernels::Index elements_of(const graph::Tensor& tensor) {
  return tensor.spec.shape.elements();
}

}  // namespace lichen::engine
