// SPDX-License-Identifier: Apache-2.0
// What detectors end in. NonMaxSuppression: boxes [batch, n, 4], scores [batch, classes, n], most boxes of a class?, IoU
// threshold?, score threshold? -> i64 [count, 3] of batch, class, box. DetectionPostProcess: boxes [1, n, 4] relative to
// anchors [n, 4] (y, x, h, w of centers), scores [1, n, classes or one more] -> boxes [1, m, 4], classes, scores [1, m],
// count [1].
#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"

namespace lichen::graph {
namespace {

using tensor::DType;
using tensor::Shape;

Result<void> require_one(const NodeView& node, std::size_t input, std::initializer_list<DType> types) {
  if (!node.has_input(input)) return {};
  const Tensor& tensor = node.input(input);
  if (std::ranges::find(types, tensor.spec.dtype) == types.end())
    return bad_tensor(tensor, fmt::format("a limit in {}", name_of(tensor.spec.dtype)), Code::kUnsupported);
  if (tensor.spec.shape.elements() == 1) return {};
  return bad_tensor(tensor, "a limit must be one element");
}

Result<void> check_suppression(const NodeView& node) {
  const Tensor& boxes = node.input(0);
  const Tensor& scores = node.input(1);
  for (const Tensor* tensor : {&boxes, &scores}) {
    LICHEN_TRY(require_rank(*tensor, 3));
    LICHEN_TRY(require_dtype(*tensor, DType::kF32));
  }
  const Shape& b = boxes.spec.shape;
  const Shape& s = scores.spec.shape;
  if (b[2] != 4 || b[0] != s[0] || b[1] != s[2])
    return bad_tensor(scores, fmt::format("shape {} beside boxes {}", s.to_text(), b.to_text()));
  LICHEN_TRY(require_one(node, 2, {DType::kI64, DType::kI32}));
  LICHEN_TRY(require_one(node, 3, {DType::kF32}));
  return require_one(node, 4, {DType::kF32});
}

Result<OutputTypes> infer_suppression(const NodeView& node) {
  const Shape& s = node.input(1).spec.shape;
  std::int64_t most = s[2];
  if (!node.has_input(2)) {
    most = 0;
  } else if (const auto limit = node.integers(2)) {
    most = std::clamp<std::int64_t>((*limit)[0], 0, most);
  }
  const std::int64_t dims[] = {s[0] * s[1] * most, 3};
  return OutputTypes{{DType::kI64, LICHEN_TRY(Shape::make(dims, node.node().name)), true}};
}

std::int64_t score_elements(const NodeView& node) {
  return node.input(1).spec.shape.elements();
}

constexpr std::int32_t kDetectionsMax = 1 << 16;

Result<void> check_detection_attributes(const DetectionAttributes& a) {
  for (const std::int32_t count : {a.detections_max, a.classes_per_detection, a.classes}) {
    if (count < 1 || count > kDetectionsMax) return bad_attribute(fmt::format("a limit of {}", count));
  }
  if (a.regular && (a.detections_per_class < 1 || a.detections_per_class > kDetectionsMax))
    return bad_attribute(fmt::format("{} detections a class", a.detections_per_class));
  if (!(a.iou_threshold > 0.0F && a.iou_threshold <= 1.0F))
    return bad_attribute(fmt::format("IoU threshold {}", a.iou_threshold));
  for (const float scale : {a.y_scale, a.x_scale, a.h_scale, a.w_scale}) {
    if (!std::isfinite(scale) || scale == 0.0F) return bad_attribute(fmt::format("box scale {}", scale));
  }
  return {};
}

Result<void> check_detection(const NodeView& node) {
  const auto& a = node.attributes<DetectionAttributes>();
  LICHEN_TRY(check_detection_attributes(a));
  const Tensor& boxes = node.input(0);
  const Tensor& scores = node.input(1);
  const Tensor& anchors = node.input(2);
  LICHEN_TRY(require_rank(boxes, 3));
  LICHEN_TRY(require_rank(scores, 3));
  LICHEN_TRY(require_rank(anchors, 2));
  for (const Tensor* tensor : {&boxes, &scores, &anchors}) {
    LICHEN_TRY(require_activation_type(*tensor));
    LICHEN_TRY(require_not_empty(*tensor));
  }
  const Shape& b = boxes.spec.shape;
  const Shape& s = scores.spec.shape;
  if (b[0] != 1 || b[2] < 4) return bad_tensor(boxes, fmt::format("boxes {}", b.to_text()), Code::kUnsupported);
  if (s[0] != 1 || s[1] != b[1] || (s[2] != a.classes && s[2] != a.classes + 1))
    return bad_tensor(scores, fmt::format("scores {} of {} classes for boxes {}", s.to_text(), a.classes, b.to_text()));
  if (anchors.spec.shape[0] != b[1] || anchors.spec.shape[1] != 4)
    return bad_tensor(anchors, fmt::format("anchors {} for boxes {}", anchors.spec.shape.to_text(), b.to_text()));
  return {};
}

Result<OutputTypes> infer_detection(const NodeView& node) {
  const auto& a = node.attributes<DetectionAttributes>();
  const std::int64_t most = std::int64_t{a.detections_max} * a.classes_per_detection;
  const std::int64_t dims[] = {1, most, 4};
  return OutputTypes{{DType::kF32, LICHEN_TRY(Shape::make(dims, node.node().name)), false},
                     {DType::kF32, Shape{1, most}, false},
                     {DType::kF32, Shape{1, most}, false},
                     {DType::kF32, Shape{1}, false}};
}

constexpr std::array kRows = {
    OpSchema{.op = Op::kNonMaxSuppression,
             .name = "NonMaxSuppression",
             .inputs_min = 2,
             .inputs_max = 5,
             .inputs_required = 2,
             .attributes_fit = holds<NonMaxSuppressionAttributes>,
             .check = check_suppression,
             .infer = infer_suppression,
             .operations = score_elements},
    OpSchema{.op = Op::kDetectionPostProcess,
             .name = "DetectionPostProcess",
             .inputs_min = 3,
             .inputs_max = 3,
             .inputs_required = 3,
             .outputs_min = 1,
             .outputs_max = 4,
             .attributes_fit = holds<DetectionAttributes>,
             .check = check_detection,
             .infer = infer_detection,
             .operations = score_elements},
};

}  // namespace

std::span<const OpSchema> detection_rows() {
  return kRows;
}

}  // namespace lichen::graph
