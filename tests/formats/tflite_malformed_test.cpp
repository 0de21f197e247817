// SPDX-License-Identifier: Apache-2.0
// Hostile and damaged .tflite files: never a crash, always an error that says something; what still loads must run.
#include <functional>
#include <limits>

#include <gmock/gmock.h>
#include <tflite_schema_generated.h>

#include "formats/tflite.hpp"
#include "graph/print.hpp"
#include "support.hpp"

namespace {

using namespace lichen;
using lichen::testing::read_file;
using ::testing::HasSubstr;
namespace tfl = lichen::formats::tflite;

Bytes own_model(const std::string& name) {
  return read_file(lichen::testing::source_dir() / "tests/engine/golden/models" / (name + ".tflite"));
}

// Reads; what loads and is small is planned and run once. Returns whether it loaded.
bool survives(ByteView file) {
  const auto graph = formats::read_tflite(file, "hostile");
  if (!graph) {
    EXPECT_FALSE(graph.error().what.empty());
    EXPECT_FALSE(graph.error().why.empty());
    return false;
  }
  constexpr std::int64_t kOperationsMax = 10'000'000;
  if (graph::cost_of(*graph).operations > kOperationsMax) return true;
  const auto session = engine::Session::create(*graph, {});
  if (session) {
    EXPECT_TRUE((*session)->run());
  }
  return true;
}

TEST(TfliteMalformed, TruncationAnywhereIsRefused) {
  for (const char* name : {"conv2d_i8", "add_broadcast_f32", "softmax_u8"}) {
    const Bytes file = own_model(name);
    ASSERT_GT(file.size(), 300U);
    for (std::size_t length = 0; length < file.size(); length += length < 128 ? 1 : 16) {
      const Bytes cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(length));
      EXPECT_FALSE(formats::read_tflite(cut, "cut")) << name << " cut to " << length;
    }
  }
}

TEST(TfliteMalformed, EverySingleBitFlipSurvives) {
  for (const char* name : {"conv2d_i8", "average_pool_same_i8", "reshape", "fully_connected_keep_i8", "quantize_i8"}) {
    const Bytes file = own_model(name);
    for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
      if (bit / 8 > 600 && bit % 11 != 0) continue;  // mostly weights there
      Bytes flipped = file;
      flipped[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
      survives(flipped);
    }
  }
}

TEST(TfliteMalformed, RandomDamageSurvives) {
  std::uint64_t state = 1;
  const auto next = [&] { return state = state * 6364136223846793005ULL + 1442695040888963407ULL, state >> 33; };
  for (const char* name : {"conv2d_hybrid", "depthwise_multiplied_i8", "mul_broadcast_u8", "max_pool_valid_f32"}) {
    const Bytes file = own_model(name);
    for (int round = 0; round < 2000; ++round) {
      Bytes damaged = file;
      for (std::uint64_t hits = next() % 6; hits-- > 0;)
        damaged[next() % damaged.size()] = static_cast<std::byte>(next());
      survives(damaged);
    }
  }
}

TEST(TfliteMalformed, NoFileAtAll) {
  for (const std::size_t length : {0U, 1U, 4U, 7U, 8U, 64U}) {
    EXPECT_EQ(formats::read_tflite(Bytes(length), "zeros").error().code, Code::kBadInput);
    EXPECT_FALSE(formats::read_tflite(Bytes(length, std::byte{0xFF}), "ones"));
  }
  Bytes eight(8);
  std::memcpy(eight.data() + 4, "TFL3", 4);
  EXPECT_FALSE(formats::read_tflite(eight, "eight"));
  EXPECT_THAT(formats::read_tflite(Bytes(64, std::byte{'x'}), "text").error().to_line(), HasSubstr("TFL3"));
}

TEST(TfliteMalformed, TheInvalidModelOfTheSharedDataIsRefused) {
  LICHEN_NEED_SHARED_DATA(data);
  EXPECT_FALSE(survives(read_file(data / "models/invalid/model_invoking_error.tflite")));
}

// A model in the schema's object form, broken on purpose and packed again.
struct Case {
  const char* why;  // part of the error
  std::function<void(tfl::ModelT&)> how;
};

Bytes packed(const tfl::ModelT& model) {
  flatbuffers::FlatBufferBuilder builder;
  tfl::FinishModelBuffer(builder, tfl::Model::Pack(builder, &model));
  const auto bytes = std::as_bytes(std::span(builder.GetBufferPointer(), builder.GetSize()));
  return {bytes.begin(), bytes.end()};
}

tfl::SubGraphT& graph_of(tfl::ModelT& m) {
  return *m.subgraphs[0];
}
tfl::OperatorT& node_of(tfl::ModelT& m) {
  return *m.subgraphs[0]->operators[0];
}
tfl::TensorT& tensor_of(tfl::ModelT& m, std::size_t i) {
  return *m.subgraphs[0]->tensors[i];
}
tfl::Conv2DOptionsT& options_of(tfl::ModelT& m) {
  return *node_of(m).builtin_options.AsConv2DOptions();
}

