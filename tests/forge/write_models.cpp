// SPDX-License-Identifier: Apache-2.0
// Writes quantized models with inputs and the engine's outputs into a folder, for litert_compare.py.
#include <cstdio>
#include <cstring>
#include <string>

#include <zlib.h>

#include "digits.hpp"
#include "engine/session.hpp"
#include "every_op.hpp"
#include "forge/quantize.hpp"
#include "formats/tflite.hpp"
#include "learn/random_features.hpp"

namespace {

using namespace lichen;

constexpr std::size_t kRuns = 445;

void save(const std::string& path, ByteView bytes) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr || std::fwrite(bytes.data(), 1, bytes.size(), file) != bytes.size()) {
    std::perror(path.c_str());
    std::exit(1);
  }
  std::fclose(file);
}

void write(const std::string& folder, const std::string& name, const graph::Graph& model,
           std::span<const Bytes> samples) {
  const graph::Graph integer = forge::quantize_int8(model, samples, {}).value();
  save(folder + "/" + name + ".tflite", formats::write_tflite(integer).value());
  const auto session = engine::Session::create(integer, {}).value();
  Bytes inputs;
  Bytes outputs;
  SplitMix64 random(9);
  for (std::size_t run = 0; run < kRuns; ++run) {
    for (std::byte& value : session->input(0)) value = static_cast<std::byte>(random.next());
    inputs.insert(inputs.end(), session->input(0).begin(), session->input(0).end());
    if (!session->run()) std::exit(1);
    outputs.insert(outputs.end(), session->output(0).begin(), session->output(0).end());
  }
  save(folder + "/" + name + ".in", inputs);
  save(folder + "/" + name + ".out", outputs);
}

std::vector<Bytes> digit_samples() {
  std::vector<Bytes> samples;
  for (std::size_t i = 0; i < 200; ++i) samples.push_back(lichen::testing::sample_of(lichen::testing::digits().row(i)));
  return samples;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: forge_write_models FOLDER\n"), 2;
  const std::string folder = argv[1];
  write(folder, "digits", learn::fit_random_features(lichen::testing::digits(), {8, 8, 1}, {}).value(),
        digit_samples());
  write(folder, "every_op", lichen::testing::every_op(), lichen::testing::every_op_samples());
  return 0;
}
