// SPDX-License-Identifier: Apache-2.0
#include "protocol/oip_model.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/assert.hpp"
#include "base/json.hpp"
#include "protocol/json_cursor.hpp"
#include "protocol/oip.hpp"

namespace lichen::protocol {
namespace {

constexpr std::string_view kSource = "request body";

std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json tensors_json(const std::vector<tensor::TensorSpec>& specs) {
  Json all = Json::array();
  for (const tensor::TensorSpec& spec : specs) {
    const auto dims = spec.shape.dims();
    all.push_back({{"name", spec.name},
                   {"data_type", fmt::format("TYPE_{}", oip_name_of(spec.dtype))},
                   {"dims", std::vector<std::int64_t>(dims.begin(), dims.end())}});
  }
  return all;
}

Json duration_json(const DurationStatistic& statistic) {
  return {{"count", statistic.count}, {"ns", statistic.total_ns}};
}

Json statistics_json(const Contract& contract, const ModelStatistics& s) {
  Json batches = Json::array();
  if (s.success.count > 0) {
    batches.push_back({{"batch_size", 1},
                       {"compute_input", duration_json(s.compute_input)},
                       {"compute_infer", duration_json(s.compute_infer)},
                       {"compute_output", duration_json(s.compute_output)}});
  }
  const DurationStatistic none;
  return {{"name", contract.model},
          {"version", contract.version},
          {"last_inference", s.last_inference_ms},
          {"inference_count", s.success.count},
          {"execution_count", s.executions},
          {"inference_stats",
           {{"success", duration_json(s.success)},
            {"fail", duration_json(s.fail)},
            {"queue", duration_json(none)},
            {"compute_input", duration_json(s.compute_input)},
            {"compute_infer", duration_json(s.compute_infer)},
            {"compute_output", duration_json(s.compute_output)},
            {"cache_hit", duration_json(none)},
            {"cache_miss", duration_json(none)}}},
          {"batch_stats", batches},
          {"memory_usage", Json::array()},
          {"response_stats", Json::object()}};
}

std::string_view without_space(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

}  // namespace

std::string encode_model_config(const Contract& contract) {
  return dump({{"name", contract.model},
               {"platform", ""},
               {"backend", "lichen"},
               {"version_policy", {{"specific", {{"versions", Json::array({contract.version})}}}}},
               {"max_batch_size", 0},
               {"input", tensors_json(contract.inputs)},
               {"output", tensors_json(contract.outputs)},
               {"parameters",
                {{"lichen_rungs", {{"string_value", fmt::format("{}", fmt::join(contract.rung_names, ","))}}}}},
               {"model_transaction_policy", {{"decoupled", false}}}});
}

std::string encode_statistics(std::span<const Contract> contracts, std::span<const ModelStatistics> statistics) {
  LICHEN_ASSERT(contracts.size() == statistics.size());
  Json all = Json::array();
  for (std::size_t i = 0; i < contracts.size(); ++i) all.push_back(statistics_json(contracts[i], statistics[i]));
  return dump({{"model_stats", std::move(all)}});
}

std::string encode_repository_index(std::span<const RepositoryEntry> entries) {
  Json all = Json::array();
  for (const RepositoryEntry& entry : entries) {
    all.push_back({{"name", entry.name},
                   {"version", entry.version},
                   {"state", entry.ready ? "READY" : "UNAVAILABLE"},
                   {"reason", entry.reason}});
  }
  return dump(all);
}

Result<bool> parse_index_request(std::string_view body) {
  bool ready = false;
  if (without_space(body).empty()) return ready;
  JsonCursor cursor(body, kSource);
  const auto member = [&](const std::string& key) -> Result<void> {
    if (key != "ready") return cursor.skip();
    ready = LICHEN_TRY(cursor.boolean());
    return {};
  };
  LICHEN_TRY(cursor.each_member(member));
  LICHEN_TRY(cursor.expect_end());
  return ready;
}

Result<void> check_load_request(std::string_view body) {
  if (without_space(body).empty()) return {};
  JsonCursor cursor(body, kSource);
  const auto parameter = [&](const std::string& name) -> Result<void> {
    if (name == "config" || name.starts_with("file:")) {
      return fail(Code::kUnsupported, "cannot load the model", cursor.where(),
                  "configuration and files are not taken from clients",
                  "change the files on the device, and load without parameters");
    }
    return cursor.skip();
  };
  LICHEN_TRY(cursor.each_member([&](const std::string& key) {
    return key == "parameters" ? cursor.each_member(parameter) : cursor.skip();
  }));
  return cursor.expect_end();
}

}  // namespace lichen::protocol
