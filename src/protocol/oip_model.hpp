// SPDX-License-Identifier: Apache-2.0
// Codec of the extensions of the Open Inference Protocol that are about models: configuration, statistics and the model
// repository (github.com/triton-inference-server/server, docs/protocol). No sockets, no clock.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/units.hpp"
#include "protocol/contract.hpp"

namespace lichen::protocol {

// The contract in the form of Triton's ModelConfig, which clients read shapes, datatypes and batching from. There is no
// batching here: shapes are exact, so max_batch_size is 0.
[[nodiscard]] std::string encode_model_config(const Contract& contract);

struct DurationStatistic {
  std::uint64_t count = 0;
  TimeNs total_ns = 0;

  void add(TimeNs ns) {
    ++count;
    total_ns += ns;
  }
};

// What happened to a model's requests at this door since it opened.
struct ModelStatistics {
  std::int64_t last_inference_ms = 0;  // wall clock, as good as the device's; 0: none, or not known
  std::uint64_t executions = 0;        // of the model, for requests; with hedges more than there are answers
  DurationStatistic success;           // from the complete request to the reply
  DurationStatistic fail;              // refused, malformed, or too late
  DurationStatistic compute_input;     // of successes: reading the request
  DurationStatistic compute_infer;     // in the ladder: waiting for a rung, and its answer
  DurationStatistic compute_output;    // writing the reply
};

// `contracts` and `statistics` side by side; one of each for a request about one model.
[[nodiscard]] std::string encode_statistics(std::span<const Contract> contracts,
                                            std::span<const ModelStatistics> statistics);

struct RepositoryEntry {
  std::string_view name;
  std::string_view version;
  bool ready = false;
  std::string reason;  // why it is not
};
[[nodiscard]] std::string encode_repository_index(std::span<const RepositoryEntry> entries);

// {"ready": true}: only models that are ready. An empty body asks for all.
[[nodiscard]] Result<bool> parse_index_request(std::string_view body);

// Load and unload requests: an object, or nothing. kUnsupported for what would bring a model's configuration or files
// along: a device serves what its owner put there.
[[nodiscard]] Result<void> check_load_request(std::string_view body);

}  // namespace lichen::protocol
