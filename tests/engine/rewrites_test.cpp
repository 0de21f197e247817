// SPDX-License-Identifier: Apache-2.0
// Rewriting a graph changes how it is computed and nothing else: random graphs give the same answers with and without,
// and whatever could be planned before can be planned after.
#include <algorithm>
#include <functional>
#include <optional>

#include <gtest/gtest.h>

#include "engine/session.hpp"
#include "graph/ops/schema.hpp"
#include "graph/verify.hpp"
#include "random_layers.hpp"
#include "support.hpp"

namespace {

using namespace lichen;
using namespace lichen::testing;
using engine::Session;
using graph::Node;
using graph::TensorId;

constexpr float kStep = 0.05F;  // of quantized values

// A graph that grows by one valid node at a time. Values are f32, behind QuantizeLinear also i8 or u8.
class Grown {
 public:
  explicit Grown(unsigned seed) : random_(seed) {
    graph_.name = "random";
    const std::int64_t channels = random_.between(1, 6);
    const Shape shape{1, random_.between(1, 7), random_.between(1, 7), channels};
    graph_.inputs = {graph_.add("x", DType::kF32, shape)};
    values_ = graph_.inputs;
  }

  // The type and the shape of the result follow from the node; false where it does not fit.
  bool grow(Op op, graph::Attributes attributes, std::vector<TensorId> inputs, std::size_t outputs = 1) {
    const Graph before = graph_;
    std::vector<TensorId> made;
    for (std::size_t i = 0; i < outputs; ++i) made.push_back(graph_.add_unknown("t" + std::to_string(graph_.tensors.size())));
    graph_.nodes.push_back({op, "n" + std::to_string(graph_.nodes.size()), std::move(attributes), std::move(inputs), made});
    graph_.outputs = made;
    const bool fits = graph::infer_types(graph_).has_value() && std::ranges::all_of(made, [&](TensorId t) {
      return graph_.tensor(t).spec.shape.known() && graph_.tensor(t).spec.shape.elements() > 0 &&
             graph_.tensor(t).spec.shape.elements() < 20'000;
    });
    if (fits) values_.insert(values_.end(), made.begin(), made.end());
    else graph_ = before;
    return fits;
  }

  TensorId any() {
    const auto last = static_cast<std::int32_t>(values_.size()) - 1;  // mostly what came last
    return values_[static_cast<std::size_t>(random_.between(0, 2) > 0 ? last : random_.between(0, last))];
  }
  const Shape& shape(TensorId id) const { return graph_.tensor(id).spec.shape; }
  std::int32_t rank(TensorId id) const { return static_cast<std::int32_t>(shape(id).rank()); }
  TensorId floats(const Shape& shape, float low, float high) {
    std::vector<float> values(static_cast<std::size_t>(shape.elements()));
    for (float& v : values) v = random_.scale(low, high);
    return graph_.add_constant("c", shape, std::span<const float>(values));
  }
  TensorId list(const std::vector<std::int64_t>& values) {
    return graph_.add_constant("l", {static_cast<std::int64_t>(values.size())}, std::span<const std::int64_t>(values));
  }

  Graph& graph() { return graph_; }
  Random& random() { return random_; }

