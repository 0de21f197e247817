// SPDX-License-Identifier: Apache-2.0
#include "op_graphs.hpp"

#include <fmt/format.h>

#include "base/assert.hpp"
#include "graph/verify.hpp"

namespace lichen::testing {
namespace {

using graph::Attributes;
using graph::Graph;
using graph::Op;
using graph::TensorId;
using tensor::DType;
using tensor::per_tensor;
using tensor::Quantization;
using tensor::Shape;

constexpr graph::NoAttributes kNone;

// A graph of one node while it is made: its tensors in order.
class Net {
 public:
  explicit Net(std::string name) { graph_.name = std::move(name); }

  Net& in(DType dtype, Shape shape, Quantization q = {}) {
    const TensorId id = graph_.add(fmt::format("in{}", graph_.inputs.size()), dtype, shape, std::move(q));
    graph_.inputs.push_back(id);
    return take(id);
  }
  Net& f32(Shape shape) { return in(DType::kF32, shape); }
  Net& ints(Shape shape, std::vector<std::int32_t> values) {
    return take(graph_.add_constant(name(), shape, std::span<const std::int32_t>(values)));
  }
  Net& list(std::vector<std::int32_t> values) {
    const auto count = static_cast<std::int64_t>(values.size());
    return ints({count}, std::move(values));
  }
  Net& number(float value) { return take(graph_.add_constant(name(), Shape{}, std::span<const float>(&value, 1))); }
  Net& integer(std::int32_t value) { return ints({}, {value}); }
  // Seeded, in [low, low + 2].
  Net& weights(Shape shape, float low = -1.0F) {
    std::vector<float> values(static_cast<std::size_t>(shape.elements()));
    for (float& v : values) {
      state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
      v = low + static_cast<float>(state_ >> 40) / static_cast<float>(1 << 23);
    }
    return take(graph_.add_constant(name(), shape, std::span<const float>(values)));
  }
  Net& absent() { return take(graph::kNoTensor); }

  // The node and as many outputs as it has; `q`: of outputs that are computed in integers.
  Graph node(Op op, Attributes attributes, std::size_t outputs = 1, Quantization q = {}) {
    graph::Node node{op, "node", std::move(attributes), ids_, {}};
    for (std::size_t i = 0; i < outputs; ++i) {
      node.outputs.push_back(graph_.add_unknown(fmt::format("out{}", i)));
      graph_.tensor(node.outputs.back()).quantization = q;
      if (!q.empty()) graph_.tensor(node.outputs.back()).spec.dtype = DType::kI8;
    }
    graph_.outputs = node.outputs;
    graph_.nodes.push_back(std::move(node));
    const auto known = graph::infer_types(graph_);
    if (!known) fmt::print(stderr, "{}\n", known.error().to_line());
    LICHEN_ASSERT(known.has_value());
    return std::move(graph_);
  }

 private:
  Net& take(TensorId id) {
    ids_.push_back(id);
    return *this;
  }
  std::string name() const { return fmt::format("c{}", graph_.tensors.size()); }

