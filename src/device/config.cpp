// SPDX-License-Identifier: Apache-2.0
#include "device/config.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>

// Header-only: the shared library of the distribution has only the throwing parser.
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "device/config_keys.hpp"

namespace lichen::device {
namespace {

constexpr int kThreadsMax = 16;  // what a session of the engine takes (kernels/threads.hpp)

// One table of the file. The first error stays; later reads then return their defaults.
class Section {
 public:
  Section(const toml::table& table, std::string section, std::string_view where, std::optional<Error>& error)
      : table_(table), section_(std::move(section)), where_(where), error_(error) {
    for (const auto& [key, node] : table) {
      if (!is_config_key(section_, key.str())) unknown(key.str(), node);
    }
  }

  std::string text(std::string_view key, std::string fallback) {
    return value<std::string>(key, std::move(fallback), "a string");
  }

  std::int64_t number(std::string_view key, std::int64_t fallback, std::int64_t min, std::int64_t max) {
    const auto found = value<std::int64_t>(key, fallback, "a whole number");
    if (found < min || found > max) bad(key, fmt::format("{} is not {} to {}", found, min, max));
    return found;
  }

  // A number with or without a point.
  double real(std::string_view key, double fallback, double min, double max) {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return fallback;
    const auto found = node->value<double>();
    if (!node->is_number() || !found) return bad(key, "not a number"), fallback;
    if (!(*found >= min && *found <= max)) return bad(key, fmt::format("{} is not {} to {}", *found, min, max)), fallback;
    return *found;
  }

  void milliseconds(std::string_view key, TimeNs& target) {
    constexpr std::int64_t kMsMax = 24 * kHourNs / kMillisecondNs;
    target = number(key, target / kMillisecondNs, 0, kMsMax) * kMillisecondNs;
  }

  template <typename T>
  std::vector<T> list(std::string_view key, std::string_view kind) {
    std::vector<T> out;
    const toml::node* node = table_.get(key);
    if (node == nullptr) return out;
    const toml::array* array = node->as_array();
    if (array == nullptr) {
      bad(key, fmt::format("not a list of {}", kind));
      return out;
    }
    for (const toml::node& element : *array) {
      const auto found = element.value_exact<T>();
      if (!found) {
        bad(key, fmt::format("not a list of {}", kind));
        return out;
      }
      out.push_back(*found);
    }
    return out;
  }

  // A list of pairs of numbers: [[0.5, 0.4], [0.9, 0.8]].
  std::vector<std::pair<double, double>> pairs(std::string_view key) {
    std::vector<std::pair<double, double>> out;
    const toml::node* node = table_.get(key);
    if (node == nullptr) return out;
    const toml::array* array = node->as_array();
    for (std::size_t i = 0; array != nullptr && i < array->size(); ++i) {
      const toml::array* pair = array->get(i)->as_array();
      if (pair == nullptr || pair->size() != 2 || !pair->get(0)->is_number() || !pair->get(1)->is_number()) {
        return bad(key, "not a list of pairs of numbers"), out;
      }
      out.emplace_back(pair->get(0)->value_or(0.0), pair->get(1)->value_or(0.0));
    }
    if (array == nullptr) bad(key, "not a list of pairs of numbers");
    return out;
  }

  // The tables of [[section.key]], or the one table of [section.key]; empty if there is none.
  std::vector<Section> tables(std::string_view key) {
    std::vector<Section> out;
    const toml::node* node = table_.get(key);
    if (node == nullptr) return out;
    const std::string inner = section_.empty() ? std::string(key) : fmt::format("{}.{}", section_, key);
    if (const toml::table* table = node->as_table()) {
      out.emplace_back(*table, inner, where_, error_);
      return out;
    }
    const toml::array* array = node->as_array();
    for (std::size_t i = 0; array != nullptr && i < array->size(); ++i) {
      const toml::table* table = array->get(i)->as_table();
      if (table == nullptr) return bad(key, "not a list of tables"), out;
      out.emplace_back(*table, inner, where_, error_);
    }
    if (array == nullptr) bad(key, "not a table");
    return out;
  }

