// SPDX-License-Identifier: Apache-2.0
// lichend_make_models FOLDER: the small models that the tests of the programs serve. All take x FP32 [1, 4] and give
// y FP32 [1, 3], class probabilities. For zeros, primary and heavy say class 0, compact says 1 and reflex says 2: an
// answer shows which rung it is from, whatever its label claims.
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "engine/reflex_table.hpp"
#include "forge/quantize.hpp"
#include "formats/tflite.hpp"
#include "graph/graph.hpp"
#include "posix/files.hpp"

namespace {

using namespace lichen;
using graph::Graph;
using graph::Op;
using graph::TensorId;
using tensor::DType;

constexpr std::int64_t kFeatures = 4;
constexpr std::int64_t kClasses = 3;
constexpr std::int64_t kHeavyUnits = 1024;
constexpr float kFavour = 2.0F;
constexpr std::size_t kSamples = 16;

std::vector<float> weights_of(std::int64_t rows, std::int64_t columns) {
  std::vector<float> weights(static_cast<std::size_t>(rows * columns));
  for (std::size_t i = 0; i < weights.size(); ++i)
    weights[i] = static_cast<float>(static_cast<int>(i % 7) - 3) / 100.0F;
  return weights;
}

std::vector<float> favouring(std::int64_t favoured) {
  std::vector<float> bias(kClasses, 0.0F);
  bias[static_cast<std::size_t>(favoured)] = kFavour;
  return bias;
}

TensorId add_full(Graph& g, const std::string& name, TensorId in, std::int64_t units, const std::vector<float>& bias) {
  const std::int64_t columns = g.tensors[static_cast<std::size_t>(in)].spec.shape.dims()[1];
  const std::vector<float> numbers = weights_of(units, columns);
  const TensorId weights = g.add_constant(name + "_weights", {units, columns}, std::span<const float>(numbers));
  const TensorId added = g.add_constant(name + "_bias", {units}, std::span<const float>(bias));
  const TensorId out = g.add(name, DType::kF32, {1, units});
  g.nodes.push_back({Op::kFullyConnected, name, graph::FullyConnectedAttributes{}, {in, weights, added}, {out}});
  return out;
}

// `hidden` layers of many units make it slow enough to be killed in the middle of a request.
Graph classifier(std::int64_t features, std::int64_t favoured, int hidden) {
  Graph g;
  g.name = "classifier";
  const TensorId in = g.add("x", DType::kF32, {1, features});
  TensorId at = in;
  const std::vector<float> none(static_cast<std::size_t>(kHeavyUnits), 0.0F);
  for (int i = 0; i < hidden; ++i) at = add_full(g, fmt::format("hidden{}", i), at, kHeavyUnits, none);
  at = add_full(g, "scores", at, kClasses, favouring(favoured));
  const TensorId out = g.add("y", DType::kF32, {1, kClasses});
  g.nodes.push_back({Op::kSoftmax, "softmax", graph::SoftmaxAttributes{}, {at}, {out}});
  g.inputs = {in};
  g.outputs = {out};
  return g;
}

Result<void> save(const Graph& g, const std::string& path) {
  const Bytes file = LICHEN_TRY(formats::write_tflite(g));
  return posix::write_file(path, file);
}

std::vector<Bytes> samples() {
  std::vector<Bytes> out;
  for (std::size_t i = 0; i < kSamples; ++i) {
    std::vector<float> values(kFeatures);
    for (std::size_t k = 0; k < values.size(); ++k) values[k] = static_cast<float>((i + 3 * k) % 9) / 4.0F - 1.0F;
    const ByteView bytes = std::as_bytes(std::span(values));
    out.emplace_back(bytes.begin(), bytes.end());
  }
  return out;
}

Result<void> make_all(const std::string& folder) {
  LICHEN_TRY(save(classifier(kFeatures, 0, 0), folder + "/primary.tflite"));
  LICHEN_TRY(save(classifier(kFeatures, 0, 2), folder + "/heavy.tflite"));
  LICHEN_TRY(save(classifier(kFeatures + 1, 0, 0), folder + "/wider.tflite"));
  const Graph compact = LICHEN_TRY(forge::quantize_int8(classifier(kFeatures, 1, 0), samples(), {}));
  LICHEN_TRY(save(compact, folder + "/compact.tflite"));
  std::vector<float> numbers = weights_of(kClasses, kFeatures);
  const std::vector<float> bias = favouring(2);
  numbers.insert(numbers.end(), bias.begin(), bias.end());
  const auto table = LICHEN_TRY(
      engine::ReflexTable::create(engine::ReflexKind::kLinear, kFeatures, kClasses, 1.0F, std::move(numbers)));
  return posix::write_file(folder + "/table.reflex", table.serialize());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: lichend_make_models FOLDER\n");
    return 2;
  }
  if (const auto made = make_all(argv[1]); !made) {
    fmt::print(stderr, "lichen: {}\n", made.error().to_line());
    return 1;
  }
  return 0;
}
