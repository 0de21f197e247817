// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/space.hpp"

#include <algorithm>

namespace lichen::kernels::reference {
namespace {

Index ceil_div(Index a, Index b) {
  return a <= 0 ? -(-a / b) : (a + b - 1) / b;
}

// All positions of the images k[...] of every batch, as one copy.
void move_block(const Blocks& b, std::span<const Index> k, Index image, const std::byte* in, std::byte* out) {
  std::array<CopyAxis, kCopyAxesMax> axes;
  axes[0] = {b.images, b.space_image, b.batch_image};
  Index space = 0;
  Index batch = image * b.images * b.batch_image;
  for (std::size_t i = 0; i < b.rank; ++i) {
    const BlockAxis& axis = b.axes[i];
    const Index first = std::max<Index>(0, ceil_div(axis.edge - k[i], axis.block));
    const Index end = std::min(axis.batch_size, ceil_div(axis.space_size + axis.edge - k[i], axis.block));
    axes[i + 1] = {std::max<Index>(0, end - first), axis.block * axis.space_step, axis.batch_step};
    space += (axis.block * first + k[i] - axis.edge) * axis.space_step;
    batch += first * axis.batch_step;
  }
  const std::span<CopyAxis> used = std::span(axes).first(b.rank + 1);
  if (b.to_space) {
    for (CopyAxis& axis : used) std::swap(axis.in_step, axis.out_step);
  }
  const Copy c = copy_of(used, b.run, b.to_space ? batch : space, b.to_space ? space : batch);
  copy(c, in, out, 0, c.parts());
}

}  // namespace

void move_blocks(const Blocks& b, const std::byte* in, std::byte* out) {
  std::array<Index, tensor::kRankMax> k{};
  Index images = 1;
  for (std::size_t i = 0; i < b.rank; ++i) images *= b.axes[i].block;
  for (Index image = 0; image < images; ++image) {
    move_block(b, std::span<const Index>(k).first(b.rank), image, in, out);
    for (std::size_t i = b.rank; i-- > 0;) {  // an odometer
      if (++k[i] < b.axes[i].block) break;
      k[i] = 0;
    }
  }
}

}  // namespace lichen::kernels::reference
