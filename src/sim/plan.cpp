// SPDX-License-Identifier: Apache-2.0
#include "sim/plan.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "base/assert.hpp"

namespace lichen::sim {
namespace {

constexpr TimeNs kTailNs = 2 * kSecondNs;  // after the last request: ordinary deadlines have passed
constexpr std::uint64_t kShapePurpose = 2;
constexpr std::uint32_t kAsUsualPpm = 500'000;  // of a swarm's numbers
constexpr std::int64_t kUsualRatePercent = 100;
constexpr std::array<std::int64_t, 4> kRates = {25, 50, 200, 600};

constexpr TimeNs kMs = kMillisecondNs;

// A number between two, small and large ones alike often: first its octave, then its place there.
std::int64_t between_octaves(fakes::SeededRandom& random, std::int64_t low, std::int64_t high) {
  std::int64_t octaves = 0;
  while (((low + 1) << (octaves + 1)) <= high) ++octaves;
  const std::int64_t from = std::max(low, ((low + 1) << random.between(0, octaves)) - 1);
  return random.between(from, std::min(high, 2 * from + 1));
}

}  // namespace

const std::vector<ShapeField>& shape_fields() {
  static const std::vector<ShapeField> kFields = {
      {"worker_rungs_min", &Shape::worker_rungs_min, 1, 1, 2},
      {"worker_rungs_max", &Shape::worker_rungs_max, 3, 2, 5},
      {"reflex_ppm", &Shape::reflex_ppm, 600'000, 0, 1'000'000},
      {"queue_min", &Shape::queue_min, 8, 1, 8},
      {"queue_max", &Shape::queue_max, 64, 8, 256},
      {"workers_loaded_max", &Shape::workers_loaded_max, 2, 1, 3},
      {"health_period_ns", &Shape::health_period_ns, 30 * kSecondNs, 5 * kSecondNs, 2 * kMinuteNs},
      {"step_up_dwell_ns", &Shape::step_up_dwell_ns, kSecondNs, 10 * kMs, 20 * kSecondNs},
      {"hedge_budget_ppm", &Shape::hedge_budget_ppm, 50'000, 0, 200'000},
      {"reserve_ns", &Shape::reserve_ns, 2 * kMs, kMs, 10 * kMs},
      {"hang_timeout_ns", &Shape::hang_timeout_ns, 2 * kSecondNs, 200 * kMs, 10 * kSecondNs},
      {"start_timeout_ns", &Shape::start_timeout_ns, 20 * kSecondNs, kSecondNs, 60 * kSecondNs},
      {"breaker_failures_max", &Shape::breaker_failures_max, 3, 1, 8},
      {"breaker_window_ns", &Shape::breaker_window_ns, 60 * kSecondNs, 10 * kSecondNs, 5 * kMinuteNs},
      {"breaker_open_ns", &Shape::breaker_open_ns, 10 * kSecondNs, kSecondNs, 60 * kSecondNs},
      {"breaker_open_max_ns", &Shape::breaker_open_max_ns, 5 * kMinuteNs, 60 * kSecondNs, 5 * kMinuteNs},
      {"request_every_ns", &Shape::request_every_ns, 10 * kSecondNs, kSecondNs / 2, 30 * kSecondNs},
      {"deadline_min_ns", &Shape::deadline_min_ns, 20 * kMs, 5 * kMs, 100 * kMs},
      {"deadline_max_ns", &Shape::deadline_max_ns, kSecondNs, 600 * kMs, 10 * kSecondNs},
      {"min_rung_ppm", &Shape::min_rung_ppm, 100'000, 0, 500'000},
      {"start_ns", &Shape::start_ns, 30 * kMs, 2 * kMs, 400 * kMs},
      {"job_ns", &Shape::job_ns, 8 * kMs, kMs / 2, 60 * kMs},
      {"kill_ns", &Shape::kill_ns, 300 * kMicrosecondNs, 50 * kMicrosecondNs, 200 * kMs},
      {"fault_lasts_max_ns", &Shape::fault_lasts_max_ns, 5 * kMinuteNs, 10 * kSecondNs, 20 * kMinuteNs},
      {"core_ppm", &Shape::core_ppm, 250'000, 0, 800'000},
      {"lost_ppm", &Shape::lost_ppm, 50'000, 0, 300'000},
      {"vote_ppm", &Shape::vote_ppm, 150'000, 0, 500'000},
      {"cascade_ppm", &Shape::cascade_ppm, 150'000, 0, 500'000},
      {"cloud_ppm", &Shape::cloud_ppm, 200'000, 0, 600'000},
  };
  return kFields;
}

Shape plain_shape() {
  Shape shape;
  for (const ShapeField& field : shape_fields()) shape.*field.value = field.plain;
  shape.fault_rate_percent.fill(kUsualRatePercent);
  return shape;
}

Shape swarm_shape(std::uint64_t seed) {
  Shape shape = plain_shape();
  fakes::SeededRandom random(seed, ~0ull, kShapePurpose);
  for (const ShapeField& field : shape_fields()) {
    const bool as_usual = random.chance(kAsUsualPpm);
    const std::int64_t chosen = between_octaves(random, field.low, field.high);
    if (!as_usual) shape.*field.value = chosen;
  }
  for (std::int64_t& rate : shape.fault_rate_percent) {
    const bool as_usual = random.chance(kAsUsualPpm);
    const std::int64_t chosen = kRates[static_cast<std::size_t>(random.below(kRates.size()))];
    if (!as_usual) rate = chosen;
  }
  return shape;
}

std::string to_text(const Shape& shape) {
  std::string text;
  const auto add = [&](const std::string& what) {
    if (!text.empty()) text += ", ";
    text += what;
  };
  for (const ShapeField& field : shape_fields()) {
    const std::int64_t value = shape.*field.value;
    if (value == field.plain) continue;
    const bool time = field.name.ends_with("_ns");
    const std::string_view name = field.name.substr(0, field.name.size() - (time ? 3 : 0));
    add(time ? fmt::format("{} {:g} s", name, static_cast<double>(value) / 1e9) : fmt::format("{} {}", name, value));
  }
  for (std::uint32_t kind = 0; kind < kFaultKinds; ++kind) {
    if (shape.fault_rate_percent[kind] == kUsualRatePercent) continue;
    add(fmt::format("{} at {} %", fault_row(kind).name, shape.fault_rate_percent[kind]));
  }
  return text.empty() ? "plain" : text;
}

Plan plan_of(const Options& options) {
  LICHEN_ASSERT(options.devices >= 1 && options.devices <= kDevicesMax);
  LICHEN_ASSERT(options.hours >= 1 && options.hours <= kHoursMax);
  Plan plan;
  plan.seed = options.seed;
  for (std::uint32_t d = 0; d < options.devices; ++d) plan.devices.push_back(d);
  plan.end_ns = static_cast<TimeNs>(options.hours) * kHourNs;
  plan.faults_until_ns = plan.end_ns - kHealNs;
  plan.requests_until_ns = plan.end_ns - kTailNs;
  plan.faults = options.faults ? *options.faults : swarm_faults(options.seed);
  plan.shape = options.shape == ShapeChoice::kSwarm ? swarm_shape(options.seed) : plain_shape();
  if (options.request_every_ns > 0) plan.shape.request_every_ns = options.request_every_ns;
  return plan;
}

Json to_json(const Plan& plan) {
  Json shape = Json::object();
  for (const ShapeField& field : shape_fields()) shape[std::string(field.name)] = plan.shape.*field.value;
  Json rates = Json::object();
  for (std::uint32_t kind = 0; kind < kFaultKinds; ++kind) {
    rates[std::string(fault_row(kind).name)] = plan.shape.fault_rate_percent[kind];
  }
  Json json = {{"schema", "lichen.sim.world.v1"},
               {"seed", plan.seed},
               {"devices", plan.devices},
               {"requests_from_ns", plan.requests_from_ns},
               {"requests_until_ns", plan.requests_until_ns},
               {"faults_until_ns", plan.faults_until_ns},
               {"end_ns", plan.end_ns},
               {"liveness", plan.liveness},
               {"faults", faults_to_text(plan.faults)},
               {"shape", std::move(shape)},
               {"fault_rate_percent", std::move(rates)}};
  if (!plan.strikes) return json;
  Json strikes = Json::array();
  for (const Strike& s : *plan.strikes) {
    strikes.push_back({{"device", s.device},
                       {"fault", fault_row(s.kind).name},
                       {"number", s.number},
                       {"at_ns", s.at_ns},
                       {"lasts_ns", s.lasts_ns},
                       {"severity_ppm", s.severity_ppm},
                       {"draw", s.draw}});
  }
  json["strikes"] = std::move(strikes);
  return json;
}

namespace {

constexpr TimeNs kTimeMaxNs = static_cast<TimeNs>(kHoursMax) * kHourNs;

// Reads numbers out of objects and remembers the first key that is missing or out of range.
class Reader {
 public:
  explicit Reader(const Json& json) : json_(json) {}

  template <typename Int>
  Int number(const Json& object, std::string_view key, Int low, Int high) {
    const auto at = object.is_object() ? object.find(key) : object.end();
    if (!object.is_object() || at == object.end() || !at->is_number_integer()) return bad(key, "no whole number"), low;
    const auto within = [&](auto value) { return !std::cmp_less(value, low) && !std::cmp_greater(value, high); };
    const bool ok =
        at->is_number_unsigned() ? within(at->template get<std::uint64_t>()) : within(at->template get<std::int64_t>());
    if (!ok) return bad(key, "out of range"), low;
    return at->template get<Int>();
  }
  TimeNs time(const Json& object, std::string_view key) { return number<TimeNs>(object, key, -kTimeMaxNs, kTimeMaxNs); }
  [[nodiscard]] const Json& object(std::string_view key) {
    const auto at = json_.find(key);
    if (at != json_.end() && at->is_object()) return *at;
    bad(key, "no object");
    return json_;
  }
  void bad(std::string_view key, std::string_view why) {
    if (trouble_.empty()) trouble_ = fmt::format("\"{}\": {}", key, why);
  }
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

 private:
  const Json& json_;
  std::string trouble_;
};

Strike strike_from(Reader& reader, const Json& json) {
  Strike s;
  s.device = reader.number<std::uint32_t>(json, "device", 0, kDevicesMax);
  const auto fault = json.is_object() ? json.find("fault") : json.end();
  const bool named = json.is_object() && fault != json.end() && fault->is_string();
  const auto kind = named ? kind_of(fault->get<std::string>()) : std::nullopt;
  if (kind) {
    s.kind = *kind;
  } else {
    reader.bad("fault", "no known fault");
  }
  s.number = reader.number<std::uint32_t>(json, "number", 0, ~0u);
  s.at_ns = reader.time(json, "at_ns");
  s.lasts_ns = reader.time(json, "lasts_ns");
  s.severity_ppm = reader.number<std::uint32_t>(json, "severity_ppm", 0, static_cast<std::uint32_t>(kWholePpm));
  s.draw = reader.number<std::uint64_t>(json, "draw", 0, std::numeric_limits<std::uint64_t>::max());
  return s;
}

void shape_from(Reader& reader, Shape& shape) {
  const Json& fields = reader.object("shape");
  for (const ShapeField& field : shape_fields()) {
    if (!fields.contains(field.name)) continue;  // of a version that did not know it: as usual
    shape.*field.value = reader.number<std::int64_t>(fields, field.name, std::min(field.low, field.plain),
                                                     std::max(field.high, field.plain));
  }
  const Json& rates = reader.object("fault_rate_percent");
  for (std::uint32_t kind = 0; kind < kFaultKinds; ++kind) {
    if (!rates.contains(fault_row(kind).name)) continue;
    shape.fault_rate_percent[kind] = reader.number<std::int64_t>(rates, fault_row(kind).name, 1, 10'000);
  }
}

}  // namespace

Result<Plan> plan_from_json(const Json& json, std::string_view where) {
  const auto bad = [&](const std::string& why) {
    return fail(Code::kBadInput, "not a world file", std::string(where), why,
                "take one that `lichen sim shrink` wrote");
  };
  if (!json.is_object() || json.value("schema", "") != "lichen.sim.world.v1") return bad("\"schema\" is another");
  Reader reader(json);
  Plan plan;
  plan.shape = plain_shape();
  plan.seed = reader.number<std::uint64_t>(json, "seed", 0, std::numeric_limits<std::uint64_t>::max());
  plan.requests_from_ns = reader.time(json, "requests_from_ns");
  plan.requests_until_ns = reader.time(json, "requests_until_ns");
  plan.faults_until_ns = reader.time(json, "faults_until_ns");
  plan.end_ns = reader.time(json, "end_ns");
  const auto liveness = json.find("liveness");
  plan.liveness = liveness != json.end() && liveness->is_boolean() && liveness->get<bool>();
  const auto faults = json.find("faults");
  if (faults == json.end() || !faults->is_string()) return bad("\"faults\": no text");
  plan.faults = LICHEN_TRY(parse_faults(faults->get<std::string>())).value_or(kNoFaults);
  shape_from(reader, plan.shape);
  const auto devices = json.find("devices");
  if (devices == json.end() || !devices->is_array() || devices->empty()) return bad("\"devices\": no list");
  for (const Json& device : *devices) {
    if (!device.is_number_unsigned() || device.get<std::uint64_t>() > kDevicesMax) return bad("\"devices\": no number");
    plan.devices.push_back(device.get<std::uint32_t>());
  }
  if (const auto strikes = json.find("strikes"); strikes != json.end()) {
    if (!strikes->is_array()) return bad("\"strikes\": no list");
    plan.strikes.emplace();
    for (const Json& strike : *strikes) plan.strikes->push_back(strike_from(reader, strike));
  }
  if (!reader.trouble().empty()) return bad(reader.trouble());
  if (plan.end_ns <= 0 || plan.faults_until_ns > plan.end_ns) return bad("\"end_ns\": before \"faults_until_ns\"");
  return plan;
}

}  // namespace lichen::sim
