// SPDX-License-Identifier: Apache-2.0
#include "graph/graph.hpp"

#include <utility>

#include "base/assert.hpp"

namespace lichen::graph {
namespace {

template <typename T>
Tensor constant_of(std::string name, tensor::DType dtype, tensor::Shape shape, std::span<const T> values,
                   tensor::Quantization quantization) {
  LICHEN_ASSERT(static_cast<std::size_t>(shape.elements()) == values.size());
  return {{std::move(name), dtype, shape}, std::move(quantization), tensor::Data::copy_of(values)};
}

}  // namespace

Graph::Graph() = default;
Graph::~Graph() = default;
Graph::Graph(const Graph&) = default;
Graph& Graph::operator=(const Graph&) = default;
Graph::Graph(Graph&&) noexcept = default;
Graph& Graph::operator=(Graph&&) noexcept = default;

TensorId Graph::add(Tensor tensor) {
  tensors.push_back(std::move(tensor));
  return static_cast<TensorId>(tensors.size() - 1);
}

TensorId Graph::add(std::string tensor_name, tensor::DType dtype, tensor::Shape shape,
                    tensor::Quantization quantization) {
  return add(Tensor{{std::move(tensor_name), dtype, shape}, std::move(quantization), std::nullopt});
}

TensorId Graph::add_constant(std::string tensor_name, tensor::Shape shape, std::span<const float> values) {
  return add(constant_of(std::move(tensor_name), tensor::DType::kF32, shape, values, {}));
}

TensorId Graph::add_unknown(std::string tensor_name) {
  return add(std::move(tensor_name), tensor::DType::kF32, tensor::Shape::unknown());
}

TensorId Graph::add_constant(std::string tensor_name, tensor::Shape shape, std::span<const std::int64_t> values) {
  return add(constant_of(std::move(tensor_name), tensor::DType::kI64, shape, values, {}));
}

TensorId Graph::add_constant(std::string tensor_name, tensor::Shape shape, std::span<const std::int8_t> values,
                             tensor::Quantization quantization) {
  return add(constant_of(std::move(tensor_name), tensor::DType::kI8, shape, values, std::move(quantization)));
}

TensorId Graph::add_constant(std::string tensor_name, tensor::Shape shape, std::span<const std::int32_t> values,
                             tensor::Quantization quantization) {
  return add(constant_of(std::move(tensor_name), tensor::DType::kI32, shape, values, std::move(quantization)));
}

}  // namespace lichen::graph
