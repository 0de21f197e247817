// SPDX-License-Identifier: Apache-2.0
#include "posix/shared_memory.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

#include <fmt/format.h>

#include "posix/os.hpp"

namespace lichen::posix {
namespace {

constexpr std::string_view kWhat = "cannot use the shared memory";

class ShmRegion final : public ports::SharedRegion {
 public:
  ShmRegion(Fd fd, std::string key) : fd_(std::move(fd)), key_(std::move(key)) {}

  Result<void> read(std::uint64_t offset, std::span<std::byte> out) override {
    while (!out.empty()) {
      const ssize_t got = ::pread(fd_.get(), out.data(), out.size(), static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fail_errno(errno, std::string(kWhat), key_);
      if (got == 0) return shrunk();
      offset += static_cast<std::uint64_t>(got);
      out = out.subspan(static_cast<std::size_t>(got));
    }
    return {};
  }

  Result<void> write(std::uint64_t offset, ByteView bytes) override {
    struct stat info {};
    if (::fstat(fd_.get(), &info) != 0) return fail_errno(errno, std::string(kWhat), key_);
    if (static_cast<std::uint64_t>(info.st_size) < offset + bytes.size()) return shrunk();
    while (!bytes.empty()) {
      const ssize_t put = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return fail_errno(errno, std::string(kWhat), key_);
      offset += static_cast<std::uint64_t>(put);
      bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
    return {};
  }

 private:
  [[nodiscard]] std::unexpected<Error> shrunk() const {
    return fail(Code::kBadInput, std::string(kWhat), key_, "it has become shorter since it was registered",
                "keep the region as long as it is registered");
  }

  Fd fd_;
  std::string key_;
};

std::unexpected<Error> refuse(Code code, std::string_view key, std::string why, std::string hint) {
  return fail(code, std::string(kWhat), std::string(key), std::move(why), std::move(hint));
}

// A name within the folder; nothing if it could lead out of it.
std::optional<std::string> name_of(std::string_view key) {
  if (key.starts_with('/')) key.remove_prefix(1);
  const bool plain = !key.empty() && key.size() <= NAME_MAX && key != "." && key != ".." &&
                     key.find('/') == std::string_view::npos && key.find('\0') == std::string_view::npos;
  return plain ? std::optional(std::string(key)) : std::nullopt;
}

Result<void> check(const Fd& fd, std::string_view key, std::uint64_t bytes, std::optional<std::uint32_t> owner) {
  struct stat info {};
  struct statfs system {};
  if (::fstat(fd.get(), &info) != 0 || ::fstatfs(fd.get(), &system) != 0)
    return fail_errno(errno, std::string(kWhat), std::string(key));
  if (!S_ISREG(info.st_mode) || system.f_type != TMPFS_MAGIC)
    return refuse(Code::kUnsupported, key, "it is no shared memory object", "make it with shm_open");
  if (owner && *owner != info.st_uid) {
    return refuse(Code::kUnsupported, key, fmt::format("it belongs to user {}, not to you ({})", info.st_uid, *owner),
                  "register a region of your own");
  }
  if (static_cast<std::uint64_t>(info.st_size) < bytes) {
    return refuse(Code::kBadInput, key, fmt::format("it has {} bytes, not {}", info.st_size, bytes),
                  "make it as long as offset and byte_size say, before registering it");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<ports::SharedRegion>> ShmFiles::open(std::string_view key, std::uint64_t bytes,
                                                            std::optional<std::uint32_t> owner) {
  const std::optional<std::string> name = name_of(key);
  if (!name) return refuse(Code::kBadInput, key, "it is no name of shared memory", "use a name as in \"/frames\"");
  const Fd folder(::open(folder_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) return fail_errno(errno, std::string(kWhat), folder_);
  // Not blocking: whatever lies there under that name (a FIFO, say) must not hold us up.
  Fd fd(::openat(folder.get(), name->c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd.valid()) return fail_errno(errno, std::string(kWhat), std::string(key));
  LICHEN_TRY(check(fd, key, bytes, owner));
  return std::make_unique<ShmRegion>(std::move(fd), std::string(key));
}

}  // namespace lichen::posix
