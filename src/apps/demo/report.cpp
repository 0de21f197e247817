// SPDX-License-Identifier: Apache-2.0
#include "report.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace lichen::demo {
namespace {

constexpr std::size_t kSteadyAnswers = 20;  // so many in a row from the best rung: it is back
constexpr double kP99 = 0.99;

double percent(std::size_t part, std::size_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

bool is_degraded(const Record& record) {
  return record.outcome == Outcome::kAnswered && record.rung != kBest;
}

// "compact 80 %, reflex 20 %".
std::string shares_text(const Tally& tally) {
  std::string text;
  for (std::size_t r = 0; r < kRungs; ++r) {
    if (tally.by_rung[r] == 0) continue;
    const double share = percent(tally.by_rung[r], tally.answered);
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", kRungNames[r],
                        share < 1 ? "under 1 %" : fmt::format("{:.0f} %", share));
  }
  return text;
}

// After the first answer from a lower rung: when the best one gave the first of kSteadyAnswers in a row. -1: not yet.
TimeNs best_back_ns(const std::vector<Record>& records) {
  const auto first = std::ranges::find_if(records, is_degraded);
  std::size_t in_row = 0;
  TimeNs since_ns = -1;
  for (auto record = first; record != records.end(); ++record) {
    if (record->outcome != Outcome::kAnswered) continue;
    if (record->rung != kBest) {
      in_row = 0;
      continue;
    }
    if (in_row == 0) since_ns = record->done_ns;
    if (++in_row == kSteadyAnswers) return since_ns;
  }
  return -1;
}

std::string first_answer_text(const std::vector<Record>& records, TimeNs at_ns, bool hits_agent) {
  const auto first = hits_agent ? std::ranges::find_if(records,
                                                       [&](const Record& r) {
                                                         return r.outcome == Outcome::kAnswered &&
                                                                (r.retries > 0 || r.sent_ns >= at_ns);
                                                       })
                                : std::ranges::find_if(records, is_degraded);
  if (first == records.end()) return hits_agent ? "no answer yet" : "primary answered all of it";
  if (hits_agent)
    return fmt::format("first answer {} after it, from {}", text_of(first->done_ns - at_ns), kRungNames[first->rung]);
  return fmt::format("then {} answered, in {} ({})", kRungNames[first->rung], text_of(first->latency_ns()),
                     first->reason);
}

std::string p99_text(std::vector<TimeNs> latencies) {
  if (latencies.empty()) return "";
  std::ranges::sort(latencies);
  const auto at = static_cast<std::size_t>(kP99 * static_cast<double>(latencies.size() - 1));
  return fmt::format("{:>9} {:>9}", text_of(latencies[latencies.size() / 2]), text_of(latencies[at]));
}

std::string rung_lines(const std::vector<Record>& records, const Tally& tally) {
  std::string text =
      fmt::format("  {:<10}{:>9}{:>9}{:>11}{:>10} {:>9}\n", "rung", "answers", "share", "accuracy", "median", "p99");
  for (std::size_t r = 0; r < kRungs; ++r) {
    std::vector<TimeNs> latencies;
    for (const Record& record : records) {
      if (record.outcome == Outcome::kAnswered && record.rung == r && record.retries == 0)
        latencies.push_back(record.latency_ns());
    }
    text += fmt::format("  {:<10}{:>9}{:>7.1f} %", kRungNames[r], tally.by_rung[r],
                        percent(tally.by_rung[r], tally.answered));
    text += tally.by_rung[r] == 0 ? fmt::format("{:>11}", "-")
                                  : fmt::format("{:>9.1f} %", percent(tally.correct_by_rung[r], tally.by_rung[r]));
    text += fmt::format(" {}\n", p99_text(std::move(latencies)));
  }
  return text + fmt::format("  {:<10}{:>9}{:>7.1f} %{:>9.1f} %\n", "all", tally.answered,
                            percent(tally.answered, tally.requests), percent(tally.correct, tally.answered));
}

std::string refusals_text(const std::vector<Record>& records) {
  std::map<std::string, std::size_t> reasons;
  for (const Record& record : records) {
    if (record.outcome != Outcome::kAnswered) ++reasons[record.reason];
  }
  std::string text;
  for (const auto& [reason, count] : reasons) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, reason);
  return text.empty() ? "" : fmt::format("  no fresh answer because:   {}\n", text);
}

