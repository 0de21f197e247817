// SPDX-License-Identifier: Apache-2.0
// Single ops beside LiteRT's reference kernels (golden/ops.json and moves.json, made by golden/ops.py and moves.py):
// whole numbers bit for bit, reals within 1e-4 of the largest. Both with reference and with native kernels.
#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "graph/verify.hpp"
#include "support.hpp"

namespace {

using namespace lichen;
using lichen::testing::bytes_of_base64;
using nlohmann::json;

graph::Tensor tensor_of(const json& described, const std::string& name) {
  graph::Tensor tensor;
  const auto dims = described["shape"].get<std::vector<std::int64_t>>();
  tensor.spec = {name, *tensor::dtype_named(described["dtype"].get<std::string>()), tensor::Shape(dims)};
  if (described.contains("scales")) {
    tensor.quantization.scales = described["scales"].get<std::vector<float>>();
    const std::vector<std::int32_t> zeros(tensor.quantization.scales.size());
    tensor.quantization.zero_points = described.value("zero_points", zeros);
    tensor.quantization.axis = described.value("axis", std::size_t{0});
  }
  if (described.value("constant", false))
    tensor.constant = tensor::Data::own(bytes_of_base64(described["base64"].get<std::string>()));
  return tensor;
}

graph::Activation activation_of(const json& a) {
  const std::string name = a.value("activation", "none");
  if (name == "relu") return graph::Activation::kRelu;
  if (name == "relu6") return graph::Activation::kRelu6;
  return name == "relu_n1_to_1" ? graph::Activation::kReluN1To1 : graph::Activation::kNone;
}

tensor::DType dtype_of(const json& a) {
  return *tensor::dtype_named(a.value("to", "i64"));
}

template <typename E>
E named(const json& a, const char* key, std::initializer_list<std::pair<const char*, E>> names) {
  const std::string name = a.value(key, "");
  for (const auto& [text, value] : names) {
    if (name == text) return value;
  }
  return names.begin()->second;
}

std::vector<std::int32_t> list_of(const json& a, const char* key) {
  return a.value(key, std::vector<std::int32_t>{});
}

graph::ResizeAttributes resize_of(const json& a) {
  graph::ResizeAttributes made;
  made.mode = named<graph::ResizeMode>(
      a, "mode", {{"nearest", graph::ResizeMode::kNearest}, {"linear", graph::ResizeMode::kLinear}});
  made.coordinates = named<graph::Coordinates>(a, "coordinates",
                                               {{"half_pixel", graph::Coordinates::kHalfPixel},
                                                {"align_corners", graph::Coordinates::kAlignCorners},
                                                {"asymmetric", graph::Coordinates::kAsymmetric}});
  made.axes = list_of(a, "axes");
  made.like_tflite = a.value("like_tflite", false);
  return made;
}

graph::StridedSliceAttributes strided_slice_of(const json& a) {
  return {a.value("begin_mask", 0),    a.value("end_mask", 0),         a.value("ellipsis_mask", 0),
          a.value("new_axis_mask", 0), a.value("shrink_axis_mask", 0), false};
}

graph::PadMode pad_mode_of(const json& a) {
  return named<graph::PadMode>(a, "mode",
                               {{"constant", graph::PadMode::kConstant},
                                {"reflect", graph::PadMode::kReflect},
                                {"symmetric", graph::PadMode::kSymmetric}});
}

graph::Padding padding_of(const json& a) {
  return a.value("padding", "same") == "same" ? graph::Padding::kSame : graph::Padding::kValid;
}

graph::Pool2DAttributes pool_of(const json& a) {
  graph::Pool2DAttributes made;
  made.padding = padding_of(a);
  made.stride_h = a.value("stride_h", 1);
  made.stride_w = a.value("stride_w", 1);
  made.filter_h = a.value("filter_h", 1);
  made.filter_w = a.value("filter_w", 1);
  return made;
}

graph::Conv2DAttributes conv2d_of(const json& a) {
  graph::Conv2DAttributes made{padding_of(a), a.value("stride_h", 1), a.value("stride_w", 1)};
  made.activation = activation_of(a);
  return made;
}

// The attributes that fit the op, with the fields that the case names.
graph::Attributes attributes_of(graph::Op op, const json& a) {
  const auto fits = [&](const graph::Attributes& attributes) {
    return graph::schema_of(op).attributes_fit(attributes);
  };
  const std::vector<graph::Attributes> all = {
      graph::NoAttributes{},
      graph::UnaryAttributes{a.value("alpha", 0.0F), a.value("beta", 0.0F)},
      graph::ElementwiseAttributes{activation_of(a), a.value("power_of_two_scales", false)},
      graph::ReduceAttributes{a.value("keep_dims", true), false},
      graph::ArgAttributes{a.value("axis", 0), a.value("keep_dims", true), false, dtype_of(a)},
      graph::TopKAttributes{-1, true, true, dtype_of(a)},
      graph::CumSumAttributes{a.value("exclusive", false), a.value("reverse", false)},
      graph::CastAttributes{dtype_of(a)},
      graph::AxisAttributes{a.value("axis", 0)},
      graph::AxesAttributes{list_of(a, "axes")},
      graph::BlockAttributes{a.value("block", 1), false},
      graph::GatherAttributes{a.value("axis", 0), a.value("batch_dims", 0)},
      graph::PadAttributes{pad_mode_of(a), a.value("pairs", false)},
      graph::ResizeAttributes{resize_of(a)},
      graph::ReverseSequenceAttributes{a.value("batch_axis", 0), a.value("time_axis", 1)},
      graph::ShapeAttributes{dtype_of(a)},
      graph::SliceAttributes{a.value("sizes", false)},
      graph::SplitAttributes{a.value("axis", 0), false},
      graph::StridedSliceAttributes{strided_slice_of(a)},
      graph::TransposeAttributes{list_of(a, "permutation")},
      graph::SoftmaxAttributes{a.value("beta", 1.0F)},
      graph::Pool2DAttributes{pool_of(a)},
      graph::MatMulAttributes{},
      graph::NormAttributes{-1, 1e-6F},
      graph::FullyConnectedAttributes{activation_of(a), false, a.value("asymmetric", false)},
      graph::Conv2DAttributes{conv2d_of(a)},
      graph::DepthwiseConv2DAttributes{padding_of(a), a.value("stride_h", 1), a.value("stride_w", 1)},
      graph::TransposeConvAttributes{padding_of(a), a.value("stride_h", 1), a.value("stride_w", 1)}};
  const auto at = std::ranges::find_if(all, fits);
  LICHEN_ASSERT(at != all.end());
  return *at;
}

void compare_output(std::span<const std::byte> got, const json& wanted) {
  const Bytes bytes = bytes_of_base64(wanted["base64"].get<std::string>());
  ASSERT_EQ(got.size(), bytes.size());
  if (wanted["dtype"] == "f32") {
    EXPECT_LE(lichen::testing::relative_difference(lichen::testing::floats_of(got), lichen::testing::floats_of(bytes)),
              1e-4);
    return;
  }
  const auto at = std::ranges::mismatch(got, bytes).in1 - got.begin();
  EXPECT_EQ(static_cast<std::size_t>(at), got.size())
      << "byte " << at << " is " << static_cast<int>(got[static_cast<std::size_t>(at)]) << ", not "
      << static_cast<int>(bytes[static_cast<std::size_t>(at)]);
}

void compare(const json& wanted, bool reference_only) {
  const auto op = graph::op_named(wanted["op"].get<std::string>());
  ASSERT_TRUE(op);
  graph::Graph g;
  g.name = "case";
  graph::Node node{*op, "node", attributes_of(*op, wanted["attributes"]), {}, {}};
  for (const json& input : wanted["inputs"]) {
    node.inputs.push_back(g.add(tensor_of(input, fmt::format("in{}", node.inputs.size()))));
    if (!input.value("constant", false)) g.inputs.push_back(node.inputs.back());
  }
  for (const json& output : wanted["outputs"])
    node.outputs.push_back(g.add(tensor_of(output, fmt::format("out{}", node.outputs.size()))));
  g.outputs = node.outputs;
  g.nodes.push_back(node);
  engine::SessionOptions options;
  options.reference_kernels_only = reference_only;
  auto session = engine::Session::create(g, options);
  ASSERT_TRUE(session) << session.error().to_line();
  std::size_t at = 0;
  for (const json& input : wanted["inputs"]) {
    if (input.value("constant", false)) continue;
    const Bytes bytes = bytes_of_base64(input["base64"].get<std::string>());
    ASSERT_EQ(bytes.size(), (*session)->input(at).size());
    std::ranges::copy(bytes, (*session)->input(at++).begin());
  }
  const auto ran = (*session)->run();
  ASSERT_TRUE(ran) << ran.error().to_line();
  for (std::size_t i = 0; i < g.outputs.size(); ++i) compare_output((*session)->output(i), wanted["outputs"][i]);
}

std::string name_of(const json& wanted) {
  std::string name = wanted["op"].get<std::string>() + " " + wanted["attributes"].dump();
  for (const char* side : {"inputs", "outputs"}) {
    for (const json& tensor : wanted[side]) {
      name += fmt::format(" {}{}", tensor["dtype"].get<std::string>(), tensor["shape"].dump());
      if (tensor.contains("scales")) name += tensor["scales"].dump() + tensor.value("zero_points", json()).dump();
    }
  }
  return name;
}

json cases_of(const char* name) {
  const Bytes file = lichen::testing::read_file(lichen::testing::source_dir() / "tests/engine/golden" / name);
  return json::parse(text_of(file), nullptr, false)["cases"];
}

void compare_all(const char* name, std::size_t cases_min, bool reference_only) {
  const json cases = cases_of(name);
  ASSERT_GE(cases.size(), cases_min);
  for (const json& wanted : cases) {
    SCOPED_TRACE(name_of(wanted));
    compare(wanted, reference_only);
  }
}

TEST(OpsGolden, ReferenceKernelsEqualLiteRT) {
  compare_all("ops.json", 300, true);
}

TEST(OpsGolden, NativeKernelsEqualLiteRT) {
  compare_all("ops.json", 300, false);
}

TEST(OpsGolden, ReferenceKernelsMoveAsLiteRTDoes) {
  compare_all("moves.json", 150, true);
}

TEST(OpsGolden, NativeKernelsMoveAsLiteRTDoes) {
  compare_all("moves.json", 150, false);
}

TEST(OpsGolden, ReferenceKernelsOfLayersEqualLiteRT) {
  compare_all("layers_tflite.json", 19, true);
}

TEST(OpsGolden, NativeKernelsOfLayersEqualLiteRT) {
  compare_all("layers_tflite.json", 19, false);
}

TEST(OpsGolden, ReferenceKernelsOf16BitsEqualLiteRT) {
  compare_all("words.json", 80, true);
}

TEST(OpsGolden, NativeKernelsOf16BitsEqualLiteRT) {
  compare_all("words.json", 80, false);
}

}  // namespace
