// SPDX-License-Identifier: Apache-2.0
// A disk that forgets, tears and reorders what was not synced. Operations take effect when they complete; whoever owns
// the disk decides when that is: take the operations from submitted(), call complete() later, in any order, or never.
//
// power_cut() leaves of every file what was durable, or any later version that was written but not synced, or a mixture
// of two versions by 512-byte sector, torn at any of them, with or without garbage in it; a file whose directory entry
// was not synced may be gone. After a failed sync, what was written before it never becomes durable unless it is
// written again, although the page cache still shows it (as Linux does it).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "fakes/random.hpp"
#include "ports/storage.hpp"

namespace lichen::fakes {

class Disk : public ports::Storage {
 public:
  explicit Disk(SeededRandom random) : random_(random) {}

  ports::StorageOp read(std::string_view name) override;
  ports::StorageOp write(std::string_view name, Bytes content) override;
  ports::StorageOp sync(std::string_view name) override;
  ports::StorageOp sync_directory() override;

  // Operations submitted since the last call.
  [[nodiscard]] std::vector<ports::StorageOp> take_submitted();
  // Does the operation. `fails`: it ends with an I/O error instead (a failed sync loses what was not durable; a failed
  // write leaves a torn file).
  [[nodiscard]] ports::StorageDone complete(ports::StorageOp op, bool fails);
  // Whether complete() may still be called for it: false after a crash.
  [[nodiscard]] bool pending(ports::StorageOp op) const { return pending_.contains(op); }

  // The agent died: operations that were under way are done or not, by chance; the page cache survives.
  void process_killed();
  void power_cut();

  // For planting damage and for looking: the current content, or nullptr.
  [[nodiscard]] const Bytes* visible(std::string_view name) const;

 private:
  enum class Kind : std::uint8_t { kRead, kWrite, kSync, kSyncDirectory };
  struct Pending {
    Kind kind;
    std::string name;
    Bytes content;
  };
  struct File {
    bool exists = false;  // in the page cache
    Bytes content;        // in the page cache
    bool entry_durable = false;
    bool has_durable = false;
    Bytes durable;
    std::vector<Bytes> unsynced;  // versions written since the last sync, oldest first
    bool poisoned = false;        // a sync failed: until the next write, later syncs lie
  };

  ports::StorageOp submit(Kind kind, std::string_view name, Bytes content = {});
  Result<Bytes> perform(const Pending& p, bool fails);
  static Bytes read_durable(File& file);
  Result<Bytes> sync_file(const std::string& name, bool fails);
  Bytes torn(const Bytes& older, const Bytes& newer);

  SeededRandom random_;
  std::map<std::string, File, std::less<>> files_;
  std::map<ports::StorageOp, Pending> pending_;
  std::vector<ports::StorageOp> submitted_;
  ports::StorageOp next_op_ = 1;
};

}  // namespace lichen::fakes
