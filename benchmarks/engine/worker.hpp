// SPDX-License-Identifier: Apache-2.0
// One engine in a process of its own, told by lines on stdin what to measure; the script `run` starts one an engine and
// lets them take turns. peers.py speaks the first two for the engines that come as Python packages.
//   time SECONDS        runs for about that long: {"runs", "median_us", "min_us"}
//   answer PATH         runs once and writes the bytes of all outputs, one behind the other: {"outputs": [{"dtype",
//   "shape"}]} input I PATH        copies the file into input I: {} batch INPUTS PATH   for each record of INPUTS, as
//   long as input 0: runs, and writes the bytes of output 0: {"records"} memory              {"peak_kb"}: the most that
//   was resident so far
// The first line is the worker's own: {"ready", "load_us", "first_us"} or {"error"}. What goes wrong later is said as
// {"error"} too, and ends the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lichen::bench {

struct Output {
  std::string dtype;  // as NumPy calls it
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
};

// What is measured. run() dies with a message where it fails: a benchmark has nothing to recover.
class Engine {
 public:
  virtual ~Engine() = default;
  virtual void run() = 0;
  [[nodiscard]] virtual std::size_t input_count() const = 0;
  [[nodiscard]] virtual std::span<std::byte> input(std::size_t i) = 0;
  [[nodiscard]] virtual std::size_t output_count() const = 0;
  [[nodiscard]] virtual Output output(std::size_t i) const = 0;
};

// In place of the path of an input: leave the inputs as they are, and do not run before the first command, which a
// model with a state would remember.
inline constexpr std::string_view kNoInput = "-";

// Microseconds of a steady clock.
double now_us();

// The bytes of a file; gives up where it cannot be read.
std::vector<std::byte> file_bytes(const std::string& path);

// Prints {"error": ...} and ends the process.
[[noreturn]] void give_up(const std::string& why);

// Announces the engine, whose loading began at start_us and ended at loaded_us, after its first run with the bytes of
// file `input` in input 0; then obeys stdin.
void serve(Engine& engine, const std::string& input, double start_us, double loaded_us);

}  // namespace lichen::bench