struct Gaps {
  TimeNs usual_ns = 0;
  TimeNs usual_at_ns = 0;
  TimeNs agent_ns = 0;  // over a restart of the agent
};

// From the start over every answer to the end of the last request, whatever became of that.
Gaps gaps_of(const std::vector<Record>& records, TimeNs start_ns, const std::vector<AgentFault>& agent_faults) {
  Gaps gaps;
  TimeNs last_ns = start_ns;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const TimeNs now_ns = records[i].done_ns;
    if (records[i].outcome != Outcome::kAnswered && i + 1 < records.size()) continue;
    const bool over_restart = std::ranges::any_of(
        agent_faults, [&](const AgentFault& fault) { return now_ns >= fault.from_ns && last_ns <= fault.to_ns; });
    const TimeNs gap_ns = now_ns - last_ns;
    if (over_restart) gaps.agent_ns = std::max(gaps.agent_ns, gap_ns);
    if (!over_restart && gap_ns > gaps.usual_ns) {
      gaps.usual_ns = gap_ns;
      gaps.usual_at_ns = last_ns;
    }
    last_ns = now_ns;
  }
  return gaps;
}

}  // namespace

std::string text_of(TimeNs span_ns) {
  if (span_ns < kMillisecondNs) return fmt::format("{} us", span_ns / kMicrosecondNs);
  if (span_ns < kSecondNs) return fmt::format("{:.1f} ms", static_cast<double>(span_ns) / 1e6);
  return fmt::format("{:.2f} s", static_cast<double>(span_ns) / 1e9);
}

std::string models_text(const LadderFiles& files) {
  std::string text =
      fmt::format("fitted to {} images, measured on {} others:\n", files.train_rows, files.held_out.rows());
  for (const FittedRung& rung : files.rungs) {
    text += fmt::format("  {:<8} {:>6.1f} %  {:>7} bytes  {}\n", rung.name, rung.accuracy * 100, rung.file_bytes,
                        rung.what);
  }
  return text;
}

std::string outcome_text(const std::vector<Record>& records, TimeNs at_ns, bool hits_agent, double accuracy_so_far) {
  const Tally tally = tally_of(records);
  std::string text = first_answer_text(records, at_ns, hits_agent);
  if (hits_agent) text += fmt::format("; {} requests asked again", tally.retried);
  text += fmt::format("; longest {}", text_of(std::max(tally.longest_ns, tally.longest_retried_ns)));
  if (tally.refused > 0) text += fmt::format("; {} refused", tally.refused);
  if (tally.lost + tally.late > 0) text += fmt::format("; {} LOST, {} LATE", tally.lost, tally.late);
  const bool degraded = std::ranges::any_of(records, is_degraded);
  const TimeNs back_ns = best_back_ns(records);
  if (degraded)
    text += back_ns < 0 ? "; primary not back yet" : fmt::format("; primary back after {}", text_of(back_ns - at_ns));
  return text + fmt::format("\n{}; {:.1f} % right so far", shares_text(tally), accuracy_so_far * 100);
}

std::string summary_text(const std::vector<Record>& records, TimeNs start_ns, TimeNs deadline_ns,
                         const std::vector<AgentFault>& agent_faults) {
  const Tally tally = tally_of(records);
  const Gaps gaps = gaps_of(records, start_ns, agent_faults);
  std::string text = fmt::format("  {:<10}{:>9}{:>9}{:>9}{:>9}{:>12}\n", "requests", "fresh", "refused", "late", "lost",
                                 "asked again");
  text += fmt::format("  {:<10}{:>9}{:>9}{:>9}{:>9}{:>12}\n\n", tally.requests, tally.answered - tally.late,
                      tally.refused, tally.late, tally.lost, tally.retried);
  text += rung_lines(records, tally) + "\n";
  text += fmt::format("  worst gap between answers  {} (at {:.1f} s)", text_of(gaps.usual_ns),
                      static_cast<double>(gaps.usual_at_ns - start_ns) / 1e9);
  if (!agent_faults.empty())
    text += fmt::format("; {} while the agent was killed and started again", text_of(gaps.agent_ns));
  text +=
      fmt::format("\n  longest latency            {} of {} allowed", text_of(tally.longest_ns), text_of(deadline_ns));
  if (tally.retried > 0) text += fmt::format("; {} where the connection broke", text_of(tally.longest_retried_ns));
  return text + "\n" + refusals_text(records);
}

}  // namespace lichen::demo
