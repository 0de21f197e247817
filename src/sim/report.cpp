// SPDX-License-Identifier: Apache-2.0
#include "sim/report.hpp"

#include <fmt/format.h>

namespace lichen::sim {
namespace {

double percent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

TimeNs hours_of(const Plan& plan) {
  return (plan.end_ns + kHourNs - 1) / kHourNs;
}

std::uint64_t total_refused(const Report& report) {
  std::uint64_t refused = 0;
  for (const std::uint64_t count : report.refused) refused += count;
  return refused;
}

void add_line(std::string& text, std::string_view name, std::uint64_t count, std::uint64_t whole) {
  if (count > 0) text += fmt::format("  {:<24}{:>12}  {:6.2f} %\n", name, count, percent(count, whole));
}

void add_count(std::string& text, std::string_view name, std::uint64_t count) {
  text += fmt::format("  {:<24}{:>12}\n", name, count);
}

}  // namespace

std::string replay_command(const Report& report) {
  const Plan& plan = report.plan;
  std::string command = fmt::format("lichen sim replay {} --devices {} --hours {} --faults {}", plan.seed,
                                    plan.devices.size(), hours_of(plan), faults_to_text(plan.faults));
  Shape usual = plan.shape;
  usual.request_every_ns = plain_shape().request_every_ns;
  if (usual == plain_shape()) command += " --shape plain";
  if (plan.shape.request_every_ns != (usual == plain_shape() ? usual : swarm_shape(plan.seed)).request_every_ns) {
    command += fmt::format(" --request-every-ms {}", plan.shape.request_every_ns / kMillisecondNs);
  }
  return command;
}

Json to_json(const Violation& v) {
  return {{"invariant", v.invariant}, {"detail", v.detail}, {"device", v.device}, {"time_ns", v.time_ns}};
}

std::string to_text(const Report& r) {
  std::string text =
      fmt::format("seed {}   {} devices x {:g} h   faults: {}\nshape: {}\n", r.plan.seed, r.plan.devices.size(),
                  static_cast<double>(r.plan.end_ns) / static_cast<double>(kHourNs), faults_to_text(r.plan.faults),
                  to_text(r.plan.shape));
  text += fmt::format("\nrequests\n");
  add_count(text, "asked", r.requests);
  add_line(text, "answered fresh, in time", r.answered, r.requests);
  for (std::size_t rung = 0; rung < r.by_rung.size(); ++rung) {
    add_line(text, fmt::format("  by rung {}", rung), r.by_rung[rung], r.requests);
  }
  add_line(text, "refused", total_refused(r), r.requests);
  for (std::size_t reason = 0; reason < r.refused.size(); ++reason) {
    add_line(text, fmt::format("  {}", ports::name_of(static_cast<ports::RefusalReason>(reason))), r.refused[reason],
             r.requests);
  }
  add_line(text, "agent was down", r.unreachable, r.requests);
  add_line(text, "cut by its death", r.cut, r.requests);
  text += fmt::format("  {:<24}{:>12.1f} ms\n", "worst latency", static_cast<double>(r.worst_latency_ns) / 1e6);
  text += "\ntrouble\n";
  add_count(text, "worker starts", r.worker_starts);
  add_count(text, "worker deaths", r.worker_deaths);
  add_count(text, "worker hangs", r.worker_hangs);
  add_count(text, "failed starts", r.start_failures);
  add_count(text, "breakers opened", r.breakers_opened);
  add_count(text, "breakers closed", r.breakers_closed);
  add_count(text, "hedges", r.hedges);
  add_count(text, "rescues", r.rescues);
  add_count(text, "agent restarts", r.agent_restarts);
  add_count(text, "agent stops", r.agent_stops);
  add_count(text, "power cuts", r.power_cuts);
  add_count(text, "failed disk operations", r.disk_faults);
  text += fmt::format("\n{} events, trace hash {:016x}\n", r.events, r.trace_hash);
  if (r.violation) {
    text += fmt::format("\nBROKEN: {}\n  {}\n  device {} at {:.6f} s\n  again: {}\n", r.violation->invariant,
                        r.violation->detail, r.violation->device, static_cast<double>(r.violation->time_ns) / 1e9,
                        replay_command(r));
  } else {
    text += "all invariants held\n";
  }
  return text;
}

Json to_json(const Report& r) {
  Json rungs = Json::array();
  for (const std::uint64_t count : r.by_rung) rungs.push_back(count);
  Json reasons = Json::object();
  for (std::size_t i = 0; i < r.by_reason.size(); ++i)
    reasons[std::string(ports::name_of(static_cast<ports::AnswerReason>(i)))] = r.by_reason[i];
  Json refused = Json::object();
  for (std::size_t i = 0; i < r.refused.size(); ++i)
    refused[std::string(ports::name_of(static_cast<ports::RefusalReason>(i)))] = r.refused[i];
  Json out = {{"schema", "lichen.sim.v1"},
              {"seed", r.plan.seed},
              {"devices", r.plan.devices.size()},
              {"hours", hours_of(r.plan)},
              {"faults", faults_to_text(r.plan.faults)},
              {"shape", to_text(r.plan.shape)},
              {"trace_hash", fmt::format("{:016x}", r.trace_hash)},
              {"events", r.events},
              {"requests", r.requests},
              {"answered", r.answered},
              {"answered_by_rung", rungs},
              {"answered_by_reason", reasons},
              {"refused_by_reason", refused},
              {"unreachable", r.unreachable},
              {"cut", r.cut},
              {"worst_latency_ns", r.worst_latency_ns},
              {"hedges", r.hedges},
              {"rescues", r.rescues},
              {"worker_starts", r.worker_starts},
              {"worker_deaths", r.worker_deaths},
              {"worker_hangs", r.worker_hangs},
              {"start_failures", r.start_failures},
              {"breakers_opened", r.breakers_opened},
              {"breakers_closed", r.breakers_closed},
              {"agent_restarts", r.agent_restarts},
              {"agent_stops", r.agent_stops},
              {"power_cuts", r.power_cuts},
              {"disk_faults", r.disk_faults},
              {"ok", !r.violation.has_value()}};
  if (r.violation) {
    out["violation"] = to_json(*r.violation);
    out["violation"]["replay"] = replay_command(r);
  }
  return out;
}

}  // namespace lichen::sim
