// SPDX-License-Identifier: Apache-2.0
// Formats that keep channels first give a transpose before and after each convolution. An op that does not care about
// the order of axes can run before the transpose of its input as well as after it; so transposes sink until two of them
// meet and cancel. What cannot be passed (a reshape that mixes axes, an output) keeps its transpose.
#include <algorithm>
#include <array>
#include <numeric>

#include "graph/rewrites/passes.hpp"

namespace lichen::graph {
namespace {

using Permutation = std::vector<std::int32_t>;  // output axis i is input axis p[i]

Permutation inverse(const Permutation& p) {
  Permutation q(p.size());
  for (std::size_t i = 0; i < p.size(); ++i) q[static_cast<std::size_t>(p[i])] = static_cast<std::int32_t>(i);
  return q;
}

bool is_permutation(const Permutation& p) {
  std::vector<bool> seen(p.size(), false);
  for (const std::int32_t axis : p) {
    if (axis < 0 || static_cast<std::size_t>(axis) >= p.size() || seen[static_cast<std::size_t>(axis)]) return false;
    seen[static_cast<std::size_t>(axis)] = true;
  }
  return true;
}

tensor::Shape permuted(const tensor::Shape& shape, const Permutation& p) {
  if (!shape.known()) return tensor::Shape::unknown();
  std::vector<std::int64_t> dims;
  for (const std::int32_t axis : p) dims.push_back(shape[static_cast<std::size_t>(axis)]);
  return tensor::Shape(dims);
}

// The transpose that makes a tensor, if one does.
struct Source {
  TensorId tensor = kNoTensor;  // before it
  Permutation permutation;
};
std::optional<Source> transpose_of(const Editor& editor, TensorId id) {
  const NodeId made_by = editor.producer_of(id, Op::kTranspose);
  if (made_by == kNoNode) return std::nullopt;
  const Node& node = editor.node(made_by);
  const tensor::Shape& shape = editor.tensor(node.inputs[0]).spec.shape;
  Permutation p = std::get<TransposeAttributes>(node.attributes).permutation;
  if (p.empty() && shape.known()) {
    p.resize(shape.rank());
    std::iota(p.rbegin(), p.rend(), 0);
  }
  if (p.empty() || !is_permutation(p)) return std::nullopt;
  return Source{node.inputs[0], std::move(p)};
}

std::optional<std::int32_t> moved_axis(std::int64_t axis, const Permutation& p) {
  const auto rank = static_cast<std::int64_t>(p.size());
  if (axis < -rank || axis >= rank) return std::nullopt;
  return p[static_cast<std::size_t>(axis < 0 ? axis + rank : axis)];
}

// Without the axes that are dropped; what is left is numbered anew.
Permutation without(const Permutation& p, const std::vector<std::int32_t>& dropped_outputs) {
  std::vector<bool> dropped(p.size(), false);
  std::vector<bool> gone(p.size(), false);
  for (const std::int32_t output : dropped_outputs) {
    dropped[static_cast<std::size_t>(output)] = true;
    gone[static_cast<std::size_t>(p[static_cast<std::size_t>(output)])] = true;
  }
  std::vector<std::int32_t> number(p.size(), 0);
  std::int32_t next = 0;
  for (std::size_t axis = 0; axis < p.size(); ++axis) {
    if (!gone[axis]) number[axis] = next++;
  }
  Permutation left;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (!dropped[i]) left.push_back(number[static_cast<std::size_t>(p[i])]);
  }
  return left;
}

class Sinker {
 public:
  explicit Sinker(Editor& editor) : editor_(editor) {}

  void visit(NodeId id) {
    const Op op = editor_.node(id).op;
    if (op == Op::kTranspose) return compose(id);
    if (op == Op::kConcat) return pass_concat(id);
    if (is_broadcasting(op)) return pass_broadcast(id);
    if (const auto source = first_source(id)) pass_one(id, *source);
  }

