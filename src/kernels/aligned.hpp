// SPDX-License-Identifier: Apache-2.0
// A vector whose data starts at a cache line, for packed weights.
//
// Its memory is the heap's, or, for vectors that are made while a PackedMemoryScope lives, that of the scope: a worker
// keeps all weights of a model together in pages of their own.
#pragma once

#include <cstddef>
#include <memory_resource>
#include <new>
#include <type_traits>
#include <vector>

namespace lichen::kernels {

namespace detail {
// Of vectors that this thread makes; null: the heap. Set by PackedMemoryScope only.
inline constinit thread_local std::pmr::memory_resource* packed_memory = nullptr;
}  // namespace detail

// While it lives, AlignedVectors that this thread makes take their memory from `memory`, which must outlive them; null
// changes nothing.
class PackedMemoryScope {
 public:
  explicit PackedMemoryScope(std::pmr::memory_resource* memory) : before_(detail::packed_memory) {
    if (memory != nullptr) detail::packed_memory = memory;
  }
  ~PackedMemoryScope() { detail::packed_memory = before_; }
  PackedMemoryScope(const PackedMemoryScope&) = delete;
  PackedMemoryScope& operator=(const PackedMemoryScope&) = delete;

 private:
  std::pmr::memory_resource* before_;
};

// Remembers where its memory is from: a vector may be moved and freed after the scope has ended.
template <typename T>
struct AlignedAllocator {
  using value_type = T;
  using propagate_on_container_move_assignment = std::true_type;
  using propagate_on_container_swap = std::true_type;
  static constexpr std::align_val_t kAlign{64};

  AlignedAllocator() = default;
  template <typename U>
  AlignedAllocator(const AlignedAllocator<U>& other)  // NOLINT(google-explicit-constructor): allocators convert
      : memory(other.memory) {}

  // A copy is made where its maker wants it.
  [[nodiscard]] AlignedAllocator select_on_container_copy_construction() const { return {}; }

  T* allocate(std::size_t count) {
    if (memory != nullptr)
      return static_cast<T*>(memory->allocate(count * sizeof(T), static_cast<std::size_t>(kAlign)));
    return static_cast<T*>(::operator new(count * sizeof(T), kAlign));
  }
  void deallocate(T* at, std::size_t count) {
    if (memory != nullptr) return memory->deallocate(at, count * sizeof(T), static_cast<std::size_t>(kAlign));
    ::operator delete(at, kAlign);
  }
  template <typename U>
  bool operator==(const AlignedAllocator<U>& other) const {
    return memory == other.memory;
  }

  std::pmr::memory_resource* memory = detail::packed_memory;
};

template <typename T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

// One whose elements are not set to 0 first, for those who set them all: memory that is written twice is twice as late.
template <typename T>
struct UnsetAllocator : AlignedAllocator<T> {
  UnsetAllocator() = default;
  template <typename U>
  UnsetAllocator(const UnsetAllocator<U>&) {}  // NOLINT(google-explicit-constructor): allocators convert
  template <typename U>
  void construct(U* at) {
    ::new (static_cast<void*>(at)) U;
  }
};

template <typename T>
using UnsetVector = std::vector<T, UnsetAllocator<T>>;

}  // namespace lichen::kernels
