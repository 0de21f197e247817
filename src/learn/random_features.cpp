// SPDX-License-Identifier: Apache-2.0
#include "learn/random_features.hpp"

#include <cmath>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "base/mix.hpp"
#include "engine/session.hpp"
#include "graph/verify.hpp"
#include "learn/closed_form.hpp"
#include "learn/linear_algebra.hpp"
#include "learn/scores.hpp"

namespace lichen::learn {
namespace {

using Size = std::size_t;

constexpr const char* kFitting = "cannot fit random features";
constexpr Size kPatchesForWhitening = 20'000;  // enough for the covariance of a few hundred pixels
constexpr Size kPatchTriesMax = 100;           // a flat patch has no direction: another is drawn
constexpr double kPatchNormMin = 0.5;          // of a typical whitened patch's length
constexpr Size kHeldBackEvery = 5;             // one row in so many tells how sure the scores may be

std::unexpected<Error> refuse(std::string where, std::string why) {
  return fail(Code::kBadInput, kFitting, std::move(where), std::move(why));
}

Result<void> check_options(const ImageShape& image, const RandomFeatureOptions& o) {
  const auto within = [](std::int32_t value, std::int32_t max) { return value >= 1 && value <= max; };
  if (!within(image.height, kImageSizeMax) || !within(image.width, kImageSizeMax) ||
      !within(image.channels, kImageChannelsMax))
    return refuse("image shape", fmt::format("{}x{}x{}; up to {}x{}x{} is taken", image.height, image.width,
                                             image.channels, kImageSizeMax, kImageSizeMax, kImageChannelsMax));
  if (!within(o.filters, kFiltersMax))
    return refuse("filters", fmt::format("{} is not 1 to {}", o.filters, kFiltersMax));
  if (!within(o.filter_size, kFilterSizeMax) || o.filter_size % 2 == 0)
    return refuse("filter size", fmt::format("{} is not an odd number up to {}", o.filter_size, kFilterSizeMax));
  if (!within(o.pool, kImageSizeMax) || image.height % o.pool != 0 || image.width % o.pool != 0)
    return refuse("pool", fmt::format("blocks of {} do not fill {}x{}", o.pool, image.height, image.width));
  if (!(o.whitening > 0) || !(o.threshold >= 0) || !(o.regularization >= 0))
    return refuse("options", "whitening must be above 0, threshold and regularization at least 0");
  return {};
}

// Copies the patch centred at (y, x) of an image; outside of the image there are zeros, as the convolution pads.
void copy_patch(std::span<const float> image, const ImageShape& shape, std::int32_t filter_size, std::int32_t y,
                std::int32_t x, std::span<float> patch) {
  const std::int32_t half = filter_size / 2;
  Size to = 0;
  for (std::int32_t row = y - half; row <= y + half; ++row) {
    for (std::int32_t column = x - half; column <= x + half; ++column) {
      const bool inside = row >= 0 && row < shape.height && column >= 0 && column < shape.width;
      const auto from = inside ? static_cast<Size>((row * shape.width + column) * shape.channels) : Size{0};
      for (Size c = 0; c < static_cast<Size>(shape.channels); ++c) patch[to++] = inside ? image[from + c] : 0.0F;
    }
  }
}

class PatchSource {
 public:
  PatchSource(const LabelledData& data, const ImageShape& shape, std::int32_t filter_size, std::uint64_t seed)
      : data_(data), shape_(shape), filter_size_(filter_size), random_(seed) {}

  [[nodiscard]] Size size() const { return static_cast<Size>(filter_size_ * filter_size_ * shape_.channels); }
  void draw(std::span<float> patch) {
    const std::span<const float> image = data_.row(random_.below(data_.rows()));
    const auto y = static_cast<std::int32_t>(random_.below(static_cast<std::uint64_t>(shape_.height)));
    const auto x = static_cast<std::int32_t>(random_.below(static_cast<std::uint64_t>(shape_.width)));
    copy_patch(image, shape_, filter_size_, y, x, patch);
  }