 private:
  std::optional<Source> first_source(NodeId id) const {
    const Node& node = editor_.node(id);
    if (node.inputs.empty() || node.inputs[0] == kNoTensor) return std::nullopt;
    return transpose_of(editor_, node.inputs[0]);
  }

  static bool is_broadcasting(Op op) {
    if (op == Op::kWhere || op == Op::kPRelu) return true;
    const auto at = static_cast<std::uint8_t>(op);
    return at >= static_cast<std::uint8_t>(Op::kAdd) && at <= static_cast<std::uint8_t>(Op::kTruncMod);
  }
  static bool is_unary(Op op) {
    return static_cast<std::uint8_t>(op) <= static_cast<std::uint8_t>(Op::kThresholdedRelu);
  }
  static bool is_reduction(Op op) {
    const auto at = static_cast<std::uint8_t>(op);
    return at >= static_cast<std::uint8_t>(Op::kReduceAll) && at <= static_cast<std::uint8_t>(Op::kReduceSumSquare);
  }

  // Two transposes in a row are one.
  void compose(NodeId id) {
    const auto before = first_source(id);
    if (!before) return;
    Permutation p = std::get<TransposeAttributes>(editor_.node(id).attributes).permutation;
    if (p.size() != before->permutation.size() || !is_permutation(p)) return;
    for (std::int32_t& axis : p) axis = before->permutation[static_cast<std::size_t>(axis)];
    editor_.set_input(id, 0, before->tensor);
    editor_.set_op(id, Op::kTranspose, TransposeAttributes{std::move(p)});
  }

  // The node now gives its output before a transpose by `p`, which gives what it gave before.
  void transpose_output(NodeId id, const Permutation& p, std::size_t output = 0) {
    const TensorId wanted = editor_.node(id).outputs[output];
    if (wanted == kNoTensor) return;
    Tensor made = editor_.tensor(wanted);
    made.spec.shape = permuted(made.spec.shape, inverse(p));
    if (made.quantization.per_channel())
      made.quantization.axis = static_cast<std::size_t>(p[made.quantization.axis]);
    const TensorId raw = editor_.add(std::move(made));
    editor_.set_output(id, output, raw);
    editor_.insert_after(id, {Op::kTranspose, editor_.node(id).name, TransposeAttributes{p}, {raw}, {wanted}});
  }

  void pass(NodeId id, const Source& source, const Permutation& p) {
    editor_.set_input(id, 0, source.tensor);
    transpose_output(id, p);
  }

  // A constant, or a tensor whose transpose is only another shape, in the order of axes before the transpose.
  std::optional<TensorId> brought_back(NodeId before, TensorId id, const Permutation& p) {
    const tensor::Shape shape = editor_.tensor(id).spec.shape;
    if (!shape.known() || shape.rank() > p.size()) return std::nullopt;
    if (shape.elements() == 1) return id;
    const auto longer = std::ranges::count_if(shape.dims(), [](std::int64_t d) { return d != 1; });
    if (!editor_.is_constant(id) && longer > 1) return std::nullopt;
    if (editor_.tensor(id).quantization.per_channel()) return std::nullopt;
    std::vector<std::int64_t> dims(p.size() - shape.rank(), 1);
    dims.insert(dims.end(), shape.dims().begin(), shape.dims().end());
    const tensor::Shape whole(dims);
    const std::string& name = editor_.node(before).name;
    const TensorId reshaped = editor_.add_like(id, whole);
    ReshapeAttributes reshape;
    for (const std::int64_t d : dims) reshape.shape.push_back(static_cast<std::int32_t>(d));
    editor_.insert_before(before, {Op::kReshape, name, std::move(reshape), {id}, {reshaped}});
    const Permutation back = inverse(p);
    const TensorId turned = editor_.add_like(id, permuted(whole, back));
    editor_.insert_before(before, {Op::kTranspose, name, TransposeAttributes{back}, {reshaped}, {turned}});
    return turned;
  }