TEST(TfliteMalformed, EverySemanticBreakIsNamed) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<Case> cases = {
      {"Model.version", [](auto& m) { m.version = 2; }},
      {"Model.subgraphs", [](auto& m) { m.subgraphs.clear(); }},
      {"operator code 9 of 1", [](auto& m) { node_of(m).opcode_index = 9; }},
      {"operator code 4294967295", [](auto& m) { node_of(m).opcode_index = 0xFFFFFFFF; }},
      {"operator code 0 of 0", [](auto& m) { m.operator_codes.clear(); }},
      {"CONCATENATION",
       [](auto& m) { m.operator_codes[0]->builtin_code = 2, m.operator_codes[0]->deprecated_builtin_code = 2; }},
      {"builtin 99999", [](auto& m) { m.operator_codes[0]->builtin_code = 99999; }},
      {"builtin -5",
       [](auto& m) { m.operator_codes[0]->builtin_code = m.operator_codes[0]->deprecated_builtin_code = -5; }},
      {"custom 'edgetpu-custom-op'",
       [](auto& m) { m.operator_codes[0]->builtin_code = 32, m.operator_codes[0]->custom_code = "edgetpu-custom-op"; }},
      {"input 0 is tensor 77", [](auto& m) { node_of(m).inputs[0] = 77; }},
      {"input 1 is tensor -2", [](auto& m) { node_of(m).inputs[1] = -2; }},
      {"input 0 is tensor -1", [](auto& m) { node_of(m).inputs[0] = -1; }},
      {"output 0 is tensor 2147483647", [](auto& m) { node_of(m).outputs[0] = 2147483647; }},
      {"0 inputs", [](auto& m) { node_of(m).inputs.clear(); }},
      {"0 outputs", [](auto& m) { node_of(m).outputs.clear(); }},
      {"too many tensors", [](auto& m) { node_of(m).inputs.assign(5000, 0); }},
      {"has a value already", [](auto& m) { node_of(m).outputs[0] = node_of(m).inputs[0]; }},
      {"input is tensor 1000", [](auto& m) { graph_of(m).inputs[0] = 1000; }},
      {"output is tensor -9", [](auto& m) { graph_of(m).outputs[0] = -9; }},
      {"is not computed before it", [](auto& m) { graph_of(m).inputs.clear(); }},
      {"listed twice", [](auto& m) { graph_of(m).inputs.push_back(graph_of(m).inputs[0]); }},
      {"is constant", [](auto& m) { graph_of(m).inputs[0] = 1; }},
      {"is never computed", [](auto& m) { graph_of(m).operators.clear(); }},
      {"is not computed before it", [](auto& m) { std::swap(node_of(m).inputs[0], node_of(m).outputs[0]); }},
      {"buffer 400 of", [](auto& m) { tensor_of(m, 1).buffer = 400; }},
      {"has 3 bytes", [](auto& m) { m.buffers[tensor_of(m, 1).buffer]->data.resize(3); }},
      {"outside of the file of",
       [](auto& m) {
         m.buffers[tensor_of(m, 1).buffer]->offset = 4096, m.buffers[tensor_of(m, 1).buffer]->size = 495;
       }},
      {"dimension -5 is negative", [](auto& m) { tensor_of(m, 0).shape[1] = -5; }},
      {"has more than", [](auto& m) { tensor_of(m, 0).shape = {1, 2147483647, 2147483647, 5}; }},
      {"rank 9 is above 8", [](auto& m) { tensor_of(m, 0).shape.assign(9, 1); }},
      {"rank 4 is needed", [](auto& m) { tensor_of(m, 0).shape = {7, 9, 5}; }},
      {"has no elements", [](auto& m) { tensor_of(m, 0).shape = {0, 7, 9, 5}; }},
      {"its inputs give", [](auto& m) { tensor_of(m, 3).shape = {1, 4, 9, 12}; }},
      {"input channels", [](auto& m) { tensor_of(m, 0).shape = {1, 7, 9, 6}; }},
      {"element type 5", [](auto& m) { tensor_of(m, 0).type = static_cast<tfl::TensorType>(5); }},
      {"element type 88", [](auto& m) { tensor_of(m, 3).type = static_cast<tfl::TensorType>(88); }},
      {"i16 is not computed with", [](auto& m) { tensor_of(m, 0).type = tfl::TensorType_INT16; }},
      {"but its inputs give",
       [](auto& m) { tensor_of(m, 3).type = tfl::TensorType_UINT8, tensor_of(m, 3).quantization->zero_point = {9}; }},
      {"a variable tensor as an input", [](auto& m) { tensor_of(m, 0).is_variable = true; }},
      {"a sparse tensor", [](auto& m) { tensor_of(m, 1).sparsity = std::make_unique<tfl::SparsityParametersT>(); }},
      {"without a scale", [](auto& m) { tensor_of(m, 0).quantization.reset(); }},
      {"without a scale", [](auto& m) { tensor_of(m, 1).quantization.reset(); }},
      {"scale nan", [nan](auto& m) { tensor_of(m, 0).quantization->scale[0] = nan; }},
      {"scale -1", [](auto& m) { tensor_of(m, 0).quantization->scale[0] = -1.0F; }},
      {"scale 0", [](auto& m) { tensor_of(m, 1).quantization->scale[4] = 0.0F; }},
      {"scale inf", [](auto& m) { tensor_of(m, 3).quantization->scale[0] = std::numeric_limits<float>::infinity(); }},
      {"zero point 128", [](auto& m) { tensor_of(m, 0).quantization->zero_point[0] = 128; }},
      {"zero point -9999999999", [](auto& m) { tensor_of(m, 0).quantization->zero_point[0] = -9999999999; }},
      {"weights with several zero points", [](auto& m) { tensor_of(m, 1).quantization->zero_point[3] = 1; }},
      {"11 scales but 2 zero points", [](auto& m) { tensor_of(m, 1).quantization->zero_point.resize(2); }},
      {"12 scales for 11 channels",
       [](auto& m) {
         tensor_of(m, 1).quantization->scale.push_back(1), tensor_of(m, 1).quantization->zero_point.push_back(0);
       }},
      {"axis 7", [](auto& m) { tensor_of(m, 1).quantization->quantized_dimension = 7; }},
      {"quantized dimension -1", [](auto& m) { tensor_of(m, 1).quantization->quantized_dimension = -1; }},
      {"a custom quantization", [](auto& m) { tensor_of(m, 1).quantization->details_type = 1; }},
      {"an activation with one scale a channel",
       [](auto& m) {
         tensor_of(m, 0).quantization->scale.assign(5, 1), tensor_of(m, 0).quantization->zero_point.assign(5, 0),
             tensor_of(m, 0).quantization->quantized_dimension = 3;
       }},
      {"options: there are none", [](auto& m) { node_of(m).builtin_options.Reset(); }},
      {"padding 5", [](auto& m) { options_of(m).padding = static_cast<tfl::Padding>(5); }},
      {"fused tanh", [](auto& m) { options_of(m).fused_activation_function = tfl::ActivationFunctionType_TANH; }},
      {"stride 0", [](auto& m) { options_of(m).stride_h = 0; }},
      {"stride -3", [](auto& m) { options_of(m).stride_w = -3; }},
      {"dilation 2147483647", [](auto& m) { options_of(m).dilation_h_factor = 2147483647; }},
      {"bias",
       [](auto& m) {
         tensor_of(m, 2).shape = {1}, m.buffers[tensor_of(m, 2).buffer]->data.resize(4),
                      tensor_of(m, 2).quantization.reset();
       }},
      {"f32 where i32 is needed",
       [](auto& m) { tensor_of(m, 2).type = tfl::TensorType_FLOAT32, tensor_of(m, 2).quantization.reset(); }},
  };
  EXPECT_GE(cases.size(), 60U);
  const Bytes file = own_model("conv2d_i8");
  for (const Case& broken : cases) {
    SCOPED_TRACE(broken.why);
    tfl::ModelT model;
    tfl::GetModel(file.data())->UnPackTo(&model);
    broken.how(model);
    const auto graph = formats::read_tflite(packed(model), "broken.tflite");
    ASSERT_FALSE(graph);
    EXPECT_THAT(graph.error().to_line(), HasSubstr(broken.why));
    EXPECT_THAT(graph.error().to_line(), HasSubstr("broken.tflite"));
  }
}