 private:
  Graph graph_;
  Random random_;
  std::vector<TensorId> values_;
};

using Growth = std::function<bool(Grown&)>;

bool transpose(Grown& g) {
  const TensorId x = g.any();
  std::vector<std::int32_t> permutation(static_cast<std::size_t>(g.rank(x)));
  for (std::size_t i = 0; i < permutation.size(); ++i) permutation[i] = static_cast<std::int32_t>(i);
  for (std::size_t i = permutation.size(); i-- > 1;)
    std::swap(permutation[i], permutation[static_cast<std::size_t>(g.random().between(0, static_cast<std::int32_t>(i)))]);
  if (permutation.size() == 4 && g.random().between(0, 1) == 0)  // to the other layout of images
    permutation = g.random().between(0, 1) == 0 ? std::vector<std::int32_t>{0, 2, 3, 1} : std::vector<std::int32_t>{0, 3, 1, 2};
  return g.grow(Op::kTranspose, graph::TransposeAttributes{permutation}, {x});
}

bool reshape(Grown& g) {  // two neighbours become one
  const TensorId x = g.any();
  std::vector<std::int32_t> dims;
  for (const std::int64_t d : g.shape(x).dims()) dims.push_back(static_cast<std::int32_t>(d));
  if (dims.size() < 2) return false;
  const auto at = g.random().between(0, static_cast<std::int32_t>(dims.size()) - 2);
  dims[static_cast<std::size_t>(at)] *= dims[static_cast<std::size_t>(at) + 1];
  dims.erase(dims.begin() + at + 1);
  if (g.random().between(0, 2) > 0) dims.insert(dims.begin() + g.random().between(0, static_cast<std::int32_t>(dims.size())), 1);
  return g.grow(Op::kReshape, graph::ReshapeAttributes{dims, false}, {x});
}

template <Op kOp>
bool unary(Grown& g) {
  return g.grow(kOp, graph::UnaryAttributes{}, {g.any()}) || g.grow(kOp, graph::NoAttributes{}, {g.any()});
}

template <Op kOp>
bool binary(Grown& g) {
  const TensorId x = g.any();
  TensorId y = g.any();
  const auto kind = g.random().between(0, 3);
  if (kind == 0) {  // by what stands along one axis
    std::vector<std::int64_t> dims(static_cast<std::size_t>(g.rank(x)), 1);
    if (dims.empty()) return false;
    const auto axis = static_cast<std::size_t>(g.random().between(0, g.rank(x) - 1));
    dims[axis] = g.shape(x)[axis];
    y = g.floats(*Shape::make(dims, "y"), 0.5F, 2.0F);
  } else if (kind == 1) {
    y = g.floats({}, 0.5F, 2.0F);
  }
  const bool swapped = g.random().between(0, 1) == 0;
  return g.grow(kOp, graph::ElementwiseAttributes{}, swapped ? std::vector{y, x} : std::vector{x, y});
}

bool concat(Grown& g) {
  const TensorId x = g.any();
  return g.grow(Op::kConcat, graph::AxisAttributes{g.random().between(0, std::max(0, g.rank(x) - 1))}, {x, g.any()});
}

bool split(Grown& g) {
  const TensorId x = g.any();
  return g.grow(Op::kSplit, graph::SplitAttributes{g.random().between(0, std::max(0, g.rank(x) - 1)), false}, {x}, 2);
}

template <Op kOp>
bool softmax(Grown& g) {
  const TensorId x = g.any();
  return g.grow(kOp, graph::SoftmaxAttributes{1.0F, g.random().between(0, std::max(0, g.rank(x) - 1)), false}, {x});
}

template <Op kOp>
bool reduce(Grown& g) {
  const TensorId x = g.any();
  std::vector<std::int64_t> axes;
  for (std::int32_t i = 0; i < g.rank(x); ++i) {
    if (g.random().between(0, 1) == 0) axes.push_back(i);
  }
  if (axes.empty()) return false;
  return g.grow(kOp, graph::ReduceAttributes{g.random().between(0, 2) > 0, false}, {x, g.list(axes)});
}

bool slice(Grown& g) {
  const TensorId x = g.any();
  std::vector<std::int64_t> starts, ends;
  for (const std::int64_t d : g.shape(x).dims()) {
    starts.push_back(g.random().between(0, static_cast<std::int32_t>(std::max<std::int64_t>(0, d - 1)) / 2));
    ends.push_back(d);
  }
  return g.grow(Op::kSlice, graph::SliceAttributes{}, {x, g.list(starts), g.list(ends)});
}

bool pad(Grown& g) {
  const TensorId x = g.any();
  std::vector<std::int64_t> pads;
  for (std::int32_t i = 0; i < 2 * g.rank(x); ++i) pads.push_back(g.random().between(0, 3) == 0 ? 1 : 0);
  return g.grow(Op::kPad, graph::PadAttributes{}, {x, g.list(pads)});
}

bool convolution(Grown& g) {
  const TensorId x = g.any();
  if (g.rank(x) != 4) return false;
  const std::int64_t filter = g.random().between(1, 3);
  graph::Conv2DAttributes a;
  a.padding = static_cast<graph::Padding>(g.random().between(0, 1));
  a.stride_h = a.stride_w = g.random().between(1, 2);
  const std::int64_t units = g.random().between(1, 6);
  const TensorId w = g.floats({units, filter, filter, g.shape(x)[3]}, -0.5F, 0.5F);
  return g.grow(Op::kConv2D, a, {x, w, g.random().between(0, 1) == 0 ? g.floats({units}, -1, 1) : graph::kNoTensor});
}

// Two convolutions of one image and what they make, one behind the other in each pixel.
bool branches(Grown& g) {
  const TensorId x = g.any();
  if (g.rank(x) != 4) return false;
  std::vector<TensorId> made;
  for (const std::int64_t filter : {1, 3}) {
    graph::Conv2DAttributes a;
    a.padding = graph::Padding::kSame;
    const TensorId w = g.floats({g.random().between(1, 20), filter, filter, g.shape(x)[3]}, -0.5F, 0.5F);
    if (!g.grow(Op::kConv2D, a, {x, w, graph::kNoTensor})) return false;
    made.push_back(g.graph().outputs[0]);
  }
  return g.grow(Op::kConcat, graph::AxisAttributes{3}, made);
}

template <Op kOp>
bool pool(Grown& g) {
  graph::Pool2DAttributes a;
  a.padding = static_cast<graph::Padding>(g.random().between(0, 1));
  a.stride_h = a.stride_w = g.random().between(1, 2);
  a.filter_h = a.filter_w = g.random().between(1, 3);
  const TensorId x = g.any();
  return g.rank(x) == 4 && g.grow(kOp, a, {x});
}

bool batch_norm(Grown& g) {
  const TensorId x = g.any();
  if (g.rank(x) < 2) return false;
  const auto axis = g.random().between(1, g.rank(x) - 1);
  const Shape channels{g.shape(x)[static_cast<std::size_t>(axis)]};
  graph::NormAttributes a;
  a.axis = axis;
  return g.grow(Op::kBatchNorm, a, {x, g.floats(channels, 0.5F, 2), g.floats(channels, -1, 1), g.floats(channels, -1, 1),
                                    g.floats(channels, 0.5F, 2)});
}

bool resize(Grown& g) {
  const TensorId x = g.any();
  if (g.rank(x) != 4) return false;
  graph::ResizeAttributes a;
  a.mode = g.random().between(0, 1) == 0 ? graph::ResizeMode::kNearest : graph::ResizeMode::kLinear;
  a.coordinates = graph::Coordinates::kAsymmetric;
  a.nearest = graph::NearestMode::kFloor;
  a.axes = g.random().between(0, 1) == 0 ? std::vector<std::int32_t>{1, 2} : std::vector<std::int32_t>{2, 3};
  return g.grow(Op::kResize, a, {x, g.list({g.random().between(1, 9), g.random().between(1, 9)})});
}

bool quantize(Grown& g) {
  const TensorId x = g.any();
  if (g.graph().tensor(x).spec.dtype != DType::kF32) return false;
  const bool is_signed = g.random().between(0, 1) == 0;
  const auto scale = g.graph().add_constant("scale", {}, std::span<const float>(&kStep, 1));
  const std::byte zero[] = {static_cast<std::byte>(is_signed ? 0 : 128)};
  const auto point = g.graph().add({{"zero", is_signed ? DType::kI8 : DType::kU8, {}}, {}, tensor::Data::own({zero[0]})});
  graph::QuantizeLinearAttributes a;
  a.to = is_signed ? DType::kI8 : DType::kU8;
  if (!g.grow(Op::kQuantizeLinear, a, {x, scale, point})) return false;
  const TensorId quantized = g.graph().outputs[0];
  TensorId moved = quantized;
  if (g.random().between(0, 2) == 0 && g.rank(quantized) == 4 &&
      g.grow(Op::kTranspose, graph::TransposeAttributes{{0, 3, 1, 2}}, {quantized}))
    moved = g.graph().outputs[0];
  return g.grow(Op::kDequantizeLinear, a, {moved, scale, point});
}

const std::vector<Growth> kFloatGrowths = {
    transpose, transpose, transpose, reshape, unary<Op::kRelu>, unary<Op::kTanh>, unary<Op::kHardSwish>, binary<Op::kAdd>,
    binary<Op::kMul>, binary<Op::kSub>, concat, split, softmax<Op::kSoftmax>, softmax<Op::kLogSoftmax>, reduce<Op::kReduceMean>,
    reduce<Op::kReduceMax>, slice, pad, convolution, convolution, branches, pool<Op::kMaxPool2D>, pool<Op::kAveragePool2D>, batch_norm,
    batch_norm, resize};
// What does not grow a difference of one step.
const std::vector<Growth> kQuantizedGrowths = {
    transpose, transpose, reshape, unary<Op::kRelu>, unary<Op::kTanh>, binary<Op::kAdd>, concat, split, softmax<Op::kSoftmax>,
    slice, pad, pool<Op::kMaxPool2D>, pool<Op::kAveragePool2D>, quantize, quantize, quantize, quantize};

Graph grown(unsigned seed, const std::vector<Growth>& growths) {
  Grown g(seed);
  for (int nodes = g.random().between(2, 10), tries = 0; nodes > 0 && tries < 100; ++tries)
    nodes -= growths[static_cast<std::size_t>(g.random().between(0, static_cast<std::int32_t>(growths.size()) - 1))](g) ? 1 : 0;
  return std::move(g.graph());
}

std::string text_of(const Graph& g) {
  std::string text;
  for (const Node& node : g.nodes) {
    text += std::string(graph::schema_of(node.op).name) + " ";
    for (const TensorId t : node.inputs) text += t == graph::kNoTensor ? "- " : g.tensor(t).spec.shape.to_text() + " ";
    text += "-> " + g.tensor(node.outputs[0]).spec.shape.to_text() + "\n";
  }
  return text;
}

// As reals, or as the stored integers.
std::vector<float> values_of(const Session& session, std::size_t i) {
  const std::span<const std::byte> bytes = session.output(i);
  std::vector<float> values;
  switch (session.outputs()[i].spec.dtype) {
    case DType::kF32:
      return floats_of(bytes);
    case DType::kI8:
      for (const std::byte b : bytes) values.push_back(static_cast<std::int8_t>(b));
      return values;
    case DType::kU8:
      for (const std::byte b : bytes) values.push_back(static_cast<float>(std::to_integer<int>(b) - 128));
      return values;
    default:
      ADD_FAILURE() << "an output of another type";
      return values;
  }
}

struct Compared {
  int graphs = 0;
  std::size_t nodes_before = 0;
  std::size_t nodes_after = 0;
};

// What this CPU can be asked to run with: all that it has, less, and plain C++.
std::vector<std::optional<kernels::CpuFeatures>> levels() {
  std::vector<std::optional<kernels::CpuFeatures>> all{std::nullopt, kernels::CpuFeatures{}};
  for (const kernels::CpuFeatures& less : {kernels::CpuFeatures{.avx2_fma = true}, kernels::CpuFeatures{.neon = true}}) {
    if (has(kernels::detect_cpu(), less)) all.push_back(less);
  }
  return all;
}

// Answers may differ by `relative` of the largest, or by so many steps of quantization.
Compared compare(const std::vector<Growth>& growths, double relative, double steps) {
  constexpr unsigned kSeeds = 1500;
  const auto cpus = levels();
  Compared done;
  for (unsigned seed = 0; seed < kSeeds; ++seed) {
    const Graph g = grown(seed, growths);
    if (g.nodes.empty()) continue;
    SCOPED_TRACE("seed " + std::to_string(seed) + "\n" + text_of(g));
    const auto plain = Session::create(g, {.cpu = cpus[seed % cpus.size()], .rewrite = false});
    if (!plain) continue;  // no kernel for one of its types
    const auto rewritten = Session::create(g, {.cpu = cpus[seed % cpus.size()]});
    EXPECT_TRUE(rewritten.has_value()) << rewritten.error().to_line();
    if (!rewritten) break;
    for (const auto* session : {&*plain, &*rewritten}) {
      fill_seeded(**session, seed, -3, 3);
      const auto ran = (*session)->run();
      EXPECT_TRUE(ran.has_value()) << ran.error().to_line();
    }
    for (std::size_t i = 0; i < g.outputs.size(); ++i) {
      const auto a = values_of(**rewritten, i);
      const auto b = values_of(**plain, i);
      EXPECT_EQ(a.size(), b.size());
      const double step = (*plain)->outputs()[i].spec.dtype == DType::kF32 ? kStep : 1;
      double largest = 0;
      for (const float value : b) largest = std::max(largest, std::abs(double{value}));
      EXPECT_LE(relative_difference(a, b) * largest, std::max(relative * largest, steps * step)) << "output " << i;
    }
    if (::testing::Test::HasFailure()) break;
    ++done.graphs;
    done.nodes_before += g.nodes.size();
    done.nodes_after += (*rewritten)->nodes().size();
  }
  return done;
}

TEST(Rewrites, ChangeNoAnswerOfRandomGraphs) {
  const Compared done = compare(kFloatGrowths, 1e-4, 0);
  EXPECT_GT(done.graphs, 1000);
  EXPECT_LT(done.nodes_after, done.nodes_before);
}

// Every value lies within a step; what is averaged or added up may differ by a few.
TEST(Rewrites, ChangeQuantizedGraphsByRoundingsAtMost) {
  const Compared done = compare(kQuantizedGrowths, 1e-4, 2.01);
  EXPECT_GT(done.graphs, 1000);
  EXPECT_LT(done.nodes_after, done.nodes_before);
}

// Images of ONNX: a softmax over the last axis stays there, for integers have no other.
TEST(Rewrites, LeaveASoftmaxAlongTheLastAxis) {
  Graph g;
  g.name = "softmax";
  const tensor::Quantization q = tensor::per_tensor(0.1F, 0);
  const tensor::Quantization probability = tensor::per_tensor(1.0F / 256, -128);
  g.inputs = {g.add("x", DType::kI8, {1, 2, 3, 4}, q)};
  g.outputs = {g.add("y", DType::kI8, {1, 4, 2, 3}, probability)};
  const TensorId turned = g.add("turned", DType::kI8, {1, 4, 2, 3}, q);
  g.nodes.push_back({Op::kTranspose, "t", graph::TransposeAttributes{{0, 3, 1, 2}}, g.inputs, {turned}});
  g.nodes.push_back({Op::kSoftmax, "s", graph::SoftmaxAttributes{}, {turned}, g.outputs});
  const auto session = Session::create(g, {});
  ASSERT_TRUE(session) << session.error().to_line();
  EXPECT_TRUE((*session)->run());
}

}  // namespace
