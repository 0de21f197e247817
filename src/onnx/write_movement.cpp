// SPDX-License-Identifier: Apache-2.0
// The same elements elsewhere: on the stored integers, which keep their scale.
#include <array>

#include <fmt/format.h>

#include "graph/ops/slice.hpp"
#include "onnx/write.hpp"

namespace lichen::formats {

using graph::Op;
using Int = std::int64_t;

namespace {

std::string_view name_of_row(const GraphWriter& w) {
  return find_write_row(w.node().op)->name;
}

// Concat of tensors of other scales than its result has brings them to it.
void concat(GraphWriter& w) {
  Int axis = w.attributes<graph::AxisAttributes>().axis;
  bool first = w.output().quantization.empty();
  bool same = true;
  for (std::size_t i = 0; i < w.node().inputs.size(); ++i) {
    first = first && w.is_channels_first(i);
    same = same && w.input(i).quantization == w.output().quantization;
  }
  TensorNames inputs;
  for (std::size_t i = 0; i < w.node().inputs.size(); ++i)
    inputs.push_back(first ? w.channels_first(i) : same ? w.stored(i) : w.in(i));
  if (first) {
    constexpr std::array<Int, 4> kPlace = {0, 2, 3, 1};  // of n, h, w, c in n, c, h, w
    axis = kPlace[static_cast<std::size_t>(axis < 0 ? axis + 4 : axis)];
    return w.put_channels_first(w.add("Concat", inputs, {{"axis", axis}}), {});
  }
  const std::string y = w.add("Concat", inputs, {{"axis", axis}});
  if (same) w.put_stored(y);
  else w.put(y);
}

void depth_to_space(GraphWriter& w) {
  const auto& a = w.attributes<graph::BlockAttributes>();
  w.put_channels_first(w.add("DepthToSpace", {w.channels_first(0)},
                             {{"blocksize", Int{a.block}}, {"mode", std::string(a.columns_first ? "CRD" : "DCR")}}),
                       {});
}

void space_to_depth(GraphWriter& w) {
  const Int block = w.attributes<graph::BlockAttributes>().block;
  w.put_channels_first(w.add("SpaceToDepth", {w.channels_first(0)}, {{"blocksize", block}}), {});
}

// The first input as it is stored, the second as i64.
void with_sizes(GraphWriter& w) {
  w.put_stored(w.add(name_of_row(w), {w.stored(0), w.as_int64(1)}));
}

void flatten(GraphWriter& w) {
  w.put_stored(w.add("Flatten", {w.stored(0)}, {{"axis", Int{w.attributes<graph::AxisAttributes>().axis}}}));
}

void gather(GraphWriter& w) {
  const auto& a = w.attributes<graph::GatherAttributes>();
  if (a.batch_dims != 0) return w.refuse("batch dimensions");
  w.put_stored(w.add("Gather", {w.stored(0), w.stored(1)}, {{"axis", Int{a.axis}}}));
}

void gather_elements(GraphWriter& w) {
  w.put_stored(w.add("GatherElements", {w.stored(0), w.stored(1)},
                     {{"axis", Int{w.attributes<graph::AxisAttributes>().axis}}}));
}

void gather_nd(GraphWriter& w) {
  w.put_stored(w.add("GatherND", {w.stored(0), w.as_int64(1)},
                     {{"batch_dims", Int{w.attributes<graph::GatherAttributes>().batch_dims}}}));
}

std::string reduction_of(const graph::ScatterAttributes& a) {
  constexpr std::array<const char*, 5> kNames = {"none", "add", "mul", "max", "min"};
  return kNames[static_cast<std::size_t>(a.reduction)];
}

void scatter_elements(GraphWriter& w) {
  const auto& a = w.attributes<graph::ScatterAttributes>();
  w.put(w.add("ScatterElements", {w.in(0), w.stored(1), w.in(2)},
              {{"axis", Int{a.axis}}, {"reduction", reduction_of(a)}}));
}

void scatter_nd(GraphWriter& w) {
  const auto& a = w.attributes<graph::ScatterAttributes>();
  w.put(w.add("ScatterND", {w.in(0), w.as_int64(1), w.in(2)}, {{"reduction", reduction_of(a)}}));
}

// Without a value, quantized tensors are padded with 0, which dequantizing makes of their zero point.
void pad(GraphWriter& w) {
  const auto& a = w.attributes<graph::PadAttributes>();
  constexpr std::array<const char*, 5> kModes = {"constant", "reflect", "", "edge", "wrap"};
  const std::string mode = kModes[static_cast<std::size_t>(a.mode)];
  if (mode.empty()) return w.refuse("symmetric padding");
  std::string pads = w.as_int64(1);
  if (a.pairs) pads = w.add("Reshape", {w.transposed(pads, {1, 0}), w.ints({-1})});
  w.put(w.add("Pad", {w.in(0), pads, w.in(2), w.as_int64(3)}, {{"mode", mode}}));
}

void reshape(GraphWriter& w) {
  const auto& a = w.attributes<graph::ReshapeAttributes>();
  std::string shape;
  if (w.has(1)) {
    shape = w.as_int64(1);
  } else if (!a.shape.empty()) {
    shape = w.ints({a.shape.begin(), a.shape.end()});
  } else if (const tensor::Shape& out = w.output().spec.shape; out.known()) {
    shape = w.ints({out.dims().begin(), out.dims().end()});
  } else {
    return w.refuse("a shape that is not said");
  }
  w.put_stored(w.add("Reshape", {w.stored(0), shape}, {{"allowzero", Int{!a.zero_copies}}}));
}

void reverse(GraphWriter& w) {
  const auto axes = w.view().integers(1);
  if (!axes) return w.refuse("axes that are known only when it runs");
  const auto all = [&](Int value) { return w.ints(std::vector<Int>(axes->size(), value)); };
  const TensorNames inputs = {w.stored(0), all(-1), all(INT64_MIN + 1), w.ints(*axes), all(-1)};
  w.put_stored(w.add("Slice", inputs));
}

void reverse_sequence(GraphWriter& w) {
  const auto& a = w.attributes<graph::ReverseSequenceAttributes>();
  w.put_stored(w.add("ReverseSequence", {w.stored(0), w.as_int64(1)},
                     {{"batch_axis", Int{a.batch_axis}}, {"time_axis", Int{a.time_axis}}}));
}

// Both kinds of slices: the elements that they take, axis by axis.
void slice_of_ranges(GraphWriter& w) {
  if (!w.input(0).spec.shape.known()) return w.refuse("a shape that is known only when it runs");
  const auto ranges = graph::slice_ranges(w.view());
  if (!ranges || !*ranges) return w.refuse("bounds that are known only when it runs");
  const graph::SliceRanges& taken = **ranges;
  std::vector<Int> starts, ends, axes, steps, kept;
  for (std::size_t i = 0; i < taken.axes.size(); ++i) {
    const graph::AxisRange& r = taken.axes[i];
    kept.push_back(r.count);
    if (r.start == 0 && r.step == 1 && r.count == w.input(0).spec.shape[i]) continue;
    const Int end = r.start + r.step * r.count;
    starts.push_back(r.start);
    ends.push_back(r.step < 0 && end < 0 ? INT64_MIN + 1 : end);
    axes.push_back(static_cast<Int>(i));
    steps.push_back(r.step);
  }
  std::string y = w.stored(0);
  if (!axes.empty()) {
    const std::string from = w.ints(starts);
    const std::string to = w.ints(ends);
    const std::string over = w.ints(axes);
    y = w.add("Slice", {y, from, to, over, w.ints(steps)});
  }
  if (kept != taken.dims) y = w.add("Reshape", {y, w.ints(taken.dims)}, {{"allowzero", Int{1}}});
  w.put_stored(y);
}

bool has_open_bounds(const GraphWriter& w) {
  for (std::size_t i = 1; i < w.node().inputs.size(); ++i) {
    if (w.has(i) && !w.view().is_constant(i)) return true;
  }
  return !w.input(0).spec.shape.known();
}

void slice(GraphWriter& w) {
  const bool sizes = w.attributes<graph::SliceAttributes>().sizes;
  if (sizes || !has_open_bounds(w)) return slice_of_ranges(w);
  TensorNames inputs{w.stored(0)};
  for (std::size_t i = 1; i < 5; ++i) inputs.push_back(w.as_int64(i));
  w.put_stored(w.add("Slice", inputs));
}

void split(GraphWriter& w) {
  const auto& a = w.attributes<graph::SplitAttributes>();
  OnnxAttributes attributes = {{"axis", Int{a.axis}}};
  if (!w.has(1)) attributes.push_back({"num_outputs", static_cast<Int>(w.outputs())});
  const TensorNames y = w.add_many("Split", {w.stored(0), w.as_int64(1)}, attributes, w.outputs());
  for (std::size_t i = 0; i < y.size(); ++i) w.put_stored(y[i], i);
}

void squeeze(GraphWriter& w) {
  const auto& axes = w.attributes<graph::AxesAttributes>().axes;
  std::string over = w.as_int64(1);
  if (over.empty() && !axes.empty()) over = w.ints({axes.begin(), axes.end()});
  w.put_stored(w.add(name_of_row(w), {w.stored(0), over}));
}

void transpose(GraphWriter& w) {
  const auto& permutation = w.attributes<graph::TransposeAttributes>().permutation;
  OnnxAttributes attributes;
  if (!permutation.empty()) attributes.push_back({"perm", std::vector<Int>(permutation.begin(), permutation.end())});
  w.put_stored(w.add("Transpose", {w.stored(0)}, attributes));
}

void trilu(GraphWriter& w) {
  w.put_stored(w.add("Trilu", {w.stored(0), w.as_int64(1)}, {{"upper", Int{w.attributes<graph::TriluAttributes>().upper}}}));
}

constexpr std::array<const char*, 6> kCoordinates = {"half_pixel",    "half_pixel_symmetric", "pytorch_half_pixel",
                                                     "align_corners", "asymmetric",           "tf_crop_and_resize"};
constexpr std::array<const char*, 4> kNearest = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
constexpr std::array<const char*, 3> kModes = {"nearest", "linear", "cubic"};
constexpr std::array<const char*, 3> kPolicies = {"stretch", "not_larger", "not_smaller"};

template <typename Names, typename Value>
std::string named(const Names& names, Value value) {
  return names[static_cast<std::size_t>(value)];
}

// TFLite's nearest neighbour is floor((i + 0.5) * scale) of half pixels, and rounds half up between aligned corners.
std::string nearest_of(const graph::ResizeAttributes& a) {
  if (!a.like_tflite) return named(kNearest, a.nearest);
  return a.coordinates == graph::Coordinates::kAsymmetric ? "floor" : "round_prefer_ceil";
}

OnnxAttributes resize_attributes(const graph::ResizeAttributes& a) {
  return {{"mode", named(kModes, a.mode)},
          {"coordinate_transformation_mode", named(kCoordinates, a.coordinates)},
          {"nearest_mode", nearest_of(a)},
          {"cubic_coeff_a", a.cubic_a},
          {"exclude_outside", Int{a.exclude_outside}},
          {"extrapolation_value", a.extrapolation},
          {"antialias", Int{a.antialias}},
          {"keep_aspect_ratio_policy", named(kPolicies, a.aspect)}};
}

void resize(GraphWriter& w) {
  const auto& a = w.attributes<graph::ResizeAttributes>();
  if (!a.roi.empty()) return w.refuse("a region of interest");
  if (a.coordinates == graph::Coordinates::kTfHalfPixelForNn) return w.refuse("coordinates that only opset 11 had");
  const bool scales = w.input(1).spec.dtype == tensor::DType::kF32;
  const std::string sizes = scales ? w.stored(1) : w.as_int64(1);
  OnnxAttributes attributes = resize_attributes(a);
  const bool image = a.axes == std::vector<std::int32_t>{1, 2} && w.input(0).spec.shape.known() && w.rank() == 4;
  if (image) attributes.push_back({"axes", std::vector<Int>{2, 3}});
  else if (!a.axes.empty()) attributes.push_back({"axes", std::vector<Int>(a.axes.begin(), a.axes.end())});
  const std::string x = image ? w.channels_first(0) : w.in(0);
  const std::string y = w.add("Resize", {x, "", scales ? sizes : "", scales ? "" : sizes}, attributes);
  if (image) w.put_channels_first(y, {});
  else w.put(y);
}

// Blocks of the image's two axes to and from the batch, through [bh, bw, n, h, w, c].
struct Blocks {
  std::vector<Int> size;   // 2
  std::vector<Int> edges;  // pads or crops: [top, bottom], [left, right]
};
std::optional<Blocks> blocks_of(GraphWriter& w) {
  const auto size = w.view().integers(1);
  const auto edges = w.view().integers(2);
  const tensor::Shape& in = w.input(0).spec.shape;
  if (size && edges && size->size() == 2 && edges->size() == 4 && in.known() && in.rank() == 4 &&
      w.output().spec.shape.known())
    return Blocks{*size, *edges};
  w.refuse("blocks of other than two axes, or known only when it runs");
  return std::nullopt;
}

void space_to_batch(GraphWriter& w) {
  const auto b = blocks_of(w);
  if (!b) return;
  const tensor::Shape& in = w.input(0).spec.shape;
  const tensor::Shape& out = w.output().spec.shape;
  const std::string pads = w.ints({0, b->edges[0], b->edges[2], 0, 0, b->edges[1], b->edges[3], 0});
  const std::string padded = w.add("Pad", {w.in(0), pads});
  const std::string split = w.add("Reshape", {padded, w.ints({in[0], out[1], b->size[0], out[2], b->size[1], in[3]})});
  const std::string moved = w.transposed(split, {2, 4, 0, 1, 3, 5});
  w.put(w.add("Reshape", {moved, w.ints({out.dims().begin(), out.dims().end()})}));
}

void batch_to_space(GraphWriter& w) {
  const auto b = blocks_of(w);
  if (!b) return;
  const tensor::Shape& in = w.input(0).spec.shape;
  const tensor::Shape& out = w.output().spec.shape;
  const std::string split = w.add("Reshape", {w.in(0), w.ints({b->size[0], b->size[1], out[0], in[1], in[2], in[3]})});
  const std::string moved = w.transposed(split, {2, 3, 0, 4, 1, 5});
  const std::string whole = w.add("Reshape", {moved, w.ints({out[0], in[1] * b->size[0], in[2] * b->size[1], in[3]})});
  const std::string starts = w.ints({b->edges[0], b->edges[2]});
  const std::string ends = w.ints({b->edges[0] + out[1], b->edges[2] + out[2]});
  w.put(w.add("Slice", {whole, starts, ends, w.ints({1, 2})}));
}

constexpr std::array kRows = {
    OnnxWriteRow{Op::kBatchToSpaceNd, batch_to_space},
    OnnxWriteRow{Op::kConcat, concat},
    OnnxWriteRow{Op::kDepthToSpace, depth_to_space},
    OnnxWriteRow{Op::kExpand, with_sizes, "Expand"},
    OnnxWriteRow{Op::kFlatten, flatten},
    OnnxWriteRow{Op::kGather, gather},
    OnnxWriteRow{Op::kGatherElements, gather_elements},
    OnnxWriteRow{Op::kGatherNd, gather_nd},
    OnnxWriteRow{Op::kPad, pad},
    OnnxWriteRow{Op::kReshape, reshape},
    OnnxWriteRow{Op::kResize, resize},
    OnnxWriteRow{Op::kReverse, reverse},
    OnnxWriteRow{Op::kReverseSequence, reverse_sequence},
    OnnxWriteRow{Op::kScatterElements, scatter_elements},
    OnnxWriteRow{Op::kScatterNd, scatter_nd},
    OnnxWriteRow{Op::kSlice, slice},
    OnnxWriteRow{Op::kSpaceToBatchNd, space_to_batch},
    OnnxWriteRow{Op::kSpaceToDepth, space_to_depth},
    OnnxWriteRow{Op::kSplit, split},
    OnnxWriteRow{Op::kSqueeze, squeeze, "Squeeze"},
    OnnxWriteRow{Op::kStridedSlice, slice_of_ranges},
    OnnxWriteRow{Op::kTile, with_sizes, "Tile"},
    OnnxWriteRow{Op::kTranspose, transpose},
    OnnxWriteRow{Op::kTrilu, trilu},
    OnnxWriteRow{Op::kUnsqueeze, squeeze, "Unsqueeze"},
};

}  // namespace

std::span<const OnnxWriteRow> written_movement() {
  return kRows;
}

}  // namespace lichen::formats
