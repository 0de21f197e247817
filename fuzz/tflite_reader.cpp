// SPDX-License-Identifier: Apache-2.0
// Any bytes as a .tflite file: read it; what loads and is small is written back, planned and run once, with native and
// with reference kernels, which must agree bit for bit on integers.
#include <cstdint>
#include <cstring>

#include "base/assert.hpp"
#include "engine/session.hpp"
#include "formats/tflite.hpp"
#include "graph/print.hpp"

namespace {

using namespace lichen;

constexpr std::int64_t kOperationsMax = 300'000;
constexpr std::size_t kArenaBytesMax = std::size_t{4} << 20;

bool integers_only(const graph::Graph& graph) {
  for (const graph::Tensor& tensor : graph.tensors) {
    if (tensor.spec.dtype == tensor::DType::kF32 || tensor.spec.dtype == tensor::DType::kF16) return false;
  }
  return true;
}

void run_both(const graph::Graph& graph) {
  const auto native = engine::Session::create(graph, {1, false});
  const auto reference = engine::Session::create(graph, {1, true});
  if (!native || !reference || (*native)->arena_bytes() > kArenaBytesMax) return;
  for (const auto* session : {&*native, &*reference}) {
    for (std::size_t i = 0; i < (*session)->inputs().size(); ++i) {
      const std::span<std::byte> input = (*session)->input(i);
      for (std::size_t at = 0; at < input.size(); ++at) input[at] = static_cast<std::byte>(at * 37 + 11);
    }
    const auto ran = (*session)->run();
    LICHEN_ASSERT(ran || ran.error().code != Code::kInternal);
    if (!ran) return;  // values that cannot be computed with: indices out of range
  }
  if (!integers_only(graph)) return;
  for (std::size_t i = 0; i < (*native)->outputs().size(); ++i) {
    const auto a = (*native)->output(i);
    const auto b = (*reference)->output(i);
    LICHEN_ASSERT(a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  const Bytes file(bytes, bytes + size);
  const auto graph = formats::read_tflite(file, "fuzz");
  if (!graph) return 0;
  // What can be written must be read back; what cannot (sizes that only a run knows) says so.
  const auto written = formats::write_tflite(*graph);
  LICHEN_ASSERT(written ? formats::read_tflite(*written, "again").has_value()
                        : written.error().code == Code::kUnsupported);
  if (graph::cost_of(*graph).operations <= kOperationsMax) run_both(*graph);
  return 0;
}
