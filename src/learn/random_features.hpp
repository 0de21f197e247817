// SPDX-License-Identifier: Apache-2.0
// A small convolution network without training by gradients: its filters are patches of the training images, whitened,
// chosen at random; only the last layer is fitted, in closed form. (Coates and Ng, "Learning Feature Representations
// with K-means", 2012, sections 3 and 4: with whitening, random patches come close to learned filters.)
#pragma once

#include <cstdint>

#include "base/error.hpp"
#include "graph/graph.hpp"
#include "learn/labelled_data.hpp"

namespace lichen::learn {

inline constexpr std::int32_t kFiltersMax = 1'024;
inline constexpr std::int32_t kFilterSizeMax = 15;
inline constexpr std::int32_t kImageSizeMax = 256;
inline constexpr std::int32_t kImageChannelsMax = 16;

struct ImageShape {
  std::int32_t height = 8;
  std::int32_t width = 8;
  std::int32_t channels = 1;
};

struct RandomFeatureOptions {
  std::int32_t filters = 96;
  std::int32_t filter_size = 5;  // odd; the convolution keeps the image's size
  std::int32_t pool = 4;         // features are averaged over pool x pool blocks; divides height and width
  double whitening = 0.4;        // added to the patches' variances, as a fraction of their mean
  double threshold = 0.5;        // what a filter's answer must exceed, in standard deviations of whitened patches
  double regularization = 0.1;   // of the last layer: RidgeOptions::regularization
  std::uint64_t seed = 1;
};

// [1, h, w, c] in f32 -> Conv2D + Relu -> AveragePool2D -> FullyConnected -> Softmax -> [1, classes] in f32, in the
// units of the data: normalization is folded into the filters. The graph is verified; input and output are named
// "image" and "probabilities". Rows are images in NHWC. Deterministic for data, options and CPU (engine kernels may
// differ in the last bits between CPUs). kBadInput: options or data that do not go together.
[[nodiscard]] Result<graph::Graph> fit_random_features(const LabelledData& data, const ImageShape& image,
                                                       const RandomFeatureOptions& options);

}  // namespace lichen::learn
