// SPDX-License-Identifier: Apache-2.0
// What a sandboxed process for each model costs. See README.md.
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "rounds.hpp"

namespace {

using namespace lichen;

constexpr std::size_t kOutputBytes = 4096;
constexpr double kBarUs = 20.0;

struct Options {
  bool json = false;
  std::size_t interleavings = 20;
  std::size_t jobs = 1000;  // each interleaving
  std::size_t idle_jobs = 20;
  std::size_t kills = 200;
};

double us(TimeNs ns) {
  return static_cast<double>(ns) / 1000.0;
}

posix::WorkerJobSpec job_of(std::size_t input_bytes) {
  posix::WorkerJobSpec job;
  job.inputs = {{"in", tensor::DType::kU8, tensor::Shape{static_cast<std::int64_t>(input_bytes)}}};
  job.outputs = {{"out", tensor::DType::kU8, tensor::Shape{static_cast<std::int64_t>(kOutputBytes)}}};
  return job;
}

void row(const Options& options, const std::string& name, const bench::Times& times) {
  if (options.json) {
    for (const int percent : {50, 95, 99}) {
      fmt::print("{}\n", nlohmann::json{{"schema", "lichen.bench.v1"},
                                        {"bar", fmt::format("{} p{}", name, percent)},
                                        {"value", us(times.at(percent))},
                                        {"unit", "us"},
                                        {"limit", nullptr},
                                        {"peer", nullptr},
                                        {"ratio", nullptr},
                                        {"ok", true}}
                             .dump());
    }
    return;
  }
  fmt::print("{:<40} {:>10.1f} {:>10.1f} {:>10.1f}\n", name, us(times.at(50)), us(times.at(95)), us(times.at(99)));
}

// True if the bar holds (or there is none).
bool difference(const Options& options, const std::string& name, double value_us, const double* limit_us,
                double peer_us) {
  const bool ok = limit_us == nullptr || value_us <= *limit_us;
  if (options.json) {
    nlohmann::json line{{"schema", "lichen.bench.v1"},
                        {"bar", name},
                        {"value", value_us},
                        {"unit", "us"},
                        {"limit", nullptr},
                        {"peer", peer_us},
                        {"ratio", (value_us + peer_us) / peer_us},
                        {"ok", ok}};
    if (limit_us != nullptr) line["limit"] = *limit_us;
    fmt::print("{}\n", line.dump());
    return ok;
  }
  const std::string bar =
      limit_us == nullptr ? "" : fmt::format("  (bar: at most {:.0f}: {})", *limit_us, ok ? "held" : "MISSED");
  fmt::print("{:<40} {:>+10.1f}{}\n", name, value_us, bar);
  return ok;
}

bool measure_size(const Options& options, const std::string& program, const std::string& label, std::size_t bytes,
                  const double* limit_us) {
  bench::Rounds rounds(program, job_of(bytes));
  const Bytes input(bytes, std::byte{1});
  std::vector<TimeNs> apart;
  std::vector<TimeNs> together;
  static_cast<void>(rounds.through_worker(input, options.jobs / 10 + 1, 0));
  for (std::size_t i = 0; i < options.interleavings; ++i) {
    for (const TimeNs t : rounds.through_worker(input, options.jobs, 0)) apart.push_back(t);
    for (const TimeNs t : bench::in_process(input, kOutputBytes, options.jobs)) together.push_back(t);
  }
  const bench::Times isolated(std::move(apart));
  const bench::Times plain(std::move(together));
  row(options, label + ", worker process", isolated);
  row(options, label + ", in process", plain);
  return difference(options, label + ", isolation costs (p50)", us(isolated.at(50) - plain.at(50)), limit_us,
                    us(plain.at(50)));
}

int run(const Options& options, const std::string& program) {
  if (!options.json) fmt::print("{:<40} {:>10} {:>10} {:>10}\n", "microseconds", "p50", "p95", "p99");
  bool ok = measure_size(options, program, "3 KB back to back", 3072, &kBarUs);
  ok &= measure_size(options, program, "150 KB back to back", 150 * 1024, nullptr);
  bench::Rounds rounds(program, job_of(3072));
  const Bytes input(3072, std::byte{1});
  std::vector<TimeNs> idle =
      rounds.through_worker(input, options.interleavings * options.idle_jobs, 5 * kMillisecondNs);
  row(options, "3 KB after 5 ms idle, worker process", bench::Times(std::move(idle)));
  row(options, "SIGKILL to WorkerGone", bench::Times(rounds.kills(options.kills)));
  return ok ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string_view> words(argv + 1, argv + argc);
  if (words.size() == 2 && words[0] == "--template") {
    bench::CopyBody body;
    return posix::run_template(std::atoi(argv[2]), body);
  }
  Options options;
  for (const std::string_view word : words) {
    if (word == "--json") {
      options.json = true;
    } else if (word == "--quick") {
      options.interleavings = 5;
      options.kills = 50;
    } else {
      fmt::print(stderr, "bench_isolation: unknown argument: {}; --quick or --json\n", word);
      return 2;
    }
  }
  return run(options, "/proc/self/exe");
}
