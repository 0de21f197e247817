// SPDX-License-Identifier: Apache-2.0
// A small piece of state that survives power cuts: two files, NAME.0 and NAME.1, written in turn, each framed with its
// generation, length and CRC. Whatever is torn, the other one is whole. A decider: it acts through the Storage port and
// waits for nothing.
//
// A failed sync is fatal for the file (after it the kernel may show bytes that the disk never got): StateFile stops
// writing, says so in fault(), and the next start recovers what was durable. A failed read or write is not: it is
// reported and may be tried again with retry().
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "ports/storage.hpp"

namespace lichen::store {

inline constexpr std::size_t kStateBytesMax = 1 << 20;

class StateFile {
 public:
  enum class Phase : std::uint8_t {
    kClosed,   // open() was not called yet
    kOpening,  // reading both generations
    kReady,    // content() is valid; save() works
    kBroken,   // see fault(): content() may be valid, nothing is written any more
  };

  // `storage` must outlive this.
  StateFile(ports::Storage& storage, std::string name);

  // Starts to read; phase() is kReady or kBroken after the completions came.
  void open();

  // Handles a completion; false if it belongs to somebody else.
  [[nodiscard]] bool on(const ports::StorageDone& done);

  // Makes `content` the next generation. While one is being written only the newest waits behind it.
  // At most kStateBytesMax bytes. Does nothing unless kReady.
  void save(Bytes content);

  // After a failed read or write: tries again. Does nothing after a failed sync.
  void retry();

  [[nodiscard]] Phase phase() const { return phase_; }
  // What the newest whole generation held; empty if there was none.
  [[nodiscard]] const Bytes& content() const { return content_; }
  // The newest whole generation that open() found, or that was saved and synced since; 0 if there is none.
  [[nodiscard]] std::uint64_t durable_generation() const { return durable_; }
  // The generation that the last save() will have.
  [[nodiscard]] std::uint64_t newest_generation() const { return newest_; }
  [[nodiscard]] bool busy() const { return step_ != Step::kIdle; }
  // What is wrong, if anything: set when kBroken, and while a failed write waits for retry().
  [[nodiscard]] const std::optional<Error>& fault() const { return fault_; }

  // The frame of one generation, and back; for tests and tools.
  [[nodiscard]] static Bytes frame(std::uint64_t generation, ByteView content);
  struct Generation {
    std::uint64_t number = 0;
    Bytes content;
  };
  [[nodiscard]] static std::optional<Generation> unframe(ByteView file);

 private:
  enum class Step : std::uint8_t { kIdle, kReading, kSecuring, kWriting, kSyncing, kSyncingDirectory };

  void on_read(std::size_t slot, const Result<Bytes>& result);
  void on_step(const Result<Bytes>& result);
  void finish_opening();
  void write_next();
  void made_durable();
  [[nodiscard]] std::string slot_name(std::size_t slot) const;

  ports::Storage& storage_;
  std::string name_;
  Phase phase_ = Phase::kClosed;
  Step step_ = Step::kIdle;

  std::array<ports::StorageOp, 2> reads_{};
  std::array<bool, 2> read_done_{};
  std::array<std::optional<Generation>, 2> found_;
  // Whether the directory entry is known to be durable. Seeing the file is not enough: its creator may have been killed
  // before it synced the directory. So the directory is synced before the other file is overwritten.
  std::array<bool, 2> entry_durable_{};
  std::array<bool, 2> entry_seen_{};

  ports::StorageOp op_ = 0;       // the write, sync or directory sync under way
  std::uint64_t writing_ = 0;     // its generation
  std::size_t writing_slot_ = 0;  // never the slot that holds the durable generation
  std::size_t durable_slot_ = 1;
  std::optional<Bytes> waiting_;  // to be written next
  Bytes content_;
  Bytes last_written_;  // for retry()
  std::uint64_t durable_ = 0;
  std::uint64_t newest_ = 0;
  std::optional<Error> fault_;
};

}  // namespace lichen::store
