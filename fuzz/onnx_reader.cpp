// SPDX-License-Identifier: Apache-2.0
// Any bytes as an .onnx file: read it; what loads and is small is planned and run once.
#include <cstdint>

#include "engine/session.hpp"
#include "graph/print.hpp"
#include "onnx/onnx.hpp"

namespace {

using namespace lichen;

constexpr std::int64_t kOperationsMax = 300'000;
constexpr std::size_t kArenaBytesMax = std::size_t{4} << 20;

bool is_small(const graph::Graph& graph) {
  std::size_t bytes = 0;
  for (const graph::Tensor& tensor : graph.tensors) {
    if (!tensor.spec.shape.known()) return false;  // what it takes is known only when it runs
    bytes += tensor.spec.bytes();
  }
  return bytes <= kArenaBytesMax && graph::cost_of(graph).operations <= kOperationsMax;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  const auto graph = formats::read_onnx(ByteView(bytes, size), "fuzz");
  if (!graph || !is_small(*graph)) return 0;
  const auto session = engine::Session::create(*graph, {});
  if (!session) return 0;
  for (std::size_t i = 0; i < (*session)->inputs().size(); ++i) {
    const std::span<std::byte> input = (*session)->input(i);
    for (std::size_t at = 0; at < input.size(); ++at) input[at] = static_cast<std::byte>(at * 37 + 11);
  }
  static_cast<void>((*session)->run());  // may refuse values
  return 0;
}
