// SPDX-License-Identifier: Apache-2.0
// Resize, as ONNX defines it, and TFLite's arithmetic.
#include "graph/ops/resize.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

#include "graph/ops/movement.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {
namespace {

using tensor::DType;

Result<std::vector<std::size_t>> listed_axes(const NodeView& node) {
  const auto& a = node.attributes<ResizeAttributes>();
  const std::size_t rank = node.input(0).spec.shape.rank();
  std::vector<std::int64_t> axes(a.axes.begin(), a.axes.end());
  if (axes.empty()) {
    axes.resize(rank);
    std::iota(axes.begin(), axes.end(), 0);
  }
  return axes_of(axes, rank);
}

Result<void> check_tflite(const NodeView& node) {
  const auto& a = node.attributes<ResizeAttributes>();
  LICHEN_TRY(require_rank(node.input(0), 4));
  const bool known = a.coordinates == Coordinates::kHalfPixel || a.coordinates == Coordinates::kAlignCorners ||
                     a.coordinates == Coordinates::kAsymmetric;
  if (known && a.mode != ResizeMode::kCubic && a.axes == std::vector<std::int32_t>{1, 2}) return {};
  return bad_attribute("a resize that TFLite does not have");
}

// `words`: TFLite's form, which 16 bits have too.
Result<void> check_interpolated(const Tensor& x, bool antialias, bool words) {
  const DType dtype = x.spec.dtype;
  if (antialias && dtype != DType::kF32 && x.quantization.empty())  // rounded after every axis, in fixed point
    return bad_tensor(x, fmt::format("antialiasing of {} without a scale", name_of(dtype)), Code::kUnsupported);
  if (dtype == DType::kF32 || dtype == DType::kI8 || dtype == DType::kU8) return {};
  if (dtype == DType::kI16 && words) return {};
  return bad_tensor(x, fmt::format("interpolation of {}", name_of(dtype)), Code::kUnsupported);
}

// The value outside of a region is written as it is said: not in half floats, nor by a scale.
Result<void> check_region(const NodeView& node, std::size_t axes) {
  const auto& a = node.attributes<ResizeAttributes>();
  const Tensor& x = node.input(0);
  if (a.coordinates != Coordinates::kTfCropAndResize) return {};
  if (a.roi.size() != 2 * axes)
    return bad_attribute(fmt::format("a region of {} numbers for {} axes", a.roi.size(), axes));
  for (const float value : a.roi) {
    if (!std::isfinite(value) || std::abs(value) > 1e6F) return bad_attribute(fmt::format("a region to {}", value));
  }
  if (x.spec.dtype == DType::kF16 || !x.quantization.empty())
    return bad_tensor(x, "a region of half floats or of integers with a scale", Code::kUnsupported);
  return {};
}

Result<void> check(const NodeView& node) {
  const auto& a = node.attributes<ResizeAttributes>();
  const std::vector<std::size_t> axes = LICHEN_TRY(listed_axes(node));
  const Tensor& parameter = node.input(1);
  if (parameter.spec.dtype != DType::kF32) LICHEN_TRY(require_integers(parameter));
  if (parameter.spec.shape != tensor::Shape{static_cast<std::int64_t>(axes.size())}) {
    return bad_tensor(parameter,
                      fmt::format("{} sizes or scales for {} axes", parameter.spec.shape.to_text(), axes.size()));
  }
  if (a.mode != ResizeMode::kNearest) LICHEN_TRY(check_interpolated(node.input(0), a.antialias, a.like_tflite));
  LICHEN_TRY(check_region(node, axes.size()));
  if (!std::isfinite(a.cubic_a)) return bad_attribute("a cubic coefficient that is no number");
  return a.like_tflite ? check_tflite(node) : Result<void>{};
}

Result<void> set_scale(ResizeAxis& axis, float scale) {
  const float out = std::floor(static_cast<float>(axis.in) * scale);
  if (!(scale > 0.0F && std::isfinite(scale) && out <= static_cast<float>(tensor::kElementsMax)))
    return bad_attribute(fmt::format("a size of {} is scaled by {}", axis.in, scale));
  axis.scale = scale;
  axis.out = static_cast<std::int64_t>(out);
  return {};
}

Result<void> set_size(ResizeAxis& axis, std::int64_t size) {
  if (size < 0 || size > tensor::kElementsMax || (axis.in == 0 && size != 0))
    return bad_attribute(fmt::format("a size of {} becomes {}", axis.in, size));
  axis.out = size;
  axis.scale = axis.in == 0 ? 1.0F : static_cast<float>(size) / static_cast<float>(axis.in);
  return {};
}

// One scale for all listed axes, so that none becomes larger (or smaller) than it was to be.
Result<void> keep_aspect(std::vector<ResizeAxis>& all, std::span<const std::size_t> axes, AspectPolicy policy) {
  float scale = all[axes[0]].scale;
  for (const std::size_t i : axes) {
    scale = policy == AspectPolicy::kNotLarger ? std::min(scale, all[i].scale) : std::max(scale, all[i].scale);
  }
  for (const std::size_t i : axes) {
    const float size = std::floor(scale * static_cast<float>(all[i].in) + 0.5F);
    if (size > static_cast<float>(tensor::kElementsMax))
      return bad_attribute(fmt::format("a size of {} is scaled by {}", all[i].in, scale));
    all[i].scale = scale;
    all[i].out = static_cast<std::int64_t>(size);
  }
  return {};
}

Result<OutputTypes> infer(const NodeView& node) {
  const auto axes = LICHEN_TRY(resize_axes(node));
  if (!axes) return not_yet(node.input(0).spec.dtype);
  std::vector<std::int64_t> dims;
  for (const ResizeAxis& axis : *axes) dims.push_back(axis.out);
  return output_like(node, dims);
}

Result<void> check_outputs(const NodeView& node) {
  if (node.input(0).quantization.per_channel())
    return bad_tensor(node.input(0), "an image with scales along an axis", Code::kUnsupported);
  return check_kept_quantization(node);
}

constexpr std::array kRows = {
    OpSchema{.op = Op::kResize,
             .name = "Resize",
             .inputs_min = 2,
             .inputs_max = 2,
             .inputs_required = 2,
             .attributes_fit = holds<ResizeAttributes>,
             .check = check,
             .infer = infer,
             .check_outputs = check_outputs},
};

}  // namespace

Result<std::optional<std::vector<ResizeAxis>>> resize_axes(const NodeView& node) {
  const auto& a = node.attributes<ResizeAttributes>();
  if (!node.value(1)) return std::optional<std::vector<ResizeAxis>>{};
  const std::vector<std::size_t> axes = LICHEN_TRY(listed_axes(node));
  std::vector<ResizeAxis> all;
  for (const std::int64_t d : node.input(0).spec.shape.dims()) all.push_back({d, d});
  const bool scales = node.input(1).spec.dtype == DType::kF32;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    ResizeAxis& axis = all[axes[i]];
    axis.listed = true;
    if (a.coordinates == Coordinates::kTfCropAndResize) {
      axis.roi_start = a.roi[i];
      axis.roi_end = a.roi[i + axes.size()];
    }
    LICHEN_TRY(scales ? set_scale(axis, (*node.floats(1))[i]) : set_size(axis, (*node.integers(1))[i]));
  }
  if (!scales && !axes.empty() && a.aspect != AspectPolicy::kStretch)
    LICHEN_TRY(keep_aspect(all, axes, a.aspect));
  return std::optional(std::move(all));
}

std::span<const OpSchema> resize_rows() {
  return kRows;
}

}  // namespace lichen::graph
