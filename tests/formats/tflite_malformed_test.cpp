// SPDX-License-Identifier: Apache-2.0
// Hostile and damaged .tflite files: never a crash, always an error that says something; what still loads must run.
#include <functional>
#include <limits>

#include <gmock/gmock.h>
#include <tflite_schema_generated.h>

#include "formats/tflite.hpp"
#include "graph/print.hpp"
#include "op_graphs.hpp"
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
    const auto ran = (*session)->run();
    EXPECT_TRUE(ran || ran.error().code == Code::kBadInput) << ran.error().to_line();  // indices out of range
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
      {"an activation of i16 with a zero point", [](auto& m) { tensor_of(m, 0).type = tfl::TensorType_INT16; }},
      {"but its inputs give",
       [](auto& m) { tensor_of(m, 0).type = tfl::TensorType_INT16, tensor_of(m, 0).quantization->zero_point = {0}; }},
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

// The graph of that name as a file.
Bytes written(std::string_view name) {
  for (auto make :
       {lichen::testing::tflite_op_graphs, lichen::testing::composed_op_graphs, lichen::testing::state_graphs}) {
    for (const auto& named : make()) {
      if (named.name != name) continue;
      auto file = formats::write_tflite(named.graph);
      EXPECT_TRUE(file) << file.error().to_line();
      return *std::move(file);
    }
  }
  ADD_FAILURE() << "no graph " << name;
  return {};
}

struct OpCase {
  const char* model;
  const char* why;
  std::function<void(tfl::ModelT&)> how;
};

tfl::OperatorT& op_of(tfl::ModelT& m, std::size_t graph, std::size_t at) {
  return *m.subgraphs.at(graph)->operators.at(at);
}
tfl::OperatorT& last_of(tfl::ModelT& m) {
  return *m.subgraphs[0]->operators.back();
}
tfl::TensorT& input_of(tfl::ModelT& m, std::size_t i) {
  return *m.subgraphs[0]->tensors.at(static_cast<std::size_t>(last_of(m).inputs.at(i)));
}
tfl::BufferT& buffer_of(tfl::ModelT& m, std::size_t i) {
  return *m.buffers.at(input_of(m, i).buffer);
}
void put_i32(tfl::ModelT& m, std::size_t input, std::size_t at, std::int32_t value) {
  std::memcpy(buffer_of(m, input).data.data() + at * sizeof value, &value, sizeof value);
}

