// SPDX-License-Identifier: Apache-2.0
#include "ladder_client.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/json.hpp"
#include "ladder_files.hpp"
#include "learn/scores.hpp"

namespace lichen::demo {
namespace {

constexpr unsigned kOk = 200;
constexpr unsigned kOverloaded = 429;
constexpr unsigned kUnavailable = 503;
constexpr unsigned kTimeout = 504;
constexpr std::size_t kClassesMax = 1'024;

std::unexpected<Error> odd_reply(std::string why) {
  return fail(Code::kBadInput, "odd reply", "device", std::move(why));
}

Json envelope(Encoding encoding, std::span<const float> image) {
  Json input = {{"name", "image"}, {"shape", {1, 8, 8, 1}}, {"datatype", "FP32"}};
  if (encoding == Encoding::kJson) {
    input["data"] = std::vector<float>(image.begin(), image.end());
    return {{"inputs", {std::move(input)}}};
  }
  input["parameters"] = {{"binary_data_size", image.size_bytes()}};
  return {{"inputs", {std::move(input)}}, {"parameters", {{"binary_data_output", true}}}};
}

Result<std::vector<float>> probabilities_of(const Json& output, std::string_view binary) {
  std::vector<float> values;
  if (output.contains("data")) {
    values = output.at("data").get<std::vector<float>>();
  } else if (binary.size() % sizeof(float) == 0 && binary.size() <= kClassesMax * sizeof(float)) {
    values.resize(binary.size() / sizeof(float));
    std::memcpy(values.data(), binary.data(), binary.size());
  }
  if (values.empty()) return odd_reply("an answer without probabilities");
  return values;
}

// nlohmann's accessors throw where a member is missing or of another type: one border for all of them.
template <typename Read>
auto guarded(Read read) -> decltype(read()) {
  try {
    return read();
  } catch (const Json::exception& e) {
    return odd_reply(e.what());
  }
}

}  // namespace

HttpRequest infer_request(std::span<const float> image, Encoding encoding, TimeNs deadline_ns) {
  HttpRequest request;
  request.method = "POST";
  request.target = fmt::format("/v2/models/{}/infer", kModelName);
  request.headers.emplace_back("X-Lichen-Deadline-Ms", std::to_string(deadline_ns / kMillisecondNs));
  request.body = envelope(encoding, image).dump();
  if (encoding == Encoding::kJson) {
    request.headers.emplace_back("Content-Type", "application/json");
    return request;
  }
  request.headers.emplace_back("Content-Type", "application/octet-stream");
  request.headers.emplace_back("Inference-Header-Content-Length", std::to_string(request.body.size()));
  request.body.append(reinterpret_cast<const char*>(image.data()), image.size_bytes());
  return request;
}

Result<InferReply> read_reply(const HttpResponse& response) {
  const std::size_t json_bytes = response.json_bytes == 0 ? response.body.size() : response.json_bytes;
  if (json_bytes > response.body.size()) return odd_reply("shorter than its header says");
  const std::string_view body = response.body;
  const Json json = LICHEN_TRY(parse_json(body.substr(0, json_bytes), "reply"));
  return guarded([&]() -> Result<InferReply> {
    InferReply reply;
    if (response.status == kOverloaded || response.status == kUnavailable || response.status == kTimeout) {
      reply.reason = json.at("lichen").value("reason", json.at("lichen").value("code", "unknown"));
      return reply;
    }
    if (response.status != kOk) return odd_reply(fmt::format("status {}: {}", response.status, body.substr(0, 200)));
    const Json& parameters = json.at("parameters");
    reply.answered = true;
    reply.rung = parameters.at("lichen_rung").get<std::string>();
    reply.reason = parameters.at("lichen_reason").get<std::string>();
    reply.agent_latency_ns = parameters.at("lichen_latency_us").get<std::int64_t>() * kMicrosecondNs;
    reply.digit = learn::top1(LICHEN_TRY(probabilities_of(json.at("outputs").at(0), body.substr(json_bytes))));
    return reply;
  });
}

const RungView* DeviceView::rung(std::string_view name) const {
  const auto found = std::ranges::find(rungs, name, &RungView::name);
  return found == rungs.end() ? nullptr : &*found;
}

Result<DeviceView> fetch_status(HttpClient& client, TimeNs patience_ns) {
  const HttpResponse response = LICHEN_TRY(client.exchange({"GET", "/lichen/v1/status", {}, {}}, patience_ns));
  const Json json = LICHEN_TRY(parse_json(response.body, "status"));
  return guarded([&]() -> Result<DeviceView> {
    const Json& model = json.at("models").at(0);
    DeviceView view;
    if (model.at("active_rung").is_string()) view.active_rung = model.at("active_rung").get<std::string>();
    for (const Json& rung : model.at("rungs")) {
      view.rungs.push_back({rung.at("name").get<std::string>(), rung.at("state").get<std::string>(),
                            rung.at("breaker").get<std::string>(), rung.at("serves").get<bool>(),
                            rung.at("pid").is_number() ? rung.at("pid").get<int>() : 0});
    }
    return view;
  });
}

}  // namespace lichen::demo
