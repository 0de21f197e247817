// SPDX-License-Identifier: Apache-2.0
// One engine in a process of its own, told by lines on stdin what to measure; the script `run` starts one an engine and
// lets them take turns. peers.py speaks the same lines for the engines that come as Python packages.
//   time SECONDS     runs for about that long: {"runs", "median_us", "min_us"}
//   answer PATH      runs once and writes the bytes of output 0: {"dtype", "shape"}
//   memory           {"peak_kb"}: the most that was resident so far
// The first line is the worker's own: {"ready", "load_us", "first_us"} or {"error"}.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace lichen::bench {

// What is measured. run() dies with a message where it fails: a benchmark has nothing to recover.
class Engine {
 public:
  virtual ~Engine() = default;
  virtual void run() = 0;
  [[nodiscard]] virtual std::span<const std::byte> output() const = 0;
  [[nodiscard]] virtual std::string output_dtype() const = 0;
  [[nodiscard]] virtual std::vector<std::int64_t> output_shape() const = 0;
};

// Microseconds of a steady clock.
double now_us();

// The bytes of a file; empty where it cannot be read.
std::vector<std::byte> file_bytes(const std::string& path);

// Prints {"error": ...} and ends the process.
[[noreturn]] void give_up(const std::string& why);

// Announces the engine, whose loading began at start_us and ended at loaded_us, after its first run; then obeys stdin.
void serve(Engine& engine, double start_us, double loaded_us);

}  // namespace lichen::bench
