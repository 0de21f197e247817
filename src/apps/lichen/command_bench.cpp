// SPDX-License-Identifier: Apache-2.0
// lichen bench: how fast a model is on this machine, layer by layer, beside what the machine could do, and beside
// another engine.
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
#include "difference.hpp"
#include "engines.hpp"
#include "kernels/peak.hpp"
#include "posix/clock.hpp"
#include "posix/library.hpp"
#include "tensor/half.hpp"

namespace lichen::tool {
namespace {

constexpr std::size_t kRunsMax = 1'000'000;
constexpr double kBusyCpuShare = 0.9;  // below it, something else had the CPU
constexpr double kRoundUs = 50e3;      // of one engine, before it is the other's turn

struct Options {
  std::string model;
  int threads = 1;
  double seconds = 2.0;
  std::size_t runs = 0;
  std::vector<std::string> shapes;
  EngineChoice engine;
  std::string compare;  // another backend
  bool profile = false;
  bool reference = false;
  bool json = false;
};

struct Peak {  // of one core, in billions of operations a second
  double f32 = 0;
  double i8 = 0;
};

// A model in an engine, and what was measured of it.
struct Measured {
  LoadedModel model;
  double load_ms = 0;  // read, checked, planned, and the first answer
  std::vector<double> us{};
  double cpu_us = 0;  // of the calling thread, over wall_us
  double wall_us = 0;