// counter: CALL_ONCE, VAR_HANDLE, READ_VARIABLE, ADD, ASSIGN_VARIABLE; subgraph 1: VAR_HANDLE, ASSIGN_VARIABLE.
std::vector<OpCase> variable_cases() {
  const auto init = [](auto& m) -> auto& { return *op_of(m, 0, 0).builtin_options.AsCallOnceOptions(); };
  return {
      {"counter", "subgraph 9 of 2", [=](auto& m) { init(m).init_subgraph_index = 9; }},
      {"counter", "subgraph 0 of 2", [=](auto& m) { init(m).init_subgraph_index = 0; }},
      {"counter", "subgraph -1 of 2", [=](auto& m) { init(m).init_subgraph_index = -1; }},
      {"counter", "CALL_ONCE, options: there are none", [](auto& m) { op_of(m, 0, 0).builtin_options.Reset(); }},
      {"counter", "VAR_HANDLE, options: there are none", [](auto& m) { op_of(m, 0, 1).builtin_options.Reset(); }},
      {"counter", "subgraph 1, operator 0 VAR_HANDLE", [](auto& m) { op_of(m, 1, 0).builtin_options.Reset(); }},
      {"counter", "only constants can be", [](auto& m) { op_of(m, 1, 1).opcode_index = op_of(m, 0, 3).opcode_index; }},
      {"counter", "only constants can be",
       [](auto& m) { m.subgraphs[1]->operators.erase(m.subgraphs[1]->operators.begin()); }},
      {"counter", "only constants can be", [](auto& m) { op_of(m, 1, 1).inputs.pop_back(); }},
      {"counter", "a first value of a variable that is computed",
       [](auto& m) { m.subgraphs[1]->tensors[static_cast<std::size_t>(op_of(m, 1, 1).inputs[1])]->buffer = 0; }},
      {"counter", "input 1 is tensor 99 of 2", [](auto& m) { op_of(m, 1, 1).inputs[1] = 99; }},
      {"counter", "it has no tensors", [](auto& m) { m.subgraphs[0]->tensors.clear(); }},
      {"counter", "no handle of a variable", [](auto& m) { op_of(m, 0, 2).inputs[0] = m.subgraphs[0]->inputs[0]; }},
      {"counter", "no handle of a variable", [](auto& m) { op_of(m, 0, 4).inputs[0] = m.subgraphs[0]->inputs[0]; }},
      {"counter", "input 0: a variable's handle",
       [](auto& m) { op_of(m, 0, 3).inputs[0] = op_of(m, 0, 1).outputs[0]; }},
      {"counter", "a variable's handle where none can be",
       [](auto& m) { op_of(m, 0, 1).outputs[0] = m.subgraphs[0]->inputs[0]; }},
      {"counter", "a variable's handle where none can be",
       [](auto& m) { op_of(m, 0, 3).outputs[0] = op_of(m, 0, 1).outputs[0]; }},
      {"counter", "is an input or output", [](auto& m) { m.subgraphs[0]->outputs[0] = op_of(m, 0, 1).outputs[0]; }},
      {"counter", "that no VAR_HANDLE",
       [](auto& m) { m.subgraphs[0]->operators.erase(m.subgraphs[0]->operators.begin() + 1); }},
      {"counter", "2 inputs and 1 outputs", [](auto& m) { op_of(m, 0, 2).inputs.push_back(0); }},
      {"counter", "3 inputs and 0 outputs", [](auto& m) { op_of(m, 0, 4).inputs.push_back(0); }},
      {"counter", "output 'before' is [3], but its inputs give [1, 3]",
       [](auto& m) {
         auto& first = *m.subgraphs[1]->tensors[static_cast<std::size_t>(op_of(m, 1, 1).inputs[1])];
         first.shape = {1, 3};
       }},
      {"svdf", "a state that is no variable tensor", [](auto& m) { input_of(m, 4).is_variable = false; }},
      {"svdf", "no state", [](auto& m) { last_of(m).inputs[4] = -1; }},
      {"svdf", "4 inputs and 1 outputs", [](auto& m) { last_of(m).inputs.pop_back(); }},
      {"svdf", "options: there are none", [](auto& m) { last_of(m).builtin_options.Reset(); }},
      {"svdf", "a variable tensor that an operator computes",
       [](auto& m) { last_of(m).outputs[0] = last_of(m).inputs[4]; }},
      {"svdf", "a variable tensor as an input",
       [](auto& m) { m.subgraphs[0]->inputs.push_back(last_of(m).inputs[4]); }},
  };
}

std::vector<OpCase> branch_cases() {
  const auto choice = [](auto& m) -> auto& { return *last_of(m).builtin_options.AsIfOptions(); };
  return {
      {"branch", "subgraph 0 of 3", [=](auto& m) { choice(m).then_subgraph_index = 0; }},
      {"branch", "subgraph 77 of 3", [=](auto& m) { choice(m).else_subgraph_index = 77; }},
      {"branch", "subgraph -3 of 3", [=](auto& m) { choice(m).else_subgraph_index = -3; }},
      {"branch", "subgraph 1 runs itself",
       [](auto& m) {
         auto& inner = op_of(m, 1, 0);
         inner.opcode_index = last_of(m).opcode_index;
         inner.builtin_options = last_of(m).builtin_options;
       }},
      {"branch", "IF, options: there are none", [](auto& m) { last_of(m).builtin_options.Reset(); }},
      {"branch", "IF, input 0 is tensor -1", [](auto& m) { last_of(m).inputs[0] = -1; }},
      {"branch", "f32 where bool is needed", [](auto& m) { std::swap(last_of(m).inputs[0], last_of(m).inputs[1]); }},
      {"branch", "inputs and", [](auto& m) { last_of(m).inputs.pop_back(); }},
      {"branch", "SubGraph 1: it has no tensors",
       [](auto& m) { m.subgraphs[1]->tensors.clear(), m.subgraphs[1]->operators.clear(); }},
      {"branch", "UNIQUE of subgraph 2",
       [](auto& m) {
         m.operator_codes[op_of(m, 2, 0).opcode_index]->builtin_code = 103;
         m.operator_codes[op_of(m, 2, 0).opcode_index]->deprecated_builtin_code = 103;
       }},
  };
}

