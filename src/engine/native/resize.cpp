// SPDX-License-Identifier: Apache-2.0
// Resize. Coordinates in float, as ONNX Runtime and LiteRT have them, so that halves fall to the same side.
#include "kernels/reference/resize.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "engine/native/moves.hpp"
#include "engine/native/sharing.hpp"
#include "graph/ops/resize.hpp"
#include "kernels/reference/pick.hpp"

namespace lichen::engine {
namespace {

using graph::Coordinates;
using graph::ResizeAttributes;
using graph::ResizeAxis;
using graph::ResizeMode;
using kernels::Index;
using kernels::reference::Bilinear;
using kernels::reference::BilinearAxis;
using kernels::reference::kNoPlace;
using kernels::reference::Picks;
using kernels::reference::Taps;
using tensor::DType;

using Axes = std::vector<ResizeAxis>;

// Where output position x lies in the input.
float coordinate(Coordinates coordinates, const ResizeAxis& axis, Index at) {
  const auto x = static_cast<float>(at);
  const auto in = static_cast<float>(axis.in);
  const auto out = static_cast<float>(axis.out);
  // What the scale makes of the axis before it is cut to whole elements; that is what ONNX's cases count with.
  const float whole = std::abs(axis.scale * in - out) < 1e-3F ? out : axis.scale * in;
  switch (coordinates) {
    case Coordinates::kAsymmetric:
      return x / axis.scale;
    case Coordinates::kAlignCorners:
      return axis.out == 1 ? 0.0F : x * (in - 1.0F) / (whole - 1.0F);
    case Coordinates::kTfHalfPixelForNn:
      return (x + 0.5F) / axis.scale;
    case Coordinates::kPytorchHalfPixel:
      return axis.out == 1 ? 0.0F : (x + 0.5F) / axis.scale - 0.5F;
    case Coordinates::kHalfPixelSymmetric:
      return in / 2.0F * (1.0F - out / whole) + (x + 0.5F) / axis.scale - 0.5F;
    case Coordinates::kTfCropAndResize: {
      const float start = axis.roi_start * (in - 1.0F);
      const float length = (axis.roi_end - axis.roi_start) * (in - 1.0F);
      return axis.out == 1 ? start + length / 2.0F : start + x * length / (whole - 1.0F);
    }
    default:
      return (x + 0.5F) / axis.scale - 0.5F;
  }
}

bool is_outside(const ResizeAttributes& a, const ResizeAxis& axis, float at) {
  return a.coordinates == Coordinates::kTfCropAndResize && (at < 0.0F || at > static_cast<float>(axis.in - 1));
}

Index nearest(graph::NearestMode mode, float at) {
  switch (mode) {
    case graph::NearestMode::kFloor:
      return static_cast<Index>(std::floor(at));
    case graph::NearestMode::kCeil:
      return static_cast<Index>(std::ceil(at));
    case graph::NearestMode::kRoundPreferCeil:
      return static_cast<Index>(std::floor(at + 0.5F));
    default:
      return static_cast<Index>(std::ceil(at - 0.5F));
  }
}

// LiteRT's, of its three ways to align.
Index nearest_like_tflite(Coordinates coordinates, const ResizeAxis& axis, Index at) {
  const bool corners = coordinates == Coordinates::kAlignCorners;
  const auto in = static_cast<float>(axis.in);
  const auto out = static_cast<float>(axis.out);
  const float scale = corners && axis.out > 1 ? (in - 1.0F) / (out - 1.0F) : in / out;
  const float offset = coordinates == Coordinates::kHalfPixel ? 0.5F : 0.0F;
  const float place = (static_cast<float>(at) + offset) * scale;
  return static_cast<Index>(corners ? std::round(place) : std::floor(place));
}

// Does nothing happen along this axis?
bool is_kept(const ResizeAttributes& a, const ResizeAxis& axis) {
  const bool crops = a.coordinates == Coordinates::kTfCropAndResize && axis.listed;
  return !crops && axis.in == axis.out && axis.scale == 1.0F;
}

std::vector<Index> nearest_places(const ResizeAttributes& a, const ResizeAxis& axis) {
  std::vector<Index> places(static_cast<std::size_t>(axis.out));
  std::iota(places.begin(), places.end(), Index{0});
  if (is_kept(a, axis)) return places;
  for (Index& place : places) {
    const float at = coordinate(a.coordinates, axis, place);
    const Index wanted = a.like_tflite ? nearest_like_tflite(a.coordinates, axis, place) : nearest(a.nearest, at);
    place = is_outside(a, axis, at) ? kNoPlace : std::clamp<Index>(wanted, 0, axis.in - 1);
  }
  return places;
}

using Element = std::array<std::byte, 8>;
Element element_of(float value, DType dtype) {
  Element element{};
  if (dtype == DType::kF32) {
    std::memcpy(element.data(), &value, sizeof(value));
  } else {  // little-endian
    const auto whole = static_cast<std::int64_t>(std::isfinite(value) ? std::clamp(value, -2e9F, 2e9F) : 0.0F);
    std::memcpy(element.data(), &whole, sizeof(whole));
  }
  return element;
}

StepResult build_nearest(const graph::NodeView& node, const Axes& axes) {
  const auto& a = node.attributes<ResizeAttributes>();
  std::vector<std::vector<Index>> places;
  for (const ResizeAxis& axis : axes) places.push_back(nearest_places(a, axis));
  const graph::Tensor& x = node.input(0);
  Picks picks = kernels::reference::picks_of(std::move(places), x.spec.shape.dims(), element_bytes(x));
  const Element value = element_of(a.extrapolation, x.spec.dtype);
  const Index bytes = element_bytes(x);
  const auto rows = static_cast<Index>(picks.places[0].size());
  const Index row_bytes = rows == 0 ? 0 : static_cast<Index>(node.output().spec.bytes()) / rows;
  return make_step("resize nearest", 0,
                   [picks = std::move(picks), value, bytes, rows, row_bytes](const StepBuffers& b) {
                     share_rows(*b.threads, rows, row_bytes, [&](Index begin, Index end) {
                       kernels::reference::pick(picks, b.inputs[0], value.data(), bytes, b.outputs[0], begin, end);
                     });
                   });
}

// The weight of a neighbour `distance` away.
float weight(const ResizeAttributes& a, float distance) {
  const float d = std::abs(distance);
  if (a.mode == ResizeMode::kLinear) return std::clamp(1.0F - d, 0.0F, 1.0F);
  const float c = a.cubic_a;
  if (d <= 1.0F) return ((c + 2.0F) * d - (c + 3.0F)) * d * d + 1.0F;
  return d < 2.0F ? ((c * d - 5.0F * c) * d + 8.0F * c) * d - 4.0F * c : 0.0F;
}

void add_taps(const ResizeAttributes& a, const ResizeAxis& axis, float at, Index first, float filter_scale, Taps& t) {
  const float base = std::floor(at);
  const std::size_t begin = t.weights.size();
  float sum = 0.0F;
  for (Index i = first; i < first + t.count; ++i) {
    const Index place = static_cast<Index>(base) + i;
    const bool excluded = a.exclude_outside && !kernels::inside(place, axis.in);
    const float w = excluded ? 0.0F : weight(a, (static_cast<float>(i) - (at - base)) * filter_scale);
    t.places.push_back(std::clamp<Index>(place, 0, axis.in - 1));
    t.weights.push_back(w);
    sum += w;
  }
  if ((!a.exclude_outside && !a.antialias) || sum == 0.0F) return;
  for (std::size_t i = begin; i < t.weights.size(); ++i) t.weights[i] /= sum;
}

Taps taps_of(const ResizeAttributes& a, const ResizeAxis& axis) {
  Taps t{.in = axis.in, .out = axis.out, .extrapolation = a.extrapolation};
  // Against aliasing the filter becomes as wide as the pixels of the smaller image.
  const float filter_scale = a.antialias ? std::min(axis.scale, 1.0F) : 1.0F;
  const float reach = a.mode == ResizeMode::kLinear ? 1.0F : 2.0F;
  const auto first = static_cast<Index>(std::floor(-reach / filter_scale)) + 1;
  t.count = 2 - 2 * first;
  for (Index x = 0; x < axis.out; ++x) {
    const float at = coordinate(a.coordinates, axis, x);
    if (a.coordinates == Coordinates::kTfCropAndResize) t.outside.push_back(is_outside(a, axis, at) ? 1 : 0);
    add_taps(a, axis, at, first, filter_scale, t);
  }
  return t;
}

// One axis after the other, those that shrink first.
struct Pass {
  Taps taps;
  Index outer = 1;
  Index inner = 1;
};
std::vector<Pass> passes_of(const ResizeAttributes& a, const Axes& axes) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (!is_kept(a, axes[i])) order.push_back(i);
  }
  std::ranges::sort(order, {}, [&](std::size_t i) { return std::pair(axes[i].scale, i); });  // shrinking ones first
  std::vector<Index> dims;
  for (const ResizeAxis& axis : axes) dims.push_back(axis.in);
  std::vector<Pass> passes;
  for (const std::size_t i : order) {
    Pass pass{.taps = taps_of(a, axes[i])};
    for (std::size_t k = 0; k < dims.size(); ++k) {
      if (k != i) (k < i ? pass.outer : pass.inner) *= dims[k];
    }
    dims[i] = axes[i].out;
    passes.push_back(std::move(pass));
  }
  return passes;
}

