// SPDX-License-Identifier: Apache-2.0
// Layers that slide a window over an image: convolutions and poolings over one, two or three spatial axes. They come out
// as [n, h, w, c] between two Transposes; one spatial axis is an image of height 1.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "onnx/importer.hpp"

namespace lichen::formats {

using graph::kNoTensor;
using graph::Op;
using graph::Padding;
using graph::TensorId;

namespace {

constexpr std::int64_t kValueMax = 1 << 20;  // of a size, stride, dilation or padding
constexpr std::size_t kSpatialMax = 3;

struct Window {
  std::size_t spatial = 0;
  Padding padding = Padding::kExplicit;
  std::vector<std::int32_t> kernel;
  std::vector<std::int32_t> strides;
  std::vector<std::int32_t> dilations;
  std::vector<std::int32_t> before;
  std::vector<std::int32_t> after;
};

std::vector<std::int32_t> values_of(Call& c, std::string_view name, std::size_t count, std::int32_t otherwise,
                                    std::int64_t min) {
  const Dims given = c.integers(name);
  std::vector<std::int32_t> values(count, otherwise);
  if (given.empty()) return values;
  if (given.size() != count) {
    c.bad(fmt::format("its attribute '{}' has {} values, not {}", name, given.size(), count));
    return values;
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (given[i] < min || given[i] > kValueMax) {
      const std::string why = fmt::format("its attribute '{}' has a value of {}", name, given[i]);
      if (given[i] < 0 && given[i] > -kValueMax && name == "pads") c.refuse(why);
      else c.bad(why);
    } else {
      values[i] = static_cast<std::int32_t>(given[i]);
    }
  }
  return values;
}

Padding padding_of(Call& c) {
  const std::string name = c.text("auto_pad", "NOTSET");
  if (name == "VALID") return Padding::kValid;
  if (name == "SAME_UPPER") return Padding::kSame;
  if (name == "SAME_LOWER") return Padding::kSameLower;
  if (name != "NOTSET" && !name.empty()) c.bad("its attribute 'auto_pad' is '" + name + "'");
  return Padding::kExplicit;
}

// Reads what all of them share. `kernel`: of the weights, where the node does not say it.
Window window_of(Call& c, std::size_t spatial, const Dims& kernel, bool has_dilations) {
  Window w;
  w.spatial = spatial;
  if (spatial < 1) c.bad("no spatial axes");
  if (spatial > kSpatialMax) c.refuse(fmt::format("{} spatial axes", spatial));
  w.padding = padding_of(c);
  w.strides = values_of(c, "strides", spatial, 1, 1);
  w.dilations = has_dilations ? values_of(c, "dilations", spatial, 1, 1) : std::vector<std::int32_t>(spatial, 1);
  const std::vector<std::int32_t> pads = values_of(c, "pads", 2 * spatial, 0, 0);
  w.before.assign(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(spatial));
  w.after.assign(pads.begin() + static_cast<std::ptrdiff_t>(spatial), pads.end());
  w.kernel = values_of(c, "kernel_shape", spatial, 0, 1);
  for (std::size_t i = 0; i < spatial && i < kernel.size() && !c.failed(); ++i) {
    if (w.kernel[i] != 0 && w.kernel[i] != kernel[i])
      c.bad(fmt::format("its attribute 'kernel_shape' says {}, its weights {}", w.kernel[i], kernel[i]));
    else if (kernel[i] < 1 || kernel[i] > kValueMax)
      c.bad(fmt::format("a kernel of {}", kernel[i]));
    else
      w.kernel[i] = static_cast<std::int32_t>(kernel[i]);
  }
  if (w.padding != Padding::kExplicit) w.before = w.after = std::vector<std::int32_t>(spatial, 0);
  if (spatial != 1) return w;
  for (auto* list : {&w.kernel, &w.strides, &w.dilations}) list->insert(list->begin(), 1);
  for (auto* list : {&w.before, &w.after}) list->insert(list->begin(), 0);
  return w;
}

TensorId with_axis(Call& c, TensorId x, std::size_t axis) {
  if (c.failed()) return kNoTensor;
  if (c.is_constant(x)) {
    Dims dims(c.shape(x)->dims().begin(), c.shape(x)->dims().end());
    dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(axis), 1);
    return c.reshaped(x, dims);
  }
  const TensorId y = c.emit(Op::kUnsqueeze, graph::AxesAttributes{{static_cast<std::int32_t>(axis)}}, {x});
  const auto rank = c.rank(x);
  if (!c.failed() && rank) c.hint_rank(y, *rank + 1);
  return y;
}

// [n, c, ...] -> [n, ..., c]; with one spatial axis [n, 1, l, c].
TensorId channels_last(Call& c, TensorId x, std::size_t spatial) {
  std::vector<std::int32_t> permutation{0};
  for (std::size_t i = 0; i < spatial; ++i) permutation.push_back(static_cast<std::int32_t>(i) + 2);
  permutation.push_back(1);
  const TensorId y = c.permuted(x, permutation);
  return spatial == 1 ? with_axis(c, y, 1) : y;
}

TensorId channels_first(Call& c, TensorId y, std::size_t spatial) {
  if (c.failed()) return kNoTensor;
  std::vector<std::int32_t> permutation{0, static_cast<std::int32_t>(spatial) + 1};
  for (std::size_t i = 0; i < spatial; ++i) permutation.push_back(static_cast<std::int32_t>(i) + 1);
  c.hint_rank(y, std::max<std::size_t>(spatial, 2) + 2);
  if (spatial == 1) {
    y = c.emit(Op::kSqueeze, graph::AxesAttributes{{1}}, {y});
    if (!c.failed()) c.hint_rank(y, 3);
  }
  return c.permuted(y, permutation);
}

graph::Pads2D pads_of(const Window& w) {
  return {w.before[0], w.before[1], w.after[0], w.after[1]};
}

std::array<std::int32_t, 3> three(const std::vector<std::int32_t>& values) {
  return {values[0], values[1], values[2]};
}

// Spatial axes from the rank of the weights, or of the image, or the length of an attribute.
std::size_t spatial_of(Call& c, TensorId x, TensorId weights) {
  if (const auto rank = c.rank(weights)) return *rank < 2 ? 0 : *rank - 2;
  if (const auto rank = c.rank(x)) return *rank < 2 ? 0 : *rank - 2;
  if (const Dims kernel = c.integers("kernel_shape"); !kernel.empty()) return kernel.size();
  c.refuse("the rank of its input is known only when it runs");
  return 0;
}

Dims kernel_of(Call& c, TensorId weights) {
  const tensor::Shape* shape = c.shape(weights);
  if (shape == nullptr || shape->rank() < 2) return {};
  return {shape->dims().begin() + 2, shape->dims().end()};
}

bool groups_fit(Call& c, std::int64_t groups, TensorId x, TensorId weights) {
  const tensor::Shape* from = c.shape(x);
  const tensor::Shape* by = c.shape(weights);
  if (groups < 1 || groups > kValueMax) c.bad(fmt::format("{} groups", groups));
  if (c.failed() || from == nullptr || by == nullptr || from->rank() < 2 || by->rank() < 2) return !c.failed();
  if ((*from)[1] != (*by)[1] * groups || (*by)[0] % groups != 0)
    c.bad(fmt::format("{} groups, input {} and weights {}", groups, from->to_text(), by->to_text()));
  return !c.failed();
}

TensorId conv_3d(Call& c, const Window& w, TensorId x, TensorId weights, TensorId bias) {
  graph::Conv3DAttributes a;
  a.padding = w.padding;
  a.strides = three(w.strides);
  a.dilations = three(w.dilations);
  a.pads_before = three(w.before);
  a.pads_after = three(w.after);
  return c.emit(Op::kConv3D, a, {x, c.permuted(weights, {0, 2, 3, 4, 1}), bias});
}

graph::Conv2DAttributes conv_2d_attributes(const Window& w) {
  graph::Conv2DAttributes a;
  a.padding = w.padding;
  a.stride_h = w.strides[0];
  a.stride_w = w.strides[1];
  a.dilation_h = w.dilations[0];
  a.dilation_w = w.dilations[1];
  a.pads = pads_of(w);
  return a;
}

TensorId conv_2d(Call& c, Op op, const Window& w, TensorId x, TensorId weights, const Ids& others) {
  TensorId packed = c.permuted(weights, w.spatial == 1 ? std::vector<std::int32_t>{0, 2, 1} : std::vector<std::int32_t>{0, 2, 3, 1});
  if (w.spatial == 1) packed = with_axis(c, packed, 1);
  Ids inputs{x, packed};
  inputs.insert(inputs.end(), others.begin(), others.end());
  return c.emit(op, conv_2d_attributes(w), std::move(inputs));
}

TensorId depthwise(Call& c, const Window& w, TensorId x, TensorId weights, TensorId bias, std::int64_t multiplier) {
  graph::DepthwiseConv2DAttributes a;
  a.padding = w.padding;
  a.stride_h = w.strides[0];
  a.stride_w = w.strides[1];
  a.dilation_h = w.dilations[0];
  a.dilation_w = w.dilations[1];
  a.pads = pads_of(w);
  a.depth_multiplier = static_cast<std::int32_t>(multiplier);
  TensorId packed = c.permuted(weights, w.spatial == 1 ? std::vector<std::int32_t>{1, 2, 0} : std::vector<std::int32_t>{1, 2, 3, 0});
  if (w.spatial == 1) packed = with_axis(c, packed, 1);
  return c.emit(Op::kDepthwiseConv2D, a, {x, packed, bias});
}

}  // namespace