std::vector<OpCase> option_cases() {
  const auto no_options = [](auto& m) { last_of(m).builtin_options.Reset(); };
  return {
      {"leaky_relu", "options: there are none", no_options},
      {"concat_f32", "options: there are none", no_options},
      {"gather_f32", "options: there are none", no_options},
      {"strided_slice_f32", "options: there are none", no_options},
      {"cumsum", "options: there are none", no_options},
      {"one_hot", "options: there are none", no_options},
      {"lrn", "options: there are none", no_options},
      {"resize_bilinear_0", "options: there are none", no_options},
      {"resize_nearest_0", "options: there are none", no_options},
      {"transpose_conv", "options: there are none", no_options},
      {"conv3d", "options: there are none", no_options},
      {"batch_matmul", "options: there are none", no_options},
      {"space_to_depth_i8", "options: there are none", no_options},
      {"reverse_sequence", "options: there are none", no_options},
      {"mirror_pad_f32", "options: there are none", no_options},
      {"sub_relu", "fused activation 9",
       [](auto& m) {
         last_of(m).builtin_options.AsSubOptions()->fused_activation_function =
             static_cast<tfl::ActivationFunctionType>(9);
       }},
      {"concat_i8", "a fused tanh of integers",
       [](auto& m) {
         last_of(m).builtin_options.AsConcatenationOptions()->fused_activation_function =
             tfl::ActivationFunctionType_TANH;
       }},
      {"resize_bilinear_0", "both align_corners and half_pixel_centers",
       [](auto& m) {
         auto& options = *last_of(m).builtin_options.AsResizeBilinearOptions();
         options.align_corners = options.half_pixel_centers = true;
       }},
      {"lrn", "radius -1",
       [](auto& m) { last_of(m).builtin_options.AsLocalResponseNormalizationOptions()->radius = -1; }},
      {"mirror_pad_f32", "mode 7",
       [](auto& m) { last_of(m).builtin_options.AsMirrorPadOptions()->mode = static_cast<tfl::MirrorPadMode>(7); }},
      {"transpose_conv", "padding 9",
       [](auto& m) { last_of(m).builtin_options.AsTransposeConvOptions()->padding = static_cast<tfl::Padding>(9); }},
      {"flatten", "rank 9", [](auto& m) { last_of(m).builtin_options.AsReshapeOptions()->new_shape.assign(9, 1); }},
      {"squeeze_f32", "rank 9",
       [](auto& m) { last_of(m).builtin_options.AsSqueezeOptions()->squeeze_dims.assign(9, 0); }},
      {"concat_f32", "axis 77", [](auto& m) { last_of(m).builtin_options.AsConcatenationOptions()->axis = 77; }},
      {"gather_f32", "axis -2147483648",
       [](auto& m) { last_of(m).builtin_options.AsGatherOptions()->axis = INT32_MIN; }},
  };
}

