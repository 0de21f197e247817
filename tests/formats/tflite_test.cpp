// SPDX-License-Identifier: Apache-2.0
#include "formats/tflite.hpp"

#include <gmock/gmock.h>

#include "graph/print.hpp"
#include "support.hpp"

namespace {

using namespace lichen;
using lichen::testing::read_file;
using ::testing::HasSubstr;

// Those that our writer made; others are operators that it does not write.
std::vector<std::filesystem::path> own_models() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry :
       std::filesystem::directory_iterator(lichen::testing::source_dir() / "tests/engine/golden/models")) {
    if (!entry.path().filename().string().starts_with("operator_")) paths.push_back(entry.path());
  }
  return paths;
}

// Parameters that became attributes leave their tensors behind.
bool uses_all_tensors(const graph::Graph& graph) {
  std::vector<bool> used(graph.tensors.size());
  const auto mark = [&](const std::vector<graph::TensorId>& ids) {
    for (const graph::TensorId id : ids) {
      if (id != graph::kNoTensor) used[static_cast<std::size_t>(id)] = true;
    }
  };
  mark(graph.inputs);
  for (const graph::Node& node : graph.nodes) {
    mark(node.inputs);
    mark(node.outputs);
  }
  return std::ranges::find(used, false) == used.end();
}

TEST(Tflite, WritingWhatWasReadGivesTheSameGraphAndTheSameBytes) {
  ASSERT_FALSE(own_models().empty());
  std::size_t same = 0;
  for (const auto& path : own_models()) {
    SCOPED_TRACE(path);
    const Bytes file = read_file(path);
    const auto graph = formats::read_tflite(file, "m");
    ASSERT_TRUE(graph) << graph.error().to_line();
    const auto written = formats::write_tflite(*graph);
    ASSERT_TRUE(written) << written.error().to_line();
    const auto again = formats::read_tflite(*written, "m");
    ASSERT_TRUE(again) << again.error().to_line();
    if (path.stem() == "one_hot") continue;  // several nodes, which are written as several operators
    EXPECT_EQ(*formats::write_tflite(*again), *written);
    EXPECT_EQ(graph::to_text(*graph), graph::to_text(*again));
    if (!uses_all_tensors(*graph)) continue;
    ++same;
    EXPECT_EQ(*written, file);
  }
  EXPECT_GT(same, 150U);
}

TEST(Tflite, SharedModelsSurviveWritingAndReading) {
  LICHEN_NEED_SHARED_DATA(data);
  for (const char* name :
       {"kws/kws_ref_int8", "kws/kws_ref_float32", "ic/resnet8_int8", "vww/person_detect_int8", "ad/ad01_fp32",
        "wakeword/okay_nabu", "wakeword/vad", "sequence/mnist_lstm_float", "sww/str_ww_ref_int8"}) {
    const Bytes file = read_file(data / "models" / (std::string(name) + ".tflite"));
    const auto graph = formats::read_tflite(file, name);
    ASSERT_TRUE(graph) << graph.error().to_line();
    const auto written = formats::write_tflite(*graph);
    ASSERT_TRUE(written) << written.error().to_line();
    const auto again = formats::read_tflite(*written, name);
    ASSERT_TRUE(again) << again.error().to_line();
    EXPECT_EQ(graph::to_text(*graph), graph::to_text(*again));
  }
}

// Parameters and multiply-accumulates as MLPerf Tiny's models are described (BatchNorm folded, biases included).
TEST(Tflite, CountsOfTheMlperfTinyModels) {
  LICHEN_NEED_SHARED_DATA(data);
  const auto macs = [&](const char* name) {
    const Bytes file = read_file(data / "models" / name);
    const auto graph = formats::read_tflite(file, name);
    return graph ? graph::cost_of(*graph).macs : -1;
  };
  EXPECT_EQ(macs("kws/kws_ref_int8.tflite"), 2'656'768);
  EXPECT_EQ(macs("vww/vww_96_int8.tflite"), 7'489'664);
  EXPECT_EQ(macs("ic/resnet8_int8.tflite"), 12'501'632);
  EXPECT_EQ(macs("ad/ad01_int8.tflite"), 264'192);
}

TEST(Tflite, UnsupportedOperatorsAreAllNamedAtOnce) {
  LICHEN_NEED_SHARED_DATA(data);
  const auto error_of = [&](const char* name) {
    const Bytes file = read_file(data / "models" / name);
    const auto graph = formats::read_tflite(file, name);
    EXPECT_FALSE(graph) << name;
    return graph ? Error{} : graph.error();
  };
  const Error accelerator = error_of("imagenet/mobilenet_v1_0.25_128_quant_edgetpu.tflite");
  EXPECT_EQ(accelerator.code, Code::kUnsupported);
  EXPECT_THAT(accelerator.to_line(), HasSubstr("operator 0 custom 'edgetpu-custom-op'"));
  EXPECT_THAT(accelerator.to_line(), HasSubstr("mobilenet_v1_0.25_128_quant_edgetpu.tflite"));
  EXPECT_THAT(accelerator.hint, HasSubstr("Edge TPU"));
  const Error signal = error_of("kws/audio_preprocessor_int8.tflite");
  EXPECT_EQ(signal.code, Code::kUnsupported);
  EXPECT_THAT(signal.to_line(), HasSubstr("custom 'SignalWindow', "));
  EXPECT_THAT(signal.to_line(), HasSubstr("custom 'SignalPCAN'"));
  EXPECT_EQ(signal.hint, "");  // nothing that an accelerator has to do with
  EXPECT_EQ(error_of("invalid/model_invoking_error.tflite").code, Code::kUnsupported);
}

}  // namespace