  void pass_broadcast(NodeId id) {
    const std::vector<TensorId> inputs = editor_.node(id).inputs;
    const std::size_t count = editor_.node(id).op == Op::kPRelu ? 1 : inputs.size();
    std::optional<Permutation> p;
    for (std::size_t i = 0; i < count; ++i) {
      const auto source = transpose_of(editor_, inputs[i]);
      if (!source) continue;
      if (p && *p != source->permutation) return;
      p = source->permutation;
    }
    if (!p) return;
    const tensor::Shape& out = editor_.tensor(editor_.node(id).outputs[0]).spec.shape;
    if (!out.known() || out.rank() != p->size()) return;
    std::vector<bool> movable(inputs.size(), false);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i] == kNoTensor) return;
      movable[i] = can_bring_back(inputs[i], *p);
      const auto source = transpose_of(editor_, inputs[i]);
      const bool transposed = source && source->permutation == *p && i < count;
      if (!movable[i] && !transposed) return;
    }
    std::vector<TensorId> moved = inputs;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const auto source = transpose_of(editor_, inputs[i]);
      if (source && source->permutation == *p) {
        moved[i] = source->tensor;
      } else {
        moved[i] = *brought_back(id, inputs[i], *p);
      }
    }
    editor_.set_inputs(id, std::move(moved));
    transpose_output(id, *p);
  }

  bool can_bring_back(TensorId id, const Permutation& p) const {
    const Tensor& tensor = editor_.tensor(id);
    if (!tensor.spec.shape.known() || tensor.spec.shape.rank() > p.size() || tensor.quantization.per_channel())
      return false;
    const auto longer = std::ranges::count_if(tensor.spec.shape.dims(), [](std::int64_t d) { return d != 1; });
    return editor_.is_constant(id) || longer <= 1;
  }

  void pass_concat(NodeId id) {
    const std::vector<TensorId> inputs = editor_.node(id).inputs;
    std::optional<Permutation> p;
    for (const TensorId input : inputs) {
      const auto source = transpose_of(editor_, input);
      if (source && p && *p != source->permutation) return;
      if (source) p = source->permutation;
    }
    if (!p) return;
    std::vector<TensorId> moved;
    for (const TensorId input : inputs) {
      const auto source = transpose_of(editor_, input);
      if (!source && !can_bring_back(input, *p)) return;
      if (!source && editor_.tensor(input).spec.shape.rank() != p->size()) return;
    }
    const auto axis = moved_axis(std::get<AxisAttributes>(editor_.node(id).attributes).axis, *p);
    if (!axis) return;
    for (const TensorId input : inputs) {
      const auto source = transpose_of(editor_, input);
      moved.push_back(source ? source->tensor : *brought_back(id, input, *p));
    }
    editor_.set_inputs(id, std::move(moved));
    editor_.set_op(id, Op::kConcat, AxisAttributes{*axis});
    transpose_output(id, *p);
  }

  // Ops with one input that matters.
  void pass_one(NodeId id, const Source& source) {
    const Op op = editor_.node(id).op;
    const Permutation& p = source.permutation;
    if (is_unary(op) || op == Op::kCast || op == Op::kIdentity || op == Op::kQuantize) return pass(id, source, p);
    if (op == Op::kDequantize && !editor_.tensor(source.tensor).quantization.per_channel()) return pass(id, source, p);
    if (op == Op::kClip) return pass_clip(id, source);
    if (is_reduction(op)) return pass_reduction(id, source);
    switch (op) {
      case Op::kQuantizeLinear:
      case Op::kDequantizeLinear:
        return pass_scales(id, source);
      case Op::kPad:
        return pass_pad(id, source);
      case Op::kSlice:
        return pass_slice(id, source);
      case Op::kSplit:
        return pass_split(id, source);
      case Op::kGather:
        return pass_gather(id, source);
      case Op::kResize:
        return pass_resize(id, source);
      case Op::kSoftmax:
      case Op::kLogSoftmax:
        return pass_softmax(id, source);
      case Op::kBatchNorm:
      case Op::kInstanceNorm:
      case Op::kGroupNorm: {
        auto a = std::get<NormAttributes>(editor_.node(id).attributes);
        return pass_axis(id, source, a.axis, a);
      }
      case Op::kLocalResponseNorm: {
        auto a = std::get<LocalResponseNormAttributes>(editor_.node(id).attributes);
        return pass_axis(id, source, a.axis, a);
      }
      case Op::kReshape:
        return pass_reshape(id, source);
      default:
        return;
    }
  }

  template <typename A>
  void pass_axis(NodeId id, const Source& source, std::int32_t& axis, A& attributes) {
    const auto moved = moved_axis(axis, source.permutation);
    if (!moved) return;
    axis = *moved;
    editor_.set_op(id, editor_.node(id).op, attributes);
    pass(id, source, source.permutation);
  }

  void pass_clip(NodeId id, const Source& source) {
    const std::vector<TensorId>& inputs = editor_.node(id).inputs;
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      if (inputs[i] == kNoTensor) continue;
      const tensor::Shape& shape = editor_.tensor(inputs[i]).spec.shape;
      if (!shape.known() || shape.elements() != 1) return;
    }
    pass(id, source, source.permutation);
  }

  void pass_scales(NodeId id, const Source& source) {
    const tensor::Shape& scale = editor_.tensor(editor_.node(id).inputs[1]).spec.shape;
    if (!scale.known()) return;
    auto a = std::get<QuantizeLinearAttributes>(editor_.node(id).attributes);
    if (scale.rank() == 0) return pass(id, source, source.permutation);
    if (a.block != 0) return;
    pass_axis(id, source, a.axis, a);
  }

  void pass_softmax(NodeId id, const Source& source) {
    auto a = std::get<SoftmaxAttributes>(editor_.node(id).attributes);
    if (a.flattens) return;
    const auto rank = static_cast<std::int32_t>(source.permutation.size());
    const auto is_last = [rank](std::int32_t axis) { return axis == -1 || axis == rank - 1; };
    const auto moved = moved_axis(a.axis, source.permutation);
    // Kernels go along the last axis, those of integers along no other.
    if (moved && is_last(a.axis) && !is_last(*moved)) return;
    pass_axis(id, source, a.axis, a);
  }

  // A constant list of integers that is input `i`; nullopt: it is absent or not constant.
  std::optional<std::vector<std::int64_t>> list_of(NodeId id, std::size_t i) const {
    const NodeView view(editor_.graph(), editor_.node(id));
    if (!view.is_constant(i)) return std::nullopt;
    const tensor::DType dtype = view.input(i).spec.dtype;
    if (dtype != tensor::DType::kI32 && dtype != tensor::DType::kI64) return std::nullopt;
    return view.integers(i);
  }
  bool has(NodeId id, std::size_t i) const {
    return i < editor_.node(id).inputs.size() && editor_.node(id).inputs[i] != kNoTensor;
  }
  TensorId add_list(const std::vector<std::int64_t>& values, const tensor::Shape& shape) {
    const std::span<const std::int64_t> view(values);
    return editor_.add(Tensor{{"", tensor::DType::kI64, shape}, {}, tensor::Data::copy_of(view)});
  }
  TensorId add_list(const std::vector<std::int64_t>& values) {
    return add_list(values, tensor::Shape{static_cast<std::int64_t>(values.size())});
  }
  static std::optional<std::vector<std::int64_t>> moved_axes(const std::vector<std::int64_t>& axes,
                                                             const Permutation& p) {
    std::vector<std::int64_t> moved;
    for (const std::int64_t axis : axes) {
      const auto m = moved_axis(axis, p);
      if (!m) return std::nullopt;
      moved.push_back(*m);
    }
    return moved;
  }

  void pass_reduction(NodeId id, const Source& source) {
    const auto a = std::get<ReduceAttributes>(editor_.node(id).attributes);
    const Permutation& p = source.permutation;
    std::vector<std::int64_t> axes;
    if (has(id, 1)) {
      const auto given = list_of(id, 1);
      if (!given || given->empty()) return;
      axes = *given;
    } else if (a.no_axes_is_identity) {
      return;
    } else {
      for (std::size_t i = 0; i < p.size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
    }
    const auto moved = moved_axes(axes, p);
    if (!moved) return;
    std::vector<std::int32_t> dropped;
    for (const std::int64_t axis : axes)
      dropped.push_back(static_cast<std::int32_t>(axis < 0 ? axis + static_cast<std::int64_t>(p.size()) : axis));
    const Permutation after = a.keep_dims ? p : without(p, dropped);
    editor_.set_inputs(id, {source.tensor, add_list(*moved)});
    if (!after.empty()) transpose_output(id, after);
  }

  void pass_pad(NodeId id, const Source& source) {
    const auto& a = std::get<PadAttributes>(editor_.node(id).attributes);
    const Permutation& p = source.permutation;
    const auto pads = list_of(id, 1);
    if (!pads || pads->size() != 2 * p.size() || has(id, 3)) return;
    std::vector<std::int64_t> moved(pads->size());
    for (std::size_t i = 0; i < p.size(); ++i) {
      const auto to = static_cast<std::size_t>(p[i]);
      for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
        if (a.pairs) {
          moved[2 * to + side] = (*pads)[2 * i + side];
        } else {
          moved[side * p.size() + to] = (*pads)[side * p.size() + i];
        }
      }
    }
    const tensor::Shape shape = editor_.tensor(editor_.node(id).inputs[1]).spec.shape;
    editor_.set_input(id, 1, add_list(moved, shape));
    pass(id, source, p);
  }

  void pass_slice(NodeId id, const Source& source) {
    const auto starts = list_of(id, 1);
    if (!starts || !list_of(id, 2)) return;
    std::vector<std::int64_t> axes;
    if (has(id, 3)) {
      const auto given = list_of(id, 3);
      if (!given) return;
      axes = *given;
    } else {
      for (std::size_t i = 0; i < starts->size(); ++i) axes.push_back(static_cast<std::int64_t>(i));
    }
    const auto moved = moved_axes(axes, source.permutation);
    if (!moved) return;
    std::vector<TensorId> inputs = editor_.node(id).inputs;
    if (inputs.size() < 4) inputs.resize(4, kNoTensor);
    inputs[3] = add_list(*moved);
    editor_.set_inputs(id, std::move(inputs));
    pass(id, source, source.permutation);
  }

  void pass_split(NodeId id, const Source& source) {
    auto a = std::get<SplitAttributes>(editor_.node(id).attributes);
    const auto axis = moved_axis(a.axis, source.permutation);
    if (!axis) return;
    a.axis = *axis;
    editor_.set_op(id, Op::kSplit, a);
    editor_.set_input(id, 0, source.tensor);
    for (std::size_t i = 0; i < editor_.node(id).outputs.size(); ++i) transpose_output(id, source.permutation, i);
  }

  void pass_gather(NodeId id, const Source& source) {
    auto a = std::get<GatherAttributes>(editor_.node(id).attributes);
    const Permutation& p = source.permutation;
    const tensor::Shape& indices = editor_.tensor(editor_.node(id).inputs[1]).spec.shape;
    if (a.batch_dims != 0 || !indices.known() || indices.rank() > 1) return;
    const auto axis = moved_axis(a.axis, p);
    if (!axis) return;
    const auto from = static_cast<std::int32_t>(a.axis < 0 ? a.axis + static_cast<std::int32_t>(p.size()) : a.axis);
    a.axis = *axis;
    editor_.set_op(id, Op::kGather, a);
    const Permutation after = indices.rank() == 1 ? p : without(p, {from});
    editor_.set_input(id, 0, source.tensor);
    if (!after.empty()) transpose_output(id, after);
  }

  void pass_resize(NodeId id, const Source& source) {
    auto a = std::get<ResizeAttributes>(editor_.node(id).attributes);
    const Permutation& p = source.permutation;
    if (a.axes.empty()) {
      a.axes.resize(p.size());
      std::iota(a.axes.begin(), a.axes.end(), 0);
    }
    for (std::int32_t& axis : a.axes) {
      const auto moved = moved_axis(axis, p);
      if (!moved) return;
      axis = *moved;
    }
    editor_.set_op(id, Op::kResize, a);
    pass(id, source, p);
  }

  // A reshape that only splits axes, or only joins axes that lie side by side before the transpose too.
  void pass_reshape(NodeId id, const Source& source);

  Editor& editor_;
};

