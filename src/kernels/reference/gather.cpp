// SPDX-License-Identifier: Apache-2.0
#include "kernels/reference/gather.hpp"

#include <cstring>

namespace lichen::kernels::reference {
namespace {

template <typename T, typename I>
bool gather_typed(const ElementsAlong& s, const std::byte* x, const I* indices, std::byte* out) {
  return each_place(s, indices, [&](Index i, Index place) {
    std::memcpy(out + i * static_cast<Index>(sizeof(T)), x + place * static_cast<Index>(sizeof(T)), sizeof(T));
  });
}

// What ShuffleNets take their channels apart with; a stride that the compiler knows becomes vectors.
template <typename T>
void every_second(const T* __restrict from, Index count, T* __restrict to) {
  for (Index i = 0; i < count; ++i) to[i] = from[2 * i];
}

// Runs of one element: no call a run, and one index in all (a channel out of every pixel) is a plain stride.
template <typename T, typename I>
void pick(const GatherShape& s, const std::byte* x, const I* indices, std::byte* out) {
  const auto* from = reinterpret_cast<const T*>(x);
  auto* to = reinterpret_cast<T*>(out);
  if (s.count == 1 && s.batches == 1) {
    const Index first = indices[0] < 0 ? static_cast<Index>(indices[0]) + s.size : static_cast<Index>(indices[0]);
    if (s.size == 2) return every_second(from + first, s.outer, to);
    for (Index slice = 0; slice < s.outer; ++slice) to[slice] = from[slice * s.size + first];
    return;
  }
  for (Index slice = 0; slice < s.batches * s.outer; ++slice, from += s.size) {
    const I* at = indices + slice / s.outer * s.count;
    for (Index i = 0; i < s.count; ++i) *to++ = from[at[i] < 0 ? static_cast<Index>(at[i]) + s.size : static_cast<Index>(at[i])];
  }
}

}  // namespace

template <typename I>
bool gather(const GatherShape& s, const std::byte* x, const I* indices, std::byte* out) {
  for (Index i = 0; i < s.batches * s.count; ++i) {
    std::int64_t index = indices[i];
    if (!resolve(index, s.size)) return false;
  }
  if (s.run == 1) return pick<std::uint8_t>(s, x, indices, out), true;
  if (s.run == 4) return pick<std::uint32_t>(s, x, indices, out), true;
  for (Index slice = 0; slice < s.batches * s.outer; ++slice) {
    const I* at = indices + slice / s.outer * s.count;
    const std::byte* from = x + slice * s.size * s.run;
    for (Index i = 0; i < s.count; ++i) {
      std::int64_t index = at[i];
      if (index < 0) index += s.size;
      std::memcpy(out, from + index * s.run, static_cast<std::size_t>(s.run));
      out += s.run;
    }
  }
  return true;
}

ElementsAlong elements_along(const tensor::Shape& x, const tensor::Shape& indices, std::size_t axis) {
  ElementsAlong s;
  s.rank = x.rank();
  s.count = indices.elements();
  s.size = x[axis];
  Index step = 1;
  for (std::size_t i = x.rank(); i-- > 0;) {
    s.dims[i] = indices[i];
    s.steps[i] = i == axis ? 0 : step;
    if (i == axis) s.axis_step = step;
    step *= x[i];
  }
  return s;
}

template <typename I>
bool gather_elements(const ElementsAlong& s, Index element_bytes, const std::byte* x, const I* indices,
                     std::byte* out) {
  switch (element_bytes) {
    case 1:
      return gather_typed<std::uint8_t>(s, x, indices, out);
    case 2:
      return gather_typed<std::uint16_t>(s, x, indices, out);
    case 4:
      return gather_typed<std::uint32_t>(s, x, indices, out);
    default:
      return gather_typed<std::uint64_t>(s, x, indices, out);
  }
}

Tuples tuples_of(const tensor::Shape& x, const tensor::Shape& indices, std::size_t batch_dims) {
  Tuples t;
  t.length = static_cast<std::size_t>(indices[indices.rank() - 1]);
  for (std::size_t i = 0; i < batch_dims; ++i) t.batches *= x[i];
  t.count = 1;
  for (std::size_t i = batch_dims; i + 1 < indices.rank(); ++i) t.count *= indices[i];
  for (std::size_t i = batch_dims + t.length; i < x.rank(); ++i) t.run *= x[i];
  Index step = t.run;
  for (std::size_t k = t.length; k-- > 0;) {
    t.sizes[k] = x[batch_dims + k];
    t.steps[k] = step;
    step *= t.sizes[k];
  }
  t.batch_step = step;
  return t;
}

template <typename I>
bool gather_nd(const Tuples& t, Index element_bytes, const std::byte* x, const I* indices, std::byte* out) {
  const Index run = t.run * element_bytes;
  return each_tuple(t, indices, [&](Index i, Index place) {
    if (run > 0) std::memcpy(out + i * run, x + place * element_bytes, static_cast<std::size_t>(run));
  });
}

template bool gather(const GatherShape&, const std::byte*, const std::int32_t*, std::byte*);
template bool gather(const GatherShape&, const std::byte*, const std::int64_t*, std::byte*);
template bool gather_elements(const ElementsAlong&, Index, const std::byte*, const std::int32_t*, std::byte*);
template bool gather_elements(const ElementsAlong&, Index, const std::byte*, const std::int64_t*, std::byte*);
template bool gather_nd(const Tuples&, Index, const std::byte*, const std::int32_t*, std::byte*);
template bool gather_nd(const Tuples&, Index, const std::byte*, const std::int64_t*, std::byte*);

}  // namespace lichen::kernels::reference