  Graph graph_;
  std::vector<TensorId> ids_;
  std::uint64_t state_ = 7;
};

using Graphs = std::vector<NamedGraph>;

// A node named as its graph; `make` fills the net.
template <typename Make>
void put(Graphs& to, std::string name, Make make) {
  Net net(name);
  to.push_back({std::move(name), make(net)});
}

void unary(Graphs& to) {
  struct Row {
    const char* name;
    Op op;
    graph::UnaryAttributes attributes = {};
  };
  for (const Row& row : std::initializer_list<Row>{{"abs", Op::kAbs},
                                                   {"cos", Op::kCos},
                                                   {"elu_alpha", Op::kElu, {0.5F}},
                                                   {"exp", Op::kExp},
                                                   {"floor", Op::kFloor},
                                                   {"gelu", Op::kGelu},
                                                   {"gelu_tanh", Op::kGelu, {1.0F}},
                                                   {"hard_swish", Op::kHardSwish},
                                                   {"leaky_relu", Op::kLeakyRelu, {0.2F}},
                                                   {"neg", Op::kNeg},
                                                   {"relu_0_to_1", Op::kRelu0To1},
                                                   {"relu_n1_to_1", Op::kReluN1To1},
                                                   {"sign", Op::kSign},
                                                   {"sin", Op::kSin},
                                                   {"square", Op::kSquare},
                                                   {"tanh", Op::kTanh}}) {
    put(to, row.name, [&](Net& n) { return n.f32({2, 9}).node(row.op, row.attributes); });
  }
}

void binary(Graphs& to) {
  const graph::ElementwiseAttributes none;
  for (const auto& [name, op] :
       std::initializer_list<std::pair<const char*, Op>>{{"sub", Op::kSub},
                                                         {"maximum", Op::kMaximum},
                                                         {"minimum", Op::kMinimum},
                                                         {"squared_difference", Op::kSquaredDifference},
                                                         {"floor_mod", Op::kFloorMod},
                                                         {"floor_div", Op::kFloorDiv},
                                                         {"div", Op::kDiv},
                                                         {"equal", Op::kEqual},
                                                         {"not_equal", Op::kNotEqual},
                                                         {"less", Op::kLess},
                                                         {"less_equal", Op::kLessEqual},
                                                         {"greater", Op::kGreater},
                                                         {"greater_equal", Op::kGreaterEqual},
                                                         {"atan2", Op::kAtan2}}) {
    put(to, name, [&](Net& n) { return n.f32({2, 3, 4}).weights({4}, 0.5F).node(op, none); });
  }
  put(to, "sub_relu", [](Net& n) {
    return n.f32({3, 4}).f32({3, 4}).node(Op::kSub, graph::ElementwiseAttributes{graph::Activation::kRelu});
  });
  put(to, "logical_and",
      [&](Net& n) { return n.in(DType::kBool, {9}).in(DType::kBool, {9}).node(Op::kLogicalAnd, none); });
  put(to, "where", [](Net& n) { return n.in(DType::kBool, {3, 1}).f32({3, 4}).weights({4}).node(Op::kWhere, kNone); });
  put(to, "prelu", [](Net& n) { return n.f32({1, 3, 3, 4}).weights({1, 1, 4}).node(Op::kPRelu, kNone); });
  put(to, "cast", [](Net& n) { return n.f32({7}).node(Op::kCast, graph::CastAttributes{DType::kI32}); });
}

void movement(Graphs& to, DType dtype) {
  const Quantization q = dtype == DType::kI8 ? per_tensor(0.1F, 3) : Quantization{};
  const auto add = [&](const char* name, auto make) { put(to, fmt::format("{}_{}", name, name_of(dtype)), make); };
  add("transpose", [&](Net& n) {
    return n.in(dtype, {2, 3, 4, 5}, q).node(Op::kTranspose, graph::TransposeAttributes{{0, 3, 1, 2}}, 1, q);
  });
  add("pad", [&](Net& n) {
    return n.in(dtype, {1, 3, 4, 2}, q)
        .ints({4, 2}, {0, 0, 1, 2, 0, 1, 0, 0})
        .node(Op::kPad, graph::PadAttributes{graph::PadMode::kConstant, true}, 1, q);
  });
  add("mirror_pad", [&](Net& n) {
    return n.in(dtype, {1, 3, 4, 2}, q)
        .ints({4, 2}, {0, 0, 1, 2, 2, 1, 0, 0})
        .node(Op::kPad, graph::PadAttributes{graph::PadMode::kReflect, true}, 1, q);
  });
  add("strided_slice", [&](Net& n) {
    return n.in(dtype, {2, 9, 4}, q)
        .list({0, 1, 2})
        .list({0, 8, 3})
        .list({1, 2, 1})
        .node(Op::kStridedSlice, graph::StridedSliceAttributes{1, 1, 0, 0, 4, false}, 1, q);
  });
  add("slice", [&](Net& n) {
    return n.in(dtype, {2, 9, 4}, q)
        .list({0, 3, 1})
        .list({2, -1, 2})
        .node(Op::kSlice, graph::SliceAttributes{true}, 1, q);
  });
  add("slice_ends", [&](Net& n) {
    return n.in(dtype, {2, 9, 4}, q)
        .list({1, -1})
        .list({8, -100})
        .list({1, 2})
        .list({3, -1})
        .node(Op::kSlice, graph::SliceAttributes{}, 1, q);
  });
  add("concat", [&](Net& n) {
    return n.in(dtype, {2, 3}, q).in(dtype, {2, 4}, q).node(Op::kConcat, graph::AxisAttributes{-1}, 1, q);
  });
  add("split", [&](Net& n) { return n.in(dtype, {2, 6}, q).node(Op::kSplit, graph::SplitAttributes{1}, 3, q); });
  add("split_v",
      [&](Net& n) { return n.in(dtype, {2, 6}, q).list({1, 3, 2}).node(Op::kSplit, graph::SplitAttributes{1}, 3, q); });
  add("gather", [&](Net& n) {
    return n.in(dtype, {2, 5, 3}, q).list({4, 0, 4}).node(Op::kGather, graph::GatherAttributes{1}, 1, q);
  });
  add("tile", [&](Net& n) { return n.in(dtype, {2, 3}, q).list({2, 3}).node(Op::kTile, kNone, 1, q); });
  add("expand_dims",
      [&](Net& n) { return n.in(dtype, {2, 3}, q).integer(1).node(Op::kUnsqueeze, graph::AxesAttributes{}, 1, q); });
  add("squeeze",
      [&](Net& n) { return n.in(dtype, {2, 1, 3, 1}, q).node(Op::kSqueeze, graph::AxesAttributes{{1}}, 1, q); });
  add("space_to_depth",
      [&](Net& n) { return n.in(dtype, {1, 4, 6, 3}, q).node(Op::kSpaceToDepth, graph::BlockAttributes{2}, 1, q); });
  add("depth_to_space",
      [&](Net& n) { return n.in(dtype, {1, 2, 3, 12}, q).node(Op::kDepthToSpace, graph::BlockAttributes{2}, 1, q); });
  add("space_to_batch", [&](Net& n) {
    return n.in(dtype, {1, 4, 5, 3}, q).list({2, 2}).ints({2, 2}, {0, 0, 0, 1}).node(Op::kSpaceToBatchNd, kNone, 1, q);
  });
  add("batch_to_space", [&](Net& n) {
    return n.in(dtype, {4, 2, 3, 3}, q).list({2, 2}).ints({2, 2}, {0, 0, 0, 1}).node(Op::kBatchToSpaceNd, kNone, 1, q);
  });
}

void moves_of_reals(Graphs& to) {
  put(to, "pad_value",
      [](Net& n) { return n.f32({3, 4}).list({1, 0, 0, 2}).number(0.5F).node(Op::kPad, graph::PadAttributes{}); });
  put(to, "gather_nd", [](Net& n) {
    return n.f32({3, 4, 2}).ints({2, 2}, {0, 3, 2, 1}).node(Op::kGatherNd, graph::GatherAttributes{});
  });
  put(to, "broadcast_to", [](Net& n) { return n.f32({3, 1}).list({2, 3, 4}).node(Op::kExpand, kNone); });
  put(to, "reverse", [](Net& n) { return n.f32({3, 4}).list({1}).node(Op::kReverse, kNone); });
  put(to, "reverse_sequence", [](Net& n) {
    return n.f32({2, 5, 3}).list({2, 4}).node(Op::kReverseSequence, graph::ReverseSequenceAttributes{0, 1});
  });
  put(to, "transpose_reversed",
      [](Net& n) { return n.f32({2, 3, 4}).node(Op::kTranspose, graph::TransposeAttributes{}); });
  put(to, "flatten", [](Net& n) { return n.f32({2, 3, 4}).node(Op::kFlatten, graph::AxisAttributes{1}); });
}

void reductions(Graphs& to) {
  for (const auto& [name, op] : std::initializer_list<std::pair<const char*, Op>>{{"mean", Op::kReduceMean},
                                                                                  {"sum", Op::kReduceSum},
                                                                                  {"reduce_max", Op::kReduceMax},
                                                                                  {"reduce_min", Op::kReduceMin},
                                                                                  {"reduce_prod", Op::kReduceProd}}) {
    put(to, name, [&](Net& n) { return n.f32({2, 3, 4}).list({1, 2}).node(op, graph::ReduceAttributes{true}); });
    put(to, fmt::format("{}_all", name),
        [&](Net& n) { return n.f32({2, 3}).node(op, graph::ReduceAttributes{false}); });
  }
  put(to, "arg_max",
      [](Net& n) { return n.f32({3, 5}).node(Op::kArgMax, graph::ArgAttributes{-1, false, false, DType::kI32}); });
  put(to, "arg_min_kept", [](Net& n) { return n.f32({3, 5}).node(Op::kArgMin, graph::ArgAttributes{0, true}); });
  put(to, "cumsum",
      [](Net& n) { return n.f32({3, 5}).integer(1).node(Op::kCumSum, graph::CumSumAttributes{true, false}); });
  put(to, "top_k", [](Net& n) {
    return n.f32({3, 8}).list({3}).node(Op::kTopK, graph::TopKAttributes{-1, true, true, DType::kI32}, 2);
  });
  put(to, "one_hot", [](Net& n) {
    return n.in(DType::kI32, {3}).integer(4).weights({2}).node(Op::kOneHot, graph::AxisAttributes{-1});
  });
  put(to, "shape", [](Net& n) { return n.f32({3, 8}).node(Op::kShape, graph::ShapeAttributes{DType::kI32}); });
}

void layers(Graphs& to) {
  put(to, "batch_matmul",
      [](Net& n) { return n.f32({2, 3, 4}).f32({2, 5, 4}).node(Op::kMatMul, graph::MatMulAttributes{false, true}); });
  put(to, "conv2d_padded", [](Net& n) {
    graph::Conv2DAttributes a{graph::Padding::kExplicit, 2, 2};
    a.pads = {1, 2, 1, 0};
    return n.f32({1, 6, 7, 3}).weights({4, 3, 3, 3}).weights({4}).node(Op::kConv2D, a);
  });
  put(to, "conv2d_same_lower", [](Net& n) {
    return n.f32({1, 6, 7, 3})
        .weights({4, 2, 2, 3})
        .weights({4})
        .node(Op::kConv2D, graph::Conv2DAttributes{graph::Padding::kSameLower, 1, 1});
  });
  put(to, "max_pool_padded", [](Net& n) {
    graph::Pool2DAttributes a{graph::Padding::kExplicit, 2, 2, 3, 3};
    a.pads = {1, 1, 0, 0};
    return n.f32({1, 6, 8, 3}).node(Op::kMaxPool2D, a);
  });
  put(to, "conv3d", [](Net& n) {
    graph::Conv3DAttributes a;
    a.padding = graph::Padding::kSame;
    return n.f32({1, 3, 4, 5, 2}).weights({3, 2, 2, 2, 2}).weights({3}).node(Op::kConv3D, a);
  });
  put(to, "transpose_conv", [](Net& n) {
    graph::TransposeConvAttributes a;
    a.padding = graph::Padding::kSame;
    a.stride_h = a.stride_w = 2;
    return n.f32({1, 3, 4, 2}).weights({3, 3, 3, 2}).weights({3}).list({1, 6, 8, 3}).node(Op::kTransposeConv2D, a);
  });
  put(to, "l2_norm", [](Net& n) { return n.f32({3, 5}).node(Op::kL2Norm, graph::NormAttributes{-1, 1e-6F}); });
  put(to, "lrn", [](Net& n) {
    return n.f32({1, 2, 3, 8})
        .node(Op::kLocalResponseNorm, graph::LocalResponseNormAttributes{-1, 2, 2, 0.1F, 0.6F, 1.5F});
  });
  put(to, "log_softmax", [](Net& n) { return n.f32({3, 5}).node(Op::kLogSoftmax, graph::SoftmaxAttributes{}); });
  put(to, "softmax_axis",
      [](Net& n) { return n.f32({3, 5, 2}).node(Op::kSoftmax, graph::SoftmaxAttributes{1.0F, 1}); });
  put(to, "softmax_flat",
      [](Net& n) { return n.f32({3, 5, 2}).node(Op::kSoftmax, graph::SoftmaxAttributes{1.0F, 1, true}); });
  for (const auto coordinates :
       {graph::Coordinates::kAsymmetric, graph::Coordinates::kHalfPixel, graph::Coordinates::kAlignCorners}) {
    graph::ResizeAttributes a;
    a.axes = {1, 2};
    a.like_tflite = true;
    a.coordinates = coordinates;
    a.mode = graph::ResizeMode::kLinear;
    put(to, fmt::format("resize_bilinear_{}", static_cast<int>(coordinates)),
        [&](Net& n) { return n.f32({1, 4, 5, 2}).list({7, 9}).node(Op::kResize, a); });
    a.mode = graph::ResizeMode::kNearest;
    a.nearest = coordinates == graph::Coordinates::kAsymmetric ? graph::NearestMode::kFloor
                                                               : graph::NearestMode::kRoundPreferCeil;
    put(to, fmt::format("resize_nearest_{}", static_cast<int>(coordinates)),
        [&](Net& n) { return n.f32({1, 4, 5, 2}).list({7, 9}).node(Op::kResize, a); });
  }
  put(to, "detection", [](Net& n) {
    graph::DetectionAttributes a;
    a.detections_max = 3;
    a.classes = 2;
    a.y_scale = a.x_scale = 10.0F;
    a.h_scale = a.w_scale = 5.0F;
    a.score_threshold = 0.1F;
    return n.f32({1, 6, 4}).f32({1, 6, 3}).weights({6, 4}, 0.1F).node(Op::kDetectionPostProcess, a, 4);
  });
}

}  // namespace

std::vector<NamedGraph> tflite_op_graphs() {
  Graphs graphs;
  unary(graphs);
  binary(graphs);
  movement(graphs, DType::kF32);
  movement(graphs, DType::kI8);
  moves_of_reals(graphs);
  reductions(graphs);
  layers(graphs);
  return graphs;
}

std::vector<NamedGraph> composed_op_graphs() {
  Graphs to;
  struct Row {
    const char* name;
    Op op;
    graph::UnaryAttributes attributes = {};
  };
  for (const Row& row : std::initializer_list<Row>{{"hard_sigmoid", Op::kHardSigmoid, {0.2F, 0.5F}},
                                                   {"softplus", Op::kSoftplus},
                                                   {"mish", Op::kMish},
                                                   {"softsign", Op::kSoftsign},
                                                   {"selu", Op::kSelu, {1.6732632F, 1.050701F}},
                                                   {"celu", Op::kCelu, {0.7F}},
                                                   {"reciprocal", Op::kReciprocal}}) {
    put(to, row.name, [&](Net& n) { return n.f32({2, 9}).node(row.op, row.attributes); });
  }
  put(to, "clip", [](Net& n) { return n.f32({2, 9}).number(-0.5F).number(0.7F).node(Op::kClip, kNone); });
  put(to, "clip_relu6", [](Net& n) { return n.f32({2, 9}).number(0.0F).number(6.0F).node(Op::kClip, kNone); });
  put(to, "batch_norm", [](Net& n) {
    return n.f32({2, 3, 4, 5})
        .weights({5})
        .weights({5})
        .weights({5})
        .weights({5}, 0.1F)
        .node(Op::kBatchNorm, graph::NormAttributes{-1, 1e-3F});
  });
  put(to, "layer_norm", [](Net& n) {
    return n.f32({2, 3, 8}).weights({8}).weights({8}).node(Op::kLayerNorm, graph::NormAttributes{-1, 1e-3F});
  });
  put(to, "rms_norm",
      [](Net& n) { return n.f32({2, 3, 8}).weights({8}).node(Op::kRmsNorm, graph::NormAttributes{-1, 1e-3F}); });
  put(to, "instance_norm", [](Net& n) {
    return n.f32({2, 4, 5, 3}).weights({3}).weights({3}).node(Op::kInstanceNorm, graph::NormAttributes{-1, 1e-3F});
  });
  for (const auto& [name, op] : std::initializer_list<std::pair<const char*, Op>>{
           {"reduce_l1", Op::kReduceL1}, {"reduce_l2", Op::kReduceL2}, {"reduce_sum_square", Op::kReduceSumSquare}}) {
    put(to, name, [&](Net& n) { return n.f32({2, 3, 4}).list({1}).node(op, graph::ReduceAttributes{true}); });
  }
  return to;
}

namespace {

Graph counter() {
  Graph g;
  g.name = "counter";
  const std::vector<float> first = {1.0F, -2.0F, 3.0F};
  g.variables.push_back({"sum", {"sum", DType::kF32, {3}}, {}, tensor::Data::copy_of(std::span<const float>(first))});
  const TensorId in = g.add("in", DType::kF32, {3});
  const TensorId before = g.add("before", DType::kF32, {3});
  const TensorId after = g.add("after", DType::kF32, {3});
  g.nodes.push_back({Op::kReadVariable, "read", graph::VariableAttributes{0}, {}, {before}});
  g.nodes.push_back({Op::kAdd, "add", graph::ElementwiseAttributes{}, {before, in}, {after}});
  g.nodes.push_back({Op::kAssignVariable, "assign", graph::VariableAttributes{0}, {after}, {}});
  g.inputs = {in};
  g.outputs = {after};
  return g;
}

Graph svdf() {
  Net net("svdf");
  net.f32({2, 5}).weights({6, 5}).weights({6, 4}).weights({3}).in(DType::kF32, {2, 24});
  Graph g = net.node(Op::kSvdf, graph::SvdfAttributes{2, graph::Activation::kRelu}, 2);
  const TensorId state = g.inputs.back();
  const TensorId next = g.outputs.back();
  g.inputs.pop_back();
  g.outputs.pop_back();
  g.variables.push_back({"state", {"state", DType::kF32, {2, 24}}, {}, {}});
  g.nodes.insert(g.nodes.begin(), {Op::kReadVariable, "read", graph::VariableAttributes{0}, {}, {state}});
  g.nodes.push_back({Op::kAssignVariable, "assign", graph::VariableAttributes{0}, {next}, {}});
  return g;
}

Graph body(const char* name, Op op) {
  Graph g;
  g.name = name;
  const TensorId in = g.add("x", DType::kF32, {4});
  const TensorId out = g.add("y", DType::kF32, {4});
  g.nodes.push_back({op, name, graph::UnaryAttributes{}, {in}, {out}});
  g.inputs = {in};
  g.outputs = {out};
  return g;
}

Graph branch() {
  Graph g;
  g.name = "branch";
  const TensorId condition = g.add("condition", DType::kBool, {1});
  const TensorId in = g.add("in", DType::kF32, {4});
  const TensorId out = g.add("out", DType::kF32, {4});
  g.subgraphs = {body("then", Op::kNeg), body("else", Op::kTanh)};
  g.nodes.push_back({Op::kIf, "if", graph::IfAttributes{0, 1}, {condition, in}, {out}});
  g.inputs = {condition, in};
  g.outputs = {out};
  return g;
}

}  // namespace

std::vector<NamedGraph> state_graphs() {
  return {{"counter", counter()}, {"svdf", svdf()}, {"branch", branch()}};
}

}  // namespace lichen::testing
