// SPDX-License-Identifier: Apache-2.0
#include "worker.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace lichen::bench {
namespace {

constexpr std::size_t kRunsMin = 3;

void print_line(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return result + "\"";
}

void copy_input(std::span<const std::byte> from, Engine& engine, std::size_t i) {
  if (i >= engine.input_count()) give_up(fmt::format("there is no input {}", i));
  const std::span<std::byte> to = engine.input(i);
  if (to.size() != from.size())
    give_up(fmt::format("input {} has {} bytes, the model wants {}", i, from.size(), to.size()));
  std::memcpy(to.data(), from.data(), from.size());
}

void write(std::ofstream& file, std::span<const std::byte> bytes) {
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

void time_runs(Engine& engine, std::istringstream& words) {
  double seconds = 0;
  words >> seconds;
  std::vector<double> us;
  const double end = now_us() + seconds * 1e6;
  double before = now_us();
  while (before < end || us.size() < kRunsMin) {
    engine.run();
    const double after = now_us();
    us.push_back(after - before);
    before = after;
  }
  std::ranges::sort(us);
  print_line(fmt::format("{{\"runs\": {}, \"median_us\": {:.3f}, \"min_us\": {:.3f}}}", us.size(), us[us.size() / 2],
                         us.front()));
}

void answer(Engine& engine, std::istringstream& words) {
  std::string path;
  words >> path;
  engine.run();
  std::ofstream file(path, std::ios::binary);
  std::vector<std::string> told;
  for (std::size_t i = 0; i < engine.output_count(); ++i) {
    const Output output = engine.output(i);
    write(file, output.bytes);
    told.push_back(fmt::format("{{\"dtype\": \"{}\", \"shape\": [{}]}}", output.dtype, fmt::join(output.shape, ", ")));
  }
  if (!file.flush()) give_up("cannot write " + path);
  print_line(fmt::format("{{\"outputs\": [{}]}}", fmt::join(told, ", ")));
}

void set_input(Engine& engine, std::istringstream& words) {
  std::size_t i = 0;
  std::string path;
  words >> i >> path;
  copy_input(file_bytes(path), engine, i);
  print_line("{}");
}

void batch(Engine& engine, std::istringstream& words) {
  std::string inputs;
  std::string path;
  words >> inputs >> path;
  const std::vector<std::byte> records = file_bytes(inputs);
  const std::size_t size = engine.input(0).size();
  std::ofstream file(path, std::ios::binary);
  for (std::size_t at = 0; at + size <= records.size(); at += size) {
    copy_input(std::span(records).subspan(at, size), engine, 0);
    engine.run();
    write(file, engine.output(0).bytes);
  }
  if (!file.flush()) give_up("cannot write " + path);
  print_line(fmt::format("{{\"records\": {}}}", records.size() / size));
}

// VmHWM: the mark of getrusage() would still be that of the process that started this one.
void tell_memory(Engine& /*engine*/, std::istringstream& /*words*/) {
  std::ifstream status("/proc/self/status");
  std::string line;
  long kb = 0;
  while (std::getline(status, line)) {
    if (line.starts_with("VmHWM:")) kb = std::strtol(line.c_str() + 6, nullptr, 10);
  }
  print_line(fmt::format("{{\"peak_kb\": {}}}", kb));
}

struct Command {
  std::string_view name;
  void (*obey)(Engine& engine, std::istringstream& words);
};

constexpr Command kCommands[] = {
    {"time", time_runs}, {"answer", answer}, {"input", set_input}, {"batch", batch}, {"memory", tell_memory}};

}  // namespace

double now_us() {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::vector<std::byte> file_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) give_up("cannot read " + path);
  std::vector<std::byte> bytes(static_cast<std::size_t>(file.tellg()));
  file.seekg(0).read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return bytes;
}

void give_up(const std::string& why) {
  print_line("{\"error\": " + quoted(why) + "}");
  std::exit(1);
}

void serve(Engine& engine, const std::string& input, double start_us, double loaded_us) {
  double first_us = 0;
  if (input != kNoInput) {
    copy_input(file_bytes(input), engine, 0);
    const double before = now_us();
    engine.run();
    first_us = now_us() - before;
  }
  print_line(
      fmt::format("{{\"ready\": true, \"load_us\": {:.1f}, \"first_us\": {:.1f}}}", loaded_us - start_us, first_us));
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    const auto* command = std::ranges::find(kCommands, name, &Command::name);
    if (command == std::end(kCommands)) give_up("unknown command " + line);
    command->obey(engine, words);
  }
}

}  // namespace lichen::bench