  bool flag(std::string_view key, bool fallback) { return value<bool>(key, fallback, "true or false"); }

  [[nodiscard]] bool has(std::string_view key) const { return table_.contains(key); }

  void bad(std::string_view key, std::string why, std::string hint = "see lichend --explain-config") {
    if (error_) return;
    const toml::node* node = table_.get(key);
    const toml::source_region& at = node != nullptr ? node->source() : table_.source();
    const std::string name = section_.empty() ? std::string(key) : fmt::format("{}.{}", section_, key);
    error_ = Error{Code::kBadInput, "bad config", fmt::format("{}, line {}, {}", where_, at.begin.line, name),
                   std::move(why), std::move(hint)};
  }

 private:
  template <typename T>
  T value(std::string_view key, T fallback, std::string_view kind) {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return fallback;
    const auto found = node->value_exact<T>();
    if (!found) bad(key, fmt::format("not {}", kind));
    return found.value_or(fallback);
  }

  void unknown(std::string_view key, const toml::node& node) {
    if (error_) return;
    const std::string nearest = nearest_config_key(section_, key);
    error_ = Error{Code::kBadInput, "unknown key in config",
                   fmt::format("{}, line {}, {}{}{}", where_, node.source().begin.line, section_,
                               section_.empty() ? "" : ".", key),
                   "no such key",
                   nearest.empty() ? "see lichend --explain-config" : fmt::format("did you mean '{}'?", nearest)};
  }