// How stored elements become reals and back.
template <typename T>
struct Storing {
  bool rounds = true;  // halves to even; else towards zero, as plain integers are
  T stored(float value) const {
    const float whole = rounds ? std::nearbyint(value) : std::trunc(value);
    constexpr auto kMin = static_cast<float>(std::numeric_limits<T>::min());
    constexpr auto kMax = static_cast<float>(std::numeric_limits<T>::max());
    return static_cast<T>(std::isnan(whole) ? 0.0F : std::clamp(whole, kMin, kMax));
  }
};

const float* run_passes(const StepBuffers& b, std::span<const Pass> passes, const float* in,
                        std::array<float*, 2> between, float* last) {
  for (std::size_t i = 0; i < passes.size(); ++i) {
    const Pass& pass = passes[i];
    float* out = i + 1 == passes.size() && last != nullptr ? last : between[i % 2];
    share_rows(
        *b.threads, pass.outer * pass.taps.out, pass.inner * static_cast<Index>(sizeof(float)) * pass.taps.count,
        [&](Index begin, Index end) { kernels::reference::interpolate(pass.taps, pass.inner, in, out, begin, end); });
    in = out;
  }
  return in;
}

// Elements of the largest image on the way.
std::size_t largest_between(const graph::NodeView& node, std::span<const Pass> passes) {
  Index most = node.input(0).spec.shape.elements();
  for (const Pass& pass : passes) most = std::max(most, pass.outer * pass.taps.out * pass.inner);
  return static_cast<std::size_t>(most);
}

