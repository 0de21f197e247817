// SPDX-License-Identifier: Apache-2.0
// Every answer of ours beside LiteRT's reference kernels (golden/golden.json, made by golden/make.py): integers bit for
// bit after every node, floats within 1e-4 of the largest value. Both with reference and with native kernels.
#include <array>
#include <map>

#include <nlohmann/json.hpp>

#include "formats/tflite.hpp"
#include "support.hpp"

namespace {

using namespace lichen;
using lichen::testing::read_file;
using nlohmann::json;

const json& golden() {
  static const json kGolden = [] {
    const Bytes file = read_file(lichen::testing::source_dir() / "tests/engine/golden/golden.json");
    return json::parse(text_of(file), nullptr, false);
  }();
  return kGolden;
}

// CRC-32 as zlib has it (reflected 0xEDB88320).
std::uint32_t crc32(std::span<const std::byte> bytes) {
  static const std::array<std::uint32_t, 256> kTable = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < table.size(); ++i) {
      std::uint32_t x = i;
      for (int bit = 0; bit < 8; ++bit) x = (x & 1U) != 0 ? (x >> 1) ^ 0xEDB88320U : x >> 1;
      table[i] = x;
    }
    return table;
  }();
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const std::byte b : bytes) crc = (crc >> 8) ^ kTable[(crc ^ static_cast<std::uint32_t>(b)) & 0xFFU];
  return ~crc;
}

// The names of the wanted tensors that nodes give; all of them are made outputs, so that they can be seen.
std::vector<std::size_t> show(graph::Graph& graph, const json& names) {
  std::vector<std::size_t> places;
  for (const json& name : names) {
    const auto at =
        std::ranges::find(graph.tensors, name.get<std::string>(), [](const graph::Tensor& t) { return t.spec.name; });
    EXPECT_NE(at, graph.tensors.end()) << name;
    if (at == graph.tensors.end()) continue;
    places.push_back(graph.outputs.size());
    graph.outputs.push_back(static_cast<graph::TensorId>(at - graph.tensors.begin()));
  }
  return places;
}

void compare_output(const json& wanted_base64, const engine::Session& session, std::size_t i) {
  if (wanted_base64.is_null()) return;
  const Bytes bytes = lichen::testing::bytes_of_base64(wanted_base64.get<std::string>());
  ASSERT_GE(session.output(i).size(), bytes.size());
  if (session.outputs()[i].spec.dtype == tensor::DType::kF32) {
    const std::vector<float> wanted = lichen::testing::floats_of(bytes);
    EXPECT_LE(lichen::testing::relative_difference(lichen::testing::floats_of(session.output(i)), wanted), 1e-4)
        << "output " << i;
    return;
  }
  EXPECT_TRUE(std::ranges::equal(bytes, session.output(i).first(bytes.size()))) << "output " << i;
}

void compare(const std::filesystem::path& path, const json& wanted, bool reference_only) {
  const Bytes file = read_file(path);
  auto read = formats::read_tflite(file, path.filename().string());
  ASSERT_TRUE(read) << read.error().to_line();
  graph::Graph graph = *std::move(read);
  const std::vector<std::size_t> places = show(graph, wanted["tensors"]);
  auto made = engine::Session::create(graph, {1, reference_only});
  ASSERT_TRUE(made) << made.error().to_line();
  engine::Session& session = **made;
  for (std::size_t sample = 0; sample < wanted["samples"].size(); ++sample) {  // one after the other: state goes on
    SCOPED_TRACE("sample " + std::to_string(sample));
    const json& answers = wanted["samples"][sample];
    lichen::testing::fill_seeded(session, sample, wanted["low"].get<float>(), wanted["high"].get<float>());
    ASSERT_TRUE(session.run());
    for (std::size_t i = 0; i < places.size(); ++i) {
      EXPECT_EQ(crc32(session.output(places[i])), answers["nodes"][i].get<std::uint32_t>())
          << "tensor " << session.outputs()[places[i]].spec.name;
    }
    for (std::size_t i = 0; i < answers["outputs"].size(); ++i) compare_output(answers["outputs"][i], session, i);
  }
}

void compare_all(const json& models, const std::filesystem::path& folder, bool reference_only) {
  ASSERT_FALSE(models.empty());
  for (const auto& [name, wanted] : models.items()) {
    SCOPED_TRACE(name);
    compare(folder / name, wanted, reference_only);
  }
}

TEST(Golden, OwnModelsByReferenceKernelsEqualLiteRT) {
  compare_all(golden()["own"], lichen::testing::source_dir() / "tests/engine/golden/models", true);
}

TEST(Golden, OwnModelsByNativeKernelsEqualLiteRT) {
  compare_all(golden()["own"], lichen::testing::source_dir() / "tests/engine/golden/models", false);
}

TEST(Golden, SharedModelsByReferenceKernelsEqualLiteRT) {
  LICHEN_NEED_SHARED_DATA(data);
  compare_all(golden()["shared"], data / "models", true);
}

TEST(Golden, SharedModelsByNativeKernelsEqualLiteRT) {
  LICHEN_NEED_SHARED_DATA(data);
  compare_all(golden()["shared"], data / "models", false);
}

}  // namespace
