// SPDX-License-Identifier: Apache-2.0
// NonMaxSuppression and DetectionPostProcess.
#include "kernels/reference/detection.hpp"

#include <array>
#include <cmath>
#include <cstring>

#include "engine/native/builders.hpp"

namespace lichen::engine {
namespace {

namespace reference = kernels::reference;
using kernels::Index;
using reference::Box;

constexpr std::size_t rounded(std::size_t bytes) {
  return (bytes + 63) / 64 * 64;
}

// Corners in any order, or center and size.
Box box_of(const float* from, bool centers) {
  if (centers) {
    const float half_w = from[2] / 2.0F;
    const float half_h = from[3] / 2.0F;
    return {from[1] - half_h, from[0] - half_w, from[1] + half_h, from[0] + half_w};
  }
  return {std::min(from[0], from[2]), std::min(from[1], from[3]), std::max(from[0], from[2]),
          std::max(from[1], from[3])};
}

struct Suppression {
  Index batch = 0, classes = 0, boxes = 0;
  bool centers = false, limit_is_wide = true;
};

Index limit_of(const Suppression& s, const StepBuffers& b) {
  std::int64_t limit = 0;
  if (b.in<std::byte>(2) == nullptr) return 0;
  if (s.limit_is_wide) {
    limit = *b.in<std::int64_t>(2);
  } else {
    limit = *b.in<std::int32_t>(2);
  }
  return std::clamp<Index>(limit, 0, s.boxes);
}

void run_suppression(const Suppression& s, const StepBuffers& b) {
  auto* boxes = reinterpret_cast<Box*>(b.scratch);
  auto* candidates =
      reinterpret_cast<std::int32_t*>(b.scratch + rounded(static_cast<std::size_t>(s.boxes) * sizeof(Box)));
  const Index most = limit_of(s, b);
  const float iou = b.in<float>(3) == nullptr ? 0.0F : *b.in<float>(3);
  const float* threshold = b.in<float>(4);
  Index count = 0;
  for (Index n = 0; most > 0 && n < s.batch; ++n) {
    for (Index i = 0; i < s.boxes; ++i) boxes[i] = box_of(b.in<float>(0) + (n * s.boxes + i) * 4, s.centers);
    for (Index c = 0; c < s.classes; ++c) {
      const float* scores = b.in<float>(1) + (n * s.classes + c) * s.boxes;
      std::size_t those = 0;
      for (Index i = 0; i < s.boxes; ++i) {
        if (threshold == nullptr || scores[i] > *threshold) candidates[those++] = static_cast<std::int32_t>(i);
      }
      const Index kept = reference::suppress(boxes, scores, 1, {candidates, those}, most, iou);
      for (Index i = 0; i < kept; ++i, ++count) {
        std::int64_t* row = b.out<std::int64_t>() + count * 3;
        row[0] = n, row[1] = c, row[2] = candidates[i];
      }
    }
  }
  b.report->shapes[0] = tensor::Shape{count, 3};
}

StepResult build_suppression(const BuildContext& context) {
  const tensor::Shape& scores = context.node.input(1).spec.shape;
  Suppression s;
  s.batch = scores[0], s.classes = scores[1], s.boxes = scores[2];
  s.centers = context.node.attributes<graph::NonMaxSuppressionAttributes>().centers;
  s.limit_is_wide = !context.node.has_input(2) || context.node.input(2).spec.dtype == tensor::DType::kI64;
  const auto count = static_cast<std::size_t>(s.boxes);
  return make_step("non_max_suppression f32 reference",
                   rounded(count * sizeof(Box)) + rounded(count * sizeof(std::int32_t)),
                   [s](const StepBuffers& b) { run_suppression(s, b); });
}

// An input as reals: itself, or bytes by their scale.
struct Reals {
  tensor::DType dtype = tensor::DType::kF32;
  float scale = 1.0F;
  std::int32_t zero_point = 0;
};
Reals reals_of(const graph::Tensor& tensor) {
  if (tensor.spec.dtype == tensor::DType::kF32) return {};
  return {tensor.spec.dtype, tensor.quantization.scale(), tensor.quantization.zero_point()};
}
float real_at(const Reals& r, const StepBuffers& b, std::size_t input, Index at) {
  if (r.dtype == tensor::DType::kF32) return b.in<float>(input)[at];
  const std::int32_t stored =
      r.dtype == tensor::DType::kU8 ? b.in<std::uint8_t>(input)[at] : b.in<std::int8_t>(input)[at];
  return r.scale * static_cast<float>(stored - r.zero_point);
}

struct Detection {
  reference::DetectionSize size;
  std::array<Reals, 3> inputs;
  std::array<float, 4> scales;  // y, x, height, width
  std::size_t scores_at = 0, candidates_at = 0, best_at = 0, kept_at = 0, scratch = 0;
};

// Relative to its anchor, which is center and size as y, x, height, width. In double, as LiteRT does.
Box decoded(const Detection& d, const StepBuffers& b, Index i) {
  std::array<double, 4> code{};
  std::array<double, 4> anchor{};
  for (std::size_t k = 0; k < 4; ++k) {
    code[k] = double{real_at(d.inputs[0], b, 0, i * d.size.box_step + static_cast<Index>(k))} / double{d.scales[k]};
    anchor[k] = real_at(d.inputs[2], b, 2, i * 4 + static_cast<Index>(k));
  }
  const auto y = static_cast<float>(code[0] * anchor[2] + anchor[0]);
  const auto x = static_cast<float>(code[1] * anchor[3] + anchor[1]);
  const auto half_h = static_cast<float>(0.5 * std::exp(code[2]) * anchor[2]);
  const auto half_w = static_cast<float>(0.5 * std::exp(code[3]) * anchor[3]);
  return {y - half_h, x - half_w, y + half_h, x + half_w};
}

void run_detection(const Detection& d, const StepBuffers& b) {
  auto* boxes = reinterpret_cast<Box*>(b.scratch);
  for (Index i = 0; i < d.size.boxes; ++i) boxes[i] = decoded(d, b, i);
  const float* scores = b.in<float>(1);
  if (d.inputs[1].dtype != tensor::DType::kF32) {
    auto* to = reinterpret_cast<float*>(b.scratch + d.scores_at);
    for (Index i = 0; i < d.size.boxes * d.size.score_step; ++i) to[i] = real_at(d.inputs[1], b, 1, i);
    scores = to;
  }
  const reference::DetectionScratch scratch{reinterpret_cast<std::int32_t*>(b.scratch + d.candidates_at),
                                            reinterpret_cast<float*>(b.scratch + d.best_at),
                                            reinterpret_cast<std::int32_t*>(b.scratch + d.kept_at)};
  reference::detect(d.size, boxes, scores, scratch,
                    {b.out<float>(0), b.out<float>(1), b.out<float>(2), b.out<float>(3)});
}

StepResult build_detection(const BuildContext& context) {
  const graph::NodeView& node = context.node;
  const auto& a = node.attributes<graph::DetectionAttributes>();
  Detection d;
  const tensor::Shape& scores = node.input(1).spec.shape;
  d.size.boxes = scores[1];
  d.size.box_step = node.input(0).spec.shape[2];
  d.size.classes = a.classes;
  d.size.score_step = scores[2];
  if (d.size.boxes > INT32_MAX / d.size.classes) return not_computed(context);
  d.size.most = a.detections_max;
  d.size.classes_a_box = a.classes_per_detection;
  d.size.most_a_class = a.detections_per_class;
  d.size.regular = a.regular;
  d.size.score_threshold = a.score_threshold;
  d.size.iou_threshold = a.iou_threshold;
  d.scales = {a.y_scale, a.x_scale, a.h_scale, a.w_scale};
  for (std::size_t i = 0; i < 3; ++i) d.inputs[i] = reals_of(node.input(i));
  const auto boxes = static_cast<std::size_t>(d.size.boxes);
  const bool copies = d.inputs[1].dtype != tensor::DType::kF32;
  d.scores_at = rounded(boxes * sizeof(Box));
  d.candidates_at = d.scores_at + (copies ? rounded(boxes * static_cast<std::size_t>(scores[2]) * sizeof(float)) : 0);
  d.best_at = d.candidates_at + rounded(boxes * sizeof(std::int32_t));
  d.kept_at = d.best_at + rounded(boxes * sizeof(float));
  d.scratch = d.kept_at + rounded(static_cast<std::size_t>(d.size.most) * sizeof(std::int32_t));
  return make_step("detection_post_process f32 reference", d.scratch,
                   [d](const StepBuffers& b) { run_detection(d, b); });
}

constexpr std::array kBuilders = {Builder{graph::Op::kDetectionPostProcess, build_detection},
                                  Builder{graph::Op::kNonMaxSuppression, build_suppression}};

}  // namespace

std::span<const Builder> detection_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
