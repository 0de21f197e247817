// SPDX-License-Identifier: Apache-2.0
#include "fakes/disk.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"

namespace lichen::fakes {
namespace {

constexpr std::size_t kSectorBytes = 512;
constexpr std::uint32_t kHalfPpm = 500'000;
constexpr std::uint32_t kGarbagePpm = 250'000;  // of torn writes

}  // namespace

ports::StorageOp Disk::submit(Kind kind, std::string_view name, Bytes content) {
  const ports::StorageOp op = next_op_++;
  pending_.emplace(op, Pending{kind, std::string(name), std::move(content)});
  submitted_.push_back(op);
  return op;
}

ports::StorageOp Disk::read(std::string_view name) {
  return submit(Kind::kRead, name);
}
ports::StorageOp Disk::write(std::string_view name, Bytes content) {
  return submit(Kind::kWrite, name, std::move(content));
}
ports::StorageOp Disk::sync(std::string_view name) {
  return submit(Kind::kSync, name);
}
ports::StorageOp Disk::sync_directory() {
  return submit(Kind::kSyncDirectory, "");
}

std::vector<ports::StorageOp> Disk::take_submitted() {
  return std::exchange(submitted_, {});
}

ports::StorageDone Disk::complete(ports::StorageOp op, bool fails) {
  const auto at = pending_.find(op);
  LICHEN_ASSERT(at != pending_.end());
  const Pending p = std::move(at->second);
  pending_.erase(at);
  return {op, perform(p, fails)};
}

Result<Bytes> Disk::perform(const Pending& p, bool fails) {
  switch (p.kind) {
    case Kind::kRead: {
      if (fails) return fail(Code::kIo, "cannot read", p.name, "input/output error");
      if (visible(p.name) == nullptr) return fail(Code::kNotFound, "cannot read", p.name, "no such file");
      return read_durable(files_[p.name]);
    }
    case Kind::kWrite: {
      File& file = files_[p.name];
      file.exists = true;
      file.poisoned = false;  // every page is dirty again
      file.content = fails ? torn(file.content, p.content) : p.content;
      file.unsynced.push_back(file.content);
      if (fails) return fail(Code::kIo, "cannot write", p.name, "no space left on device");
      return Bytes{};
    }
    case Kind::kSync:
      return sync_file(p.name, fails);
    case Kind::kSyncDirectory:
      if (fails) return fail(Code::kIo, "cannot sync", "the directory", "input/output error");
      for (auto& [name, file] : files_) file.entry_durable = file.entry_durable || file.exists;
      return Bytes{};
  }
  return fail(Code::kInternal, "no such operation");
}

// Syncs the file and reads past the cache: after an earlier failed sync, what comes back is what the disk has.
Bytes Disk::read_durable(File& file) {
  if (file.poisoned) {
    file.content = file.durable;
    file.poisoned = false;
  } else {
    file.durable = file.content;
  }
  file.has_durable = true;
  file.unsynced.clear();
  return file.content;
}

Result<Bytes> Disk::sync_file(const std::string& name, bool fails) {
  File& file = files_[name];
  if (!file.exists) return fail(Code::kNotFound, "cannot sync", name, "no such file");
  if (fails) {
    file.poisoned = true;
    return fail(Code::kIo, "cannot sync", name, "input/output error");
  }
  if (!file.poisoned) {
    file.durable = file.content;
    file.has_durable = true;
    file.unsynced.clear();
  }
  return Bytes{};
}

// The newer content with some sectors still (or only) as in the older one, cut at any sector.
Bytes Disk::torn(const Bytes& older, const Bytes& newer) {
  Bytes out = newer;
  const std::size_t keep = static_cast<std::size_t>(random_.below(newer.size() + 1));
  if (random_.chance(kHalfPpm)) out.resize(keep);
  for (std::size_t at = 0; at < out.size(); at += kSectorBytes) {
    if (!random_.chance(kHalfPpm)) continue;
    const std::size_t end = std::min(at + kSectorBytes, out.size());
    for (std::size_t i = at; i < end; ++i) out[i] = i < older.size() ? older[i] : std::byte{0};
  }
  if (!out.empty() && random_.chance(kGarbagePpm)) {  // flash that lost its power while it was programmed
    const auto from = static_cast<std::size_t>(random_.below(out.size()));
    const auto end = from + 1 + static_cast<std::size_t>(random_.below(out.size() - from));
    for (std::size_t i = from; i < end; ++i) out[i] = static_cast<std::byte>(random_.below(256));
  }
  return out;
}

const Bytes* Disk::visible(std::string_view name) const {
  const auto at = files_.find(name);
  return at == files_.end() || !at->second.exists ? nullptr : &at->second.content;
}

void Disk::process_killed() {
  for (auto& [op, p] : pending_) {
    if (!random_.chance(kHalfPpm)) continue;
    [[maybe_unused]] const Result<Bytes> nobody_hears = perform(p, false);
  }
  pending_.clear();
  submitted_.clear();
}

void Disk::power_cut() {
  process_killed();
  for (auto& [name, file] : files_) {
    if (!file.entry_durable && random_.chance(kHalfPpm)) {
      file = File{};
      continue;
    }
    Bytes left = file.durable;
    if (!file.unsynced.empty()) {
      const std::uint64_t which = random_.below(file.unsynced.size() + 1);
      if (which > 0) {
        const Bytes& version = file.unsynced[static_cast<std::size_t>(which) - 1];
        left = random_.chance(kHalfPpm) ? version : torn(file.durable, version);
      }
    }
    file.exists = file.exists || file.has_durable;
    file.content = left;
    file.durable = left;  // after a reboot, what can be read is what is there
    file.has_durable = file.exists;
    file.entry_durable = file.exists;
    file.unsynced.clear();
    file.poisoned = false;
  }
}

}  // namespace lichen::fakes
