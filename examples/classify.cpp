// SPDX-License-Identifier: Apache-2.0
// Classifies one input by a model whose input and output are f32: classify MODEL < input.raw
// c++ -std=c++23 classify.cpp $(pkg-config --cflags --libs lichen)
#include <algorithm>
#include <cstdio>
#include <iostream>

#include <lichen/lichen.hpp>

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: %s MODEL < input.raw\n", argv[0]), 2;
  const auto model = lichen::Model::open(argv[1]);
  if (!model) return std::fprintf(stderr, "%s\n", model.error().text.c_str()), 3;
  auto session = lichen::Session::create(*model, {.threads = 1});
  if (!session) return std::fprintf(stderr, "%s\n", session.error().text.c_str()), 3;

  const std::span<float> input = session->input<float>(0);
  std::cin.read(reinterpret_cast<char*>(input.data()), static_cast<std::streamsize>(input.size_bytes()));
  if (!std::cin) return std::fprintf(stderr, "the input takes %zu bytes\n", input.size_bytes()), 3;
  if (const auto ran = session->run(); !ran) return std::fprintf(stderr, "%s\n", ran.error().text.c_str()), 1;

  const std::span<const float> scores = session->output<float>(0);
  const auto best = std::ranges::max_element(scores);
  std::printf("class %td, score %.4f\n", best - scores.begin(), static_cast<double>(*best));
}
