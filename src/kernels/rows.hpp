// SPDX-License-Identifier: Apache-2.0
// Where a kernel writes the channels of its pixels: rows that begin `step` elements apart. Nothing between them is touched,
// so that other kernels may write there (a Concat of channels).
#pragma once

#include <cstddef>

namespace lichen::kernels {

template <typename T>
struct Rows {
  T* at = nullptr;
  std::ptrdiff_t step = 0;
};

}  // namespace lichen::kernels