// Which input axes become which output axes: runs of both with equal products, as short as can be.
struct Group {
  std::size_t in_begin = 0, in_end = 0, out_begin = 0, out_end = 0;
};
std::optional<std::vector<Group>> groups_of(const tensor::Shape& in, const tensor::Shape& out) {
  if (in.elements() == 0) return std::nullopt;
  std::vector<Group> groups;
  std::size_t i = 0;
  std::size_t o = 0;
  while (i < in.rank() || o < out.rank()) {
    Group g{i, i, o, o};
    std::int64_t a = 1;
    std::int64_t b = 1;
    if (i < in.rank()) a = in[i++];
    if (o < out.rank()) b = out[o++];
    while (a != b) {
      if (a < b) {
        if (i == in.rank()) return std::nullopt;
        a *= in[i++];
      } else {
        if (o == out.rank()) return std::nullopt;
        b *= out[o++];
      }
    }
    g.in_end = i;
    g.out_end = o;
    groups.push_back(g);
  }
  return groups;
}

void Sinker::pass_reshape(NodeId id, const Source& source) {
  const Permutation& p = source.permutation;
  const tensor::Shape in = editor_.tensor(editor_.node(id).inputs[0]).spec.shape;
  const tensor::Shape out = editor_.tensor(editor_.node(id).outputs[0]).spec.shape;
  if (!in.known() || !out.known() || out.rank() == 0 || out.rank() > tensor::kRankMax) return;
  const auto groups = groups_of(in, out);
  if (!groups) return;
  // Each group as one piece: its input axes must follow one another before the transpose.
  struct Piece {
    std::int32_t source_axis;  // the first, before the transpose
    std::size_t group;
  };
  std::vector<Piece> pieces;
  for (std::size_t g = 0; g < groups->size(); ++g) {
    const Group& group = (*groups)[g];
    if (group.in_begin == group.in_end) return;  // axes of 1 out of nothing: left alone
    for (std::size_t i = group.in_begin + 1; i < group.in_end; ++i) {
      if (p[i] != p[i - 1] + 1) return;
    }
    if (group.out_begin == group.out_end) return;
    pieces.push_back({p[group.in_begin], g});
  }
  std::ranges::sort(pieces, {}, &Piece::source_axis);
  std::vector<std::int64_t> dims;           // the reshape's result before the transpose
  Permutation after(out.rank());            // and the transpose that follows
  for (const Piece& piece : pieces) {
    const Group& group = (*groups)[piece.group];
    for (std::size_t o = group.out_begin; o < group.out_end; ++o) {
      after[o] = static_cast<std::int32_t>(dims.size());
      dims.push_back(out[o]);
    }
  }
  ReshapeAttributes reshape;
  for (const std::int64_t d : dims) reshape.shape.push_back(static_cast<std::int32_t>(d));
  editor_.set_inputs(id, {source.tensor});
  editor_.set_op(id, Op::kReshape, std::move(reshape));
  transpose_output(id, after);
}

}  // namespace

void sink_transposes(Editor& editor) {
  Sinker sinker(editor);
  for (const NodeId id : editor.order()) {
    if (editor.is_alive(id)) sinker.visit(id);
  }
}

}  // namespace lichen::graph
