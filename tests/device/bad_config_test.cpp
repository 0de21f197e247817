// SPDX-License-Identifier: Apache-2.0
// Every way to get device.toml wrong ends with the line and the key, and for a slip of the keyboard with what was
// meant.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/mix.hpp"
#include "device/config.hpp"
#include "device/config_keys.hpp"

namespace lichen::device {
namespace {

// The lines below count from 1.
constexpr std::string_view kGood = R"([server]
listen = ["127.0.0.1:8080"]
deadline_default_ms = 1000
connections_max = 256
[state]
directory = "state"
[worker]
sandbox = "required"
memory_mb = 512
spin_us = 50
[[model]]
name = "digits"
version = "1"
kind = "plain"
labels = ["a"]
[[model.input]]
name = "image"
dtype = "FP32"
shape = [1, 64]
[[model.output]]
name = "scores"
dtype = "FP32"
shape = [1, 10]
[[model.rung]]
name = "primary"
file = "a.tflite"
threads = 1
memory_mb = 0
cpu = 0
expected_ms = 5
hang_timeout_ms = 2000
start_timeout_ms = 20000
[[model.rung]]
name = "compact"
file = "b.tflite"
[model.ladder]
open_requests_max = 64
reserve_ms = 2
health_period_ms = 30000
step_up_dwell_ms = 1000
workers_loaded_max = 2
hedge_budget_ppm = 50000
breaker_failures_max = 3
breaker_open_ms = 10000
breaker_open_max_ms = 300000
backoff_ms = 20
backoff_max_ms = 10000
)";

// The good config with one line in place of another.
struct Case {
  std::string_view line;  // of kGood
  std::string_view instead;
  std::string_view where;  // what the error must say after "device.toml, "
  std::string_view why;    // what its reason must contain
  std::string_view hint;   // what its hint must contain
};

constexpr std::string_view kSee = "see lichend --explain-config";

const std::vector<Case> kCases = {
    // Slips of the keyboard, in every section.
    {"[server]", "[sever]", "line 1, sever", "no such key", "did you mean 'server'?"},
    {"listen = [\"127.0.0.1:8080\"]", "listn = [\"127.0.0.1:8080\"]", "line 2, server.listn", "no such key",
     "'listen'"},
    {"connections_max = 256", "conections_max = 256", "line 4, server.conections_max", "no such key",
     "'connections_max'"},
    {"directory = \"state\"", "dir = \"state\"", "line 6, state.dir", "no such key", kSee},
    {"sandbox = \"required\"", "sandboks = \"required\"", "line 8, worker.sandboks", "no such key", "'sandbox'"},
    {"spin_us = 50", "spin_ms = 50", "line 10, worker.spin_ms", "no such key", "'spin_us'"},
    {"version = \"1\"", "verison = \"1\"", "line 13, model.verison", "no such key", "'version'"},
    {"[[model.input]]", "[[model.inputs]]", "line 16, model.inputs", "no such key", "'input'"},
    {"dtype = \"FP32\"", "type = \"FP32\"", "line 18, model.input.type", "no such key", "'dtype'"},
    {"shape = [1, 10]", "shap = [1, 10]", "line 23, model.output.shap", "no such key", "'shape'"},
    {"threads = 1", "thread = 1", "line 27, model.rung.thread", "no such key", "'threads'"},
    {"reserve_ms = 2", "reserve = 2", "line 38, model.ladder.reserve", "no such key", "'reserve_ms'"},
    {"cpu = 0", "something_else_entirely = 0", "line 29, model.rung.something_else_entirely", "no such key", kSee},
    // Wrong types.
    {"listen = [\"127.0.0.1:8080\"]", "listen = \"127.0.0.1:8080\"", "line 2, server.listen", "not a list of strings",
     kSee},
    {"listen = [\"127.0.0.1:8080\"]", "listen = [8080]", "line 2, server.listen", "not a list of strings", kSee},
    {"deadline_default_ms = 1000", "deadline_default_ms = \"1s\"", "line 3, server.deadline_default_ms",
     "not a whole number", kSee},
    {"deadline_default_ms = 1000", "deadline_default_ms = 1.5", "line 3, server.deadline_default_ms",
     "not a whole number", kSee},
    {"directory = \"state\"", "directory = 1", "line 6, state.directory", "not a string", kSee},
    {"sandbox = \"required\"", "sandbox = true", "line 8, worker.sandbox", "not a string", kSee},
    {"labels = [\"a\"]", "labels = \"a\"", "line 15, model.labels", "not a list of strings", kSee},
    {"shape = [1, 64]", "shape = 64", "line 19, model.input.shape", "not a list of whole numbers", kSee},
    {"shape = [1, 64]", "shape = [1, 6.4]", "line 19, model.input.shape", "not a list of whole numbers", kSee},
    {"file = \"a.tflite\"", "file = [\"a.tflite\"]", "line 26, model.rung.file", "not a string", kSee},
    // Out of their limits.
    {"deadline_default_ms = 1000", "deadline_default_ms = -1", "line 3, server.deadline_default_ms", "-1 is not 0 to",
     kSee},
    {"connections_max = 256", "connections_max = 0", "line 4, server.connections_max", "0 is not 1 to 65536", kSee},
    {"connections_max = 256", "connections_max = 65537", "line 4, server.connections_max", "is not 1 to 65536", kSee},
    {"memory_mb = 512", "memory_mb = 0", "line 9, worker.memory_mb", "0 is not 1 to", kSee},
    {"spin_us = 50", "spin_us = 1001", "line 10, worker.spin_us", "1001 is not 0 to 1000", kSee},
    {"threads = 1", "threads = 17", "line 27, model.rung.threads", "17 is not 1 to 16", kSee},
    {"cpu = 0", "cpu = 4096", "line 29, model.rung.cpu", "4096 is not 0 to 4095", kSee},
    {"hang_timeout_ms = 2000", "hang_timeout_ms = 86400001", "line 31, model.rung.hang_timeout_ms", "is not 0 to",
     kSee},
    {"open_requests_max = 64", "open_requests_max = 4097", "line 37, model.ladder.open_requests_max",
     "is not 1 to 4096", kSee},
    {"workers_loaded_max = 2", "workers_loaded_max = 0", "line 41, model.ladder.workers_loaded_max", "0 is not 1 to 8",
     kSee},
    {"hedge_budget_ppm = 50000", "hedge_budget_ppm = 1000001", "line 42, model.ladder.hedge_budget_ppm",
     "is not 0 to 1000000", kSee},
    {"breaker_failures_max = 3", "breaker_failures_max = 17", "line 43, model.ladder.breaker_failures_max",
     "17 is not 1 to 16", kSee},
    // Meaningless values.
    {"backoff_max_ms = 10000", "strategy = \"worst\"", "line 47, model.ladder.strategy", "'worst' is none of", kSee},
    {"backoff_max_ms = 10000", "strategy = \"cascade\"", "line 12, model.name", "\"cascade\" needs kind", kSee},
    {"backoff_max_ms = 10000", "cascade_confidence = 1.5", "line 47, model.ladder.cascade_confidence", "1.5 is not",
     kSee},
    {"backoff_max_ms = 10000", "cascade_confidence = \"high\"", "line 47, model.ladder.cascade_confidence",
     "not a number", kSee},
    {"cpu = 0", "calibration = [0.5, 0.5]", "line 29, model.rung.calibration", "not a list of pairs", kSee},
    {"cpu = 0", "calibration = [[0.5, 0.5], [0.4, 0.6]]", "line 29, model.rung.calibration", "growing", kSee},
    {"cpu = 0", "calibration = [[0.5, 1.5]]", "line 29, model.rung.calibration", "from 0 to 1", kSee},
    {"listen = [\"127.0.0.1:8080\"]", "listen = []", "line 2, server.listen", "at least one address", kSee},
    {"listen = [\"127.0.0.1:8080\"]", "listen = [\"8080\"]", "line 2, server.listen", "'8080' is not HOST:PORT", kSee},
    {"sandbox = \"required\"", "sandbox = \"maybe\"", "line 8, worker.sandbox", "neither \"required\" nor \"off\"",
     kSee},
    {"name = \"digits\"", "name = \"my digits\"", "line 12, model.name", "letters, digits", kSee},
    {"name = \"digits\"", "name = \"\"", "line 12, model.name", "letters, digits", kSee},
    {"version = \"1\"", "version = \"1/2\"", "line 13, model.version", "letters, digits", kSee},
    {"kind = \"plain\"", "kind = \"scores\"", "line 14, model.kind", "'scores' is neither", kSee},
    {"name = \"image\"", "name = \"\"", "line 17, model.input.name", "a tensor needs a name", kSee},
    {"dtype = \"FP32\"", "dtype = \"FP99\"", "line 18, model.input.dtype", "'FP99' is no datatype", kSee},
    {"shape = [1, 64]", "shape = [1, -64]", "line 19, model.input.shape", "", kSee},
    {"shape = [1, 64]", "shape = [1, 0]", "line 19, model.input.shape", "at least one element", kSee},
    {"name = \"compact\"", "name = \"primary\"", "line 34, model.rung.name", "two rungs are called 'primary'", kSee},
    {"name = \"compact\"", "name = \"com pact\"", "line 34, model.rung.name", "a rung needs a name", kSee},
    {"file = \"b.tflite\"", "file = \"b.tflite\"\nreflex = \"b\"", "line 34, model.rung.name",
     "either a file or a reflex", kSee},
    {"file = \"b.tflite\"", "file = \"\"", "line 34, model.rung.name", "either a file or a reflex", kSee},
    {"file = \"a.tflite\"", "reflex = \"a.reflex\"", "line 12, model.name", "primary: a reflex rung must be the last",
     kSee},
    {"expected_ms = 5", "expected_ms = 0", "line 12, model.name", "at least a millisecond", kSee},
    {"reserve_ms = 2", "reserve_ms = 1001", "line 12, model.name", "reserve: not 0 to 1 s", kSee},
    {"health_period_ms = 30000", "health_period_ms = 9", "line 12, model.name", "health_period: below 10 ms", kSee},
    {"breaker_open_max_ms = 300000", "breaker_open_max_ms = 9999", "line 12, model.name", "breaker.open: not within",
     kSee},
    {"backoff_ms = 20", "backoff_ms = 0", "line 12, model.name", "breaker.backoff: not within", kSee},
};

std::string with(std::string_view line, std::string_view instead) {
  std::string text(kGood);
  const std::size_t at = text.find(line);
  EXPECT_NE(at, std::string::npos) << line;
  text.replace(at, line.size(), instead);
  return text;
}

TEST(BadConfig, TheConfigThatIsSpoiledBelowIsGood) {
  const auto parsed = parse_config(kGood, "device.toml");
  EXPECT_TRUE(parsed.has_value()) << parsed.error().to_line();
}

TEST(BadConfig, EachMistakeIsNamedWithItsLineAndItsKey) {
  ASSERT_GE(kCases.size(), 40u);
  for (const Case& bad : kCases) {
    SCOPED_TRACE(bad.instead);
    const auto parsed = parse_config(with(bad.line, bad.instead), "device.toml");
    ASSERT_FALSE(parsed.has_value());
    const Error& error = parsed.error();
    EXPECT_EQ(error.code, Code::kBadInput);
    EXPECT_EQ(error.where, "device.toml, " + std::string(bad.where));
    EXPECT_NE(error.why.find(bad.why), std::string::npos) << error.why;
    EXPECT_NE(error.hint.find(bad.hint), std::string::npos) << error.hint;
  }
}

TEST(BadConfig, AnUnknownKeyIsRefusedInEverySection) {
  for (const std::string_view header : {"[server]\n", "[state]\n", "[worker]\n", "[[model]]\n", "[[model.input]]\n",
                                        "[[model.output]]\n", "[[model.rung]]\n", "[model.ladder]\n"}) {
    SCOPED_TRACE(header);
    const auto parsed = parse_config(with(header, std::string(header) + "zzzzzzzzzz = 1\n"), "device.toml");
    ASSERT_FALSE(parsed.has_value());
    EXPECT_EQ(parsed.error().what, "unknown key in config");
    EXPECT_NE(parsed.error().where.find("zzzzzzzzzz"), std::string::npos);
  }
}

TEST(BadConfig, EveryKeyWithOneLetterTooManyIsRecognized) {
  for (const ConfigKey& key : config_keys()) {
    EXPECT_EQ(nearest_config_key(key.section, std::string(key.name) + "s"), key.name) << key.section;
  }
}

TEST(BadConfig, BrokenTomlIsNamedWithItsLine) {
  const auto parsed = parse_config("[server]\nlisten = [\n= 3", "device.toml");
  ASSERT_FALSE(parsed.has_value());
  EXPECT_TRUE(parsed.error().where.starts_with("device.toml, line 3")) << parsed.error().where;
}

TEST(BadConfig, AKeyGivenTwiceIsRefused) {
  EXPECT_FALSE(parse_config(with("spin_us = 50", "spin_us = 50\nspin_us = 51"), "device.toml").has_value());
}

TEST(BadConfig, AnEmptyFileHasNoModel) {
  const auto parsed = parse_config("", "device.toml");
  ASSERT_FALSE(parsed.has_value());
  EXPECT_EQ(parsed.error().why, "there is no [[model]]");
}

TEST(BadConfig, TwoModelsOfOneNameAreRefused) {
  const std::string model =
      "[[model]]\nname = \"m\"\n[[model.input]]\nname = \"x\"\nshape = [1]\n"
      "[[model.output]]\nname = \"y\"\nshape = [1]\n[[model.rung]]\nname = \"r\"\nfile = \"f\"\n";
  EXPECT_TRUE(parse_config(model, "device.toml").has_value());
  const auto twice = parse_config(model + model, "device.toml");
  ASSERT_FALSE(twice.has_value());
  EXPECT_EQ(twice.error().where, "device.toml, line 13, model.name");
  EXPECT_EQ(twice.error().why, "two models are called 'm'");
}

TEST(BadConfig, AModelWithoutTensorsIsRefused) {
  const auto parsed =
      parse_config("[[model]]\nname = \"m\"\n[[model.rung]]\nname = \"r\"\nfile = \"f\"\n", "device.toml");
  ASSERT_FALSE(parsed.has_value());
  EXPECT_NE(parsed.error().why.find("[[model.input]]"), std::string::npos);
}

TEST(BadConfig, AModelWithoutARungIsRefused) {
  const auto parsed = parse_config(
      "[[model]]\nname = \"m\"\n[[model.input]]\nname = \"x\"\nshape = [1]\n"
      "[[model.output]]\nname = \"y\"\nshape = [1]\n",
      "device.toml");
  ASSERT_FALSE(parsed.has_value());
  EXPECT_NE(parsed.error().why.find("0 rungs"), std::string::npos) << parsed.error().why;
}

// Whatever the bytes: a config, or an error that says where.
TEST(BadConfig, DamagedBytesEndAsAConfigOrAsAnError) {
  SplitMix64 random(1);
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string text(kGood);
    for (std::uint64_t edits = 1 + random.below(4); edits > 0; --edits) {
      const std::size_t at = random.below(text.size());
      switch (random.below(3)) {
        case 0:
          text[at] = static_cast<char>(random.below(256));
          break;
        case 1:
          text.erase(at, 1 + random.below(20));
          break;
        default:
          text.insert(at, text.substr(random.below(text.size()), random.below(20)));
          break;
      }
    }
    const auto parsed = parse_config(text, "device.toml");
    if (parsed) continue;
    ++refused;
    ASSERT_EQ(parsed.error().code, Code::kBadInput);
    ASSERT_TRUE(parsed.error().where.starts_with("device.toml, line ")) << parsed.error().to_line();
  }
  EXPECT_GT(refused, 1000);
}

TEST(BadConfig, MoreThanAMegabyteIsNotEvenRead) {
  const auto parsed = parse_config(std::string(kConfigBytesMax + 1, '#'), "device.toml");
  ASSERT_FALSE(parsed.has_value());
  EXPECT_NE(parsed.error().why.find("longer than"), std::string::npos);
}

}  // namespace
}  // namespace lichen::device