  const toml::table& table_;
  std::string section_;
  std::string_view where_;
  std::optional<Error>& error_;
};

std::optional<tensor::DType> dtype_of(std::string_view oip_name) {
  constexpr std::array<std::pair<std::string_view, tensor::DType>, 8> kNames = {{{"FP32", tensor::DType::kF32},
                                                                                 {"FP16", tensor::DType::kF16},
                                                                                 {"INT8", tensor::DType::kI8},
                                                                                 {"UINT8", tensor::DType::kU8},
                                                                                 {"INT16", tensor::DType::kI16},
                                                                                 {"INT32", tensor::DType::kI32},
                                                                                 {"INT64", tensor::DType::kI64},
                                                                                 {"BOOL", tensor::DType::kBool}}};
  for (const auto& [name, dtype] : kNames) {
    if (name == oip_name) return dtype;
  }
  return std::nullopt;
}

std::vector<tensor::TensorSpec> read_tensors(Section& model, std::string_view key) {
  std::vector<tensor::TensorSpec> specs;
  for (Section& s : model.tables(key)) {
    tensor::TensorSpec spec;
    spec.name = s.text("name", "");
    if (spec.name.empty()) s.bad("name", "a tensor needs a name");
    const std::string dtype = s.text("dtype", "FP32");
    if (const auto known = dtype_of(dtype)) {
      spec.dtype = *known;
    } else {
      s.bad("dtype", fmt::format("'{}' is no datatype of the Open Inference Protocol that Lichen knows", dtype));
    }
    const std::vector<std::int64_t> dims = s.list<std::int64_t>("shape", "whole numbers");
    auto shape = tensor::Shape::make(dims, key);
    if (!shape) {
      s.bad("shape", shape.error().why);
    } else if (!s.has("shape") || shape->elements() == 0) {
      s.bad("shape", "a tensor needs a shape with at least one element");
    } else {
      spec.shape = *shape;
    }
    specs.push_back(std::move(spec));
  }
  return specs;
}

bool is_model_name(std::string_view name) {
  constexpr std::size_t kNameBytesMax = 128;
  return !name.empty() && name.size() <= kNameBytesMax && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
}

Ppm ppm_of(double share) {
  return static_cast<Ppm>(std::lround(share * kWholePpm));
}

ladder::Strategy read_strategy(Section& s) {
  constexpr std::array kStrategies = {ladder::Strategy::kBestFirst, ladder::Strategy::kVote, ladder::Strategy::kCascade};
  const std::string text = s.text("strategy", std::string(ladder::name_of(kStrategies.front())));
  const auto at = std::ranges::find(kStrategies, text, [](ladder::Strategy one) { return ladder::name_of(one); });
  if (at != kStrategies.end()) return *at;
  s.bad("strategy", fmt::format("'{}' is none of \"best\", \"vote\", \"cascade\"", text));
  return kStrategies.front();
}

std::vector<protocol::Range> read_ranges(Section& model) {
  std::vector<protocol::Range> ranges;
  for (Section& s : model.tables("output")) {
    protocol::Range range;
    constexpr double kNoLimit = std::numeric_limits<double>::infinity();
    range.min = s.real("min", range.min, -kNoLimit, kNoLimit);
    range.max = s.real("max", range.max, -kNoLimit, kNoLimit);
    range.finite = s.flag("finite", true);
    if (range.min > range.max) s.bad("min", fmt::format("{} is above max, {}", range.min, range.max));
    ranges.push_back(range);
  }
  return ranges;
}

std::vector<protocol::CalibrationPoint> read_calibration(Section& s) {
  std::vector<protocol::CalibrationPoint> points;
  for (const auto& [confidence, accuracy] : s.pairs("calibration")) {
    const bool within = confidence >= 0 && confidence <= 1 && accuracy >= 0 && accuracy <= 1;
    const bool grows = points.empty() || ppm_of(confidence) > points.back().confidence;
    if (!within || !grows || points.size() >= protocol::kCalibrationPointsMax) {
      s.bad("calibration", fmt::format("needs up to {} pairs [confidence, accuracy] from 0 to 1, in growing confidence",
                                       protocol::kCalibrationPointsMax));
      return {};
    }
    points.push_back({.confidence = ppm_of(confidence), .accuracy = ppm_of(accuracy)});
  }
  return points;
}

// A cascade needs to know how sure an answer is.
void check_strategy(Section& s, const ModelConfig& model) {
  const bool probabilities = model.contract.output_kind == protocol::OutputKind::kProbabilities;
  if (model.ladder.strategy == ladder::Strategy::kCascade && !probabilities)
    s.bad("name", "strategy = \"cascade\" needs kind = \"probabilities\": other answers have no confidence");
}

void read_ladder(Section& s, ladder::LadderConfig& l) {
  l.strategy = read_strategy(s);
  l.vote_rungs = static_cast<std::uint32_t>(s.number("vote_rungs", l.vote_rungs, 2, ports::kRungsMax));
  l.confident_ppm = ppm_of(s.real("cascade_confidence", l.confident_ppm / 1e6, 1e-6, 1));
  s.milliseconds("check_period_ms", l.check_period_ns);
  l.open_requests_max = static_cast<std::uint32_t>(s.number("open_requests_max", l.open_requests_max, 1, 4096));
  s.milliseconds("reserve_ms", l.reserve_ns);
  s.milliseconds("health_period_ms", l.health_period_ns);
  s.milliseconds("step_up_dwell_ms", l.step_up_dwell_ns);
  l.workers_loaded_max =
      static_cast<std::uint32_t>(s.number("workers_loaded_max", l.workers_loaded_max, 1, ports::kRungsMax));
  l.hedge_budget_ppm = static_cast<Ppm>(s.number("hedge_budget_ppm", l.hedge_budget_ppm, 0, kWholePpm));
  s.milliseconds("hedge_delay_min_ms", l.hedge_delay_min_ns);
  ladder::BreakerConfig& b = l.breaker;
  b.failures_max =
      static_cast<std::uint32_t>(s.number("breaker_failures_max", b.failures_max, 1, ladder::kBreakerFailuresMax));
  s.milliseconds("breaker_window_ms", b.window_ns);
  s.milliseconds("breaker_open_ms", b.open_ns);
  s.milliseconds("breaker_open_max_ms", b.open_max_ns);
  s.milliseconds("backoff_ms", b.backoff_ns);
  s.milliseconds("backoff_max_ms", b.backoff_max_ns);
}

void read_rung(Section& s, ModelConfig& model) {
  ladder::RungConfig rung;
  RungFiles files;
  rung.name = s.text("name", "");
  if (!is_model_name(rung.name)) s.bad("name", "a rung needs a name of letters, digits, '.', '_', '-'");
  if (model.contract.rung_named(rung.name)) s.bad("name", fmt::format("two rungs are called '{}'", rung.name));
  files.file = s.text("file", "");
  files.reflex = s.text("reflex", "");
  if (files.file.empty() == files.reflex.empty()) s.bad("name", "a rung needs either a file or a reflex table");
  rung.kind = files.reflex.empty() ? ladder::RungKind::kWorker : ladder::RungKind::kReflex;
  files.threads = static_cast<std::uint32_t>(s.number("threads", 1, 1, kThreadsMax));
  files.memory_bytes_max = static_cast<std::uint64_t>(s.number("memory_mb", 0, 0, 1 << 20)) << 20;
  if (s.has("cpu")) files.cpu = static_cast<std::uint32_t>(s.number("cpu", 0, 0, 4095));
  s.milliseconds("expected_ms", rung.expected_ns);
  s.milliseconds("hang_timeout_ms", rung.hang_timeout_ns);
  s.milliseconds("start_timeout_ms", rung.start_timeout_ns);
  model.contract.calibration.push_back(read_calibration(s));
  model.contract.rung_names.push_back(rung.name);
  model.ladder.rungs.push_back(std::move(rung));
  model.files.push_back(std::move(files));
}

ModelConfig read_model(Section& s, std::string_view where) {
  ModelConfig model;
  protocol::Contract& contract = model.contract;
  contract.model = s.text("name", "");
  if (!is_model_name(contract.model)) s.bad("name", "a model needs a name of letters, digits, '.', '_', '-'");
  contract.version = s.text("version", "1");
  if (!is_model_name(contract.version)) s.bad("version", "letters, digits, '.', '_', '-' only");
  const std::string kind = s.text("kind", "plain");
  if (kind != "plain" && kind != "probabilities")
    s.bad("kind", fmt::format("'{}' is neither \"plain\" nor \"probabilities\"", kind));
  contract.output_kind = kind == "probabilities" ? protocol::OutputKind::kProbabilities : protocol::OutputKind::kPlain;
  contract.labels = s.list<std::string>("labels", "strings");
  contract.inputs = read_tensors(s, "input");
  contract.outputs = read_tensors(s, "output");
  contract.output_ranges = read_ranges(s);
  contract.tolerance = s.real("tolerance", contract.tolerance, 0, 1);
  model.canary = s.text("canary", "");
  for (const auto* side : {&contract.inputs, &contract.outputs}) {
    if (side->empty() || side->size() > protocol::kContractTensorsMax) {
      s.bad("name", fmt::format("a model needs 1 to {} of [[model.input]] and of [[model.output]]",
                                protocol::kContractTensorsMax));
    } else if (tensor::bytes_of_all(*side) > protocol::kContractBytesMax) {
      s.bad("name", fmt::format("its tensors take more than {} bytes", protocol::kContractBytesMax));
    }
  }
  for (Section& rung : s.tables("rung")) read_rung(rung, model);
  for (Section& ladder : s.tables("ladder")) read_ladder(ladder, model.ladder);
  check_strategy(s, model);
  if (auto ok = ladder::check(model.ladder, where); !ok) s.bad("name", ok.error().where + ": " + ok.error().why);
  return model;
}

void read_server(Section& s, ServerConfig& server) {
  if (s.has("listen")) server.listen = s.list<std::string>("listen", "strings");
  if (server.listen.empty()) s.bad("listen", "at least one address is needed");
  for (const std::string& address : server.listen) {
    if (address.starts_with("unix:")) continue;
    if (auto ok = parse_host_port(address, "listen"); !ok) s.bad("listen", ok.error().why);
  }
  s.milliseconds("deadline_default_ms", server.deadline_default_ns);
  s.milliseconds("deadline_max_ms", server.deadline_max_ns);
  server.connections_max = static_cast<std::uint32_t>(s.number("connections_max", server.connections_max, 1, 65536));
  server.client_connections_max =
      static_cast<std::uint32_t>(s.number("client_connections_max", server.client_connections_max, 0, 65536));
  server.client_requests_max =
      static_cast<std::uint32_t>(s.number("client_requests_max", server.client_requests_max, 1, 65536));
  const std::string mode = s.text("unix_mode", "0660");
  const auto [end, error] = std::from_chars(mode.data(), mode.data() + mode.size(), server.unix_mode, 8);
  if (error != std::errc() || end != mode.data() + mode.size() || server.unix_mode > 0777)
    s.bad("unix_mode", fmt::format("'{}' is no mode; write it in octal, as in \"0660\"", mode));
  server.shared_memory = s.flag("shared_memory", server.shared_memory);
  server.model_control = s.flag("model_control", server.model_control);
}

void read_worker(Section& s, WorkerConfig& worker) {
  worker.program = s.text("program", "");
  const std::string sandbox = s.text("sandbox", "required");
  if (sandbox != "required" && sandbox != "off")
    s.bad("sandbox", fmt::format("'{}' is neither \"required\" nor \"off\"", sandbox));
  worker.sandbox = sandbox == "required";
  worker.memory_bytes_max = static_cast<std::uint64_t>(s.number("memory_mb", 512, 1, 1 << 20)) << 20;
  worker.spin_ns_max = static_cast<std::uint32_t>(s.number("spin_us", 50, 0, 1000) * kMicrosecondNs);
  s.milliseconds("scrub_period_ms", worker.scrub_period_ns);
}

}  // namespace

Result<HostPort> parse_host_port(std::string_view text, std::string_view where) {
  const auto bad = [&] {
    return fail(Code::kBadInput, "bad address", std::string(where), fmt::format("'{}' is not HOST:PORT", text),
                "write it as 127.0.0.1:8080 or [::1]:8080");
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return bad();
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  HostPort out{.host = std::string(host), .port = 0};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
  if (error != std::errc() || end != digits.data() + digits.size() || host.empty()) return bad();
  return out;
}

Result<DeviceConfig> parse_config(std::string_view toml_text, std::string_view where) {
  if (toml_text.size() > kConfigBytesMax) {
    return fail(Code::kBadInput, "bad config", std::string(where),
                fmt::format("longer than {} bytes", kConfigBytesMax));
  }
  const toml::parse_result parsed = toml::parse(toml_text);
  if (!parsed) {
    return fail(Code::kBadInput, "bad config",
                fmt::format("{}, line {}, column {}", where, parsed.error().source().begin.line,
                            parsed.error().source().begin.column),
                std::string(parsed.error().description()), "mend the TOML there");
  }
  std::optional<Error> error;
  DeviceConfig config;
  Section root(parsed.table(), "", where, error);
  for (Section& s : root.tables("server")) read_server(s, config.server);
  for (Section& s : root.tables("state")) config.state_directory = s.text("directory", config.state_directory);
  for (Section& s : root.tables("worker")) read_worker(s, config.worker);
  for (Section& s : root.tables("model")) {
    ModelConfig model = read_model(s, where);
    const bool twice = std::ranges::any_of(
        config.models, [&](const ModelConfig& m) { return m.contract.model == model.contract.model; });
    if (twice) s.bad("name", fmt::format("two models are called '{}'", model.contract.model));
    config.models.push_back(std::move(model));
  }
  if (config.models.empty()) root.bad("model", "there is no [[model]]");
  if (config.models.size() > kModelsMax) root.bad("model", fmt::format("more than {} models", kModelsMax));
  if (error) return std::unexpected(std::move(*error));
  return config;
}

}  // namespace lichen::device
