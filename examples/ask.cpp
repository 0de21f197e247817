// SPDX-License-Identifier: Apache-2.0
// Asks a device on this machine for one answer: ask SOCKET MODEL INPUT SHAPE < input.raw, with f32 values and a shape as
// in 1x8x8x1.
// c++ -std=c++23 ask.cpp $(pkg-config --cflags lichen)
#include <cstdio>
#include <cstdlib>
#include <iostream>

#include <lichen/client.hpp>

int main(int argc, char** argv) {
  if (argc != 5) return std::fprintf(stderr, "usage: %s SOCKET MODEL INPUT SHAPE < input.raw\n", argv[0]), 2;
  std::vector<std::int64_t> shape;
  std::int64_t elements = 1;
  for (char* at = argv[4]; *at != '\0'; at += *at == 'x' ? 1 : 0) {
    char* end = at;
    shape.push_back(std::strtoll(at, &end, 10));
    if (end == at || shape.back() <= 0 || shape.back() > 1'000'000)
      return std::fprintf(stderr, "%s is no shape\n", argv[4]), 2;
    elements *= shape.back();
    at = end;
  }
  std::vector<float> values(static_cast<std::size_t>(elements));
  std::cin.read(reinterpret_cast<char*>(values.data()), static_cast<std::streamsize>(values.size() * sizeof(float)));
  if (!std::cin) return std::fprintf(stderr, "the input takes %zu values\n", values.size()), 3;

  lichen::Client client(argv[1]);
  const lichen::AskOptions options{.within = std::chrono::seconds(2)};
  const auto answer = client.infer(argv[2], {lichen::input(argv[3], shape, std::span(values))}, options);
  if (!answer) return std::fprintf(stderr, "%s\n", answer.error().text.c_str()), 1;
  std::printf("%s (%s)\n", answer->rung.c_str(), answer->reason.c_str());
  for (const lichen::OutputTensor& output : answer->outputs) {
    std::printf("%s:", output.name.c_str());
    for (const float value : output.as<float>()) std::printf(" %g", static_cast<double>(value));
    std::printf("\n");
  }
}
