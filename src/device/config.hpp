// SPDX-License-Identifier: Apache-2.0
// device.toml: what a device serves, and how. Text in, checked values out; no file is touched here. Every key is in one
// table (config_keys.cpp), which finds unknown keys and is what `lichend --explain-config` prints.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/units.hpp"
#include "ladder/ladder.hpp"
#include "protocol/contract.hpp"

namespace lichen::device {

inline constexpr std::size_t kConfigBytesMax = 1 << 20;
inline constexpr std::size_t kModelsMax = 32;

struct RungFiles {
  std::string file;    // a model for a worker; relative to the config file
  std::string reflex;  // or a reflex table, for the agent itself
  std::uint32_t threads = 1;
  std::uint64_t memory_bytes_max = 0;  // 0: [worker] memory_mb
  std::optional<std::uint32_t> cpu;
};

struct ModelConfig {
  protocol::Contract contract;
  ladder::LadderConfig ladder;
  std::vector<RungFiles> files;  // one a rung, in the ladder's order
  std::string canary;            // a file of one request's input bytes, relative to the config file; empty: zeros
};

struct ServerConfig {
  std::vector<std::string> listen = {"127.0.0.1:8080"};  // "HOST:PORT" or "unix:PATH"
  TimeNs deadline_default_ns = kSecondNs;
  TimeNs deadline_max_ns = kMinuteNs;
  std::uint32_t connections_max = 256;
  std::uint32_t client_connections_max = 0;  // 0: three quarters of connections_max
  std::uint32_t client_requests_max = 48;
  std::uint32_t unix_mode = 0660;            // of Unix sockets
  bool model_control = false;  // clients may load and unload models
  bool shared_memory = false;  // clients may register shared memory
};

struct WorkerConfig {
  std::string program;  // empty: lichen-worker beside lichend
  bool sandbox = true;
  std::uint64_t memory_bytes_max = std::uint64_t{512} << 20;
  std::uint32_t spin_ns_max = 50'000;
  TimeNs scrub_period_ns = 10 * kSecondNs;  // 0: weights are not scrubbed
};

struct DeviceConfig {
  ServerConfig server;
  std::string state_directory = "state";
  WorkerConfig worker;
  std::vector<ModelConfig> models;
};

// `where` names the text in errors ("device.toml"). Errors name the line and the key, and the nearest known key.
[[nodiscard]] Result<DeviceConfig> parse_config(std::string_view toml_text, std::string_view where);

// Every key with its type, default and meaning, as a commented device.toml.
[[nodiscard]] std::string explain_config();

// "HOST:PORT" into its parts; IPv6 as "[::1]:8080".
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};
[[nodiscard]] Result<HostPort> parse_host_port(std::string_view text, std::string_view where);

}  // namespace lichen::device
