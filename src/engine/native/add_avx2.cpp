// SPDX-License-Identifier: Apache-2.0
#include "engine/native/vector.hpp"

#if LICHEN_KERNELS_AVX2

#include "kernels/avx2/add.hpp"

namespace lichen::engine {

template <typename T>
StepResult vector_add(kernels::Index count, const kernels::reference::AddQuantized& q) {
  return make_step(std::is_signed_v<T> ? "add i8 avx2" : "add u8 avx2", 0, [count, q](const StepBuffers& b) {
    kernels::avx2::add(count, b.in<T>(0), b.in<T>(1), q, b.out<T>());
  });
}

template StepResult vector_add<std::int8_t>(kernels::Index, const kernels::reference::AddQuantized&);
template StepResult vector_add<std::uint8_t>(kernels::Index, const kernels::reference::AddQuantized&);

}  // namespace lichen::engine

#endif
