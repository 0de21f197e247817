// SPDX-License-Identifier: Apache-2.0
// Files that are not quite as ONNX asks for, or as exporters of today write them, and that users have all the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/session.hpp"
#include "make.hpp"
#include "onnx/onnx.hpp"

namespace lichen {
namespace {

using ::onnx::ModelProto;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace lichen::testing;

std::unique_ptr<engine::Session> session_of(const ModelProto& model) {
  const Bytes file = bytes_of_model(model);
  auto graph = formats::read_onnx(file, "m.onnx");
  EXPECT_TRUE(graph.has_value()) << graph.error().to_line();
  if (!graph) return nullptr;
  auto session = engine::Session::create(with_own_weights(*std::move(graph)), {});
  EXPECT_TRUE(session.has_value()) << session.error().to_line();
  return session ? *std::move(session) : nullptr;
}

template <typename T>
std::vector<T> answer(engine::Session& session, const std::vector<T>& input) {
  const auto to = session.input(0);
  EXPECT_EQ(to.size(), input.size() * sizeof(T));
  std::memcpy(to.data(), input.data(), std::min(to.size(), input.size() * sizeof(T)));
  EXPECT_TRUE(session.run());
  std::vector<T> got(session.output(0).size() / sizeof(T));
  std::memcpy(got.data(), session.output(0).data(), got.size() * sizeof(T));
  return got;
}

TEST(OnnxOrder, NodesMayStandBeforeWhatTheyRead) {
  ModelProto model = empty_model();
  add_input(model, "x", {3});
  add_node(model, "Neg", {"b"}, {"y"});
  add_node(model, "Add", {"a", "x"}, {"b"});
  add_node(model, "Abs", {"x"}, {"a"});
  add_output(model, "y");
  const auto session = session_of(model);
  ASSERT_NE(session, nullptr);
  EXPECT_THAT(answer<float>(*session, {-1, 2, 3}), ElementsAre(0, -4, -6));
}

TEST(OnnxOrder, ABranchWaitsForWhatItReadsFromAround) {
  ModelProto model = empty_model();
  add_input(model, "x", {2});
  add_input(model, "wanted", {}, 9);
  auto& choice = add_node(model, "If", {"wanted"}, {"y"});
  for (const char* branch : {"then_branch", "else_branch"}) {
    auto& body = set_graph(choice, branch);
    const std::string result = std::string(branch) + "_result";
    add_node(body, branch[0] == 't' ? "Neg" : "Abs", {"late"}, {result.c_str()});
    body.add_output()->set_name(result);
  }
  add_node(model, "Add", {"x", "x"}, {"late"});
  add_output(model, "y");
  const auto session = session_of(model);
  ASSERT_NE(session, nullptr);
  session->input(1)[0] = std::byte{1};
  EXPECT_THAT(answer<float>(*session, {1, -2}), ElementsAre(-2, 4));
}

TEST(OnnxOrder, ACycleIsRefused) {
  ModelProto model = empty_model();
  add_input(model, "x", {3});
  add_node(model, "Add", {"b", "x"}, {"a"});
  add_node(model, "Neg", {"a"}, {"b"});
  add_output(model, "b");
  const auto graph = formats::read_onnx(bytes_of_model(model), "m.onnx");
  ASSERT_FALSE(graph);
  EXPECT_EQ(graph.error().code, Code::kBadInput);
  EXPECT_THAT(graph.error().to_line(), HasSubstr("not computed before it"));
}

TEST(OnnxOpsets, TheSameOneTwiceIsOne) {
  ModelProto model = conv_model();
  *model.add_opset_import() = model.opset_import(0);
  EXPECT_TRUE(formats::read_onnx(bytes_of_model(model), "m.onnx"));
}

// Opset 11's own coordinates: (x + 0.5) / scale, here 0.75, 2.25 and 3.75, rounded down where a half is on both sides.
TEST(OnnxResize, HalfPixelsForNearestNeighboursOfOpset11) {
  ModelProto model = empty_model(11);
  add_input(model, "x", {1, 1, 1, 5});
  auto& scales = *model.mutable_graph()->add_initializer();
  scales.set_name("scales");
  scales.set_data_type(1);
  scales.add_dims(4);
  for (const float scale : {1.0F, 1.0F, 1.0F, 2.0F / 3.0F}) scales.add_float_data(scale);
  auto& roi = *model.mutable_graph()->add_initializer();
  roi.set_name("roi");
  roi.set_data_type(1);
  roi.add_dims(0);
  auto& resize = add_node(model, "Resize", {"x", "roi", "scales"}, {"y"});
  set_text(resize, "coordinate_transformation_mode", "tf_half_pixel_for_nn");
  set_text(resize, "mode", "nearest");
  set_text(resize, "nearest_mode", "floor");
  add_output(model, "y");
  const auto session = session_of(model);
  ASSERT_NE(session, nullptr);
  EXPECT_THAT(answer<float>(*session, {10, 11, 12, 13, 14}), ElementsAre(10, 12, 13));
}

// With one channel the change of layout before the convolution only gives a new shape, and what is moved must keep the
// scale that quantization gives it.
TEST(OnnxQuantization, AnIntegerConvolutionOfOneChannelTakesAQuantizedInput) {
  ModelProto model = empty_model(10);
  add_input(model, "x", {1, 1, 2, 2});
  auto& scale = *model.mutable_graph()->add_initializer();
  scale.set_name("scale");
  scale.set_data_type(1);
  scale.add_float_data(0.5F);
  const auto add_bytes = [&](const char* name, std::vector<std::int64_t> dims, std::vector<int> values) {
    auto& tensor = *model.mutable_graph()->add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(2);
    for (const std::int64_t dim : dims) tensor.add_dims(dim);
    for (const int value : values) tensor.add_int32_data(value);
  };
  add_bytes("zero", {}, {3});
  add_bytes("w", {2, 1, 1, 1}, {1, 5});
  add_bytes("w_zero", {}, {2});
  add_node(model, "QuantizeLinear", {"x", "scale", "zero"}, {"q"});
  add_node(model, "ConvInteger", {"q", "w", "zero", "w_zero"}, {"c"});
  set_int(add_node(model, "Cast", {"c"}, {"y"}), "to", 1);
  add_output(model, "y");
  const auto session = session_of(model);
  ASSERT_NE(session, nullptr);
  EXPECT_THAT(answer<float>(*session, {0, 0.5F, 1, 2}), ElementsAre(0, -1, -2, -4, 0, 3, 6, 12));
}

}  // namespace
}  // namespace lichen
