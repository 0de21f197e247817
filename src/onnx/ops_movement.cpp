// SPDX-License-Identifier: Apache-2.0
// The same elements elsewhere.
#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "onnx/importer.hpp"

namespace lichen::formats {

using graph::kNoTensor;
using graph::Op;
using graph::TensorId;

namespace {

std::optional<std::vector<std::int32_t>> small(Call& c, const Dims& values) {
  std::vector<std::int32_t> out;
  for (const std::int64_t value : values) {
    if (value < INT32_MIN || value > INT32_MAX) {
      c.bad(fmt::format("an axis or size of {}", value));
      return std::nullopt;
    }
    out.push_back(static_cast<std::int32_t>(value));
  }
  return out;
}

TensorId same_rank(Call& c, TensorId y, TensorId x) {
  if (!c.failed()) c.hint_rank(y, c.rank(x));
  return y;
}

Ids concat(Call& c) {
  if (!c.has_attribute("axis")) c.bad("it has no axis");
  const std::int32_t axis = c.int32("axis", 0);
  const Ids all = c.all_inputs();
  if (all.empty()) c.bad("it has no inputs");
  const TensorId y = c.emit(Op::kConcat, graph::AxisAttributes{axis}, all);
  return {all.empty() ? y : same_rank(c, y, all[0])};
}

// As [n, h, w, c] and back; fewer or more spatial axes are refused.
Ids blocks(Call& c) {
  graph::BlockAttributes a;
  a.block = c.int32("blocksize", 0);
  if (c.op() == Op::kDepthToSpace && c.opset() >= 11) {
    const std::string mode = c.text("mode", "DCR");
    if (mode != "DCR" && mode != "CRD") c.bad("its attribute 'mode' is '" + mode + "'");
    a.columns_first = mode == "CRD";
  }
  const TensorId x = c.permuted(c.in(0), {0, 2, 3, 1});
  return {c.permuted(c.emit(c.op(), a, {x}), {0, 3, 1, 2})};
}

Ids expand(Call& c) {
  const TensorId y = c.emit(Op::kExpand, graph::NoAttributes{}, {c.in(0), c.in(1)});
  const tensor::Shape* wanted = c.shape(c.in(1));
  const auto rank = c.rank(c.in(0));
  if (!c.failed() && wanted != nullptr && wanted->rank() == 1 && rank)
    c.hint_rank(y, std::max(*rank, static_cast<std::size_t>((*wanted)[0])));
  return {y};
}

Ids flatten(Call& c) {
  const TensorId y = c.emit(Op::kFlatten, graph::AxisAttributes{c.int32("axis", 1)}, {c.in(0)});
  if (!c.failed()) c.hint_rank(y, 2);
  return {y};
}

Ids gather(Call& c) {
  const TensorId y = c.emit(Op::kGather, graph::GatherAttributes{c.int32("axis", 0), 0}, {c.in(0), c.in(1)});
  const auto data = c.rank(c.in(0));
  const auto indices = c.rank(c.in(1));
  if (!c.failed() && data && indices && *data > 0) c.hint_rank(y, *data - 1 + *indices);
  return {y};
}

Ids gather_elements(Call& c) {
  const TensorId y = c.emit(Op::kGatherElements, graph::AxisAttributes{c.int32("axis", 0)}, {c.in(0), c.in(1)});
  return {same_rank(c, y, c.in(0))};
}

Ids gather_nd(Call& c) {
  return {c.emit(Op::kGatherNd, graph::GatherAttributes{0, c.int32("batch_dims", 0)}, {c.in(0), c.in(1)})};
}

graph::ScatterReduction reduction_of(Call& c) {
  if (c.opset() < 16) return graph::ScatterReduction::kNone;
  const std::string name = c.text("reduction", "none");
  constexpr std::array<std::string_view, 5> kNames = {"none", "add", "mul", "max", "min"};  // as in the enum
  const auto at = std::ranges::find(kNames, name);
  if (at == kNames.end()) {
    c.bad("its attribute 'reduction' is '" + name + "'");
    return graph::ScatterReduction::kNone;
  }
  return static_cast<graph::ScatterReduction>(at - kNames.begin());
}

Ids scatter_elements(Call& c) {
  graph::ScatterAttributes a;
  a.axis = c.int32("axis", 0);
  a.reduction = reduction_of(c);
  return {same_rank(c, c.emit(Op::kScatterElements, a, {c.in(0), c.in(1), c.in(2)}), c.in(0))};
}

Ids scatter_nd(Call& c) {
  graph::ScatterAttributes a;
  a.reduction = reduction_of(c);
  return {same_rank(c, c.emit(Op::kScatterNd, a, {c.in(0), c.in(1), c.in(2)}), c.in(0))};
}

Ids pad(Call& c) {
  graph::PadAttributes a;
  const std::string mode = c.text("mode", "constant");
  constexpr std::array<std::pair<std::string_view, graph::PadMode>, 4> kModes = {{
      {"constant", graph::PadMode::kConstant},
      {"reflect", graph::PadMode::kReflect},
      {"edge", graph::PadMode::kEdge},
      {"wrap", graph::PadMode::kWrap},
  }};
  const auto known = std::ranges::find(kModes, mode, &std::pair<std::string_view, graph::PadMode>::first);
  if (known == kModes.end()) c.bad("its attribute 'mode' is '" + mode + "'");
  else a.mode = known->second;
  TensorId pads = kNoTensor;
  TensorId value = kNoTensor;
  TensorId axes = kNoTensor;
  if (c.opset() >= 11) {
    pads = c.in(1);
    value = c.optional(2);
    if (c.opset() >= 18) axes = c.optional(3);
  } else {
    pads = c.ints(c.integers("pads"));
    value = c.scalar(c.real("value", 0.0F));
  }
  return {same_rank(c, c.emit(Op::kPad, a, {c.in(0), pads, value, axes}), c.in(0))};
}

Ids reshape(Call& c) {
  graph::ReshapeAttributes a;
  a.zero_copies = !(c.opset() >= 14 && c.flag("allowzero"));
  const TensorId shape = c.in(1);
  const TensorId y = c.emit(Op::kReshape, a, {c.in(0), shape});
  const tensor::Shape* wanted = c.shape(shape);
  if (!c.failed() && wanted != nullptr && wanted->rank() == 1) c.hint_rank(y, static_cast<std::size_t>((*wanted)[0]));
  return {y};
}

Ids reverse_sequence(Call& c) {
  const graph::ReverseSequenceAttributes a{c.int32("batch_axis", 1), c.int32("time_axis", 0)};
  return {same_rank(c, c.emit(Op::kReverseSequence, a, {c.in(0), c.in(1)}), c.in(0))};
}

Ids slice(Call& c) {
  const graph::SliceAttributes a;
  if (c.opset() >= 10) {
    return {same_rank(c, c.emit(Op::kSlice, a, {c.in(0), c.in(1), c.in(2), c.optional(3), c.optional(4)}), c.in(0))};
  }
  const TensorId starts = c.ints(c.integers("starts"));
  const TensorId ends = c.ints(c.integers("ends"));
  const Dims axes = c.integers("axes");
  return {same_rank(c, c.emit(Op::kSlice, a, {c.in(0), starts, ends, axes.empty() ? kNoTensor : c.ints(axes)}), c.in(0))};
}

Ids split(Call& c) {
  graph::SplitAttributes a;
  a.axis = c.int32("axis", 0);
  TensorId sizes = kNoTensor;
  if (c.opset() >= 13) {
    sizes = c.optional(1);
  } else if (const Dims given = c.integers("split"); !given.empty()) {
    sizes = c.ints(given);
  }
  if (c.opset() >= 18 && c.has_attribute("num_outputs")) {
    a.last_smaller = true;
    if (c.integer("num_outputs", 0) != static_cast<std::int64_t>(c.output_count()))
      c.bad("its attribute 'num_outputs' is not the number of its outputs");
  }
  const Ids y = c.emit_all(Op::kSplit, a, {c.in(0), sizes}, std::vector<bool>(c.output_count(), true));
  for (const TensorId id : y) same_rank(c, id, c.in(0));
  return y;
}

// Squeeze and Unsqueeze: axes became an input in opset 13.
Ids squeeze(Call& c) {
  graph::AxesAttributes a;
  TensorId axes = kNoTensor;
  std::optional<std::size_t> count;
  if (c.opset() >= 13) {
    axes = c.optional(1);
    if (axes == kNoTensor && c.op() == Op::kUnsqueeze) c.bad("it has no axes");
    const tensor::Shape* shape = c.shape(axes);
    if (shape != nullptr && shape->rank() == 1) count = static_cast<std::size_t>((*shape)[0]);
  } else {
    a.axes = small(c, c.integers("axes")).value_or(std::vector<std::int32_t>{});
    if (!a.axes.empty()) count = a.axes.size();
  }
  const TensorId y = c.emit(c.op(), a, {c.in(0), axes});
  const auto rank = c.rank(c.in(0));
  if (c.failed() || !rank || !count) return {y};
  if (c.op() == Op::kUnsqueeze) c.hint_rank(y, *rank + *count);
  if (c.op() == Op::kSqueeze && *rank >= *count) c.hint_rank(y, *rank - *count);
  return {y};
}

Ids tile(Call& c) {
  return {same_rank(c, c.emit(Op::kTile, graph::NoAttributes{}, {c.in(0), c.in(1)}), c.in(0))};
}

Ids transpose(Call& c) {
  const auto permutation = small(c, c.integers("perm"));
  const TensorId x = c.in(0);
  return {same_rank(c, c.emit(Op::kTranspose, graph::TransposeAttributes{permutation.value_or(std::vector<std::int32_t>{})}, {x}), x)};
}

Ids trilu(Call& c) {
  const graph::TriluAttributes a{c.flag("upper", true)};
  return {same_rank(c, c.emit(Op::kTrilu, a, {c.in(0), c.optional(1)}), c.in(0))};
}

graph::Coordinates coordinates_of(Call& c, const std::string& name) {
  constexpr std::array<std::pair<std::string_view, graph::Coordinates>, 7> kNames = {{
      {"half_pixel", graph::Coordinates::kHalfPixel},
      {"half_pixel_symmetric", graph::Coordinates::kHalfPixelSymmetric},
      {"pytorch_half_pixel", graph::Coordinates::kPytorchHalfPixel},
      {"align_corners", graph::Coordinates::kAlignCorners},
      {"asymmetric", graph::Coordinates::kAsymmetric},
      {"tf_crop_and_resize", graph::Coordinates::kTfCropAndResize},
      {"tf_half_pixel_for_nn", graph::Coordinates::kTfHalfPixelForNn},
  }};
  for (const auto& [known, value] : kNames) {
    if (known == name) return value;
  }
  c.refuse("its attribute 'coordinate_transformation_mode' is '" + name + "'");
  return graph::Coordinates::kHalfPixel;
}

graph::NearestMode nearest_of(Call& c, const std::string& name) {
  constexpr std::array<std::pair<std::string_view, graph::NearestMode>, 4> kNames = {{
      {"round_prefer_floor", graph::NearestMode::kRoundPreferFloor},
      {"round_prefer_ceil", graph::NearestMode::kRoundPreferCeil},
      {"floor", graph::NearestMode::kFloor},
      {"ceil", graph::NearestMode::kCeil},
  }};
  for (const auto& [known, value] : kNames) {
    if (known == name) return value;
  }
  c.refuse("its attribute 'nearest_mode' is '" + name + "'");
  return graph::NearestMode::kFloor;
}

graph::ResizeMode resize_mode(Call& c) {
  const std::string mode = c.text("mode", "nearest");
  if (mode == "linear" || mode == "bilinear") return graph::ResizeMode::kLinear;
  if (mode == "cubic") return graph::ResizeMode::kCubic;
  if (mode != "nearest") c.refuse("its attribute 'mode' is '" + mode + "'");
  return graph::ResizeMode::kNearest;
}

void read_policy(Call& c, graph::ResizeAttributes& a) {
  if (c.opset() < 18) return;
  a.antialias = c.flag("antialias");
  a.axes = small(c, c.integers("axes")).value_or(std::vector<std::int32_t>{});
  const std::string policy = c.text("keep_aspect_ratio_policy", "stretch");
  if (policy == "not_larger") a.aspect = graph::AspectPolicy::kNotLarger;
  else if (policy == "not_smaller") a.aspect = graph::AspectPolicy::kNotSmaller;
  else if (policy != "stretch") c.bad("its attribute 'keep_aspect_ratio_policy' is '" + policy + "'");
}

struct Sizes {  // one of them
  TensorId sizes = kNoTensor;   // i64
  TensorId scales = kNoTensor;  // f32
  [[nodiscard]] TensorId given() const { return scales == kNoTensor ? sizes : scales; }
};

// An image whose first two axes stay as they are is resized as [n, h, w, c], like the layers around it.
TensorId resize_image(Call& c, TensorId x, graph::ResizeAttributes a, Sizes to) {
  const auto plain = [&]() {
    return same_rank(c, c.emit(Op::kResize, a, {x, to.given()}), x);
  };
  const tensor::Shape* shape = c.shape(x);
  if (c.rank(x) != 4 || a.coordinates == graph::Coordinates::kTfCropAndResize) return plain();
  const bool spatial = a.axes == std::vector<std::int32_t>{2, 3};
  if (!spatial && !a.axes.empty()) return plain();
  if (!spatial) {
    if (const auto scales = c.constant_floats(to.scales)) {
      if (scales->size() != 4 || (*scales)[0] != 1.0F || (*scales)[1] != 1.0F) return plain();
      to.scales = c.floats(std::span(*scales).subspan(2), {2});
    } else if (const auto sizes = c.constant_integers(to.sizes)) {
      if (sizes->size() != 4 || shape == nullptr || (*sizes)[0] != (*shape)[0] || (*sizes)[1] != (*shape)[1]) return plain();
      if (a.aspect != graph::AspectPolicy::kStretch) return plain();
      to.sizes = c.ints(std::span(*sizes).subspan(2));
    } else {
      return plain();
    }
  }
  a.axes = {1, 2};
  const TensorId y = c.emit(Op::kResize, a, {c.permuted(x, {0, 2, 3, 1}), to.given()});
  c.hint_rank(y, 4);
  return c.permuted(y, {0, 3, 1, 2});
}

Ids resize(Call& c) {
  graph::ResizeAttributes a;
  a.mode = resize_mode(c);
  Sizes to;
  if (c.opset() < 11) {
    a.coordinates = graph::Coordinates::kAsymmetric;
    a.nearest = graph::NearestMode::kFloor;
    to.scales = c.in(1);
    return {resize_image(c, c.in(0), a, to)};
  }
  a.coordinates = coordinates_of(c, c.text("coordinate_transformation_mode", "half_pixel"));
  a.nearest = nearest_of(c, c.text("nearest_mode", "round_prefer_floor"));
  a.cubic_a = c.real("cubic_coeff_a", -0.75F);
  a.exclude_outside = c.flag("exclude_outside");
  a.extrapolation = c.real("extrapolation_value", 0.0F);
  read_policy(c, a);
  if (const TensorId roi = c.optional(1); a.coordinates == graph::Coordinates::kTfCropAndResize) {
    const auto values = c.constant_floats(roi);
    if (!values) c.refuse("its region of interest is known only when it runs");
    else a.roi = *values;
  }
  to.scales = c.optional(2);
  to.sizes = c.optional(3);
  const tensor::Shape* empty = c.shape(to.scales);  // opset 11 has an empty tensor where there are sizes
  if (empty != nullptr && empty->elements() == 0) to.scales = kNoTensor;
  if ((to.scales == kNoTensor) == (to.sizes == kNoTensor)) c.bad("it has either scales or sizes, not both or none");
  return {c.failed() ? kNoTensor : resize_image(c, c.in(0), a, to)};
}

Ids upsample(Call& c) {
  graph::ResizeAttributes a;
  a.mode = resize_mode(c);
  a.coordinates = graph::Coordinates::kAsymmetric;
  a.nearest = graph::NearestMode::kFloor;
  Sizes to;
  if (c.opset() >= 9) {
    to.scales = c.in(1);
  } else {
    const std::vector<float> scales = c.reals("scales");
    to.scales = c.floats(scales, {static_cast<std::int64_t>(scales.size())});
  }
  return {c.failed() ? kNoTensor : resize_image(c, c.in(0), a, to)};
}

constexpr std::array kRows = {
    OnnxOp{"Concat", 4, concat},
    OnnxOp{"DepthToSpace", 1, blocks, Op::kDepthToSpace},
    OnnxOp{"Expand", 8, expand},
    OnnxOp{"Flatten", 1, flatten},
    OnnxOp{"Gather", 1, gather},
    OnnxOp{"GatherElements", 11, gather_elements},
    OnnxOp{"GatherND", 11, gather_nd},
    OnnxOp{"Pad", 2, pad},
    OnnxOp{"Reshape", 5, reshape},
    OnnxOp{"Resize", 10, resize},
    OnnxOp{"ReverseSequence", 10, reverse_sequence},
    OnnxOp{"Scatter", 9, scatter_elements},
    OnnxOp{"ScatterElements", 11, scatter_elements},
    OnnxOp{"ScatterND", 11, scatter_nd},
    OnnxOp{"Slice", 1, slice},
    OnnxOp{"SpaceToDepth", 1, blocks, Op::kSpaceToDepth},
    OnnxOp{"Split", 2, split},
    OnnxOp{"Squeeze", 1, squeeze, Op::kSqueeze},
    OnnxOp{"Tile", 6, tile},
    OnnxOp{"Transpose", 1, transpose},
    OnnxOp{"Trilu", 14, trilu},
    OnnxOp{"Unsqueeze", 1, squeeze, Op::kUnsqueeze},
    OnnxOp{"Upsample", 7, upsample},
};

}  // namespace

std::span<const OnnxOp> movement_ops() {
  return kRows;
}

}  // namespace lichen::formats
