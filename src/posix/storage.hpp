// SPDX-License-Identifier: Apache-2.0
// The Storage port over the files of one directory. One I/O thread does the operations in the order of submission;
// nothing that the caller's thread calls here ever waits for the disk, except the destructor, which finishes what was
// submitted.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/error.hpp"
#include "ports/storage.hpp"
#include "posix/os.hpp"

namespace lichen::posix {

inline constexpr std::size_t kStorageQueueMax = 1024;  // operations waiting; one more fails with kExhausted
inline constexpr std::size_t kStorageNameBytesMax = 64;
inline constexpr std::size_t kStorageOpenFilesMax = 32;  // descriptors kept between a write and its sync

class FileStorage final : public ports::Storage {
 public:
  // Opens (creating if needed, mode 0700) the directory. Its parent must exist.
  static Result<std::unique_ptr<FileStorage>> open(const std::string& directory);
  ~FileStorage() override;

  ports::StorageOp read(std::string_view name) override;
  ports::StorageOp write(std::string_view name, Bytes content) override;
  ports::StorageOp sync(std::string_view name) override;
  ports::StorageOp sync_directory() override;

  // Becomes readable when a completion waits.
  [[nodiscard]] int event_fd() const { return event_.get(); }
  // Delivers the completions that wait, on the caller's thread: sink(ports::StorageDone&&). The sink may submit more.
  template <typename Sink>
  void poll(Sink&& sink) {
    for (ports::StorageDone& done : take_done()) sink(std::move(done));
  }

 private:
  enum class Kind : std::uint8_t { kRead, kWrite, kSync, kSyncDirectory };
  struct Operation {
    ports::StorageOp op = 0;
    Kind kind = Kind::kRead;
    std::string name;
    Bytes content;
  };

  FileStorage(Fd directory, Fd event) : directory_(std::move(directory)), event_(std::move(event)) {}
  ports::StorageOp submit(Kind kind, std::string_view name, Bytes content);
  std::vector<ports::StorageDone> take_done();
  void complete(ports::StorageOp op, Result<Bytes> result);

  // On the I/O thread.
  void work();
  Result<Bytes> perform(const Operation& operation);
  Result<Bytes> read_file(const std::string& name);
  Result<Bytes> write_file(const std::string& name, ByteView content);
  Result<Bytes> sync_file(const std::string& name);
  Result<int> writable(const std::string& name);

  Fd directory_;
  Fd event_;
  ports::StorageOp next_op_ = 1;  // the caller's thread only

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Operation> queue_;           // under mutex_
  std::vector<ports::StorageDone> done_;  // under mutex_
  bool stopping_ = false;                 // under mutex_

  // Kept open from write to sync: the kernel reports a failed write-back to descriptors that saw the write.
  std::map<std::string, Fd> open_files_;  // the I/O thread only
  std::thread thread_;
};

}  // namespace lichen::posix
