// SPDX-License-Identifier: Apache-2.0
#include "posix/weight_pool.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <new>

#include "posix/os.hpp"

namespace lichen::posix {

namespace {

constexpr std::size_t kStepBytes = 64 << 10;  // the least by which it opens

std::size_t rounded_up(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

}  // namespace

Result<std::unique_ptr<WeightPool>> WeightPool::create(std::size_t bytes_max) {
  // Reserved without access: only what is opened counts as memory, for the kernel's books and for RLIMIT_DATA.
  const std::size_t bytes = rounded_up(bytes_max, kHugePageBytes);
  void* at = ::mmap(nullptr, bytes + kHugePageBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) return fail_errno(errno, "cannot reserve memory for weights");
  auto* first = static_cast<std::byte*>(at);
  const std::size_t skip = rounded_up(reinterpret_cast<std::uintptr_t>(first), kHugePageBytes) -
                           reinterpret_cast<std::uintptr_t>(first);
  if (skip > 0) ::munmap(first, skip);
  if (skip < kHugePageBytes) ::munmap(first + skip + bytes, kHugePageBytes - skip);
  return std::unique_ptr<WeightPool>(new WeightPool(first + skip, bytes));
}

WeightPool::~WeightPool() {
  ::munmap(at_, bytes_max_);
}

Result<void> WeightPool::seal() {
  sealed_ = true;
  const std::size_t kept = rounded_up(used_, page_bytes());
  if (kept > 0 && ::mprotect(at_, kept, PROT_READ) != 0) return fail_errno(errno, "cannot protect weights");
  if (kept == bytes_max_) return {};
  // The rest goes back; a pool that was never used keeps its first page as an address.
  const std::size_t from = std::max(kept, page_bytes());
  if (::munmap(at_ + from, bytes_max_ - from) != 0) return fail_errno(errno, "cannot protect weights");
  bytes_max_ = from;
  return {};
}

void* WeightPool::do_allocate(std::size_t bytes, std::size_t alignment) {
  const std::size_t begin = rounded_up(used_, alignment);
  if (sealed_ || begin > bytes_max_ || bytes > bytes_max_ - begin || !open_until(begin + bytes)) throw std::bad_alloc();
  used_ = begin + bytes;
  return at_ + begin;
}

void WeightPool::do_deallocate(void* at, std::size_t bytes, std::size_t) {
  if (!sealed_ && static_cast<std::byte*>(at) + bytes == at_ + used_) used_ -= bytes;
}

// By an eighth of what there is, so that a large model needs few system calls; by whole huge pages once they fit.
bool WeightPool::open_until(std::size_t bytes) {
  if (bytes <= open_) return true;
  const std::size_t ahead = std::max(bytes, open_ + open_ / 8);
  const bool large = bytes >= 2 * kHugePageBytes;
  const std::size_t end = std::min(rounded_up(ahead, large ? kHugePageBytes : kStepBytes), bytes_max_);
  if (::mprotect(at_ + open_, end - open_, PROT_READ | PROT_WRITE) != 0) return false;
  // Advice; without it the pages are small ones.
  if (large) static_cast<void>(::madvise(at_ + open_, end - open_, MADV_HUGEPAGE));
  open_ = end;
  return true;
}

}  // namespace lichen::posix