TEST(TfliteMalformed, ModelsThatClaimGigabytesAreRefusedWhenPlanned) {
  const Bytes file = own_model("add_f32");
  tfl::ModelT model;
  tfl::GetModel(file.data())->UnPackTo(&model);
  for (std::size_t i = 0; i < 3; ++i) tensor_of(model, i).shape = {1, 20000, 10000, 1};
  const Bytes huge = packed(model);
  const auto graph = formats::read_tflite(huge, "huge");
  ASSERT_TRUE(graph) << graph.error().to_line();
  const auto session = engine::Session::create(*graph, {});
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().code, Code::kExhausted);
  EXPECT_THAT(session.error().to_line(), HasSubstr("the limit is"));
}

TEST(TfliteMalformed, ScalesThatNoMultiplierCanHoldAreRefusedWhenPlanned) {
  const Bytes file = own_model("conv2d_i8");
  tfl::ModelT model;
  tfl::GetModel(file.data())->UnPackTo(&model);
  tensor_of(model, 0).quantization->scale[0] = 1e30F;
  tensor_of(model, 3).quantization->scale[0] = 1e-30F;
  const Bytes extreme = packed(model);
  const auto graph = formats::read_tflite(extreme, "extreme");
  ASSERT_TRUE(graph) << graph.error().to_line();
  const auto session = engine::Session::create(*graph, {});
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().code, Code::kUnsupported);
}

}  // namespace