 private:
  const LabelledData& data_;
  ImageShape shape_;
  std::int32_t filter_size_;
  SplitMix64 random_;
};

// What whitens a patch x: z = W (x - mean) with W^T W = C^-1 for the regularized covariance C. Only inner products of
// whitened patches are needed, and those are (x - mean)^T C^-1 (y - mean): no square root of C has to be found.
struct Whitening {
  std::vector<double> mean;
  Cholesky covariance;
};

Result<Whitening> whitening_of(PatchSource& source, double regularization) {
  const Size size = source.size();
  std::vector<float> patches(kPatchesForWhitening * size);
  for (Size i = 0; i < kPatchesForWhitening; ++i) source.draw(std::span(patches).subspan(i * size, size));
  std::vector<double> mean(size, 0.0);
  for (Size i = 0; i < patches.size(); ++i) mean[i % size] += double{patches[i]} / kPatchesForWhitening;
  SymmetricMatrix covariance = scatter_of(patches, mean);
  for (double& value : covariance.values) value /= kPatchesForWhitening;
  covariance.add_to_diagonal(regularization * covariance.mean_diagonal());
  return Whitening{std::move(mean), LICHEN_TRY(Cholesky::factor(std::move(covariance)))};
}

struct Filters {
  std::vector<float> weights;  // [filters, size, size, channels]
  std::vector<float> bias;
};

// For a patch p the filter answers z(x) . z(p) / |z(p)| - threshold, which is linear in the pixels x:
// f = C^-1 (p - mean) / |z(p)|, |z(p)|^2 = (p - mean)^T C^-1 (p - mean), bias = -f . mean - threshold.
Filters draw_filters(PatchSource& source, const Whitening& whitening, const RandomFeatureOptions& options) {
  const Size size = source.size();
  std::vector<float> patch(size);
  std::vector<double> centred(size);
  std::vector<double> filter(size);
  Filters filters;
  for (std::int32_t k = 0; k < options.filters; ++k) {
    double norm = 0;
    for (Size tries = 0; tries < kPatchTriesMax; ++tries) {
      source.draw(patch);
      for (Size i = 0; i < size; ++i) filter[i] = centred[i] = double{patch[i]} - whitening.mean[i];
      whitening.covariance.solve(filter);
      norm = 0;
      for (Size i = 0; i < size; ++i) norm += centred[i] * filter[i];
      norm = std::sqrt(norm);
      if (norm > kPatchNormMin * std::sqrt(static_cast<double>(size))) break;
    }
    double bias = -options.threshold;
    for (Size i = 0; i < size; ++i) {
      const double weight = norm > 0 ? filter[i] / norm : 0.0;
      filters.weights.push_back(static_cast<float>(weight));
      bias -= weight * whitening.mean[i];
    }
    filters.bias.push_back(static_cast<float>(bias));
  }
  return filters;
}

// The part with fixed filters; its only output is the features.
graph::Graph feature_graph(const ImageShape& image, const RandomFeatureOptions& o, const Filters& filters) {
  using tensor::DType;
  graph::Graph g;
  g.name = "random-features";
  const graph::TensorId in = g.add("image", DType::kF32, {1, image.height, image.width, image.channels});
  const graph::TensorId weights = g.add_constant("filters", {o.filters, o.filter_size, o.filter_size, image.channels},
                                                 std::span<const float>(filters.weights));
  const graph::TensorId bias = g.add_constant("filters/bias", {o.filters}, std::span<const float>(filters.bias));
  const graph::TensorId conv = g.add("filtered", DType::kF32, {1, image.height, image.width, o.filters});
  const graph::TensorId pooled =
      g.add("features", DType::kF32, {1, image.height / o.pool, image.width / o.pool, o.filters});
  graph::Conv2DAttributes same;
  same.activation = graph::Activation::kRelu;
  graph::Pool2DAttributes blocks;
  blocks.filter_h = blocks.filter_w = blocks.stride_h = blocks.stride_w = o.pool;
  g.nodes.push_back({graph::Op::kConv2D, "filter", same, {in, weights, bias}, {conv}});
  g.nodes.push_back({graph::Op::kAveragePool2D, "pool", blocks, {conv}, {pooled}});
  g.inputs = {in};
  g.outputs = {pooled};
  return g;
}

// Every row's features, with its label.
Result<LabelledData> features_of(const graph::Graph& g, const LabelledData& data) {
  const std::unique_ptr<engine::Session> session = LICHEN_TRY(engine::Session::create(g, {}));
  LabelledData features;
  features.features = session->output(0).size() / sizeof(float);
  std::vector<float> row(features.features);
  for (Size i = 0; i < data.rows(); ++i) {
    std::memcpy(session->input(0).data(), data.row(i).data(), session->input(0).size());
    LICHEN_TRY(session->run());
    std::memcpy(row.data(), session->output(0).data(), session->output(0).size());
    features.append(row, data.labels[i]);
  }
  return features;
}

// Fits to most rows and asks the others how sure the scores may be.
Result<float> temperature_of(const LabelledData& features, const RidgeOptions& options) {
  LabelledData fitted;
  LabelledData held_back;
  fitted.features = held_back.features = features.features;
  for (Size i = 0; i < features.rows(); ++i) {
    (i % kHeldBackEvery == 0 ? held_back : fitted).append(features.row(i), features.labels[i]);
  }
  if (fitted.rows() == 0 || classes_of(fitted) < classes_of(held_back)) return 1.0F;  // too little data to tell
  const LinearClassifier classifier = LICHEN_TRY(fit_ridge(fitted, options));
  return fit_temperature(scores_of(classifier, held_back), classifier.classes, held_back.labels);
}

// Scores divided by the temperature, then a softmax.
void append_classifier(graph::Graph& g, const LinearClassifier& classifier, float temperature) {
  std::vector<float> weights = classifier.weights;
  std::vector<float> bias = classifier.bias;
  for (float& value : weights) value /= temperature;
  for (float& value : bias) value /= temperature;
  const auto classes = static_cast<std::int64_t>(classifier.classes);
  const auto features = static_cast<std::int64_t>(classifier.features);
  const graph::TensorId w = g.add_constant("classifier", {classes, features}, std::span<const float>(weights));
  const graph::TensorId b = g.add_constant("classifier/bias", {classes}, std::span<const float>(bias));
  const graph::TensorId logits = g.add("logits", tensor::DType::kF32, {1, classes});
  const graph::TensorId probabilities = g.add("probabilities", tensor::DType::kF32, {1, classes});
  g.nodes.push_back(
      {graph::Op::kFullyConnected, "classify", graph::FullyConnectedAttributes{}, {g.outputs[0], w, b}, {logits}});
  g.nodes.push_back({graph::Op::kSoftmax, "softmax", graph::SoftmaxAttributes{}, {logits}, {probabilities}});
  g.outputs = {probabilities};
}

}  // namespace

Result<graph::Graph> fit_random_features(const LabelledData& data, const ImageShape& image,
                                         const RandomFeatureOptions& options) {
  LICHEN_TRY(check_options(image, options));
  LICHEN_TRY(check(data, kFitting));
  const auto pixels = static_cast<Size>(image.height * image.width * image.channels);
  if (data.features != pixels)
    return refuse("data", fmt::format("{} numbers a row where the image has {}", data.features, pixels));

  PatchSource source(data, image, options.filter_size, options.seed);
  const Whitening whitening = LICHEN_TRY(whitening_of(source, options.whitening));
  graph::Graph g = feature_graph(image, options, draw_filters(source, whitening, options));
  LICHEN_TRY(graph::verify(g));

  const LabelledData features = LICHEN_TRY(features_of(g, data));
  const RidgeOptions ridge{options.regularization, Centring::kRows};
  const float temperature = LICHEN_TRY(temperature_of(features, ridge));
  append_classifier(g, LICHEN_TRY(fit_ridge(features, ridge)), temperature);
  LICHEN_TRY(graph::verify(g));
  return g;
}

}  // namespace lichen::learn
