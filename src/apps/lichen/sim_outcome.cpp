// SPDX-License-Identifier: Apache-2.0
#include "sim_outcome.hpp"

#include <fmt/format.h>

#include "base/mix.hpp"
#include "sim/world.hpp"

namespace lichen::tool {
namespace {

constexpr std::uint64_t kRecheckedOneIn = 20;

}  // namespace

bool is_rechecked(std::uint64_t seed) {
  return mix64(seed + 1) % kRecheckedOneIn == 0;
}

Outcome outcome_of(const sim::Plan& plan, bool recheck) {
  const sim::Report report = sim::run(plan);
  Outcome outcome{.seed = plan.seed,
                  .violation = report.violation,
                  .trace_hash = report.trace_hash,
                  .events = report.events,
                  .rechecked = recheck,
                  .probes = report.probes};
  if (!recheck) return outcome;
  const sim::Report again = sim::run(plan);
  if (again.trace_hash == report.trace_hash && again.events == report.events) return outcome;
  outcome.violation = sim::Violation{
      "the same seed gives the same run",
      fmt::format("{} events, trace {:016x}; then {} events, trace {:016x}: lichen sim replay --log, twice, then "
                  "lichen sim compare",
                  report.events, report.trace_hash, again.events, again.trace_hash),
      0, 0};
  return outcome;
}

std::string pack(const Outcome& outcome) {
  Json json = {{"seed", outcome.seed},
               {"hash", outcome.trace_hash},
               {"events", outcome.events},
               {"rechecked", outcome.rechecked},
               {"probes", outcome.probes}};
  if (outcome.violation) json["violation"] = sim::to_json(*outcome.violation);
  return json.dump();
}

Outcome unpack(const Ended& ended) {
  Outcome outcome;
  outcome.seed = ended.item;
  if (!ended.death.empty()) {
    outcome.violation = sim::Violation{"nothing crashes, and no assertion fails", ended.death, 0, 0};
    return outcome;
  }
  const Json json = Json::parse(ended.result);
  outcome.trace_hash = json.at("hash").get<std::uint64_t>();
  outcome.events = json.at("events").get<std::uint64_t>();
  outcome.rechecked = json.at("rechecked").get<bool>();
  outcome.probes = json.at("probes").get<ProbeCounts>();
  if (const auto v = json.find("violation"); v != json.end()) {
    outcome.violation = sim::Violation{v->at("invariant").get<std::string>(), v->at("detail").get<std::string>(),
                                       v->at("device").get<std::uint32_t>(), v->at("time_ns").get<TimeNs>()};
  }
  return outcome;
}

}  // namespace lichen::tool
