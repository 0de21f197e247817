// SPDX-License-Identifier: Apache-2.0
// Times Session::run of .tflite files: median and 95th percentile over rounds, native kernels or the reference ones.
//   bench_engine [--reference] [--nodes] [--rounds N] MODEL.tflite ...
// One JSON object a line.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <vector>

#include <fmt/format.h>

#include "engine/session.hpp"
#include "formats/tflite.hpp"
#include "graph/print.hpp"

namespace {

using namespace lichen;
using Clock = std::chrono::steady_clock;

struct Options {
  bool reference = false;
  bool nodes = false;
  std::size_t rounds = 200;
  std::vector<std::string> models;
};

Bytes read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const ByteView bytes = bytes_of(text);
  return {bytes.begin(), bytes.end()};
}

double microseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

Result<void> time_model(const std::string& path, const Options& options) {
  const Bytes file = read_file(path);
  const auto load_start = Clock::now();
  const graph::Graph graph = LICHEN_TRY(formats::read_tflite(file, path));
  const auto session = LICHEN_TRY(engine::Session::create(graph, {1, options.reference}));
  const double load_us = microseconds_since(load_start);
  if (options.nodes) {
    for (const engine::NodeProfile& node : session->nodes())
      fmt::print(stderr, "{:<32} {:>10} {}\n", node.kernel, node.macs, node.name);
  }
  LICHEN_TRY(session->run());
  std::vector<double> us;
  for (std::size_t round = 0; round < options.rounds; ++round) {
    const auto start = Clock::now();
    LICHEN_TRY(session->run());
    us.push_back(microseconds_since(start));
  }
  std::ranges::sort(us);
  fmt::print(
      "{{\"schema\": \"lichen.bench.engine.v1\", \"model\": \"{}\", \"kernels\": \"{}\", \"median_us\": {:.1f}, "
      "\"p95_us\": {:.1f}, \"load_us\": {:.0f}, \"macs\": {}, \"arena_bytes\": {}, \"packed_bytes\": {}}}\n",
      path, options.reference ? "reference" : "native", us[us.size() / 2], us[us.size() * 95 / 100], load_us,
      graph::cost_of(graph).macs, session->arena_bytes(), session->packed_bytes());
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--reference") {
      options.reference = true;
    } else if (argument == "--nodes") {
      options.nodes = true;
    } else if (argument == "--rounds" && i + 1 < argc) {
      options.rounds = std::max<std::size_t>(1, std::strtoul(argv[++i], nullptr, 10));
    } else {
      options.models.emplace_back(argument);
    }
  }
  int exit_code = 0;
  for (const std::string& model : options.models) {
    if (const auto timed = time_model(model, options); !timed) {
      fmt::print(stderr, "lichen: {}\n", timed.error().to_line());
      exit_code = exit_code_of(timed.error().code);
    }
  }
  return exit_code;
}
