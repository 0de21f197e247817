// SPDX-License-Identifier: Apache-2.0
#include "posix/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <utility>

#include <fmt/format.h>

#include "posix/os.hpp"

namespace lichen::posix {

Result<MappedFile> MappedFile::open(const std::string& path, std::size_t bytes_max) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return fail_errno(errno, "cannot read", path);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return fail_errno(errno, "cannot read", path);
  if (!S_ISREG(status.st_mode)) return fail(Code::kBadInput, "cannot read", path, "it is not a regular file");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return fail(Code::kBadInput, "cannot read", path, "the file is empty");
  if (size > bytes_max)
    return fail(Code::kExhausted, "cannot read", path, fmt::format("{} bytes, the limit is {}", size, bytes_max));
  void* at = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (at == MAP_FAILED) return fail_errno(errno, "cannot map", path);
  return MappedFile(ByteView(static_cast<const std::byte*>(at), size));
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

void MappedFile::drop_pages(ByteView part) const {
  const std::less<const std::byte*> before;
  if (part.empty() || before(part.data(), bytes_.data()) || before(bytes_.data() + bytes_.size(), part.data() + part.size()))
    return;
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = static_cast<std::size_t>(part.data() - bytes_.data());
  const std::size_t end = begin + part.size();
  const std::size_t first = (begin + page - 1) / page * page;
  const std::size_t last = end == bytes_.size() ? end : end / page * page;
  if (first >= last) return;
  // Advice: where it is refused, the pages stay.
  static_cast<void>(::madvise(const_cast<std::byte*>(bytes_.data()) + first, last - first, MADV_DONTNEED));
}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

}  // namespace lichen::posix
