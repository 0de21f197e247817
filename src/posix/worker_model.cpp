// SPDX-License-Identifier: Apache-2.0
#include "posix/worker_model.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

namespace lichen::posix {

namespace {

constexpr int kOpenFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
constexpr std::size_t kDirectBytes = 1 << 20;  // of one read

Result<std::size_t> size_of(int fd, const std::string& path) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return fail_errno(errno, "cannot open the model", path);
  if (!S_ISREG(status.st_mode)) return fail(Code::kBadInput, "cannot open the model", path, "not a regular file");
  if (status.st_size == 0) return fail(Code::kBadInput, "cannot open the model", path, "it is empty");
  const auto bytes = static_cast<std::size_t>(status.st_size);
  if (bytes > kModelBytesMax) return fail(Code::kExhausted, "cannot open the model", path, "above the limit of 2 GiB");
  return bytes;
}

}  // namespace

Result<WorkerModel> WorkerModel::open(const std::string& path, bool from_flash) {
  WorkerModel model;
  model.path_ = path;
  if (path.empty()) return model;
  if (from_flash) model.file_ = Fd(::open(path.c_str(), kOpenFlags | O_DIRECT));
  model.direct_ = model.file_.valid();
  if (!model.direct_) model.file_ = Fd(::open(path.c_str(), kOpenFlags));
  if (!model.file_.valid()) return fail_errno(errno, "cannot open the model", path);
  LICHEN_TRY(size_of(model.file_.get(), path));
  if (from_flash && !model.direct_) static_cast<void>(::posix_fadvise(model.file_.get(), 0, 0, POSIX_FADV_DONTNEED));
  return model;
}

Result<void> WorkerModel::read() {
  if (!file_.valid()) return {};
  const std::size_t bytes = LICHEN_TRY(size_of(file_.get(), path_));
  Result<void> done = direct_ ? copy(bytes) : map(bytes);
  file_.reset();
  return done;
}

Result<void> WorkerModel::map(std::size_t bytes) {
  void* at = ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, file_.get(), 0);
  if (at == MAP_FAILED) return fail_errno(errno, "cannot map the model", path_);
  bytes_ = ByteView(static_cast<const std::byte*>(at), bytes);
  return {};
}

Result<void> WorkerModel::copy(std::size_t bytes) {
  // Whole reads into memory of whole pages, as direct reads want it; the file's end makes the last one short.
  const std::size_t room = (bytes + kDirectBytes - 1) / kDirectBytes * kDirectBytes;
  void* at = ::mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) return fail_errno(errno, "cannot read the model", path_);
  auto* to = static_cast<std::byte*>(at);
  for (std::size_t done = 0; done < bytes;) {
    const ssize_t got = ::pread(file_.get(), to + done, kDirectBytes, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "cannot read the model", path_);
    const auto count = static_cast<std::size_t>(got);
    if (count < std::min(kDirectBytes, bytes - done))
      return fail(Code::kIo, "cannot read the model", path_, "a direct read ended early");
    done += kDirectBytes;
  }
  if (::mprotect(at, room, PROT_READ) != 0) return fail_errno(errno, "cannot read the model", path_);
  bytes_ = ByteView(to, bytes);
  return {};
}

void WorkerModel::let_go(ByteView part) const {
  const std::less<const std::byte*> before;
  const std::byte* end = bytes_.data() + bytes_.size();
  // A copy cannot be read again; and not all constants lie in the file.
  if (direct_ || part.empty() || before(part.data(), bytes_.data()) || before(end, part.data() + part.size())) return;
  const std::size_t page = page_bytes();
  const auto begin = static_cast<std::size_t>(part.data() - bytes_.data());
  const std::size_t first = (begin + page - 1) / page * page;
  const std::size_t last = (begin + part.size()) / page * page;
  if (first < last)
    static_cast<void>(::madvise(const_cast<std::byte*>(bytes_.data()) + first, last - first, MADV_DONTNEED));
}

Result<void> check_model_sum(const std::string& path, const BlockSum& sum, const std::optional<BlockSum>& expected) {
  if (!expected || sum == *expected) return {};
  return fail(Code::kDataLoss, "the model file is not what it was at its first start", path,
              fmt::format("its checksum is {:016x}-{:08x}, it was {:016x}-{:08x}", sum.mix, sum.crc, expected->mix,
                          expected->crc),
              "put the file back, or restart lichend to take the new one");
}

}  // namespace lichen::posix
