// SPDX-License-Identifier: Apache-2.0
// Answers on real data, against what shared/data/README.md states.
#include <sstream>

#include "formats/tflite.hpp"
#include "support.hpp"

namespace {

using namespace lichen;
using lichen::testing::read_file;

std::vector<int> class_column(const std::filesystem::path& csv) {
  std::vector<int> classes;
  std::ifstream file(csv);
  std::string line;
  std::getline(file, line);
  std::size_t column = 0;
  std::size_t wanted = 0;
  std::stringstream header(line);
  for (std::string name; std::getline(header, name, ','); ++column) {
    if (name == "class" || name == "label") wanted = column;
  }
  while (std::getline(file, line)) {
    std::stringstream row(line);
    std::string cell;
    for (std::size_t i = 0; i <= wanted; ++i) std::getline(row, cell, ',');
    classes.push_back(std::stoi(cell));
  }
  return classes;
}

template <typename T>
int largest_of(std::span<const std::byte> bytes) {
  const auto* values = reinterpret_cast<const T*>(bytes.data());
  return static_cast<int>(std::max_element(values, values + bytes.size() / sizeof(T)) - values);
}

struct Loaded {
  Bytes file;
  graph::Graph graph;
  std::unique_ptr<engine::Session> session;
};

void load(const std::filesystem::path& path, Loaded& to) {
  to.file = read_file(path);
  auto graph = formats::read_tflite(to.file, path.filename().string());
  ASSERT_TRUE(graph) << graph.error().to_line();
  to.graph = *std::move(graph);
  auto session = engine::Session::create(to.graph, {});
  ASSERT_TRUE(session) << session.error().to_line();
  to.session = *std::move(session);
}

TEST(Accuracy, KeywordSpottingOn500Clips) {
  LICHEN_NEED_SHARED_DATA(data);
  const std::vector<int> labels = class_column(data / "datasets/speech_commands_kws12/labels.csv");
  const Bytes features = read_file(data / "datasets/speech_commands_kws12/mfcc_int8.bin");
  constexpr std::size_t kFeatures = 490;
  ASSERT_EQ(labels.size(), 500U);
  ASSERT_EQ(features.size(), labels.size() * kFeatures);
  Loaded integer;
  Loaded floating;
  load(data / "models/kws/kws_ref_int8.tflite", integer);
  load(data / "models/kws/kws_ref_float32.tflite", floating);
  int integer_right = 0;
  int floating_right = 0;
  for (std::size_t clip = 0; clip < labels.size(); ++clip) {
    const std::byte* from = features.data() + clip * kFeatures;
    std::memcpy(integer.session->input(0).data(), from, kFeatures);
    for (std::size_t i = 0; i < kFeatures; ++i) {
      const float value = static_cast<float>(static_cast<std::int8_t>(from[i]) - 83) * 0.584703F;
      std::memcpy(floating.session->input(0).data() + i * sizeof(float), &value, sizeof(float));
    }
    ASSERT_TRUE(integer.session->run());
    ASSERT_TRUE(floating.session->run());
    integer_right += largest_of<std::int8_t>(integer.session->output(0)) == labels[clip] ? 1 : 0;
    floating_right += largest_of<float>(floating.session->output(0)) == labels[clip] ? 1 : 0;
  }
  RecordProperty("int8_right", integer_right);
  RecordProperty("float_right", floating_right);
  EXPECT_NEAR(integer_right, 453, 1) << "90.6 % of 500";
  EXPECT_NEAR(floating_right, 453, 2) << "90.6 % of 500";
}

TEST(Accuracy, PersonDetectorSeesThePerson) {
  LICHEN_NEED_SHARED_DATA(data);
  Loaded model;
  load(data / "models/vww/person_detect_int8.tflite", model);
  const auto classify = [&](const char* image) {
    const Bytes bmp = read_file(data / "models/vww" / image);
    const std::span<std::byte> input = model.session->input(0);
    constexpr std::size_t kSide = 96;
    const std::size_t pixels_at = bmp.size() - kSide * kSide;  // rows bottom first, the bytes are the tensor's
    for (std::size_t y = 0; y < kSide; ++y)
      std::memcpy(input.data() + y * kSide, bmp.data() + pixels_at + (kSide - 1 - y) * kSide, kSide);
    EXPECT_TRUE(model.session->run());
    return largest_of<std::int8_t>(model.session->output(0));
  };
  EXPECT_EQ(classify("person.bmp"), 1);
  EXPECT_EQ(classify("no_person.bmp"), 0);
}

TEST(Accuracy, HelloWorldDrawsASine) {
  LICHEN_NEED_SHARED_DATA(data);
  Loaded model;
  load(data / "models/sequence/hello_world_float.tflite", model);
  for (float x = 0; x < 6.28F; x += 0.05F) {
    std::memcpy(model.session->input(0).data(), &x, sizeof x);
    ASSERT_TRUE(model.session->run());
    EXPECT_NEAR(lichen::testing::floats_of(model.session->output(0))[0], std::sin(x), 0.05F);
  }
}

TEST(Accuracy, MobileNetNamesTheBird) {
  LICHEN_NEED_SHARED_DATA(data);
  Loaded model;
  load(data / "models/imagenet/mobilenet_v2_1.0_224_quant.tflite", model);
  const Bytes image = read_file(data / "models/imagenet/bird.rgb");
  ASSERT_EQ(image.size(), model.session->input(0).size());
  std::memcpy(model.session->input(0).data(), image.data(), image.size());
  ASSERT_TRUE(model.session->run());
  EXPECT_EQ(largest_of<std::uint8_t>(model.session->output(0)), 20) << "chickadee";
}

}  // namespace
