// SPDX-License-Identifier: Apache-2.0
// Pages of their own for all packed weights of a model, in one piece: filled while the model is loaded, then read-only,
// so that a stray write is a crash and not a wrong answer, and so that they can be scrubbed (scrubber.hpp).
#pragma once

#include <cstddef>
#include <memory>
#include <memory_resource>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace lichen::posix {

// Address space that a pool holds; memory only as it is filled. More weights than that are a std::bad_alloc.
inline constexpr std::size_t kWeightPoolBytesMax = sizeof(void*) == 8 ? std::size_t{1} << 30 : std::size_t{256} << 20;
inline constexpr std::size_t kHugePageBytes = 2 << 20;  // a pool may use such pages once it has grown to several

// One thread at a time. What was taken from it must be gone before the pool is.
class WeightPool final : public std::pmr::memory_resource {
 public:
  static Result<std::unique_ptr<WeightPool>> create(std::size_t bytes_max = kWeightPoolBytesMax);
  ~WeightPool() override;
  WeightPool(const WeightPool&) = delete;
  WeightPool& operator=(const WeightPool&) = delete;

  // Makes it read-only; nothing can be taken from it any more.
  Result<void> seal();
  // What was taken, from the first byte to the last.
  [[nodiscard]] ByteView bytes() const { return {at_, used_}; }

 private:
  WeightPool(std::byte* at, std::size_t bytes_max) : at_(at), bytes_max_(bytes_max) {}
  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  // Takes back what was taken last; anything else stays until the end.
  void do_deallocate(void* at, std::size_t bytes, std::size_t alignment) override;
  [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    return this == &other;
  }
  bool open_until(std::size_t bytes);

  std::byte* at_;
  std::size_t bytes_max_;
  std::size_t open_ = 0;  // writable so far
  std::size_t used_ = 0;
  bool sealed_ = false;
};

}  // namespace lichen::posix
