// SPDX-License-Identifier: Apache-2.0
#include "sim/hash_log.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "sim/device_world.hpp"

namespace lichen::sim {
namespace {

constexpr std::string_view kHead = "# lichen.sim.log.v1 every ";

struct KindName {
  EventKind kind;
  std::string_view name;
};
constexpr std::array<KindName, 10> kNames = {{{kRequestEvent, "request"},
                                              {kWakeEvent, "wake"},
                                              {kWorkerEvent, "worker"},
                                              {kWorkerGoneEvent, "worker-gone"},
                                              {kDiskEvent, "disk"},
                                              {kStrikeEvent, "strike"},
                                              {kStrikeEndEvent, "strike-end"},
                                              {kHealEvent, "heal"},
                                              {kAgentUpEvent, "agent-up"},
                                              {kAgentDownEvent, "agent-down"}}};

std::string name_of_kind(std::uint32_t kind) {
  const auto at = std::ranges::find(kNames, static_cast<EventKind>(kind), &KindName::kind);
  return at == kNames.end() ? fmt::format("{}", kind) : std::string(at->name);
}

// The next word of a line, as a number.
template <typename Int>
bool take(std::string_view& line, Int& value, int base = 10) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), value, base);
  if (error != std::errc()) return false;
  line.remove_prefix(static_cast<std::size_t>(end - line.data()));
  return true;
}

std::string entry_text(const std::optional<HashLog::Entry>& e) {
  if (!e) return "(it has ended)";
  return fmt::format("{:.9f} s  device {}  {} {} {}  {:016x}", static_cast<double>(e->time_ns) / 1e9, e->device,
                     name_of_kind(e->kind), e->a, e->b, e->hash);
}

}  // namespace

std::string to_text(const HashLog& log) {
  std::string text = fmt::format("{}{}\n", kHead, log.every);
  for (const HashLog::Entry& e : log.entries) {
    text += fmt::format("{} {} {} {} {} {:016x}\n", e.time_ns, e.device, e.kind, e.a, e.b, e.hash);
  }
  return text;
}

Result<HashLog> hash_log_from(std::string_view text, std::string_view where) {
  HashLog log;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    ++number;
    HashLog::Entry e;
    bool ok = false;
    if (number == 1) {
      ok = line.starts_with(kHead);
      line.remove_prefix(ok ? kHead.size() : 0);
      ok = ok && take(line, log.every) && log.every > 0;
    } else {
      ok = take(line, e.time_ns) && take(line, e.device) && take(line, e.kind) && take(line, e.a) && take(line, e.b) &&
           take(line, e.hash, 16);
      log.entries.push_back(e);
    }
    if (!ok || !line.empty()) {
      return fail(Code::kBadInput, "not a log of a simulated run", fmt::format("{}, line {}", where, number), {},
                  "take one that `lichen sim replay --log` wrote");
    }
  }
  if (number == 0) return fail(Code::kBadInput, "not a log of a simulated run", std::string(where), "it is empty");
  return log;
}

Result<std::optional<Divergence>> compare(const HashLog& left, const HashLog& right) {
  if (left.every != right.every) {
    return fail(Code::kBadInput, "logs that cannot be compared", "--log-every",
                fmt::format("one was written every {}, the other every {} events", left.every, right.every));
  }
  const std::size_t both = std::min(left.entries.size(), right.entries.size());
  std::size_t at = 0;
  while (at < both && left.entries[at] == right.entries[at]) ++at;
  if (at == left.entries.size() && at == right.entries.size()) return std::optional<Divergence>();
  Divergence d;
  d.event = (at + 1) * left.every;
  d.last_equal = at * left.every;
  if (at < left.entries.size()) d.left = left.entries[at];
  if (at < right.entries.size()) d.right = right.entries[at];
  return std::optional(d);
}

std::string to_text(const Divergence& d) {
  const std::string which = d.event == d.last_equal + 1
                                ? fmt::format("event {} is the first that differs", d.event)
                                : fmt::format("they part between event {} and {}", d.last_equal, d.event);
  return fmt::format("{}\n  first:  {}\n  second: {}\n", which, entry_text(d.left), entry_text(d.right));
}

}  // namespace lichen::sim
