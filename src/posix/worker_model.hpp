// SPDX-License-Identifier: Apache-2.0
// The model file of a worker: opened before the sandbox closes, read inside it, and known again by its sums.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "posix/block_sums.hpp"
#include "posix/os.hpp"

namespace lichen::posix {

inline constexpr std::size_t kModelBytesMax = std::size_t{2} << 30;

class WorkerModel {
 public:
  // An empty path is no file. `from_flash`: the page cache is not to be trusted, so the file is read past it (O_DIRECT);
  // where the file system cannot, its clean pages are dropped first.
  static Result<WorkerModel> open(const std::string& path, bool from_flash);

  [[nodiscard]] int fd() const { return file_.get(); }  // -1: none
  // Maps it, or reads it into memory of its own. Once. The bytes stay for the life of the process.
  Result<void> read();
  [[nodiscard]] ByteView bytes() const { return bytes_; }
  // Nobody reads `part` of bytes() for now: its pages may go.
  void let_go(ByteView part) const;

 private:
  Result<void> map(std::size_t bytes);
  Result<void> copy(std::size_t bytes);

  std::string path_;
  Fd file_;
  bool direct_ = false;
  ByteView bytes_;
};

// OK, or why `sum` is not `expected`.
[[nodiscard]] Result<void> check_model_sum(const std::string& path, const BlockSum& sum,
                                           const std::optional<BlockSum>& expected);

}  // namespace lichen::posix
