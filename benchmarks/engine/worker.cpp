// SPDX-License-Identifier: Apache-2.0
#include "worker.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
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

void time_runs(Engine& engine, double seconds) {
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

void write_answer(Engine& engine, const std::string& path) {
  engine.run();
  const std::span<const std::byte> bytes = engine.output();
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) give_up("cannot write " + path);
  print_line(fmt::format("{{\"dtype\": \"{}\", \"shape\": [{}]}}", engine.output_dtype(),
                         fmt::join(engine.output_shape(), ", ")));
}

// VmHWM: the mark of getrusage() would still be that of the process that started this one.
long peak_kb() {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with("VmHWM:")) return std::strtol(line.c_str() + 6, nullptr, 10);
  }
  return 0;
}

}  // namespace

double now_us() {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::vector<std::byte> file_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return {};
  std::vector<std::byte> bytes(static_cast<std::size_t>(file.tellg()));
  file.seekg(0).read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return bytes;
}

void give_up(const std::string& why) {
  print_line("{\"error\": " + quoted(why) + "}");
  std::exit(1);
}

void serve(Engine& engine, double start_us, double loaded_us) {
  const double before = now_us();
  engine.run();
  const double after = now_us();
  print_line(fmt::format("{{\"ready\": true, \"load_us\": {:.1f}, \"first_us\": {:.1f}}}", loaded_us - start_us,
                         after - before));
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string command;
    std::string argument;
    words >> command >> argument;
    if (command == "time") {
      time_runs(engine, std::strtod(argument.c_str(), nullptr));
    } else if (command == "answer") {
      write_answer(engine, argument);
    } else if (command == "memory") {
      print_line(fmt::format("{{\"peak_kb\": {}}}", peak_kb()));
    } else {
      give_up("unknown command " + line);
    }
  }
}

}  // namespace lichen::bench
