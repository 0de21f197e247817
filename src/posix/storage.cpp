// SPDX-License-Identifier: Apache-2.0
#include "posix/storage.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace lichen::posix {

namespace {

bool is_plain_name(std::string_view name) {
  if (name.empty() || name.size() > kStorageNameBytesMax || name == "." || name == "..") return false;
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
}

Result<void> write_all(int fd, ByteView content, const std::string& name) {
  std::size_t at = 0;
  while (at < content.size()) {
    const ssize_t put = ::pwrite(fd, content.data() + at, content.size() - at, static_cast<off_t>(at));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return fail_errno(put < 0 ? errno : EIO, "cannot write", name);
    at += static_cast<std::size_t>(put);
  }
  return {};
}

Result<void> read_all(int fd, Bytes& content, const std::string& name) {
  std::size_t at = 0;
  while (at < content.size()) {
    const ssize_t got = ::pread(fd, content.data() + at, content.size() - at, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "cannot read", name);
    if (got == 0) break;  // it became shorter meanwhile
    at += static_cast<std::size_t>(got);
  }
  content.resize(at);
  return {};
}

Result<void> fsync_retried(int fd, const std::string& name) {
  while (::fsync(fd) != 0) {
    if (errno == EROFS || errno == EINVAL) return {};  // a file system that has nothing to sync
    if (errno != EINTR) return fail_errno(errno, "cannot sync", name);
  }
  return {};
}

// What a dead process wrote and could not sync looks whole in the page cache. Sync it, then make the kernel forget its
// copy (it keeps pages that it failed to write, marked clean), so that what is read comes from the disk.
Result<void> make_durable(int fd, const std::string& name) {
  LICHEN_TRY(fsync_retried(fd, name));
  ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  return {};
}

}  // namespace

Result<std::unique_ptr<FileStorage>> FileStorage::open(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail_errno(errno, "cannot create the state directory", directory);
  }
  Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) return fail_errno(errno, "cannot open the state directory", directory);
  Fd event = LICHEN_TRY(make_event_fd());
  std::unique_ptr<FileStorage> storage(new FileStorage(std::move(fd), std::move(event)));
  storage->thread_ = LICHEN_TRY(start_thread([self = storage.get()] { self->work(); }));
  return storage;
}

FileStorage::~FileStorage() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

ports::StorageOp FileStorage::read(std::string_view name) {
  return submit(Kind::kRead, name, {});
}
ports::StorageOp FileStorage::write(std::string_view name, Bytes content) {
  return submit(Kind::kWrite, name, std::move(content));
}
ports::StorageOp FileStorage::sync(std::string_view name) {
  return submit(Kind::kSync, name, {});
}
ports::StorageOp FileStorage::sync_directory() {
  return submit(Kind::kSyncDirectory, {}, {});
}

ports::StorageOp FileStorage::submit(Kind kind, std::string_view name, Bytes content) {
  const ports::StorageOp op = next_op_++;
  if (kind != Kind::kSyncDirectory && !is_plain_name(name)) {
    complete(op, fail(Code::kBadInput, "bad file name", std::string(name.substr(0, kStorageNameBytesMax)),
                      "only a-z 0-9 . _ - and at most 64 bytes"));
    return op;
  }
  if (content.size() > ports::kStorageFileBytesMax) {
    complete(op, fail(Code::kExhausted, "cannot write", std::string(name), "above the limit of 16 MiB"));
    return op;
  }
  bool queued = false;
  {
    const std::lock_guard lock(mutex_);
    queued = queue_.size() < kStorageQueueMax;
    if (queued) queue_.push_back({op, kind, std::string(name), std::move(content)});
  }
  if (!queued) complete(op, fail(Code::kExhausted, "storage queue is full", std::string(name)));
  wake_.notify_one();
  return op;
}

std::vector<ports::StorageDone> FileStorage::take_done() {
  drain_event(event_.get());
  const std::lock_guard lock(mutex_);
  return std::exchange(done_, {});
}

void FileStorage::complete(ports::StorageOp op, Result<Bytes> result) {
  {
    const std::lock_guard lock(mutex_);
    done_.push_back({op, std::move(result)});
  }
  signal_event(event_.get());
}

void FileStorage::work() {
  while (true) {
    Operation operation;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      operation = std::move(queue_.front());
      queue_.pop_front();
    }
    complete(operation.op, perform(operation));
  }
}

Result<Bytes> FileStorage::perform(const Operation& operation) {
  switch (operation.kind) {
    case Kind::kRead:
      return read_file(operation.name);
    case Kind::kWrite:
      return write_file(operation.name, operation.content);
    case Kind::kSync:
      return sync_file(operation.name);
    case Kind::kSyncDirectory:
      LICHEN_TRY(fsync_retried(directory_.get(), "state directory"));
      return Bytes{};
  }
  return fail(Code::kInternal, "unknown storage operation");
}

Result<Bytes> FileStorage::read_file(const std::string& name) {
  // O_NONBLOCK: a FIFO put in the file's place must not hang the thread.
  const Fd fd(::openat(directory_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid()) return fail_errno(errno, "cannot read", name);
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail_errno(errno, "cannot read", name);
  if (!S_ISREG(status.st_mode)) return fail(Code::kBadInput, "cannot read", name, "not a regular file");
  if (static_cast<std::size_t>(status.st_size) > ports::kStorageFileBytesMax) {
    return fail(Code::kExhausted, "cannot read", name, "above the limit of 16 MiB");
  }
  LICHEN_TRY(make_durable(fd.get(), name));
  Bytes content(static_cast<std::size_t>(status.st_size));
  LICHEN_TRY(read_all(fd.get(), content, name));
  return content;
}

Result<Bytes> FileStorage::write_file(const std::string& name, ByteView content) {
  const int fd = LICHEN_TRY(writable(name));
  LICHEN_TRY(write_all(fd, content, name));
  while (::ftruncate(fd, static_cast<off_t>(content.size())) != 0) {
    if (errno != EINTR) return fail_errno(errno, "cannot write", name);
  }
  return Bytes{};
}

Result<Bytes> FileStorage::sync_file(const std::string& name) {
  const auto open = open_files_.find(name);
  if (open != open_files_.end()) {
    const Fd fd = std::move(open->second);
    open_files_.erase(open);
    LICHEN_TRY(fsync_retried(fd.get(), name));
    return Bytes{};
  }
  const Fd fd(::openat(directory_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid()) return fail_errno(errno, "cannot sync", name);
  LICHEN_TRY(fsync_retried(fd.get(), name));
  return Bytes{};
}

Result<int> FileStorage::writable(const std::string& name) {
  const auto open = open_files_.find(name);
  if (open != open_files_.end()) return open->second.get();
  if (open_files_.size() >= kStorageOpenFilesMax) open_files_.erase(open_files_.begin());
  Fd fd(::openat(directory_.get(), name.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
  if (!fd.valid()) return fail_errno(errno, "cannot write", name);
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail_errno(errno, "cannot write", name);
  if (!S_ISREG(status.st_mode)) return fail(Code::kBadInput, "cannot write", name, "not a regular file");
  return open_files_.emplace(name, std::move(fd)).first->second.get();
}

}  // namespace lichen::posix