StepResult build_f32(const graph::NodeView& node, std::vector<Pass> passes) {
  const std::size_t most = passes.size() < 2 ? 0 : largest_between(node, passes);
  const std::size_t bytes = node.output().spec.bytes();
  return make_step("resize f32", 2 * most * sizeof(float),
                   [passes = std::move(passes), most, bytes](const StepBuffers& b) {
                     if (passes.empty()) {
                       if (bytes > 0) std::memcpy(b.outputs[0], b.inputs[0], bytes);
                       return;
                     }
                     auto* first = reinterpret_cast<float*>(b.scratch);
                     run_passes(b, passes, b.in<float>(0), {first, first + most}, b.out<float>());
                   });
}

template <typename T>
StepResult build_integers(const graph::NodeView& node, std::vector<Pass> passes) {
  const std::size_t most = largest_between(node, passes);
  const auto in_count = static_cast<std::size_t>(node.input(0).spec.shape.elements());
  const auto out_count = static_cast<std::size_t>(node.output().spec.shape.elements());
  const Storing<T> storing{.rounds = !node.input(0).quantization.empty()};
  return make_step("resize integers", 3 * most * sizeof(float),
                   [passes = std::move(passes), most, in_count, out_count, storing](const StepBuffers& b) {
                     auto* reals = reinterpret_cast<float*>(b.scratch);
                     std::copy_n(b.in<T>(0), in_count, reals);
                     const float* made = run_passes(b, passes, reals, {reals + most, reals + 2 * most}, nullptr);
                     for (std::size_t i = 0; i < out_count; ++i) b.out<T>()[i] = storing.stored(made[i]);
                   });
}

BilinearAxis<float> float_axis(Coordinates coordinates, const ResizeAxis& axis) {
  const bool corners = coordinates == Coordinates::kAlignCorners && axis.out > 1;
  const auto in = static_cast<float>(axis.in);
  const auto out = static_cast<float>(axis.out);
  const float scale = corners ? (in - 1.0F) / (out - 1.0F) : in / out;
  BilinearAxis<float> made;
  for (Index i = 0; i < axis.out; ++i) {
    const auto x = static_cast<float>(i);
    const float at = coordinates == Coordinates::kHalfPixel ? (x + 0.5F) * scale - 0.5F : x * scale;
    made.at.push_back(at);
    made.lower.push_back(std::clamp<Index>(static_cast<Index>(std::floor(at)), 0, axis.in - 1));
    made.upper.push_back(std::min<Index>(static_cast<Index>(std::ceil(at)), axis.in - 1));
  }
  return made;
}

