// SPDX-License-Identifier: Apache-2.0
// Files of one state directory, asynchronously: submit returns at once, the completion comes back later as a
// StorageDone event, in any order, perhaps seconds later, perhaps never (a decider must not wait for it to answer).
//
// What is promised: bytes written are durable only after a sync of that file that was submitted after the write
// completed; a file's existence is durable only after sync_directory. After a failed sync nothing written since the
// last good one may be trusted, even if a later sync says otherwise: write it again. What read returns is durable: it
// syncs the file and reads past the cache, because bytes that a dead process wrote and could not sync look whole there.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace lichen::ports {

using StorageOp = std::uint64_t;  // unique for the life of one Storage

inline constexpr std::size_t kStorageFileBytesMax = 16 << 20;

// One finished operation.
struct StorageDone {
  StorageOp op = 0;
  Result<Bytes> result;  // read: the bytes of the file; every other operation: empty
};

class Storage {
 public:
  virtual ~Storage();
  // `name` is a plain file name in the directory: [a-z0-9._-], no '/', at most 64 bytes.
  // A file that is not there reads as Code::kNotFound.
  virtual StorageOp read(std::string_view name) = 0;
  // Replaces the whole content in place (creating the file if needed). Not atomic: a crash may leave any mixture.
  virtual StorageOp write(std::string_view name, Bytes content) = 0;
  virtual StorageOp sync(std::string_view name) = 0;
  virtual StorageOp sync_directory() = 0;
};

}  // namespace lichen::ports
