// SPDX-License-Identifier: Apache-2.0
#include "status.hpp"

#include <fmt/format.h>

namespace lichen::lichend {
namespace {

std::string_view name_of(store::StateFile::Phase phase) {
  switch (phase) {
    case store::StateFile::Phase::kClosed:
    case store::StateFile::Phase::kOpening:
      return "opening";
    case store::StateFile::Phase::kReady:
      return "ready";
    case store::StateFile::Phase::kBroken:
      return "broken";
  }
  return "broken";
}

Json millis(TimeNs ns) {
  return ns < 0 ? Json(nullptr) : Json(ns / kMillisecondNs);
}

Json rung_json(const ladder::RungStatus& rung, const WorkerFacts& worker) {
  const ladder::RungCounters& c = rung.counters;
  return {{"name", rung.name},
          {"kind", ladder::name_of(rung.kind)},
          {"state", ladder::name_of(rung.state)},
          {"serves", rung.serves},
          {"healthy", rung.healthy},
          {"breaker", ladder::name_of(rung.breaker)},
          {"latency_us", rung.latency_ns / kMicrosecondNs},
          {"last_answer_age_ms", millis(rung.last_answer_age_ns)},
          {"restart_in_ms", millis(rung.restart_in_ns)},
          {"pid", worker.pid > 0 ? Json(worker.pid) : Json(nullptr)},
          {"memory_bytes", worker.memory_bytes > 0 ? Json(worker.memory_bytes) : Json(nullptr)},
          {"scrub",
           {{"blocks", worker.scrub.blocks},
            {"scrubbed", worker.scrub.scrubbed},
            {"flips_mended", worker.scrub.flips_mended},
            {"damage_found", worker.damage_found}}},
          {"last_trouble", rung.last_trouble},
          {"counters",
           {{"answers", c.answers},
            {"stale", c.stale},
            {"canaries", c.canaries},
            {"input_refused", c.input_refused},
            {"starts", c.starts},
            {"start_failures", c.start_failures},
            {"deaths", c.deaths},
            {"hangs", c.hangs},
            {"implausible", c.implausible},
            {"wrong", c.wrong},
            {"outvoted", c.outvoted}}}};
}

template <typename Reason, std::size_t N>
Json by_reason(const std::array<std::uint64_t, N>& counts) {
  Json out = Json::object();
  for (std::size_t i = 0; i < N; ++i) out[std::string(ports::name_of(static_cast<Reason>(i)))] = counts[i];
  return out;
}

Json model_json(const device::Device& device, std::uint32_t m, TimeNs now_ns, const HostFacts& facts) {
  const ladder::Ladder& l = device.ladder_of(m);
  Json rungs = Json::array();
  for (std::uint32_t r = 0; r < l.rungs(); ++r)
    rungs.push_back(rung_json(l.rung_status(now_ns, r), facts.worker(m, r)));
  const std::uint32_t active = l.active_rung(now_ns);
  return {{"name", device.model_name(m)},
          {"loaded", device.loaded(m)},
          {"ready", device.model_ready(now_ns, m)},
          {"strategy", ladder::name_of(l.strategy())},
          {"active_rung", active < l.rungs() ? Json(l.rung_status(now_ns, active).name) : Json(nullptr)},
          {"open_requests", l.open_requests()},
          {"rungs", rungs},
          {"counters",
           {{"admitted", l.counters().admitted},
            {"answered", by_reason<ports::AnswerReason>(l.counters().answered)},
            {"refused", by_reason<ports::RefusalReason>(l.counters().refused)},
            {"hedges", l.counters().hedges},
            {"rescues", l.counters().rescues},
            {"escalations", l.counters().escalations}}}};
}

using Labels = std::vector<std::pair<std::string, std::string>>;

// The metrics of all ladders, each a list of samples that grows model by model.
struct Collected {
  doors::Metric ready{
      "lichen_model_ready", "1 if something answered within the health period", doors::MetricKind::kGauge, {}};
  doors::Metric open{"lichen_open_requests", "Requests waiting and running", doors::MetricKind::kGauge, {}};
  doors::Metric admitted{"lichen_admitted_total", "Requests that the ladder took", doors::MetricKind::kCounter, {}};
  doors::Metric refused{
      "lichen_refused_total", "Requests that ended without an answer", doors::MetricKind::kCounter, {}};
  doors::Metric degraded{
      "lichen_answered_total", "Answers by the reason for their rung", doors::MetricKind::kCounter, {}};
  doors::Metric hedges{"lichen_hedges_total",
                       "Requests asked of a second rung because the first was slow",
                       doors::MetricKind::kCounter,
                       {}};
  doors::Metric rescues{"lichen_rescues_total",
                        "Requests asked of a second rung because their deadline came near",
                        doors::MetricKind::kCounter,
                        {}};
  doors::Metric escalations{"lichen_escalations_total",
                            "Requests asked of a better rung because the answer was not sure enough",
                            doors::MetricKind::kCounter,
                            {}};
  doors::Metric outvoted{"lichen_rung_outvoted_total",
                         "Answers of each rung that the majority did not agree with",
                         doors::MetricKind::kCounter,
                         {}};
  doors::Metric implausible{"lichen_rung_implausible_total",
                            "Answers of each rung that cannot be right, and were not given",
                            doors::MetricKind::kCounter,
                            {}};
  doors::Metric answers{"lichen_rung_answers_total", "Answers delivered by each rung", doors::MetricKind::kCounter, {}};
  doors::Metric serves{"lichen_rung_serves", "1 if the rung takes requests", doors::MetricKind::kGauge, {}};
  doors::Metric healthy{
      "lichen_rung_healthy", "1 if the rung answered within the health period", doors::MetricKind::kGauge, {}};
  doors::Metric latency{"lichen_rung_latency_seconds", "Learned mean time of one job", doors::MetricKind::kGauge, {}};
  doors::Metric memory{
      "lichen_worker_memory_bytes", "Memory of the rung's worker that is its own", doors::MetricKind::kGauge, {}};
  doors::Metric scrubbed{
      "lichen_scrubbed_blocks_total", "Blocks of weights whose sums were right", doors::MetricKind::kCounter, {}};
  doors::Metric mended{"lichen_flips_mended_total", "Flipped bits mended in place", doors::MetricKind::kCounter, {}};
  doors::Metric damage{"lichen_damage_found_total",
                       "Workers replaced because their weights were damaged beyond repair",
                       doors::MetricKind::kCounter,
                       {}};
  doors::Metric starts{"lichen_worker_starts_total", "Workers started", doors::MetricKind::kCounter, {}};
  doors::Metric ends{
      "lichen_worker_failures_total", "Workers that died, hung or could not start", doors::MetricKind::kCounter, {}};
};

void add(doors::Metric& metric, Labels labels, double value) {
  metric.samples.push_back({.labels = std::move(labels), .value = value, .buckets = {}});
}

void collect_rung(Collected& all, const std::string& model, const ladder::RungStatus& rung, const WorkerFacts& worker) {
  const Labels labels = {{"model", model}, {"rung", rung.name}};
  add(all.answers, labels, static_cast<double>(rung.counters.answers));
  add(all.serves, labels, rung.serves ? 1 : 0);
  add(all.healthy, labels, rung.healthy ? 1 : 0);
  add(all.latency, labels, static_cast<double>(rung.latency_ns) / 1e9);
  add(all.outvoted, labels, static_cast<double>(rung.counters.outvoted));
  add(all.implausible, labels, static_cast<double>(rung.counters.implausible));
  if (rung.kind == ladder::RungKind::kReflex) return;
  add(all.starts, labels, static_cast<double>(rung.counters.starts));
  if (worker.memory_bytes > 0) add(all.memory, labels, static_cast<double>(worker.memory_bytes));
  add(all.scrubbed, labels, static_cast<double>(worker.scrub.scrubbed));
  add(all.mended, labels, static_cast<double>(worker.scrub.flips_mended));
  add(all.damage, labels, static_cast<double>(worker.damage_found));
  const auto failures = [&](const char* reason, std::uint64_t count) {
    Labels with = labels;
    with.emplace_back("reason", reason);
    add(all.ends, std::move(with), static_cast<double>(count));
  };
  failures("died", rung.counters.deaths);
  failures("hung", rung.counters.hangs);
  failures("wrong", rung.counters.wrong);
  failures("start_failed", rung.counters.start_failures);
}

void collect_model(Collected& all, const device::Device& device, std::uint32_t m, TimeNs now_ns,
                   const WorkerFactsOf& worker) {
  const ladder::Ladder& l = device.ladder_of(m);
  const std::string& model = device.model_name(m);
  const Labels labels = {{"model", model}};
  const auto reason = [&](std::string_view name) { return Labels{{"model", model}, {"reason", std::string(name)}}; };
  add(all.ready, labels, device.model_ready(now_ns, m) ? 1 : 0);
  add(all.open, labels, l.open_requests());
  add(all.admitted, labels, static_cast<double>(l.counters().admitted));
  add(all.hedges, labels, static_cast<double>(l.counters().hedges));
  add(all.rescues, labels, static_cast<double>(l.counters().rescues));
  add(all.escalations, labels, static_cast<double>(l.counters().escalations));
  for (std::size_t i = 0; i < l.counters().refused.size(); ++i) {
    add(all.refused, reason(ports::name_of(static_cast<ports::RefusalReason>(i))),
        static_cast<double>(l.counters().refused[i]));
  }
  for (std::size_t i = 0; i < l.counters().answered.size(); ++i) {
    add(all.degraded, reason(ports::name_of(static_cast<ports::AnswerReason>(i))),
        static_cast<double>(l.counters().answered[i]));
  }
  for (std::uint32_t r = 0; r < l.rungs(); ++r) collect_rung(all, model, l.rung_status(now_ns, r), worker(m, r));
}

}  // namespace

Json status_json(const device::Device& device, TimeNs now_ns, const HostFacts& facts) {
  const device::StateStatus state = device.state();
  Json models = Json::array();
  for (std::uint32_t m = 0; m < device.models(); ++m) models.push_back(model_json(device, m, now_ns, facts));
  return {{"schema", "lichen.status.v1"},
          {"version", facts.version},
          {"ready", device.ready(now_ns)},
          {"uptime_ms", facts.uptime_ns / kMillisecondNs},
          // Models are plain files, not signed bundles: whoever can write them decides what is served.
          {"mode", "development"},
          {"sandbox", facts.sandboxed ? "required" : "off"},
          {"state",
           {{"phase", name_of(state.phase)},
            {"boot_id", state.boot_id},
            {"boot_id_durable", state.boot_id_durable},
            {"fault", state.fault ? to_json(*state.fault) : Json(nullptr)}}},
          {"models", models}};
}

doors::ModelState state_of(const device::Device& device, TimeNs now_ns, std::uint32_t model) {
  doors::ModelState state{.loaded = device.loaded(model), .failing = true};
  const ladder::Ladder& l = device.ladder_of(model);
  for (std::uint32_t r = 0; r < l.rungs(); ++r) {
    const ladder::RungStatus rung = l.rung_status(now_ns, r);
    if (state.trouble.empty()) state.trouble = rung.last_trouble;
    const bool waits = rung.state == ladder::RungState::kDown || rung.state == ladder::RungState::kUnloaded;
    state.failing = state.failing && waits;
  }
  return state;
}

std::uint64_t executions_of(const device::Device& device, TimeNs now_ns, std::uint32_t model) {
  std::uint64_t runs = 0;
  const ladder::Ladder& l = device.ladder_of(model);
  for (std::uint32_t r = 0; r < l.rungs(); ++r) {
    const ladder::RungCounters& c = l.rung_status(now_ns, r).counters;
    runs += c.answers + c.stale + c.input_refused;
  }
  return runs;
}

std::vector<doors::Metric> device_metrics(const device::Device& device, TimeNs now_ns, const WorkerFactsOf& worker) {
  Collected all;
  for (std::uint32_t m = 0; m < device.models(); ++m) collect_model(all, device, m, now_ns, worker);
  return {all.ready,   all.open,   all.admitted, all.refused, all.degraded, all.hedges, all.rescues,
          all.escalations, all.answers, all.serves, all.healthy,  all.latency, all.outvoted, all.implausible,
          all.starts,   all.ends,   all.memory,     all.scrubbed, all.mended,  all.damage};
}

}  // namespace lichen::lichend
