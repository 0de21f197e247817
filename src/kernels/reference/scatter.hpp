// SPDX-License-Identifier: Apache-2.0
// Updates of a tensor at places that indices name.
#pragma once

#include "kernels/reference/gather.hpp"

namespace lichen::kernels::reference {

enum class Combine : std::uint8_t { kReplace, kAdd, kMul, kMax, kMin };

// `out` holds x already. T: any type of that size to replace, the element's own to combine. One of these returns false
// where an index is out of range.
template <typename T, typename I>
[[nodiscard]] bool scatter_elements(const ElementsAlong& s, Combine combine, const I* indices, const T* updates,
                                    T* out);
template <typename T, typename I>
[[nodiscard]] bool scatter_nd(const Tuples& t, Combine combine, const I* indices, const T* updates, T* out);

}  // namespace lichen::kernels::reference
