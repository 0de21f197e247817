// SPDX-License-Identifier: Apache-2.0
// Ops that put the same elements elsewhere.
#include <algorithm>
#include <array>
#include <numeric>

#include <fmt/format.h>

#include "formats/tflite_incoming.hpp"
#include "formats/tflite_outgoing.hpp"

namespace lichen::formats {
namespace {

using graph::Attributes;
using graph::Op;
using graph::TensorId;
using tensor::Shape;

constexpr std::uint32_t kSecond = 1U << 1;
constexpr std::uint32_t kThird = 1U << 2;
constexpr std::size_t kPartsMax = 1024;
constexpr auto kPlain = fixed_attributes<graph::NoAttributes>;

Result<std::vector<std::int32_t>> small_list(const flatbuffers::Vector<std::int32_t>* from) {
  if (from == nullptr) return std::vector<std::int32_t>{};
  if (from->size() > tensor::kRankMax) return bad_options(fmt::format("rank {}", from->size()));
  return std::vector<std::int32_t>(from->begin(), from->end());
}

Result<std::int32_t> axis_in(const Incoming& in, std::size_t i) {
  const std::int64_t axis = LICHEN_TRY(in.integer(i, "an axis"));
  constexpr auto kMax = static_cast<std::int64_t>(tensor::kRankMax);
  if (axis < -kMax || axis >= kMax) return bad_options(fmt::format("axis {}", axis));
  return static_cast<std::int32_t>(axis);
}

Result<Attributes> read_reshape(const tflite::Operator& from) {
  graph::ReshapeAttributes to;
  const auto* options = from.builtin_options_as_ReshapeOptions();
  if (options != nullptr) to.shape = LICHEN_TRY(small_list(options->new_shape()));
  return to;
}

Result<void> write_reshape(Outgoing& out) {
  const auto& a = out.node().attributes<graph::ReshapeAttributes>();
  tflite::ReshapeOptionsT table;
  table.new_shape = a.shape;
  std::vector<TensorId> inputs = {out.input(0)};
  if (a.zero_copies || (a.shape.empty() && !out.node().has_input(1))) {
    const Shape shape = LICHEN_TRY(out.output_shape());
    table.new_shape.assign(shape.dims().begin(), shape.dims().end());
  } else if (out.node().has_input(1)) {
    inputs.push_back(out.narrowed(1));
  }
  out.emit_row(std::move(inputs), {out.output()}, options_with(std::move(table)));
  return {};
}

// Ops that are a reshape to a shape that is known.
Result<void> write_as_reshape(Outgoing& out) {
  out.reshape(out.input(0), out.output(), LICHEN_TRY(out.output_shape()));
  return {};
}

Result<Attributes> read_squeeze(const tflite::Operator& from) {
  const auto* options = from.builtin_options_as_SqueezeOptions();
  return graph::AxesAttributes{LICHEN_TRY(small_list(options == nullptr ? nullptr : options->squeeze_dims()))};
}

Result<void> write_squeeze(Outgoing& out) {
  tflite::SqueezeOptionsT table;
  table.squeeze_dims = out.node().attributes<graph::AxesAttributes>().axes;
  if (out.node().has_input(1)) {
    const auto axes = LICHEN_TRY(out.integers(1, "axes"));
    table.squeeze_dims.assign(axes.begin(), axes.end());
  }
  out.emit_row({out.input(0)}, {out.output()}, options_with(std::move(table)));
  return {};
}

Result<void> write_unsqueeze(Outgoing& out) {
  const auto& axes = out.node().attributes<graph::AxesAttributes>().axes;
  const bool one = out.node().has_input(1) ? out.node().input(1).spec.shape.elements() == 1 : axes.size() == 1;
  if (!one) return write_as_reshape(out);
  out.emit_row({out.input(0), out.node().has_input(1) ? out.narrowed(1) : out.constant(axes.front())}, {out.output()});
  return {};
}

Result<void> read_concat(Incoming& in) {
  LICHEN_TRY(in.expect(1, kPartsMax, 1, 1, kPartsMax));
  const auto* options = LICHEN_TRY(options_of<tflite::ConcatenationOptions>(in.from()));
  const graph::Activation activation = LICHEN_TRY(read_activation(options->fused_activation_function()));
  const TensorId before = LICHEN_TRY(in.before_activation(activation));
  in.add(Op::kConcat, graph::AxisAttributes{options->axis()}, in.inputs, {before});
  in.activate(activation, before);
  return {};
}
void write_concat(const Attributes& attributes, TfliteOptions& to) {
  tflite::ConcatenationOptionsT table;
  table.axis = std::get<graph::AxisAttributes>(attributes).axis;
  to.Set(table);
}

// Each part gets the new axis, then they are joined along it.
Result<void> read_pack(Incoming& in) {
  LICHEN_TRY(in.expect(1, kPartsMax, 1, 1, kPartsMax));
  const std::int32_t axis = LICHEN_TRY(options_of<tflite::PackOptions>(in.from()))->axis();
  const bool one = in.inputs.size() == 1;
  std::vector<TensorId> parts;
  for (const TensorId input : in.inputs) {
    parts.push_back(one ? in.outputs[0] : in.temporary(input));
    in.add(Op::kUnsqueeze, graph::AxesAttributes{{axis}}, {input}, {parts.back()});
  }
  if (!one) in.add(Op::kConcat, graph::AxisAttributes{axis}, parts, in.outputs);
  return {};
}

Result<void> read_unpack(Incoming& in) {
  LICHEN_TRY(in.expect(1, 1, 1, kPartsMax, 1));
  const std::int32_t axis = LICHEN_TRY(options_of<tflite::UnpackOptions>(in.from()))->axis();
  std::vector<TensorId> parts;
  for (std::size_t i = 0; i < in.outputs.size(); ++i) parts.push_back(in.temporary(in.inputs[0]));
  in.add(Op::kSplit, graph::SplitAttributes{axis}, in.inputs, parts);
  for (std::size_t i = 0; i < parts.size(); ++i)
    in.add(Op::kSqueeze, graph::AxesAttributes{{axis}}, {parts[i]}, {in.outputs[i]});
  return {};
}

Result<void> read_split(Incoming& in) {
  LICHEN_TRY(in.expect(2, 2, 1, kPartsMax, 2));
  graph::SplitAttributes to;
  to.axis = LICHEN_TRY(axis_in(in, 0));
  in.add(Op::kSplit, to, {in.inputs[1]}, in.outputs);
  return {};
}

// One size may be -1, which is the rest.
Result<void> read_split_v(Incoming& in) {
  LICHEN_TRY(in.expect(3, 3, 1, kPartsMax, 3));
  graph::SplitAttributes to;
  to.axis = LICHEN_TRY(axis_in(in, 2));
  std::vector<std::int64_t> sizes = LICHEN_TRY(in.integers(1, "sizes"));
  const auto rest = std::ranges::find(sizes, -1);
  const Shape& shape = in.tensor(in.inputs[0]).spec.shape;
  TensorId list = in.inputs[1];
  if (rest != sizes.end()) {
    const auto rank = static_cast<std::int32_t>(shape.known() ? shape.rank() : 0);
    const std::int32_t axis = to.axis < 0 ? to.axis + rank : to.axis;
    if (axis < 0 || axis >= rank) return bad_options(fmt::format("axis {} of rank {}", to.axis, rank));
    std::int64_t known = 0;
    for (const std::int64_t size : sizes) known += size == -1 ? 0 : std::clamp<std::int64_t>(size, 0, INT32_MAX);
    *rest = shape[static_cast<std::size_t>(axis)] - known;
    const std::vector<std::int32_t> narrow(sizes.begin(), sizes.end());
    list = in.constant({static_cast<std::int64_t>(narrow.size())}, narrow);
  }
  in.add(Op::kSplit, to, {in.inputs[0], list}, in.outputs);
  return {};
}

// SPLIT where the parts are equal, else SPLIT_V.
Result<void> write_split(Outgoing& out) {
  constexpr std::int32_t kSplitV = 102;
  const std::int32_t axis = out.node().attributes<graph::SplitAttributes>().axis;
  const std::size_t count = out.node().output_count();
  std::vector<TensorId> outputs;
  std::vector<std::int64_t> sizes;
  for (std::size_t i = 0; i < count; ++i) {
    const Shape shape = LICHEN_TRY(out.output_shape(i));
    outputs.push_back(out.output(i));
    sizes.push_back(shape[static_cast<std::size_t>(axis < 0 ? axis + static_cast<std::int32_t>(shape.rank()) : axis)]);
  }
  if (!out.node().has_input(1) && std::ranges::adjacent_find(sizes, std::not_equal_to<>()) == sizes.end()) {
    tflite::SplitOptionsT table;
    table.num_splits = static_cast<std::int32_t>(count);
    out.emit_row({out.constant(axis), out.input(0)}, std::move(outputs), options_with(table));
    return {};
  }
  tflite::SplitVOptionsT table;
  table.num_splits = static_cast<std::int32_t>(count);
  out.emit(kSplitV, {out.input(0), out.list_of(1, sizes), out.constant(axis)}, std::move(outputs), options_with(table),
           1, 2);
  return {};
}

Result<void> read_transpose(Incoming& in) {
  LICHEN_TRY(in.expect(2, 1));
  const auto wanted = LICHEN_TRY(in.integers(1, "a permutation"));
  if (wanted.size() > tensor::kRankMax) return bad_options(fmt::format("rank {}", wanted.size()));
  graph::TransposeAttributes to;
  for (const std::int64_t axis : wanted) {
    const std::int64_t from = axis < 0 ? axis + static_cast<std::int64_t>(wanted.size()) : axis;
    if (from < 0 || from >= static_cast<std::int64_t>(wanted.size())) return bad_options(fmt::format("axis {}", axis));
    to.permutation.push_back(static_cast<std::int32_t>(from));
  }
  in.add(Op::kTranspose, std::move(to), {in.inputs[0]}, in.outputs);
  return {};
}

Result<void> write_transpose(Outgoing& out) {
  std::vector<std::int32_t> order = out.node().attributes<graph::TransposeAttributes>().permutation;
  if (order.empty()) {
    order.resize(LICHEN_TRY(out.output_shape()).rank());
    std::iota(order.rbegin(), order.rend(), 0);
  }
  out.emit_row({out.input(0), out.constant({static_cast<std::int64_t>(order.size())}, order)}, {out.output()});
  return {};
}

Result<Attributes> read_pad(const tflite::Operator&) {
  return graph::PadAttributes{graph::PadMode::kConstant, true};
}

Result<Attributes> read_mirror_pad(const tflite::Operator& from) {
  const tflite::MirrorPadMode mode = LICHEN_TRY(options_of<tflite::MirrorPadOptions>(from))->mode();
  if (mode == tflite::MirrorPadMode_REFLECT) return graph::PadAttributes{graph::PadMode::kReflect, true};
  if (mode == tflite::MirrorPadMode_SYMMETRIC) return graph::PadAttributes{graph::PadMode::kSymmetric, true};
  return bad_options(fmt::format("mode {}", static_cast<int>(mode)));
}

// The pads as [rank, 2], whatever form they have here.
Result<TensorId> pads_of(Outgoing& out) {
  if (out.node().attributes<graph::PadAttributes>().pairs) return out.narrowed(1);
  const auto given = LICHEN_TRY(out.integers(1, "pads"));
  const std::size_t rank = LICHEN_TRY(out.output_shape()).rank();
  std::vector<std::int64_t> axes(rank);
  std::iota(axes.begin(), axes.end(), 0);
  if (out.node().has_input(3)) axes = LICHEN_TRY(out.integers(3, "axes"));
  if (given.size() != axes.size() * 2) return out.cannot("pads of another rank");
  std::vector<std::int32_t> pairs(rank * 2, 0);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<std::size_t>(axes[i] < 0 ? axes[i] + static_cast<std::int64_t>(rank) : axes[i]);
    for (const std::size_t side : {0U, 1U}) {
      const std::int64_t pad = given[i + side * axes.size()];
      if (pad < 0 || axis >= rank) return out.cannot("pads below 0");
      pairs[axis * 2 + side] = static_cast<std::int32_t>(pad);
    }
  }
  return out.constant({static_cast<std::int64_t>(rank), 2}, pairs);
}

Result<void> write_pad(Outgoing& out) {
  constexpr std::int32_t kPadV2 = 60;
  constexpr std::int32_t kMirrorPad = 100;
  const graph::PadMode mode = out.node().attributes<graph::PadAttributes>().mode;
  const TensorId pads = LICHEN_TRY(pads_of(out));
  if (mode == graph::PadMode::kConstant) {
    if (out.node().has_input(2)) {
      out.emit(kPadV2, {out.input(0), pads, out.input(2)}, {out.output()}, {}, 1, 2);
    } else {
      out.emit_row({out.input(0), pads}, {out.output()});
    }
    return {};
  }
  if (mode != graph::PadMode::kReflect && mode != graph::PadMode::kSymmetric)
    return out.cannot("padding other than with a constant or mirrored");
  tflite::MirrorPadOptionsT table;
  table.mode = mode == graph::PadMode::kReflect ? tflite::MirrorPadMode_REFLECT : tflite::MirrorPadMode_SYMMETRIC;
  out.emit(kMirrorPad, {out.input(0), pads}, {out.output()}, options_with(table), 1, 2);
  return {};
}

Result<Attributes> read_gather(const tflite::Operator& from) {
  const auto* options = LICHEN_TRY(options_of<tflite::GatherOptions>(from));
  return graph::GatherAttributes{options->axis(), options->batch_dims()};
}
void write_gather(const Attributes& attributes, TfliteOptions& to) {
  const auto& a = std::get<graph::GatherAttributes>(attributes);
  tflite::GatherOptionsT table;
  table.axis = a.axis;
  table.batch_dims = a.batch_dims;
  to.Set(table);
}

Result<Attributes> read_gather_nd(const tflite::Operator&) {
  return graph::GatherAttributes{};
}
Result<void> write_gather_nd(Outgoing& out) {
  if (out.node().attributes<graph::GatherAttributes>().batch_dims != 0) return out.cannot("batch dimensions");
  out.emit_row({out.input(0), out.input(1)}, {out.output()});
  return {};
}

// ids, table -> table, ids.
Result<void> read_embedding_lookup(Incoming& in) {
  LICHEN_TRY(in.expect(2, 1));
  in.add(Op::kGather, graph::GatherAttributes{}, {in.inputs[1], in.inputs[0]}, in.outputs);
  return {};
}

// indices, updates, shape: sums of the updates, on zeros.
Result<void> read_scatter_nd(Incoming& in) {
  LICHEN_TRY(in.expect(3, 1));
  const TensorId zeros = in.temporary(in.inputs[1]);
  in.add(Op::kFill, graph::NoAttributes{}, {in.inputs[2], in.zero(in.tensor(in.inputs[1]).spec.dtype)}, {zeros});
  in.add(Op::kScatterNd, graph::ScatterAttributes{0, graph::ScatterReduction::kAdd},
         {zeros, in.inputs[0], in.inputs[1]}, in.outputs);
  return {};
}

Result<void> write_scatter_nd(Outgoing& out) {
  const Shape shape = LICHEN_TRY(out.output_shape());
  if (out.node().attributes<graph::ScatterAttributes>().reduction != graph::ScatterReduction::kAdd)
    return out.cannot("scattering that does not add");
  const TensorId sums = out.temporary(out.output());
  out.emit_row({out.narrowed(1), out.input(2), out.constant(std::vector(shape.dims().begin(), shape.dims().end()))},
               {sums});
  constexpr std::int32_t kAdd = 0;
  out.emit(kAdd, {out.input(0), sums}, {out.output()}, options_with(tflite::AddOptionsT{}));
  return {};
}

template <typename T>
Result<Attributes> read_block(const tflite::Operator& from) {
  return graph::BlockAttributes{LICHEN_TRY(options_of<T>(from))->block_size()};
}
template <typename T>
Result<void> write_block(Outgoing& out) {
  const auto& a = out.node().attributes<graph::BlockAttributes>();
  if (a.columns_first) return out.cannot("blocks whose columns come first");
  typename T::NativeTableType table;
  table.block_size = a.block;
  out.emit_row({out.input(0)}, {out.output()}, options_with(table));
  return {};
}

Result<Attributes> read_reverse_sequence(const tflite::Operator& from) {
  const auto* options = LICHEN_TRY(options_of<tflite::ReverseSequenceOptions>(from));
  return graph::ReverseSequenceAttributes{options->batch_dim(), options->seq_dim()};
}
void write_reverse_sequence(const Attributes& attributes, TfliteOptions& to) {
  const auto& a = std::get<graph::ReverseSequenceAttributes>(attributes);
  tflite::ReverseSequenceOptionsT table;
  table.seq_dim = a.time_axis;
  table.batch_dim = a.batch_axis;
  to.Set(table);
}

Result<Attributes> read_slice(const tflite::Operator&) {
  return graph::SliceAttributes{true};
}

// ONNX's starts, ends, axes and steps become STRIDED_SLICE's for all axes; masks say where an end is open.
Result<void> write_slice(Outgoing& out) {
  if (out.node().attributes<graph::SliceAttributes>().sizes) {
    out.emit_row({out.input(0), out.narrowed(1), out.narrowed(2)}, {out.output()});
    return {};
  }
  constexpr std::int32_t kStridedSlice = 45;
  const std::size_t rank = LICHEN_TRY(out.output_shape()).rank();
  const auto starts = LICHEN_TRY(out.integers(1, "starts"));
  const auto ends = LICHEN_TRY(out.integers(2, "ends"));
  std::vector<std::int64_t> axes(starts.size());
  std::iota(axes.begin(), axes.end(), 0);
  if (out.node().has_input(3)) axes = LICHEN_TRY(out.integers(3, "axes"));
  std::vector<std::int64_t> steps(starts.size(), 1);
  if (out.node().has_input(4)) steps = LICHEN_TRY(out.integers(4, "steps"));
  std::vector<std::int64_t> begin(rank, 0);
  std::vector<std::int64_t> end(rank, 0);
  std::vector<std::int64_t> strides(rank, 1);
  tflite::StridedSliceOptionsT table;
  table.begin_mask = table.end_mask = static_cast<std::int32_t>((1U << rank) - 1);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<std::size_t>(axes[i] < 0 ? axes[i] + static_cast<std::int64_t>(rank) : axes[i]);
    const std::int64_t size = out.node().input(0).spec.shape[axis];
    const auto bit = static_cast<std::int32_t>(1U << axis);
    begin[axis] = std::clamp<std::int64_t>(starts[i] < 0 ? starts[i] + size : starts[i], 0, size);
    const std::int64_t stop = ends[i] < 0 ? ends[i] + size : ends[i];
    strides[axis] = steps[i];
    table.begin_mask &= ~bit;
    if (steps[i] < 0) begin[axis] = std::min(begin[axis], size - 1);
    if (steps[i] < 0 ? stop < 0 : stop >= size) continue;  // open
    table.end_mask &= ~bit;
    end[axis] = std::max<std::int64_t>(stop, 0);
  }
  out.emit(kStridedSlice, {out.input(0), out.constant(begin), out.constant(end), out.constant(strides)}, {out.output()},
           options_with(table), 1, 2);
  return {};
}

