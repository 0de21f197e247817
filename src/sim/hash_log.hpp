// SPDX-License-Identifier: Apache-2.0
// The trace of a run, written down every N events, so that two runs that should be one can be compared: the first entry
// that differs names the event where they part.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/units.hpp"

namespace lichen::sim {

struct HashLog {
  struct Entry {
    TimeNs time_ns = 0;
    std::uint32_t device = 0;
    std::uint32_t kind = 0;  // EventKind
    std::uint64_t a = 0;
    std::uint64_t b = 0;
    std::uint64_t hash = 0;  // of everything up to and with this event

    friend bool operator==(const Entry&, const Entry&) = default;
  };
  std::uint64_t every = 1;  // events; 1: all of them
  std::vector<Entry> entries;

  void add(std::uint64_t event, const Entry& entry) {
    if (event % every == 0) entries.push_back(entry);
  }
};

// As lines of text, and back.
[[nodiscard]] std::string to_text(const HashLog& log);
[[nodiscard]] Result<HashLog> hash_log_from(std::string_view text, std::string_view where);

struct Divergence {
  std::uint64_t event = 0;       // the first that differs, counted from 1
  std::uint64_t last_equal = 0;  // the last one known to be equal; event - 1 if every event was logged
  std::optional<HashLog::Entry> left;
  std::optional<HashLog::Entry> right;  // nothing: this log has ended

  friend bool operator==(const Divergence&, const Divergence&) = default;
};
// Nothing: they are equal. kBadInput if they were not written every same number of events.
[[nodiscard]] Result<std::optional<Divergence>> compare(const HashLog& left, const HashLog& right);
[[nodiscard]] std::string to_text(const Divergence& divergence);

}  // namespace lichen::sim
