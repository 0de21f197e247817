// SPDX-License-Identifier: Apache-2.0
#include "store/state_file.hpp"

#include <utility>

#include "base/assert.hpp"
#include "base/crc32c.hpp"
#include "base/planted.hpp"
#include "base/probe.hpp"

namespace lichen::store {
namespace {

constexpr std::uint32_t kMagic = 0x5453434Cu;  // "LCST"
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHeaderBytes = 4 + 4 + 8 + 4 + 4;

// The CRC covers everything but itself.
std::uint32_t frame_crc(std::uint64_t generation, ByteView content) {
  Bytes head;
  ByteWriter writer(head);
  writer.put(kVersion);
  writer.put(generation);
  writer.put(static_cast<std::uint32_t>(content.size()));
  return crc32c(content, crc32c(head));
}

}  // namespace

StateFile::StateFile(ports::Storage& storage, std::string name) : storage_(storage), name_(std::move(name)) {}

Bytes StateFile::frame(std::uint64_t generation, ByteView content) {
  Bytes out;
  out.reserve(kHeaderBytes + content.size());
  ByteWriter writer(out);
  writer.put(kMagic);
  writer.put(kVersion);
  writer.put(generation);
  writer.put(static_cast<std::uint32_t>(content.size()));
  writer.put(frame_crc(generation, content));
  writer.put_bytes(content);
  return out;
}

std::optional<StateFile::Generation> StateFile::unframe(ByteView file) {
  ByteReader reader(file);
  const auto magic = reader.get<std::uint32_t>();
  const auto version = reader.get<std::uint32_t>();
  const auto generation = reader.get<std::uint64_t>();
  const auto length = reader.get<std::uint32_t>();
  const auto crc = reader.get<std::uint32_t>();
  if (!reader.ok() || magic != kMagic || version != kVersion || generation == 0) return std::nullopt;
  if (length > kStateBytesMax || length > reader.left()) return std::nullopt;
  const ByteView content = reader.get_bytes(length);
  if (frame_crc(generation, content) != crc && !planted(Bug::kTornAccepted)) return std::nullopt;
  return Generation{generation, Bytes(content.begin(), content.end())};
}

std::string StateFile::slot_name(std::size_t slot) const {
  return name_ + (slot == 0 ? ".0" : ".1");
}

void StateFile::open() {
  LICHEN_ASSERT(phase_ == Phase::kClosed || step_ == Step::kIdle);
  phase_ = Phase::kOpening;
  step_ = Step::kReading;
  fault_.reset();
  read_done_ = {};
  found_ = {};
  for (std::size_t slot = 0; slot < 2; ++slot) reads_[slot] = storage_.read(slot_name(slot));
}

bool StateFile::on(const ports::StorageDone& done) {
  if (step_ == Step::kReading) {
    for (std::size_t slot = 0; slot < 2; ++slot) {
      if (done.op == reads_[slot] && !read_done_[slot]) {
        on_read(slot, done.result);
        return true;
      }
    }
    return false;
  }
  if (step_ == Step::kIdle || done.op != op_) return false;
  on_step(done.result);
  return true;
}

void StateFile::on_read(std::size_t slot, const Result<Bytes>& result) {
  read_done_[slot] = true;
  if (result) {
    entry_seen_[slot] = true;
    found_[slot] = unframe(*result);  // not whole: a crash between creating, writing and syncing it
  } else if (result.error().code != Code::kNotFound) {
    probe(Probe::kStateReadFailed);
    fault_ = result.error();
  }
  if (read_done_[0] && read_done_[1]) finish_opening();
}

void StateFile::finish_opening() {
  step_ = Step::kIdle;
  for (std::size_t slot = 0; slot < 2; ++slot) {
    if (!found_[slot] || found_[slot]->number <= durable_) continue;
    content_ = found_[slot]->content;
    newest_ = durable_ = found_[slot]->number;
    durable_slot_ = slot;
  }
  if (found_[0].has_value() != found_[1].has_value() && entry_seen_[0] && entry_seen_[1])
    probe(Probe::kStateOlderGeneration);
  if (fault_ &&
      !planted(
          Bug::kUnreadableIsEmpty)) {  // A slot could not be read: writing now could destroy the newest generation.
    phase_ = Phase::kBroken;
    return;
  }
  phase_ = Phase::kReady;
}

void StateFile::save(Bytes content) {
  LICHEN_ASSERT(content.size() <= kStateBytesMax);
  if (phase_ != Phase::kReady) return;
  ++newest_;
  if (waiting_) {  // replaces the one that waits
    probe(Probe::kStateReplacedWaiting);
    --newest_;
  }
  waiting_ = std::move(content);
  if (step_ == Step::kIdle) write_next();
}

void StateFile::write_next() {
  LICHEN_ASSERT(waiting_.has_value());
  if (durable_ > 0 && !entry_durable_[durable_slot_]) {
    step_ = Step::kSecuring;
    op_ = storage_.sync_directory();
    return;
  }
  last_written_ = std::move(*waiting_);
  waiting_.reset();
  writing_ = newest_;
  step_ = Step::kWriting;
  writing_slot_ = planted(Bug::kSameSlot) ? durable_slot_ : 1 - durable_slot_;
  op_ = storage_.write(slot_name(writing_slot_), frame(writing_, last_written_));
}

void StateFile::on_step(const Result<Bytes>& result) {
  if (!result) {
    const bool was_write = step_ == Step::kWriting;
    step_ = Step::kIdle;
    probe(was_write ? Probe::kStateWriteFailed : Probe::kStateSyncFailed);
    if (planted(Bug::kFailedSyncRetried) && !was_write) {
      step_ = Step::kSyncing;
      op_ = storage_.sync(slot_name(writing_slot_));
      return;
    }
    fault_ = result.error();
    if (!was_write) phase_ = Phase::kBroken;  // a failed sync
    return;
  }
  switch (step_) {
    case Step::kSecuring:
      probe(Probe::kStateSecured);
      entry_durable_ = entry_seen_;
      return write_next();
    case Step::kWriting:
      if (planted(Bug::kForgottenFsync)) return made_durable();
      step_ = Step::kSyncing;
      op_ = storage_.sync(slot_name(writing_slot_));
      return;
    case Step::kSyncing:
      if (entry_durable_[writing_slot_] || planted(Bug::kMissingDirectorySync)) return made_durable();
      step_ = Step::kSyncingDirectory;
      op_ = storage_.sync_directory();
      return;
    case Step::kSyncingDirectory:
      entry_durable_[writing_slot_] = true;
      return made_durable();
    case Step::kIdle:
    case Step::kReading:
      break;
  }
  LICHEN_ASSERT(false);
}

void StateFile::made_durable() {
  durable_ = writing_;
  durable_slot_ = writing_slot_;
  content_ = last_written_;
  step_ = Step::kIdle;
  fault_.reset();
  if (waiting_) write_next();
}

void StateFile::retry() {
  if (step_ != Step::kIdle || !fault_) return;
  if (phase_ == Phase::kBroken) {
    if (!read_done_[0] || !read_done_[1] || writing_ != 0) return;
    probe(Probe::kStateReopened);
    open();  // only reading failed so far
    return;
  }
  if (phase_ != Phase::kReady) return;
  fault_.reset();
  if (!waiting_) {
    probe(Probe::kStateWrittenAgain);
    waiting_ = std::move(last_written_);  // the same generation again
  }
  write_next();
}

}  // namespace lichen::store
