// SPDX-License-Identifier: Apache-2.0
#include "scoreboard.hpp"

#include <algorithm>
#include <utility>

namespace lichen::demo {
namespace {

void count_answer(Tally& tally, const Record& record) {
  ++tally.answered;
  ++tally.by_rung[record.rung];
  if (record.late) ++tally.late;
  if (record.correct) {
    ++tally.correct;
    ++tally.correct_by_rung[record.rung];
  }
  TimeNs& longest = record.retries > 0 ? tally.longest_retried_ns : tally.longest_ns;
  longest = std::max(longest, record.latency_ns());
}

}  // namespace

Tally tally_of(const std::vector<Record>& records) {
  Tally tally;
  for (const Record& record : records) {
    ++tally.requests;
    if (record.retries > 0) ++tally.retried;
    if (record.outcome == Outcome::kRefused) ++tally.refused;
    if (record.outcome == Outcome::kLost) ++tally.lost;
    if (record.outcome == Outcome::kAnswered) count_answer(tally, record);
  }
  return tally;
}

void Scoreboard::add(Record record) {
  const std::lock_guard lock(mutex_);
  if (record.outcome == Outcome::kAnswered) ++answered_;
  if (record.correct) ++correct_;
  records_.push_back(std::move(record));
}

std::vector<Record> Scoreboard::between(TimeNs from_ns, TimeNs to_ns) const {
  std::vector<Record> found;
  {
    const std::lock_guard lock(mutex_);
    for (const Record& record : records_) {
      if (record.done_ns >= from_ns && record.done_ns < to_ns) found.push_back(record);
    }
  }
  std::ranges::sort(found, {}, &Record::done_ns);
  return found;
}

double Scoreboard::accuracy() const {
  const std::lock_guard lock(mutex_);
  return answered_ == 0 ? 0 : static_cast<double>(correct_) / static_cast<double>(answered_);
}

std::size_t Scoreboard::answered() const {
  const std::lock_guard lock(mutex_);
  return answered_;
}

}  // namespace lichen::demo
