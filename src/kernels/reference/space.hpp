// SPDX-License-Identifier: Apache-2.0
// SpaceToBatchNd and BatchToSpaceNd: every so-many-th element of space is an image of its own in the batch.
#pragma once

#include "kernels/reference/copy.hpp"
#include "tensor/spec.hpp"

namespace lichen::kernels::reference {

// Position s of image k (of an axis with `block` images) stands for position block * s + k - edge in space.
struct BlockAxis {
  Index block = 1;
  Index edge = 0;        // padding or cropping before
  Index space_size = 1;  // of the tensor with the space
  Index batch_size = 1;  // of the tensor with the batch
  Index space_step = 0;  // bytes
  Index batch_step = 0;
};
struct Blocks {
  std::array<BlockAxis, tensor::kRankMax> axes{};
  std::size_t rank = 0;
  Index images = 1;                        // in the tensor with the space
  Index space_image = 0, batch_image = 0;  // bytes of one image in either
  Index run = 0;                           // bytes behind the axes of space
  bool to_space = false;
};
// What no element stands for is left as it is.
void move_blocks(const Blocks& b, const std::byte* in, std::byte* out);

}  // namespace lichen::kernels::reference
