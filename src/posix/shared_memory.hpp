// SPDX-License-Identifier: Apache-2.0
// POSIX shared memory objects (/dev/shm) behind the SharedMemory port, by pread and pwrite.
#pragma once

#include <string>

#include "ports/shared_memory.hpp"

namespace lichen::posix {

class ShmFiles final : public ports::SharedMemory {
 public:
  // `folder` must be on a tmpfs: files of other file systems, which may make a reader wait, are refused.
  explicit ShmFiles(std::string folder = "/dev/shm") : folder_(std::move(folder)) {}
  [[nodiscard]] Result<std::unique_ptr<ports::SharedRegion>> open(std::string_view key, std::uint64_t bytes,
                                                                  std::optional<std::uint32_t> owner) override;

 private:
  std::string folder_;
};

}  // namespace lichen::posix
