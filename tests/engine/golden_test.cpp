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

std::vector<float> floats_of_hex(const std::string& hex) {
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<std::byte>(std::stoul(hex.substr(i, 2), nullptr, 16)));
  return lichen::testing::floats_of(bytes);
}

void compare_node_outputs(const json& sample, const graph::Graph& graph, const engine::Session& session,
                          std::size_t graph_outputs) {
  for (std::size_t node = 0; node < graph.nodes.size(); ++node) {
    const json& wanted = sample["nodes"][node];
    if (wanted.is_null()) continue;
    EXPECT_EQ(crc32(session.output(graph_outputs + node)), wanted.get<std::uint32_t>())
        << "node " << node << " " << graph.nodes[node].name << " by " << session.nodes()[node].kernel;
  }
}

void compare_float_outputs(const json& sample, const engine::Session& session) {
  for (std::size_t i = 0; i < sample["outputs"].size(); ++i) {
    if (sample["outputs"][i].is_null()) continue;
    const std::vector<float> wanted = floats_of_hex(sample["outputs"][i].get<std::string>());
    EXPECT_LE(lichen::testing::relative_difference(lichen::testing::floats_of(session.output(i)), wanted), 1e-4)
        << "output " << i;
  }
}

void compare(const std::filesystem::path& path, const json& wanted, bool reference_only) {
  const Bytes file = read_file(path);
  auto read = formats::read_tflite(file, path.filename().string());
  ASSERT_TRUE(read) << read.error().to_line();
  graph::Graph graph = *std::move(read);
  const std::size_t graph_outputs = graph.outputs.size();
  for (const graph::Node& node : graph.nodes) graph.outputs.push_back(node.outputs.front());  // so that all can be seen
  auto made = engine::Session::create(graph, {1, reference_only});
  ASSERT_TRUE(made) << made.error().to_line();
  engine::Session& session = **made;
  for (std::size_t sample = 0; sample < wanted["samples"].size(); ++sample) {
    SCOPED_TRACE("sample " + std::to_string(sample));
    lichen::testing::fill_seeded(session, sample, wanted["low"].get<float>(), wanted["high"].get<float>());
    ASSERT_TRUE(session.run());
    compare_node_outputs(wanted["samples"][sample], graph, session, graph_outputs);
    compare_float_outputs(wanted["samples"][sample], session);
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
