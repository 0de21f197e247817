// SPDX-License-Identifier: Apache-2.0
// Stands in for a state directory that cannot be opened: every operation fails with the reason. The device answers
// without a memory, and its status says why.
#pragma once

#include <functional>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "ports/storage.hpp"

namespace lichen::lichend {

class NoStorage final : public ports::Storage {
 public:
  // `later` gets each completion and must deliver it after the call that submitted the operation has returned.
  using Later = std::function<void(ports::StorageDone&&)>;
  NoStorage(Error why, Later later) : why_(std::move(why)), later_(std::move(later)) {}

  ports::StorageOp read(std::string_view /*name*/) override { return refuse(); }
  ports::StorageOp write(std::string_view /*name*/, Bytes /*content*/) override { return refuse(); }
  ports::StorageOp sync(std::string_view /*name*/) override { return refuse(); }
  ports::StorageOp sync_directory() override { return refuse(); }

 private:
  ports::StorageOp refuse() {
    const ports::StorageOp op = next_op_++;
    later_({op, std::unexpected(why_)});
    return op;
  }

  Error why_;
  Later later_;
  ports::StorageOp next_op_ = 1;
};

}  // namespace lichen::lichend