Result<Attributes> read_strided_slice(const tflite::Operator& from) {
  const auto* options = LICHEN_TRY(options_of<tflite::StridedSliceOptions>(from));
  return graph::StridedSliceAttributes{options->begin_mask(),    options->end_mask(),         options->ellipsis_mask(),
                                       options->new_axis_mask(), options->shrink_axis_mask(), options->offset()};
}
void write_strided_slice(const Attributes& attributes, TfliteOptions& to) {
  const auto& a = std::get<graph::StridedSliceAttributes>(attributes);
  tflite::StridedSliceOptionsT table;
  table.begin_mask = a.begin_mask;
  table.end_mask = a.end_mask;
  table.ellipsis_mask = a.ellipsis_mask;
  table.new_axis_mask = a.new_axis_mask;
  table.shrink_axis_mask = a.shrink_axis_mask;
  table.offset = a.offset;
  to.Set(table);
}

// BROADCAST_TO wants the whole shape, ours may say less.
Result<void> write_expand(Outgoing& out) {
  const tensor::Shape& known = out.node().output().spec.shape;
  const TensorId shape = known.known() ? out.list_of(1, known.dims()) : out.narrowed(1);
  out.emit_row({out.input(0), shape}, {out.output()});
  return {};
}

constexpr std::array kRows = {
    TfliteOp{22, Op::kReshape, 1, 1, read_reshape, nullptr, nullptr, write_reshape},
    TfliteOp{kTfliteNone, Op::kFlatten, 1, 1, nullptr, nullptr, nullptr, write_as_reshape},
    TfliteOp{kTfliteNone, Op::kIdentity, 1, 1, nullptr, nullptr, nullptr, write_as_reshape},
    TfliteOp{43, Op::kSqueeze, 1, 1, read_squeeze, nullptr, nullptr, write_squeeze},
    TfliteOp{70, Op::kUnsqueeze, 1, 1, fixed_attributes<graph::AxesAttributes>, nullptr, nullptr, write_unsqueeze},
    TfliteOp{2, Op::kConcat, 1, 2, nullptr, read_concat, write_concat},
    TfliteOp{83, Op::kCount, 1, 2, nullptr, read_pack},
    TfliteOp{88, Op::kCount, 1, 2, nullptr, read_unpack},
    TfliteOp{49, Op::kSplit, 1, 2, nullptr, read_split, nullptr, write_split},
    TfliteOp{102, Op::kSplit, 1, 2, nullptr, read_split_v},
    TfliteOp{39, Op::kTranspose, 1, 2, nullptr, read_transpose, nullptr, write_transpose},
    TfliteOp{34, Op::kPad, 1, 2, read_pad, nullptr, nullptr, write_pad},
    TfliteOp{60, Op::kPad, 1, 2, read_pad},
    TfliteOp{100, Op::kPad, 1, 2, read_mirror_pad},
    TfliteOp{36, Op::kGather, 1, 2, read_gather, nullptr, write_gather},
    TfliteOp{107, Op::kGatherNd, 1, 1, read_gather_nd, nullptr, nullptr, write_gather_nd},
    TfliteOp{7, Op::kGather, 1, 1, nullptr, read_embedding_lookup},
    TfliteOp{122, Op::kScatterNd, 1, 1, nullptr, read_scatter_nd, nullptr, write_scatter_nd},
    TfliteOp{5, Op::kDepthToSpace, 1, 1, read_block<tflite::DepthToSpaceOptions>, nullptr, nullptr,
             write_block<tflite::DepthToSpaceOptions>},
    TfliteOp{26, Op::kSpaceToDepth, 1, 2, read_block<tflite::SpaceToDepthOptions>, nullptr, nullptr,
             write_block<tflite::SpaceToDepthOptions>},
    TfliteOp{37, Op::kBatchToSpaceNd, 1, 2, kPlain, nullptr, no_options, nullptr, kSecond | kThird},
    TfliteOp{38, Op::kSpaceToBatchNd, 1, 2, kPlain, nullptr, no_options, nullptr, kSecond | kThird},
    TfliteOp{105, Op::kReverse, 1, 1, kPlain, nullptr, no_options, nullptr, kSecond},
    TfliteOp{112, Op::kReverseSequence, 1, 1, read_reverse_sequence, nullptr, write_reverse_sequence},
    TfliteOp{65, Op::kSlice, 1, 2, read_slice, nullptr, nullptr, write_slice},
    TfliteOp{45, Op::kStridedSlice, 1, 2, read_strided_slice, nullptr, write_strided_slice, nullptr, 0xEU},
    TfliteOp{69, Op::kTile, 1, 2, kPlain, nullptr, no_options, nullptr, kSecond},
    TfliteOp{130, Op::kExpand, 2, 2, kPlain, nullptr, nullptr, write_expand},
};

}  // namespace

std::span<const TfliteOp> tflite_movement_rows() {
  return kRows;
}

}  // namespace lichen::formats
