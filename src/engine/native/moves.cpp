// SPDX-License-Identifier: Apache-2.0
#include "engine/native/moves.hpp"

#include "engine/native/sharing.hpp"

namespace lichen::engine {

using kernels::Index;

std::unique_ptr<Step> step_of_moves(std::string_view kernel, std::vector<Move> moves) {
  return make_step(kernel, 0, [moves = std::move(moves)](const StepBuffers& b) {
    for (const Move& move : moves) {
      std::byte* out = b.outputs[move.output];
      const std::byte* in = b.inputs[move.input];
      if (out == nullptr || in == nullptr) continue;  // nobody wants it, or it is in the output already
      share_rows(*b.threads, move.copy.parts(), move.copy.bytes_a_part(),
                 [&](Index begin, Index end) { kernels::reference::copy(move.copy, in, out, begin, end); });
    }
  });
}

std::vector<Index> steps_of(const tensor::TensorSpec& spec) {
  std::vector<Index> steps(spec.shape.rank());
  auto step = static_cast<Index>(tensor::size_of(spec.dtype));
  for (std::size_t i = steps.size(); i-- > 0;) {
    steps[i] = step;
    step *= spec.shape[i];
  }
  return steps;
}

Index element_bytes(const graph::Tensor& tensor) {
  return static_cast<Index>(tensor::size_of(tensor.spec.dtype));
}

Index elements_of(const tensor::Shape& shape, std::size_t first, std::size_t last) {
  Index count = 1;
  for (std::size_t i = first; i < last; ++i) count *= shape[i];
  return count;
}

}  // namespace lichen::engine
