// SPDX-License-Identifier: Apache-2.0
// Steps that only move bytes.
#pragma once

#include <memory>
#include <vector>

#include "engine/native/builders.hpp"
#include "kernels/reference/copy.hpp"

namespace lichen::engine {

// One copy from an input to an output of the node.
struct Move {
  kernels::reference::Copy copy;
  std::size_t input = 0;
  std::size_t output = 0;
};

// The moves one after the other, each shared out over threads.
[[nodiscard]] std::unique_ptr<Step> step_of_moves(std::string_view kernel, std::vector<Move> moves);

// Bytes from one element to the next along each axis of a dense tensor.
[[nodiscard]] std::vector<kernels::Index> steps_of(const tensor::TensorSpec& spec);

[[nodiscard]] kernels::Index element_bytes(const graph::Tensor& tensor);

// The product of the dimensions [first, last).
[[nodiscard]] kernels::Index elements_of(const tensor::Shape& shape, std::size_t first, std::size_t last);

// Integers of input i at run time, of i32 or i64.
[[nodiscard]] inline std::int64_t integer_at(const StepBuffers& b, std::size_t i, bool wide, std::size_t at) {
  return wide ? b.in<std::int64_t>(i)[at] : b.in<std::int32_t>(i)[at];
}

}  // namespace lichen::engine