  [[nodiscard]] backends::Runner& runner() const { return *model.runner; }
  [[nodiscard]] double cpu_share() const { return wall_us > 0 ? cpu_us / wall_us : 1; }
};

struct Report {
  Measured& measured;
  double peak = 0;        // of the threads that were used, in billions of operations a second
  bool integers = false;  // is that of int8 operations?
  std::int64_t macs = 0;  // 0: the engine does not tell
  std::vector<double> node_us{};
};

double at(const std::vector<double>& sorted, double quantile) {
  const auto place = static_cast<std::size_t>(std::ceil(quantile * static_cast<double>(sorted.size())));
  return sorted[std::clamp<std::size_t>(place, 1, sorted.size()) - 1];
}

float small_real(SplitMix64& random) {
  return static_cast<float>(random.next() >> 40) / static_cast<float>(1 << 24);
}

// Values that any layer can work with: small reals, any bytes, and 0 for wider integers (indices, sizes).
void fill_inputs(backends::Runner& session) {
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

bool has_enough(const Measured& measured, const Options& options) {
  if (options.runs > 0) return measured.us.size() >= options.runs;
  return measured.us.size() >= kRunsMax || (measured.wall_us > options.seconds * 1e6 && measured.us.size() >= 5);
}

Result<void> measure_round(Measured& measured, const Options& options) {
  const posix::MonotonicClock clock;
  const TimeNs began = clock.now_ns();
  const double cpu_before = thread_cpu_us();
  const double wall_before = measured.wall_us;
  while (!has_enough(measured, options) && measured.wall_us - wall_before < kRoundUs) {
    const TimeNs before = clock.now_ns();
    LICHEN_TRY(measured.runner().run());
    measured.us.push_back(elapsed_us(clock, before));
    measured.wall_us = wall_before + elapsed_us(clock, began);
  }
  measured.cpu_us += thread_cpu_us() - cpu_before;
  return {};
}

// In turn: what disturbs the machine disturbs both.
Result<void> measure(std::vector<Measured>& all, const Options& options) {
  const auto enough = [&](const Measured& measured) { return has_enough(measured, options); };
  while (!std::ranges::all_of(all, enough)) {
    for (Measured& measured : all) LICHEN_TRY(measure_round(measured, options));
  }
  for (Measured& measured : all) std::ranges::sort(measured.us);
  return {};
}

// The median time of each node over some runs of their own, since taking the time takes time.
Result<std::vector<double>> profile(backends::Runner& runner) {
  constexpr std::size_t kRuns = 31;
  const posix::MonotonicClock clock;
  std::vector<std::vector<double>> samples(runner.nodes().size());
  for (std::size_t run = 0; run < kRuns && !samples.empty(); ++run) {
    LICHEN_TRY(runner.run({.clock = &clock, .profile = true}));
    for (std::size_t i = 0; i < samples.size(); ++i)
      samples[i].push_back(static_cast<double>(runner.nodes()[i].last_ns) / 1e3);
  }
  std::vector<double> medians;
  for (auto& sample : samples) {
    std::ranges::sort(sample);
    medians.push_back(sample[sample.size() / 2]);
  }
  return medians;
}

// Two operations a multiply-accumulate, in billions a second.
double giga_ops(std::int64_t macs, double us) {
  return us <= 0 ? 0 : 2.0 * static_cast<double>(macs) / us / 1e3;
}

bool computes_in_integers(const backends::Runner& runner) {
  return std::ranges::any_of(runner.nodes(), [](const engine::NodeProfile& node) {
    return node.op == "Conv2D" && node.dtype != tensor::DType::kF32;
  });
}

std::string bar_of(double share) {
  constexpr int kWidth = 20;
  const int full = static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * kWidth));
  std::string text;
  for (int i = 0; i < kWidth; ++i) text += i < full ? "█" : "·";
  return text;
}

void print_nodes(const Report& report) {
  const backends::Runner& runner = report.measured.runner();
  if (runner.nodes().empty()) {
    fmt::print("no times of layers: {} does not tell them\n", runner.engine().name);
    return;
  }
  const double total = std::accumulate(report.node_us.begin(), report.node_us.end(), 0.0);
  fmt::print("\n{:>4} {:<18} {:<34} {:>9} {:>6} {:<20} {:>8} {:>6}\n", "#", "op", "kernel", "us", "share", "", "Gop/s",
             "of peak");
  for (std::size_t i = 0; i < report.node_us.size(); ++i) {
    const engine::NodeProfile& node = runner.nodes()[i];
    const double share = total > 0 ? report.node_us[i] / total : 0;
    const double rate = giga_ops(node.macs, report.node_us[i]);
    fmt::print("{:>4} {:<18} {:<34} {:>9.1f} {:>5.1f}% {} ", i, node.op, node.kernel, report.node_us[i], 100 * share,
               bar_of(share));
    if (node.macs > 0) fmt::print("{:>8.1f} {:>5.0f}%", rate, 100 * rate / report.peak);
    fmt::print("\n");
  }
}

long peak_memory_kib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

Json quantiles_json(const Measured& measured) {
  const std::vector<double>& us = measured.us;
  return {{"min", us.front()}, {"p50", at(us, 0.5)}, {"p90", at(us, 0.9)}, {"p99", at(us, 0.99)}, {"max", us.back()}};
}

Json engine_json(const Measured& measured) {
  return {{"backend", measured.runner().engine().name},
          {"backend_version", measured.runner().engine().version},
          {"runs", measured.us.size()},
          {"load_ms", measured.load_ms},
          {"us", quantiles_json(measured)},
          {"cpu_share", measured.cpu_share()}};
}

Json to_json(const Options& options, const Report& report) {
  const backends::Runner& runner = report.measured.runner();
  Json nodes = Json::array();
  for (std::size_t i = 0; i < report.node_us.size(); ++i) {
    const engine::NodeProfile& node = runner.nodes()[i];
    nodes.push_back({{"name", node.name},
                     {"op", node.op},
                     {"kernel", node.kernel},
                     {"macs", node.macs},
                     {"us", report.node_us[i]}});
  }
  Json out = engine_json(report.measured);
  out.update({{"schema", "lichen.bench.v1"},
              {"model", options.model},
              {"threads", options.threads},
              {"peak_gops", report.peak},
              {"peak_rss_kib", peak_memory_kib()},
              {"nodes", nodes}});
  if (!runner.nodes().empty()) {
    out["macs"] = report.macs;
    out["gops"] = giga_ops(report.macs, at(report.measured.us, 0.5));
  }
  if (const auto memory = runner.memory()) {
    out["arena_bytes"] = memory->activation_bytes;
    out["packed_bytes"] = memory->packed_bytes;
  }
  return out;
}

void print_latency(const Measured& measured) {
  const std::vector<double>& us = measured.us;
  fmt::print("latency us: min {:.1f}  p50 {:.1f}  p90 {:.1f}  p99 {:.1f}  max {:.1f}\n", us.front(), at(us, 0.5),
             at(us, 0.9), at(us, 0.99), us.back());
  fmt::print("from the file to the first answer: {:.2f} ms\n", measured.load_ms);
}

void print_report(const Options& options, const Report& report) {
  const Measured& measured = report.measured;
  const backends::Runner& runner = measured.runner();
  const std::string nodes = runner.nodes().empty() ? "" : fmt::format("{} nodes, ", runner.nodes().size());
  const char* threads = options.threads == 1 ? "" : "s";
  const char* both = options.compare.empty() ? "" : " (both engines)";
  fmt::print("{}: {}{} thread{}, {} runs, {} {}\n", options.model, nodes, options.threads, threads, measured.us.size(),
             runner.engine().name, runner.engine().version);
  print_latency(measured);
  if (const auto memory = runner.memory()) {
    fmt::print("memory: {} KiB of activations, {} KiB of packed weights, {} KiB resident at most{}\n",
               memory->activation_bytes / 1024, memory->packed_bytes / 1024, peak_memory_kib(), both);
  } else {
    fmt::print("memory: {} KiB resident at most{}\n", peak_memory_kib(), both);
  }
  if (report.macs > 0) {
    const double rate = giga_ops(report.macs, at(measured.us, 0.5));
    fmt::print("work: {} MACs a run, {:.1f} Gop/s: {:.0f} % of the {:.0f} {} that {} core{} here can do\n", report.macs,
               rate, 100 * rate / report.peak, report.peak, report.integers ? "Gop/s (int8)" : "Gflop/s",
               options.threads, threads);
  }
  if (measured.cpu_share() < kBusyCpuShare) {
    fmt::print("note: this process had the CPU {:.0f} % of the time: the machine is busy, trust the minimum most\n",
               100 * measured.cpu_share());
  }
}

// The other engine beside the first: how fast, and whether it gives the same answers to the same inputs.
Result<void> report_other(const Options& options, const Measured& first, const Measured& other, Json& report) {
  const backends::Engine& engine = other.runner().engine();
  const double faster = at(other.us, 0.5) / at(first.us, 0.5);
  if (!options.json) {
    fmt::print("\n{} {}, {} runs in turn with the above\n", engine.name, engine.version, other.us.size());
    print_latency(other);
    fmt::print("{} is {:.2f} times as fast as {} (ratio of medians)\n", first.runner().engine().name, faster,
               engine.name);
  }
  Json outputs = Json::array();
  if (first.runner().outputs().size() != other.runner().outputs().size())
    return fail(Code::kInternal, "cannot compare", options.model, "the engines give different numbers of outputs");
  for (const Measured* each : {&first, &other}) {  // from the same state, after however many runs
    each->runner().reset_state();
    LICHEN_TRY(each->runner().run());
  }
  for (std::size_t i = 0; i < first.runner().outputs().size(); ++i) {
    const engine::TensorInfo& info = first.runner().outputs()[i];
    const Difference difference = LICHEN_TRY(
        difference_of({info, first.runner().output(i)}, {other.runner().outputs()[i], other.runner().output(i)}));
    if (!options.json) fmt::print("answers, {}: {}\n", info.spec.name, to_text(difference));
    outputs.push_back(to_json(info.spec.name, difference));
  }
  report["compared"] = engine_json(other);
  report["compared"]["times_as_fast"] = faster;
  report["compared"]["outputs"] = outputs;
  return {};
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

// The library of an engine that is not ours is loaded before the clock starts: once a process, not once a model.
Result<Measured> loaded(const EngineChoice& choice, const std::string& path, const backends::LoadOptions& options) {
  const backends::Backend& backend = *LICHEN_TRY(backends::named(choice.backend));
  posix::Libraries libraries;
  LICHEN_TRY(backend.version({libraries, library_of(backend, choice.library)}));
  const posix::MonotonicClock clock;
  const TimeNs began = clock.now_ns();
  Measured measured{LICHEN_TRY(load_into(choice, path, options))};
  fill_inputs(measured.runner());
  LICHEN_TRY(measured.runner().run());
  measured.load_ms = elapsed_us(clock, began) / 1e3;
  return measured;
}

Result<int> bench(const Options& options) {
  backends::LoadOptions load{.threads = options.threads,
                             .reference_kernels_only = options.reference,
                             .input_shapes = LICHEN_TRY(parse_shapes(options.shapes))};
  std::vector<Measured> all;
  all.push_back(LICHEN_TRY(loaded(options.engine, options.model, load)));
  load.reference_kernels_only = false;
  if (!options.compare.empty())
    all.push_back(LICHEN_TRY(loaded({options.compare, options.engine.library}, options.model, load)));
  const posix::MonotonicClock clock;
  const Peak peak{best_rate(clock, kernels::burst_f32), best_rate(clock, kernels::burst_i8)};
  LICHEN_TRY(measure(all, options));
  Report report{all.front()};
  report.integers = computes_in_integers(all.front().runner());
  report.peak = options.threads * (report.integers ? peak.i8 : peak.f32);
  if (options.profile) report.node_us = LICHEN_TRY(profile(all.front().runner()));
  for (const engine::NodeProfile& node : all.front().runner().nodes()) report.macs += node.macs;
  Json json = to_json(options, report);
  if (!options.json) print_report(options, report);
  if (!options.json && options.profile) print_nodes(report);
  if (all.size() > 1) LICHEN_TRY(report_other(options, all[0], all[1], json));
  if (options.json) fmt::print("{}\n", json.dump());
  return 0;
}

}  // namespace

Command add_bench(CLI::App& app) {
  auto options = std::make_shared<Options>();  // shared with the command below, which outlives this call
  app.add_option("model", options->model, "a .tflite or .onnx file")->required();
  app.add_option("--threads", options->threads, "threads that share the work")->capture_default_str();
  app.add_option("--seconds", options->seconds, "how long to measure")
      ->capture_default_str()
      ->check(CLI::Range(0.01, 3600.0));
  app.add_option("--runs", options->runs, "so many runs instead");
  app.add_option("--shape", options->shapes, "1x3x224x224: of each input in order, where the model leaves sizes open");
  add_engine_options(app, options->engine);
  app.add_option("--compare", options->compare, "measure this backend as well, in turn, and compare speed and answers")
      ->check(CLI::IsMember(backend_names()));
  app.add_flag("--profile", options->profile, "the time of each layer, where the engine tells it");
  app.add_flag("--reference", options->reference, "plain C++ kernels instead of the vector ones (native only)");
  app.add_flag("--json", options->json, "one JSON object");
  return [options] { return bench(*options); };
}

}  // namespace lichen::tool
