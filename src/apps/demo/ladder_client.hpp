// SPDX-License-Identifier: Apache-2.0
// The Open Inference Protocol as the demo's clients speak it: one image in, probabilities out, in JSON or in binary;
// and the device's status.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "http_client.hpp"

namespace lichen::demo {

enum class Encoding { kJson, kBinary };

[[nodiscard]] HttpRequest infer_request(std::span<const float> image, Encoding encoding, TimeNs deadline_ns);

// What came back: an answer with its label, or an explicit refusal.
struct InferReply {
  bool answered = false;
  std::string rung;
  std::string reason;  // of the rung, or of the refusal
  std::uint32_t digit = 0;
  TimeNs agent_latency_ns = 0;  // from admission to answer, as the agent says
};
// kBadInput: a reply that the protocol does not allow.
[[nodiscard]] Result<InferReply> read_reply(const HttpResponse& response);

struct RungView {
  std::string name;
  std::string state;
  std::string breaker;
  bool serves = false;
  int pid = 0;  // 0: no worker
};
struct DeviceView {
  std::string active_rung;  // empty: none
  std::vector<RungView> rungs;

  [[nodiscard]] const RungView* rung(std::string_view name) const;
};
[[nodiscard]] Result<DeviceView> fetch_status(HttpClient& client, TimeNs patience_ns);

}  // namespace lichen::demo
