// SPDX-License-Identifier: Apache-2.0
// NumPy's .npy format (versions 1.0 to 3.0, as numpy.lib.format documents it): bytes in, bytes out, no files. The
// reader takes hostile input: it allocates nothing that the file does not hold.
#pragma once

#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "tensor/tensor.hpp"

namespace lichen::tensor {

// C order only, little-endian or single bytes; f32 f16 i8 u8 i16 i32 i64 bool. The tensor borrows from `file`.
// The data starts at a multiple of 64 in files that NumPy wrote; where it is misaligned for its type it is copied.
[[nodiscard]] Result<Tensor> read_npy(ByteView file, std::string_view name);

[[nodiscard]] Bytes write_npy(const Tensor& tensor);

}  // namespace lichen::tensor