TensorId convolve(Call& c, TensorId x, TensorId weights, TensorId bias) {
  const std::size_t spatial = spatial_of(c, x, weights);
  const Window w = window_of(c, spatial, kernel_of(c, weights), true);
  const std::int64_t groups = c.integer("group", 1);
  if (!groups_fit(c, groups, x, weights)) return kNoTensor;
  const tensor::Shape* shape = c.shape(weights);
  const std::int64_t outputs = shape == nullptr ? 0 : (*shape)[0];
  const bool is_depthwise = shape != nullptr && (*shape)[1] == 1 && groups > 1 && spatial < 3;
  const TensorId image = channels_last(c, x, spatial);
  TensorId y = kNoTensor;
  if (spatial == 3) y = conv_3d(c, w, image, weights, bias);
  else if (is_depthwise) y = depthwise(c, w, image, weights, bias, outputs / groups);
  else y = conv_2d(c, Op::kConv2D, w, image, weights, {bias});
  return channels_first(c, y, spatial);
}

namespace {

Ids conv(Call& c) {
  return {convolve(c, c.in(0), c.in(1), c.optional(2))};
}

Ids conv_integer(Call& c) {
  const TensorId x = c.in(0);
  const TensorId weights = c.in(1);
  const std::size_t spatial = spatial_of(c, x, weights);
  const Window w = window_of(c, spatial, kernel_of(c, weights), true);
  if (spatial > 2) c.refuse("three spatial axes");
  if (!groups_fit(c, c.integer("group", 1), x, weights)) return {kNoTensor};
  const TensorId image = channels_last(c, x, spatial);
  const TensorId y = conv_2d(c, Op::kConvInteger, w, image, weights, {c.optional(2), c.optional(3)});
  return {channels_first(c, y, spatial)};
}

// [in, out / groups, kh, kw] -> [out, kh, kw, in / groups].
TensorId transposed_weights(Call& c, TensorId weights, std::size_t spatial, std::int64_t groups) {
  if (spatial == 1) weights = with_axis(c, weights, 2);
  if (groups == 1) return c.permuted(weights, {1, 2, 3, 0});
  const tensor::Shape* shape = c.shape(weights);
  if (shape == nullptr) c.refuse("groups, and weights of a shape that is known only when it runs");
  if (c.failed()) return kNoTensor;
  const tensor::Shape s = *shape;
  if (s.rank() != 4 || s[0] % groups != 0) {
    c.bad(fmt::format("{} groups and weights {}", groups, s.to_text()));
    return kNoTensor;
  }
  const TensorId split = c.reshaped(weights, {groups, s[0] / groups, s[1], s[2], s[3]});
  return c.reshaped(c.permuted(split, {0, 2, 3, 4, 1}), {groups * s[1], s[2], s[3], s[0] / groups});
}

Ids conv_transpose(Call& c) {
  const TensorId x = c.in(0);
  const TensorId weights = c.in(1);
  const std::size_t spatial = spatial_of(c, x, weights);
  if (spatial > 2) c.refuse(fmt::format("{} spatial axes", spatial));
  const Window w = window_of(c, spatial, kernel_of(c, weights), true);
  const std::int64_t groups = c.integer("group", 1);
  if (groups < 1 || groups > kValueMax) c.bad(fmt::format("{} groups", groups));
  std::vector<std::int32_t> output_pads = values_of(c, "output_padding", spatial, 0, 0);
  const Dims wanted = c.integers("output_shape");
  if (!wanted.empty() && wanted.size() != spatial) c.bad(fmt::format("an output_shape of {} values", wanted.size()));
  if (spatial == 1) output_pads.insert(output_pads.begin(), 0);
  for (const std::int64_t size : wanted) {
    if (size < 1 || size > kValueMax) c.bad(fmt::format("an output of {}", size));
  }
  if (c.failed()) return {kNoTensor};
  graph::TransposeConvAttributes a;
  a.padding = w.padding;
  for (std::size_t i = 0; i < wanted.size(); ++i) a.output_size[i + 2 - spatial] = static_cast<std::int32_t>(wanted[i]);
  a.stride_h = w.strides[0];
  a.stride_w = w.strides[1];
  a.dilation_h = w.dilations[0];
  a.dilation_w = w.dilations[1];
  a.pads = pads_of(w);
  a.output_pad_h = output_pads[0];
  a.output_pad_w = output_pads[1];
  a.groups = static_cast<std::int32_t>(groups);
  const TensorId image = channels_last(c, x, spatial);
  const TensorId y = c.emit(Op::kTransposeConv2D, a, {image, transposed_weights(c, weights, spatial, groups), c.optional(2)});
  return {channels_first(c, y, spatial)};
}

graph::Pool2DAttributes pool_2d_attributes(const Window& w) {
  graph::Pool2DAttributes a;
  a.padding = w.padding;
  a.filter_h = w.kernel[0];
  a.filter_w = w.kernel[1];
  a.stride_h = w.strides[0];
  a.stride_w = w.strides[1];
  a.dilation_h = w.dilations[0];
  a.dilation_w = w.dilations[1];
  a.pads = pads_of(w);
  return a;
}

graph::Pool3DAttributes pool_3d_attributes(const Window& w) {
  graph::Pool3DAttributes a;
  a.padding = w.padding;
  a.filter = three(w.kernel);
  a.strides = three(w.strides);
  a.dilations = three(w.dilations);
  a.pads_before = three(w.before);
  a.pads_after = three(w.after);
  return a;
}

Window pool_window(Call& c, TensorId x, std::int64_t dilations_since) {
  const std::size_t spatial = spatial_of(c, x, kNoTensor);
  if (!c.has_attribute("kernel_shape")) c.bad("it has no kernel_shape");
  return window_of(c, spatial, {}, c.opset() >= dilations_since);
}

Ids average_pool(Call& c) {
  const TensorId x = c.in(0);
  const Window w = pool_window(c, x, 19);
  const bool counts = c.opset() >= 7 && c.flag("count_include_pad");
  const bool ceil = c.opset() >= 10 && c.flag("ceil_mode");
  if (c.failed()) return {kNoTensor};
  const TensorId image = channels_last(c, x, w.spatial);
  if (w.spatial == 3) {
    graph::Pool3DAttributes a = pool_3d_attributes(w);
    a.counts_padding = counts;
    a.ceil = ceil;
    return {channels_first(c, c.emit(Op::kAveragePool3D, a, {image}), 3)};
  }
  graph::Pool2DAttributes a = pool_2d_attributes(w);
  a.counts_padding = counts;
  a.ceil = ceil;
  return {channels_first(c, c.emit(Op::kAveragePool2D, a, {image}), w.spatial)};
}

Ids max_pool(Call& c) {
  const TensorId x = c.in(0);
  const Window w = pool_window(c, x, 10);
  const bool ceil = c.opset() >= 10 && c.flag("ceil_mode");
  const bool column_major = c.opset() >= 8 && c.flag("storage_order");
  if (c.failed()) return {kNoTensor};
  const TensorId image = channels_last(c, x, w.spatial);
  if (w.spatial == 3) {
    if (c.wants(1)) c.refuse("indices of three spatial axes");
    graph::Pool3DAttributes a = pool_3d_attributes(w);
    a.ceil = ceil;
    return {channels_first(c, c.emit(Op::kMaxPool3D, a, {image}), 3)};
  }
  graph::Pool2DAttributes a = pool_2d_attributes(w);
  a.ceil = ceil;
  a.column_major = column_major;
  if (!c.wants(1)) return {channels_first(c, c.emit(Op::kMaxPool2D, a, {image}), w.spatial)};
  const Ids y = c.emit_all(Op::kMaxPool2D, a, {image}, {true, true});
  return {channels_first(c, y[0], w.spatial), channels_first(c, y[1], w.spatial)};
}

Ids lp_pool(Call& c) {
  const TensorId x = c.in(0);
  const Window w = pool_window(c, x, 18);
  if (w.spatial > 2) c.refuse("three spatial axes");
  if (c.failed()) return {kNoTensor};
  graph::Pool2DAttributes a = pool_2d_attributes(w);
  a.p = c.int32("p", 2);
  if (c.opset() >= 18) a.ceil = c.flag("ceil_mode");
  return {channels_first(c, c.emit(Op::kLpPool2D, a, {channels_last(c, x, w.spatial)}), w.spatial)};
}

constexpr std::array kRows = {
    OnnxOp{"AveragePool", 1, average_pool},
    OnnxOp{"Conv", 1, conv},
    OnnxOp{"ConvInteger", 10, conv_integer},
    OnnxOp{"ConvTranspose", 1, conv_transpose},
    OnnxOp{"LpPool", 2, lp_pool},
    OnnxOp{"MaxPool", 1, max_pool},
};

}  // namespace

std::span<const OnnxOp> window_ops() {
  return kRows;
}

}  // namespace lichen::formats
