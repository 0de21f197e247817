// SPDX-License-Identifier: Apache-2.0
// What the steps of vector kernels read for Conv2D and FullyConnected, and where: a padded image for convolutions, the
// input's rows for fully connected layers. For the files that implement vector.hpp.
#pragma once

#include <utility>
#include <vector>

#include "engine/native/sharing.hpp"
#include "engine/native/vector.hpp"
#include "kernels/panels.hpp"

namespace lichen::engine {

struct Source {
  using Index = kernels::Index;

  kernels::Window2D window;
  kernels::PaddedImage image;
  kernels::PixelGrid grid;
  kernels::Pattern pattern;

  [[nodiscard]] Index depth() const { return static_cast<Index>(pattern.offsets.size()) * pattern.length; }
  [[nodiscard]] std::size_t elements() const { return static_cast<std::size_t>(image.elements(window.batch)); }
  [[nodiscard]] Index rows() const { return window.batch * image.height; }
  [[nodiscard]] Index row_elements() const { return image.width * image.pixel; }
};

[[nodiscard]] inline Source source_of(const kernels::Window2D& w) {
  const kernels::PaddedImage image = kernels::padded_image(w, 1);
  return {w, image, kernels::pixel_grid(w, image), kernels::pattern_of(w, image)};
}

// A row of `depth` values is a 1 x 1 image of `depth` channels.
[[nodiscard]] inline Source source_of(const kernels::MatrixSize& m) {
  kernels::Window2D w;
  w.in_w = w.out_w = m.rows;
  w.in_c = m.depth;
  w.out_c = m.units;
  return {w, {1, m.rows, m.depth, true}, kernels::row_grid(m), kernels::pattern_of(m)};
}

[[nodiscard]] inline Sharing sharing_of(const Source& s, kernels::Index macs_a_part) {
  return {s.grid, s.window.out_c, s.depth(), macs_a_part};
}

// Up to a cache line.
[[nodiscard]] inline std::size_t rounded(std::size_t bytes) {
  return (bytes + 63) / 64 * 64;
}

// Null: the node has no such input.
template <typename T>
[[nodiscard]] const T* constant_of(const graph::NodeView& node, std::size_t input) {
  return node.has_input(input) ? node.input(input).constant->as<T>().data() : nullptr;
}

// Weights of f32 of a layer with so many units, as they are stored where they are scaled by unit, if at all.
[[nodiscard]] inline kernels::StoredFloats stored_floats(const graph::NodeView& node, kernels::Index units) {
  const tensor::Data& data = *node.input(1).constant;
  const tensor::Data::Stored stored = data.stored();
  const auto count = static_cast<std::size_t>(units);
  if (stored.scales.empty()) return {stored.bytes.data(), nullptr};
  if (stored.scales.size() == count && stored.run * count * sizeof(float) == stored.bytes.size())
    return {stored.bytes.data(), stored.scales.data()};
  return {data.bytes().data(), nullptr};
}

// Depthwise weights [taps][channels] of a one-channel image as a convolution's [channels][taps].
template <typename T>
[[nodiscard]] std::vector<T> transposed(const T* weights, kernels::Index taps, kernels::Index channels) {
  std::vector<T> to(static_cast<std::size_t>(taps * channels));
  for (kernels::Index c = 0; c < channels; ++c) {
    for (kernels::Index t = 0; t < taps; ++t) to[static_cast<std::size_t>(c * taps + t)] = weights[t * channels + c];
  }
  return to;
}

}  // namespace lichen::engine