std::vector<OpCase> parameter_cases() {
  return {
      {"transpose_f32", "axis 9", [](auto& m) { put_i32(m, 1, 0, 9); }},
      {"transpose_f32", "axis -9", [](auto& m) { put_i32(m, 1, 3, -9); }},
      {"transpose_f32", "axis 3 twice", [](auto& m) { put_i32(m, 1, 0, 3); }},
      {"transpose_f32", "a permutation must be i32", [](auto& m) { input_of(m, 1).type = tfl::TensorType_FLOAT32; }},
      {"transpose_f32", "a permutation that is computed",
       [](auto& m) { input_of(m, 1).buffer = 0, m.subgraphs[0]->inputs.push_back(last_of(m).inputs[1]); }},
      {"transpose_f32", "1 inputs and 1 outputs", [](auto& m) { last_of(m).inputs.pop_back(); }},
      {"split_f32", "axis 100", [](auto& m) { put_i32(m, 0, 0, 100); }},
      {"split_f32", "axis 7", [](auto& m) { put_i32(m, 0, 0, 7); }},
      {"split_f32", "2 inputs and 0 outputs", [](auto& m) { last_of(m).outputs.clear(); }},
      {"split_v_f32", "node 0 Split", [](auto& m) { put_i32(m, 1, 0, 100); }},
      {"split_v_f32", "node 0 Split", [](auto& m) { put_i32(m, 1, 0, INT32_MIN); }},
      {"concat_f32", "0 inputs and 1 outputs", [](auto& m) { last_of(m).inputs.clear(); }},
      {"concat_f32", "input 1 is tensor -1", [](auto& m) { last_of(m).inputs[1] = -1; }},
      {"arg_max", "axis 2147483647", [](auto& m) { put_i32(m, 1, 0, INT32_MAX); }},
      {"arg_max", "an axis of 2 elements", [](auto& m) { input_of(m, 1).shape = {2}, buffer_of(m, 1).data.resize(8); }},
      {"conv3d", "weights that are computed", [](auto& m) { input_of(m, 1).buffer = 0; }},
      {"conv3d", "weights need rank 5", [](auto& m) { input_of(m, 1).shape = {2, 2, 2, 6}; }},
      {"slice_f32", "node 0 Slice", [](auto& m) { put_i32(m, 1, 1, 1000); }},
      {"slice_f32", "node 0 Slice", [](auto& m) { put_i32(m, 2, 0, INT32_MAX); }},
      {"pad_f32", "node 0 Pad", [](auto& m) { put_i32(m, 1, 2, -5); }},
      {"pad_f32", "node 0 Pad", [](auto& m) { put_i32(m, 1, 2, INT32_MAX); }},
      {"tile_f32", "node 0 Tile", [](auto& m) { put_i32(m, 1, 0, -1); }},
      {"tile_f32", "node 0 Tile", [](auto& m) { put_i32(m, 1, 0, INT32_MAX), put_i32(m, 1, 1, INT32_MAX); }},
      {"broadcast_to", "node 0 Expand", [](auto& m) { put_i32(m, 1, 1, 7); }},
      {"space_to_batch_f32", "node 0 SpaceToBatchNd", [](auto& m) { put_i32(m, 1, 0, 0); }},
      {"batch_to_space_f32", "node 0 BatchToSpaceNd", [](auto& m) { put_i32(m, 1, 0, 3); }},
      {"space_to_depth_f32", "node 0 SpaceToDepth",
       [](auto& m) { last_of(m).builtin_options.AsSpaceToDepthOptions()->block_size = 0; }},
      {"strided_slice_f32", "node 0 StridedSlice", [](auto& m) { put_i32(m, 3, 0, 0); }},
      {"reverse", "node 0 Reverse", [](auto& m) { put_i32(m, 1, 0, 5); }},
      {"one_hot", "3 inputs and 1 outputs", [](auto& m) { last_of(m).inputs.resize(3); }},
  };
}

std::vector<OpCase> file_cases() {
  return {
      {"detection", "there are none", [](auto& m) { last_of(m).custom_options.clear(); }},
      {"detection", "the FlexBuffers map is damaged", [](auto& m) { last_of(m).custom_options.assign(1, 7); }},
      {"detection", "the FlexBuffers map is damaged", [](auto& m) { last_of(m).custom_options.assign(4096, 255); }},
      {"detection", "options", [](auto& m) { last_of(m).custom_options = {5, 4, 1}; }},
      {"detection", "options", [](auto& m) { last_of(m).custom_options.assign(5000, 0); }},
      {"detection", "custom 'Other'", [](auto& m) { m.operator_codes[0]->custom_code = "Other"; }},
      {"detection", "3 inputs and 3 outputs", [](auto& m) { last_of(m).outputs.pop_back(); }},
      {"detection", "2 inputs and 4 outputs", [](auto& m) { last_of(m).inputs.pop_back(); }},
      {"abs", "FAKE_QUANT, options: there are none",
       [](auto& m) { m.operator_codes[0]->builtin_code = m.operator_codes[0]->deprecated_builtin_code = 80; }},
      {"abs", "WHILE",
       [](auto& m) { m.operator_codes[0]->builtin_code = m.operator_codes[0]->deprecated_builtin_code = 119; }},
      {"abs", "data in another file", [](auto& m) { input_of(m, 0).external_buffer = 1; }},
      {"abs", "INT4", [](auto& m) { input_of(m, 0).type = tfl::TensorType_INT4; }},
      {"prelu", "buffer", [](auto& m) { input_of(m, 1).type = tfl::TensorType_INT4; }},
      {"prelu", "outside of the file", [](auto& m) { buffer_of(m, 1).offset = UINT64_MAX, buffer_of(m, 1).size = 16; }},
      {"prelu", "outside of the file", [](auto& m) { buffer_of(m, 1).offset = 8, buffer_of(m, 1).size = UINT64_MAX; }},
      {"prelu", "bytes, but", [](auto& m) { buffer_of(m, 1).offset = 8, buffer_of(m, 1).size = 20; }},
  };
}

