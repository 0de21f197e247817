// SPDX-License-Identifier: Apache-2.0
// lichen bench: how fast a model is on this machine, layer by layer, and beside what the machine could do.
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <ctime>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/json.hpp"
#include "base/mix.hpp"
#include "commands.hpp"
#include "engine/session.hpp"
#include "graph/print.hpp"
#include "kernels/peak.hpp"
#include "model_file.hpp"
#include "posix/clock.hpp"
#include "tensor/half.hpp"

namespace lichen::tool {
namespace {

constexpr std::size_t kRunsMax = 1'000'000;
constexpr double kBusyCpuShare = 0.9;  // below it, something else had the CPU

struct Options {
  std::string model;
  int threads = 1;
  double seconds = 2.0;
  std::size_t runs = 0;
  std::vector<std::string> shapes;
  bool profile = false;
  bool reference = false;
  bool json = false;
};

struct Peak {  // of one core, in billions of operations a second
  double f32 = 0;
  double i8 = 0;
};

struct Report {
  double load_ms = 0;  // read, checked, planned, and the first answer
  std::vector<double> us;
  double cpu_share = 1;  // CPU time over wall time of the calling thread
  Peak peak;
  std::vector<engine::NodeProfile> nodes;
  std::vector<double> node_us;
};

double at(const std::vector<double>& sorted, double quantile) {
  const auto place = static_cast<std::size_t>(std::ceil(quantile * static_cast<double>(sorted.size())));
  return sorted[std::clamp<std::size_t>(place, 1, sorted.size()) - 1];
}

float small_real(SplitMix64& random) {
  return static_cast<float>(random.next() >> 40) / static_cast<float>(1 << 24);
}

// Values that any layer can work with: small reals, any bytes, and 0 for wider integers (indices, sizes).
void fill_inputs(engine::Session& session) {
  for (std::size_t i = 0; i < session.inputs().size(); ++i) {
    const std::span<std::byte> input = session.input(i);
    const tensor::DType dtype = session.inputs()[i].spec.dtype;
    SplitMix64 random(i + 1);
    if (dtype == tensor::DType::kF32) {
      for (std::size_t at_byte = 0; at_byte + sizeof(float) <= input.size(); at_byte += sizeof(float)) {
        const float value = small_real(random);
        std::memcpy(input.data() + at_byte, &value, sizeof value);
      }
    } else if (dtype == tensor::DType::kF16) {
      for (std::size_t at_byte = 0; at_byte + sizeof(std::uint16_t) <= input.size(); at_byte += sizeof(std::uint16_t)) {
        const std::uint16_t value = tensor::half_of_float(small_real(random));
        std::memcpy(input.data() + at_byte, &value, sizeof value);
      }
    } else if (tensor::size_of(dtype) == 1 && dtype != tensor::DType::kBool) {
      for (std::byte& b : input) b = static_cast<std::byte>(random.next() >> 56);
    } else {
      std::ranges::fill(input, std::byte{0});
    }
  }
}

// The best of some bursts: the worse ones were disturbed.
template <typename Burst>
double best_rate(const posix::MonotonicClock& clock, Burst burst) {
  constexpr int kBursts = 15;
  double best = 0;
  for (int i = 0; i < kBursts; ++i) {
    const TimeNs before = clock.now_ns();
    const double operations = burst(kernels::detect_cpu());
    const TimeNs took = std::max<TimeNs>(clock.now_ns() - before, 1);
    best = std::max(best, operations / static_cast<double>(took));
  }
  return best;
}

double thread_cpu_us() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

double elapsed_us(const posix::MonotonicClock& clock, TimeNs since) {
  return static_cast<double>(clock.now_ns() - since) / 1e3;
}

Result<void> measure(engine::Session& session, const Options& options, Report& report) {
  const posix::MonotonicClock clock;
  const TimeNs began = clock.now_ns();
  const double cpu_before = thread_cpu_us();
  const auto enough = [&] {
    if (options.runs > 0) return report.us.size() >= options.runs;
    return report.us.size() >= kRunsMax || (elapsed_us(clock, began) > options.seconds * 1e6 && report.us.size() >= 5);
  };
  while (!enough()) {
    const TimeNs before = clock.now_ns();
    LICHEN_TRY(session.run());
    report.us.push_back(elapsed_us(clock, before));
  }
  report.cpu_share = (thread_cpu_us() - cpu_before) / elapsed_us(clock, began);
  std::ranges::sort(report.us);
  return {};
}

// The median time of each node over some runs of their own, since taking the time takes time.
Result<void> profile(engine::Session& session, Report& report) {
  constexpr std::size_t kRuns = 31;
  const posix::MonotonicClock clock;
  std::vector<std::vector<double>> samples(session.nodes().size());
  for (std::size_t run = 0; run < kRuns; ++run) {
    LICHEN_TRY(session.run({.clock = &clock, .profile = true}));
    for (std::size_t i = 0; i < samples.size(); ++i)
      samples[i].push_back(static_cast<double>(session.nodes()[i].last_ns) / 1e3);
  }
  report.nodes.assign(session.nodes().begin(), session.nodes().end());
  for (auto& sample : samples) {
    std::ranges::sort(sample);
    report.node_us.push_back(sample[sample.size() / 2]);
  }
  return {};
}

// Two operations a multiply-accumulate, in billions a second.
double giga_ops(std::int64_t macs, double us) {
  return us <= 0 ? 0 : 2.0 * static_cast<double>(macs) / us / 1e3;
}

bool computes_in_integers(const engine::Session& session) {
  return std::ranges::any_of(session.planned_graph().nodes, [&](const graph::Node& node) {
    return !node.outputs.empty() && node.outputs[0] != graph::kNoTensor && node.op == graph::Op::kConv2D &&
           session.planned_graph().tensor(node.outputs[0]).spec.dtype != tensor::DType::kF32;
  });
}

std::string bar_of(double share) {
  constexpr int kWidth = 20;
  const int full = static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * kWidth));
  std::string text;
  for (int i = 0; i < kWidth; ++i) text += i < full ? "█" : "·";
  return text;
}

