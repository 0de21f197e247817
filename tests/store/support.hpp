// SPDX-License-Identifier: Apache-2.0
// A state file on a fake disk whose operations complete one by one, when the test says so.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "fakes/disk.hpp"
#include "store/state_file.hpp"

namespace lichen::store {

inline Bytes content_of(std::string_view text) {
  const ByteView bytes = bytes_of(text);
  return {bytes.begin(), bytes.end()};
}

// Contents of different lengths over several sectors, so that tearing can mix them. Begins with its number.
inline Bytes long_content(std::uint64_t number) {
  Bytes out;
  ByteWriter(out).put(number);
  out.resize(600 + number * 131 % 1500, static_cast<std::byte>(number));
  return out;
}

inline std::uint64_t number_in(const Bytes& content) {
  return content.empty() ? 0 : ByteReader(content).get<std::uint64_t>();
}

class StateOnDisk {
 public:
  explicit StateOnDisk(std::uint64_t seed) : disk_(fakes::SeededRandom(seed, 0, 0)) { restart(); }

  // A new process: what the old one had under way was already cut by the disk.
  void restart() {
    due_.clear();
    file_ = std::make_unique<StateFile>(disk_, "state");
    file_->open();
  }

  // Completes the oldest operation; false if there is none.
  bool step(bool fails = false) {
    for (const ports::StorageOp op : disk_.take_submitted()) due_.push_back(op);
    if (due_.empty()) return false;
    const ports::StorageDone done = disk_.complete(due_.front(), fails);
    due_.pop_front();
    handled_ = file_->on(done);
    return true;
  }
  void settle() {
    while (step()) {
    }
  }
  void save_and_settle(Bytes content) {
    file_->save(std::move(content));
    settle();
  }
  void open_again() {
    restart();
    settle();
  }

  // Damages a file behind the state file's back, durably.
  void plant(std::string_view name, Bytes content) {
    (void)disk_.complete(disk_.write(name, std::move(content)), false);
    (void)disk_.complete(disk_.sync(name), false);
    (void)disk_.complete(disk_.sync_directory(), false);
    (void)disk_.take_submitted();
  }

  // The generation in a slot as the page cache has it; 0 if the slot holds no whole one.
  [[nodiscard]] std::uint64_t generation_in(std::string_view slot) const {
    const Bytes* bytes = disk_.visible(slot);
    if (bytes == nullptr) return 0;
    const auto found = StateFile::unframe(*bytes);
    return found ? found->number : 0;
  }

  [[nodiscard]] StateFile& file() { return *file_; }
  [[nodiscard]] fakes::Disk& disk() { return disk_; }
  [[nodiscard]] bool handled() const { return handled_; }

 private:
  fakes::Disk disk_;
  std::unique_ptr<StateFile> file_;
  std::deque<ports::StorageOp> due_;
  bool handled_ = false;
};

}  // namespace lichen::store