// In units of 1 / 1024.
BilinearAxis<std::int32_t> fixed_axis(Coordinates coordinates, const ResizeAxis& axis) {
  constexpr Index kOne = kernels::reference::kBilinearOne;
  const bool corners = coordinates == Coordinates::kAlignCorners && axis.out > 1;
  const Index out = corners ? axis.out - 1 : axis.out;
  const Index scale = (kOne * (corners ? axis.in - 1 : axis.in) + out / 2) / out;
  BilinearAxis<std::int32_t> made;
  for (Index x = 0; x < axis.out; ++x) {
    const Index at = coordinates == Coordinates::kHalfPixel ? x * scale + scale / 2 - kOne / 2 : x * scale;
    made.at.push_back(static_cast<std::int32_t>(at));
    made.lower.push_back(std::min(std::max<Index>(at / kOne, 0), axis.in - 1));
    made.upper.push_back(std::min((at + kOne - 1) / kOne, axis.in - 1));
  }
  return made;
}

template <typename C, typename T>
StepResult build_bilinear(const graph::NodeView& node, BilinearAxis<C> y, BilinearAxis<C> x) {
  const tensor::Shape& in = node.input(0).spec.shape;
  const tensor::Shape& out = node.output().spec.shape;
  const Index rows = out[0] * out[1];
  const Index row = out[2] * out[3];
  Bilinear<C> bilinear{in[1], in[2], in[3], std::move(y), std::move(x)};
  return make_step("resize bilinear", 0, [bilinear = std::move(bilinear), rows, row](const StepBuffers& b) {
    share_rows(*b.threads, rows, row, [&](Index begin, Index end) {
      kernels::reference::bilinear(bilinear, b.in<T>(0), b.out<T>(), begin, end);
    });
  });
}

// Lists are made for every position of an axis: a bound on them, whatever a file claims.
constexpr std::int64_t kPositionsMax = std::int64_t{1} << 24;
// Bytes as TFLite has them: a coordinate in units of 1 / 1024 fits in 31 bits.
constexpr std::int64_t kBytePositionsMax = std::int64_t{1} << 20;

Result<void> check_sizes(const ResizeAttributes& a, const Axes& axes, DType dtype) {
  const bool bytes = a.like_tflite && a.mode == ResizeMode::kLinear && dtype != DType::kF32;
  const std::int64_t most = bytes ? kBytePositionsMax : kPositionsMax;
  for (const ResizeAxis& axis : axes) {
    const bool listed = a.mode == ResizeMode::kNearest || !is_kept(a, axis);
    if (listed && std::max(axis.in, axis.out) > most)
      return fail(Code::kExhausted, "cannot plan model", {},
                  fmt::format("a size of {} is resized to {}", axis.in, axis.out));
  }
  return {};
}

StepResult build_resize(const BuildContext& context) {
  const graph::NodeView& node = context.node;
  const auto& a = node.attributes<ResizeAttributes>();
  const auto axes = LICHEN_TRY(graph::resize_axes(node));
  if (!axes) return not_computed(context);
  LICHEN_TRY(check_sizes(a, *axes, node.input(0).spec.dtype));
  if (node.output().spec.shape.elements() == 0) return make_step("resize nothing", 0, [](const StepBuffers&) {});
  if (a.mode == ResizeMode::kNearest) return build_nearest(node, *axes);
  const DType dtype = node.input(0).spec.dtype;
  if (a.like_tflite && dtype == DType::kI8)
    return build_bilinear<std::int32_t, std::int8_t>(node, fixed_axis(a.coordinates, (*axes)[1]),
                                                     fixed_axis(a.coordinates, (*axes)[2]));
  if (a.like_tflite && dtype == DType::kI16)
    return build_bilinear<std::int32_t, std::int16_t>(node, fixed_axis(a.coordinates, (*axes)[1]),
                                                      fixed_axis(a.coordinates, (*axes)[2]));
  if (a.like_tflite && dtype == DType::kU8)
    return build_bilinear<float, std::uint8_t>(node, float_axis(a.coordinates, (*axes)[1]),
                                               float_axis(a.coordinates, (*axes)[2]));
  std::vector<Pass> passes = passes_of(a, *axes);
  if (dtype == DType::kF32) return build_f32(node, std::move(passes));
  return dtype == DType::kI8 ? build_integers<std::int8_t>(node, std::move(passes))
                             : build_integers<std::uint8_t>(node, std::move(passes));
}

constexpr std::array kBuilders = {Builder{graph::Op::kResize, build_resize}};

}  // namespace

std::span<const Builder> resize_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
