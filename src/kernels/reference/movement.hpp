// SPDX-License-Identifier: Apache-2.0
// ReverseSequence and Trilu, of elements of any type.
#pragma once

#include "kernels/reference/copy.hpp"
#include "tensor/spec.hpp"

namespace lichen::kernels::reference {

struct Sequences {
  std::array<CopyAxis, tensor::kRankMax> axes{};  // equal steps in both tensors
  std::size_t rank = 0;
  std::size_t batch = 0;
  std::size_t time = 1;
  Index element = 1;  // bytes
};
// Sequence i of the batch: its first `length` elements backwards, the rest as they are.
void reverse_sequence(const Sequences& s, Index i, Index length, const std::byte* in, std::byte* out);

struct Triangle {
  Index matrices = 1, rows = 1, columns = 1;
  Index element = 1;  // bytes
  bool upper = true;
};
// Keeps what is on diagonal k and above (or below) it, and 0 elsewhere.
void trilu(const Triangle& t, std::int64_t k, const std::byte* in, std::byte* out);

}  // namespace lichen::kernels::reference