TEST(TfliteMalformed, EveryBreakOfAnOperatorIsNamed) {
  std::size_t count = 0;
  for (const auto& cases : {variable_cases(), branch_cases(), option_cases(), parameter_cases(), file_cases()}) {
    for (const OpCase& broken : cases) {
      SCOPED_TRACE(std::string(broken.model) + ": " + broken.why);
      ++count;
      const Bytes file = written(broken.model);
      tfl::ModelT model;
      tfl::GetModel(file.data())->UnPackTo(&model);
      broken.how(model);
      const Bytes damaged = packed(model);
      const auto graph = formats::read_tflite(damaged, "broken.tflite");
      EXPECT_FALSE(graph);
      if (graph) continue;
      EXPECT_THAT(graph.error().to_line(), HasSubstr(broken.why));
      EXPECT_THAT(graph.error().to_line(), HasSubstr("broken.tflite"));
    }
  }
  EXPECT_GE(count, 100U);
}

// Tools of old times did not align them.
TEST(TfliteMalformed, ConstantsThatAreNotAlignedAreCopied) {
  const Bytes file = written("prelu");
  tfl::ModelT model;
  tfl::GetModel(file.data())->UnPackTo(&model);
  const std::string name = input_of(model, 1).name;
  buffer_of(model, 1).offset = 9, buffer_of(model, 1).size = 16;
  const Bytes moved = packed(model);
  const auto graph = formats::read_tflite(moved, "moved.tflite");
  ASSERT_TRUE(graph) << graph.error().to_line();
  const auto at = std::ranges::find(graph->tensors, name, [](const graph::Tensor& t) { return t.spec.name; });
  ASSERT_NE(at, graph->tensors.end());
  ASSERT_TRUE(at->constant);
  EXPECT_EQ(at->constant->as<float>().size(), 4U);  // asserts that they are aligned
  EXPECT_TRUE(std::ranges::equal(at->constant->bytes(), std::span(moved).subspan(9, 16)));
}

// Bit flips and cuts over files of every kind, by seed.
TEST(TfliteMalformed, DamageToEveryOperatorSurvives) {
  std::uint64_t state = 3;
  const auto next = [&] { return state = state * 6364136223846793005ULL + 1442695040888963407ULL, state >> 33; };
  for (auto make : {lichen::testing::tflite_op_graphs, lichen::testing::state_graphs}) {
    for (const auto& named : make()) {
      SCOPED_TRACE(named.name);
      const auto file = formats::write_tflite(named.graph);
      ASSERT_TRUE(file) << file.error().to_line();
      for (int round = 0; round < 60; ++round) {
        Bytes damaged = *file;
        for (std::uint64_t hits = 1 + next() % 3; hits-- > 0;)
          damaged[next() % damaged.size()] ^= static_cast<std::byte>(1U << next() % 8);
        survives(damaged);
      }
      for (std::size_t length = 0; length < file->size(); length += 4) {
        const Bytes cut(file->begin(), file->begin() + static_cast<std::ptrdiff_t>(length));
        EXPECT_FALSE(formats::read_tflite(cut, "cut")) << length;
      }
    }
  }
}

// An offset that leads out of the file is blamed on the table that has it.
TEST(TfliteMalformed, BrokenStructureNamesTheTableAndItsByte) {
  const Bytes file = written("counter");
  std::size_t named = 0;
  std::size_t structural = 0;
  for (std::size_t at = 8; at + 4 <= file.size(); at += 4) {
    Bytes damaged = file;
    std::memset(damaged.data() + at, 0x7F, 4);
    const auto graph = formats::read_tflite(damaged, "damaged");
    if (graph || graph.error().why.find("points outside of the file") == std::string::npos) continue;
    ++structural;
    if (graph.error().where.find("byte ") != std::string::npos ||
        graph.error().where.find("outside of the file") != std::string::npos)
      ++named;
  }
  EXPECT_GT(structural, 20U);
  EXPECT_EQ(named, structural);
  Bytes damaged = file;
  const auto* first = tfl::GetModel(damaged.data())->subgraphs()->Get(0)->tensors()->Get(1);
  const auto byte = reinterpret_cast<const std::byte*>(first) - damaged.data();
  std::memset(damaged.data() + byte, 0x7F, 4);  // where its vtable is
  EXPECT_THAT(formats::read_tflite(damaged, "damaged").error().where,
              HasSubstr("SubGraph 0, Tensor 1 (byte " + std::to_string(byte) + ")"));
}

}  // namespace
