// SPDX-License-Identifier: Apache-2.0
#include "device/config.hpp"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "device/config_keys.hpp"

namespace lichen::device {
namespace {

constexpr std::string_view kFull = R"(
[server]
listen = ["0.0.0.0:80", "unix:/run/lichen.sock", "[::1]:8080"]
deadline_default_ms = 250
deadline_max_ms = 2000
connections_max = 10

[state]
directory = "memory"

[worker]
program = "bin/worker"
sandbox = "off"
memory_mb = 64
spin_us = 0
scrub_period_ms = 2500

[[model]]
name = "digits"
version = "2"
kind = "probabilities"
labels = ["a", "b"]
canary = "typical.raw"
tolerance = 0.25

[[model.input]]
name = "image"
dtype = "UINT8"
shape = [1, 8, 8, 1]

[[model.input]]
name = "mask"
dtype = "BOOL"
shape = [8]

[[model.output]]
name = "probabilities"
shape = [1, 2]
min = 0
max = 1.5
finite = false

[[model.rung]]
name = "primary"
file = "digits.tflite"
threads = 2
memory_mb = 128
cpu = 1
expected_ms = 3
hang_timeout_ms = 400
start_timeout_ms = 5000
calibration = [[0, 0.25], [0.5, 0.5], [1, 0.75]]

[[model.rung]]
name = "reflex"
reflex = "digits.reflex"

[model.ladder]
open_requests_max = 7
reserve_ms = 4
health_period_ms = 1000
step_up_dwell_ms = 200
workers_loaded_max = 1
hedge_budget_ppm = 10000
hedge_delay_min_ms = 6
breaker_failures_max = 5
breaker_window_ms = 30000
breaker_open_ms = 2000
breaker_open_max_ms = 8000
backoff_ms = 11
backoff_max_ms = 1100
strategy = "cascade"
vote_rungs = 2
cascade_confidence = 0.75
check_period_ms = 5000

[[model]]
name = "words"
[[model.input]]
name = "x"
shape = [4]
[[model.output]]
name = "y"
shape = [4]
[[model.rung]]
name = "only"
file = "words.tflite"
)";

class FullConfig : public testing::Test {
 protected:
  FullConfig() {
    auto parsed = parse_config(kFull, "device.toml");
    EXPECT_TRUE(parsed.has_value()) << parsed.error().to_line();
    if (parsed) config = std::move(*parsed);
  }
  DeviceConfig config;
};

TEST_F(FullConfig, ItsServerSectionIsRead) {
  EXPECT_EQ(config.server.listen, (std::vector<std::string>{"0.0.0.0:80", "unix:/run/lichen.sock", "[::1]:8080"}));
  EXPECT_EQ(config.server.deadline_default_ns, 250 * kMillisecondNs);
  EXPECT_EQ(config.server.deadline_max_ns, 2 * kSecondNs);
  EXPECT_EQ(config.server.connections_max, 10u);
}

TEST_F(FullConfig, ItsStateAndWorkerSectionsAreRead) {
  EXPECT_EQ(config.state_directory, "memory");
  EXPECT_EQ(config.worker.program, "bin/worker");
  EXPECT_FALSE(config.worker.sandbox);
  EXPECT_EQ(config.worker.memory_bytes_max, std::uint64_t{64} << 20);
  EXPECT_EQ(config.worker.spin_ns_max, 0u);
  EXPECT_EQ(config.worker.scrub_period_ns, 2500 * kMillisecondNs);
}

TEST_F(FullConfig, ItsContractIsRead) {
  ASSERT_EQ(config.models.size(), 2u);
  const protocol::Contract& contract = config.models[0].contract;
  EXPECT_EQ(contract.model, "digits");
  EXPECT_EQ(contract.version, "2");
  EXPECT_EQ(contract.output_kind, protocol::OutputKind::kProbabilities);
  EXPECT_EQ(contract.labels, (std::vector<std::string>{"a", "b"}));
  ASSERT_EQ(contract.inputs.size(), 2u);
  EXPECT_EQ(contract.inputs[0].name, "image");
  EXPECT_EQ(contract.inputs[0].dtype, tensor::DType::kU8);
  EXPECT_EQ(contract.inputs[0].shape.elements(), 64u);
  EXPECT_EQ(contract.inputs[1].dtype, tensor::DType::kBool);
  ASSERT_EQ(contract.outputs.size(), 1u);
  EXPECT_EQ(contract.outputs[0].dtype, tensor::DType::kF32);
  EXPECT_EQ(contract.rung_names, (std::vector<std::string>{"primary", "reflex"}));
  EXPECT_EQ(contract.input_bytes(), 72u);
}

TEST_F(FullConfig, WhatIsKnownOfItsAnswersIsRead) {
  const ModelConfig& model = config.models[0];
  EXPECT_EQ(model.canary, "typical.raw");
  EXPECT_EQ(model.contract.tolerance, 0.25);
  ASSERT_EQ(model.contract.output_ranges.size(), 1u);
  EXPECT_EQ(model.contract.output_ranges[0].min, 0.0);
  EXPECT_EQ(model.contract.output_ranges[0].max, 1.5);
  EXPECT_FALSE(model.contract.output_ranges[0].finite);
  ASSERT_EQ(model.contract.calibration.size(), 2u);
  ASSERT_EQ(model.contract.calibration[0].size(), 3u);
  EXPECT_EQ(model.contract.calibration[0][1].confidence, 500'000);
  EXPECT_EQ(model.contract.calibration[0][2].accuracy, 750'000);
  EXPECT_TRUE(model.contract.calibration[1].empty());
}

TEST_F(FullConfig, ItsStrategyIsRead) {
  const ladder::LadderConfig& l = config.models[0].ladder;
  EXPECT_EQ(l.strategy, ladder::Strategy::kCascade);
  EXPECT_EQ(l.vote_rungs, 2u);
  EXPECT_EQ(l.confident_ppm, 750'000);
  EXPECT_EQ(l.check_period_ns, 5 * kSecondNs);
  EXPECT_EQ(config.models[1].ladder.strategy, ladder::Strategy::kBestFirst);
}

TEST_F(FullConfig, ItsRungsAreRead) {
  const ModelConfig& model = config.models[0];
  ASSERT_EQ(model.files.size(), 2u);
  EXPECT_EQ(model.files[0].file, "digits.tflite");
  EXPECT_EQ(model.files[0].threads, 2u);
  EXPECT_EQ(model.files[0].memory_bytes_max, std::uint64_t{128} << 20);
  EXPECT_EQ(model.files[0].cpu, 1u);
  EXPECT_EQ(model.files[1].reflex, "digits.reflex");
  EXPECT_FALSE(model.files[1].cpu.has_value());
  ASSERT_EQ(model.ladder.rungs.size(), 2u);
  EXPECT_EQ(model.ladder.rungs[0].kind, ladder::RungKind::kWorker);
  EXPECT_EQ(model.ladder.rungs[0].expected_ns, 3 * kMillisecondNs);
  EXPECT_EQ(model.ladder.rungs[0].hang_timeout_ns, 400 * kMillisecondNs);
  EXPECT_EQ(model.ladder.rungs[0].start_timeout_ns, 5 * kSecondNs);
  EXPECT_EQ(model.ladder.rungs[1].kind, ladder::RungKind::kReflex);
}

TEST_F(FullConfig, ItsLadderSectionIsRead) {
  const ladder::LadderConfig& l = config.models[0].ladder;
  EXPECT_EQ(l.open_requests_max, 7u);
  EXPECT_EQ(l.reserve_ns, 4 * kMillisecondNs);
  EXPECT_EQ(l.health_period_ns, kSecondNs);
  EXPECT_EQ(l.step_up_dwell_ns, 200 * kMillisecondNs);
  EXPECT_EQ(l.workers_loaded_max, 1u);
  EXPECT_EQ(l.hedge_budget_ppm, 10'000);
  EXPECT_EQ(l.hedge_delay_min_ns, 6 * kMillisecondNs);
  EXPECT_EQ(l.breaker.failures_max, 5u);
  EXPECT_EQ(l.breaker.window_ns, 30 * kSecondNs);
  EXPECT_EQ(l.breaker.open_ns, 2 * kSecondNs);
  EXPECT_EQ(l.breaker.open_max_ns, 8 * kSecondNs);
  EXPECT_EQ(l.breaker.backoff_ns, 11 * kMillisecondNs);
  EXPECT_EQ(l.breaker.backoff_max_ns, 1100 * kMillisecondNs);
}

TEST_F(FullConfig, ModelsDoNotShareTheirSections) {
  const ladder::LadderConfig fresh;
  EXPECT_EQ(config.models[1].ladder.open_requests_max, fresh.open_requests_max);
  EXPECT_EQ(config.models[1].contract.inputs.size(), 1u);
}

TEST(ConfigKeys, EveryKeyIsExplained) {
  const std::string text = explain_config();
  for (const ConfigKey& key : config_keys()) {
    EXPECT_NE(text.find("\n" + std::string(key.name) + " = " + std::string(key.shown)), std::string::npos) << key.name;
  }
}

TEST(ConfigKeys, EverySectionIsExplainedUnderItsHeader) {
  const std::string text = explain_config();
  for (const std::string_view header : {"[server]", "[state]", "[worker]", "[[model]]", "[[model.input]]",
                                        "[[model.output]]", "[[model.rung]]", "[model.ladder]"}) {
    EXPECT_NE(text.find("\n" + std::string(header) + "\n"), std::string::npos) << header;
  }
}

// The explanation is itself a config, but for the rung that shows both ways to give a model.
TEST(ConfigKeys, TheExplanationIsAConfigThatIsRead) {
  std::string text = explain_config();
  const std::size_t reflex = text.find("reflex = ");
  ASSERT_NE(reflex, std::string::npos);
  text.insert(reflex, "# ");
  const auto parsed = parse_config(text, "explained");
  EXPECT_TRUE(parsed.has_value()) << parsed.error().to_line();
}

// What is shown as a default is the default.
TEST(ConfigKeys, TheLadderDefaultsThatAreShownAreTheDefaults) {
  std::string text = explain_config();
  text.insert(text.find("reflex = "), "# ");
  const auto parsed = parse_config(text, "explained");
  ASSERT_TRUE(parsed.has_value());
  const ladder::LadderConfig shown = parsed->models.at(0).ladder;
  const ladder::LadderConfig fresh;
  EXPECT_EQ(shown.open_requests_max, fresh.open_requests_max);
  EXPECT_EQ(shown.reserve_ns, fresh.reserve_ns);
  EXPECT_EQ(shown.health_period_ns, fresh.health_period_ns);
  EXPECT_EQ(shown.step_up_dwell_ns, fresh.step_up_dwell_ns);
  EXPECT_EQ(shown.workers_loaded_max, fresh.workers_loaded_max);
  EXPECT_EQ(shown.hedge_budget_ppm, fresh.hedge_budget_ppm);
  EXPECT_EQ(shown.hedge_delay_min_ns, fresh.hedge_delay_min_ns);
  EXPECT_EQ(shown.breaker.failures_max, fresh.breaker.failures_max);
  EXPECT_EQ(shown.breaker.window_ns, fresh.breaker.window_ns);
  EXPECT_EQ(shown.breaker.open_ns, fresh.breaker.open_ns);
  EXPECT_EQ(shown.breaker.open_max_ns, fresh.breaker.open_max_ns);
  EXPECT_EQ(shown.breaker.backoff_ns, fresh.breaker.backoff_ns);
  EXPECT_EQ(shown.breaker.backoff_max_ns, fresh.breaker.backoff_max_ns);
  const ladder::RungConfig rung;
  EXPECT_EQ(shown.rungs.at(0).expected_ns, rung.expected_ns);
  EXPECT_EQ(shown.rungs.at(0).hang_timeout_ns, rung.hang_timeout_ns);
  EXPECT_EQ(shown.rungs.at(0).start_timeout_ns, rung.start_timeout_ns);
}

TEST(HostPort, IsSplitAtItsLastColon) {
  const auto v4 = parse_host_port("127.0.0.1:8080", "t");
  ASSERT_TRUE(v4.has_value());
  EXPECT_EQ(v4->host, "127.0.0.1");
  EXPECT_EQ(v4->port, 8080);
  const auto v6 = parse_host_port("[::1]:0", "t");
  ASSERT_TRUE(v6.has_value());
  EXPECT_EQ(v6->host, "::1");
  EXPECT_EQ(v6->port, 0);
}

TEST(HostPort, AnythingElseIsRefused) {
  for (const std::string_view text :
       {"", ":", "8080", ":8080", "host:", "host:65536", "host:-1", "host:80x", "[]:80"}) {
    EXPECT_FALSE(parse_host_port(text, "t").has_value()) << text;
  }
}

}  // namespace
}  // namespace lichen::device