void print_nodes(const Report& report, double peak) {
  const double total = std::accumulate(report.node_us.begin(), report.node_us.end(), 0.0);
  fmt::print("\n{:>4} {:<18} {:<34} {:>9} {:>6} {:<20} {:>8} {:>6}\n", "#", "op", "kernel", "us", "share", "", "Gop/s",
             "of peak");
  for (std::size_t i = 0; i < report.nodes.size(); ++i) {
    const engine::NodeProfile& node = report.nodes[i];
    const double share = total > 0 ? report.node_us[i] / total : 0;
    const double rate = giga_ops(node.macs, report.node_us[i]);
    fmt::print("{:>4} {:<18} {:<34} {:>9.1f} {:>5.1f}% {} ", i, node.op, node.kernel, report.node_us[i], 100 * share,
               bar_of(share));
    if (node.macs > 0) fmt::print("{:>8.1f} {:>5.0f}%", rate, 100 * rate / peak);
    fmt::print("\n");
  }
}

long peak_memory_kib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

Json to_json(const Options& options, const engine::Session& session, const Report& report, std::int64_t macs,
             double peak) {
  Json nodes = Json::array();
  for (std::size_t i = 0; i < report.nodes.size(); ++i) {
    nodes.push_back({{"name", report.nodes[i].name},
                     {"op", report.nodes[i].op},
                     {"kernel", report.nodes[i].kernel},
                     {"macs", report.nodes[i].macs},
                     {"us", report.node_us[i]}});
  }
  const double median = at(report.us, 0.5);
  return {{"schema", "lichen.bench.v1"},
          {"model", options.model},
          {"threads", options.threads},
          {"runs", report.us.size()},
          {"load_ms", report.load_ms},
          {"us", {{"min", report.us.front()}, {"p50", median}, {"p90", at(report.us, 0.9)}, {"p99", at(report.us, 0.99)},
                  {"max", report.us.back()}}},
          {"macs", macs},
          {"gops", giga_ops(macs, median)},
          {"peak_gops", peak},
          {"cpu_share", report.cpu_share},
          {"arena_bytes", session.arena_bytes()},
          {"packed_bytes", session.packed_bytes()},
          {"peak_rss_kib", peak_memory_kib()},
          {"nodes", nodes}};
}

