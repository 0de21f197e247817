// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/reduce.hpp"

#include "kernels/reference/reduce_rows.hpp"

namespace lichen::kernels::reference {

Reduction reduction_of(const tensor::Shape& in, std::span<const bool> reduced) {
  Reduction r;
  Index stride = 1;
  bool in_last = true;
  r.reduces_last = in.rank() == 0 || reduced[in.rank() - 1];
  Reduction::Axes reversed[2];  // kept, reduced; innermost first
  for (std::size_t axis = in.rank(); axis-- > 0; stride *= in[axis]) {
    in_last = in_last && reduced[axis] == r.reduces_last;
    if (in_last) {
      r.length *= in[axis];
      continue;
    }
    Reduction::Axes& to = reversed[reduced[axis] ? 1 : 0];
    to.dims[to.rank] = in[axis];
    to.strides[to.rank++] = stride;
  }
  for (std::size_t side = 0; side < 2; ++side) {
    Reduction::Axes& to = side == 0 ? r.kept : r.reduced;
    to.rank = reversed[side].rank;
    for (std::size_t i = 0; i < to.rank; ++i) {
      to.dims[i] = reversed[side].dims[to.rank - 1 - i];
      to.strides[i] = reversed[side].strides[to.rank - 1 - i];
    }
  }
  return r;
}

std::size_t reduction_scratch_bytes(const Reduction& r) {
  return r.reduces_last ? 0 : static_cast<std::size_t>(r.length) * 16;
}

template <>
Reduce<float> reduce<float>(std::string_view op) {
  return found<float>(op);
}

template <typename T>
void reduce_sum(const Reduction& r, const T* in, const SumQuantized& q, std::byte* scratch, T* out) {
  const std::int64_t zero = std::int64_t{q.zero_point_in} * r.elements_each();
  constexpr std::int32_t kMin = std::numeric_limits<T>::min();
  constexpr std::int32_t kMax = std::numeric_limits<T>::max();
  fold<Total<T>>(r, in, scratch, [&](std::uint64_t sum, Index place) {
    const auto moved = static_cast<std::int32_t>(static_cast<std::int64_t>(sum) - zero);
    out[place] = requantize<T>(moved, q.multiplier, q.zero_point_out, kMin, kMax);
  });
}

template void reduce_sum(const Reduction&, const std::int8_t*, const SumQuantized&, std::byte*, std::int8_t*);
template void reduce_sum(const Reduction&, const std::int16_t*, const SumQuantized&, std::byte*, std::int16_t*);
template void reduce_sum(const Reduction&, const std::uint8_t*, const SumQuantized&, std::byte*, std::uint8_t*);

}  // namespace lichen::kernels::reference
