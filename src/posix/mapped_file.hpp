// SPDX-License-Identifier: Apache-2.0
// A file mapped for reading: models are read where they lie, page by page as they are needed. Whoever shortens the file
// while it is mapped kills its readers; replace files by renaming.
#pragma once

#include <string>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace lichen::posix {

class MappedFile {
 public:
  // A regular file of 1 to `bytes_max` bytes.
  static Result<MappedFile> open(const std::string& path, std::size_t bytes_max);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept : bytes_(other.bytes_) { other.bytes_ = {}; }
  MappedFile& operator=(MappedFile&& other) noexcept;

  [[nodiscard]] ByteView bytes() const { return bytes_; }  // begins at a page

  // The pages that lie wholly in this part of bytes() stop counting as memory of this process; whoever reads them again
  // gets them from the page cache, or from the disk. Bytes that are not of this file are left alone.
  void drop_pages(ByteView part) const;

 private:
  explicit MappedFile(ByteView bytes) : bytes_(bytes) {}
  ByteView bytes_;
};

}  // namespace lichen::posix