void print_report(const Options& options, const engine::Session& session, const Report& report, std::int64_t macs,
                  double peak, bool integers) {
  const double median = at(report.us, 0.5);
  fmt::print("{}: {} nodes, {} thread{}, {} runs\n", options.model, session.nodes().size(), options.threads,
             options.threads == 1 ? "" : "s", report.us.size());
  fmt::print("latency us: min {:.1f}  p50 {:.1f}  p90 {:.1f}  p99 {:.1f}  max {:.1f}\n", report.us.front(), median,
             at(report.us, 0.9), at(report.us, 0.99), report.us.back());
  fmt::print("from the file to the first answer: {:.2f} ms\n", report.load_ms);
  fmt::print("memory: {} KiB of activations, {} KiB of packed weights, {} KiB resident at most\n",
             session.arena_bytes() / 1024, session.packed_bytes() / 1024, peak_memory_kib());
  if (macs > 0) {
    const double rate = giga_ops(macs, median);
    fmt::print("work: {} MACs a run, {:.1f} Gop/s: {:.0f} % of the {:.0f} {} that {} core{} here can do\n", macs, rate,
               100 * rate / peak, peak, integers ? "Gop/s (int8)" : "Gflop/s", options.threads,
               options.threads == 1 ? "" : "s");
  }
  if (report.cpu_share < kBusyCpuShare) {
    fmt::print("note: this process had the CPU {:.0f} % of the time: the machine is busy, trust the minimum most\n",
               100 * report.cpu_share);
  }
  if (options.profile) print_nodes(report, peak);
}

Result<std::vector<tensor::Shape>> parse_shapes(const std::vector<std::string>& texts) {
  std::vector<tensor::Shape> shapes;
  for (const std::string& text : texts) {
    std::vector<std::int64_t> dims;
    const char* at = text.data();
    const char* const end = at + text.size();
    while (at < end) {
      std::int64_t dim = 0;
      const auto [next, error] = std::from_chars(at, end, dim);
      if (error != std::errc() || (next != end && *next != 'x'))
        return fail(Code::kBadInput, "bad option", "--shape", fmt::format("'{}' is not like 1x3x224x224", text));
      dims.push_back(dim);
      at = next + (next != end ? 1 : 0);
    }
    shapes.push_back(LICHEN_TRY(tensor::Shape::make(dims, "--shape " + text)));
  }
  return shapes;
}

Result<int> bench(const Options& options) {
  Report report;
  const posix::MonotonicClock clock;
  const TimeNs began = clock.now_ns();
  const ModelFile model = LICHEN_TRY(load_model(options.model));
  const std::vector<tensor::Shape> shapes = LICHEN_TRY(parse_shapes(options.shapes));
  const auto session = LICHEN_TRY(engine::Session::create(
      model.graph, {.threads = options.threads,
                    .reference_kernels_only = options.reference,
                    .input_shapes = shapes}));
  fill_inputs(*session);
  LICHEN_TRY(session->run());
  report.load_ms = elapsed_us(clock, began) / 1e3;
  report.peak = {best_rate(clock, kernels::burst_f32), best_rate(clock, kernels::burst_i8)};
  LICHEN_TRY(measure(*session, options, report));
  if (options.profile) LICHEN_TRY(profile(*session, report));
  const bool integers = computes_in_integers(*session);
  std::int64_t macs = 0;
  for (const engine::NodeProfile& node : session->nodes()) macs += node.macs;
  const double peak = options.threads * (integers ? report.peak.i8 : report.peak.f32);
  if (options.json) {
    fmt::print("{}\n", to_json(options, *session, report, macs, peak).dump());
  } else {
    print_report(options, *session, report, macs, peak, integers);
  }
  return 0;
}

}  // namespace

Command add_bench(CLI::App& app) {
  auto options = std::make_shared<Options>();  // shared with the command below, which outlives this call
  app.add_option("model", options->model, "a .tflite or .onnx file")->required();
  app.add_option("--threads", options->threads, "threads that share the work")->capture_default_str();
  app.add_option("--seconds", options->seconds, "how long to measure")->capture_default_str()->check(CLI::Range(0.01, 3600.0));
  app.add_option("--runs", options->runs, "so many runs instead");
  app.add_option("--shape", options->shapes, "1x3x224x224: of each input in order, where the model leaves sizes open");
  app.add_flag("--profile", options->profile, "the time of each layer");
  app.add_flag("--reference", options->reference, "plain C++ kernels instead of the vector ones");
  app.add_flag("--json", options->json, "one JSON object");
  return [options] { return bench(*options); };
}

}  // namespace lichen::tool
