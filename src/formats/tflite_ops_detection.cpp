// SPDX-License-Identifier: Apache-2.0
// What detectors end in: the custom operator TFLite_Detection_PostProcess, whose options are a FlexBuffers map, and the
// two built-in suppressions, which pad their answer with zeros to a fixed size.
#include <array>
#include <cmath>

#include <flatbuffers/flexbuffers.h>
#include <fmt/format.h>

#include "formats/tflite_incoming.hpp"
#include "formats/tflite_outgoing.hpp"

namespace lichen::formats {
namespace {

using graph::Op;
using graph::TensorId;
using tensor::DType;
using tensor::Shape;

constexpr std::size_t kOptionsBytesMax = 4096;

Result<graph::DetectionAttributes> detection_attributes(const flatbuffers::Vector<std::uint8_t>* bytes) {
  if (bytes == nullptr || bytes->size() > kOptionsBytesMax) return bad_options("there are none");
  if (!flexbuffers::VerifyBuffer(bytes->data(), bytes->size())) return bad_options("the FlexBuffers map is damaged");
  const flexbuffers::Reference root = flexbuffers::GetRoot(bytes->data(), bytes->size());
  if (!root.IsMap()) return bad_options("they are no FlexBuffers map");
  const flexbuffers::Map map = root.AsMap();
  const auto integer = [&](const char* key, std::int32_t otherwise) {
    return map[key].IsNull() ? otherwise : map[key].AsInt32();
  };
  const auto number = [&](const char* key, float otherwise) {
    return map[key].IsNull() ? otherwise : map[key].AsFloat();
  };
  graph::DetectionAttributes to;
  to.detections_max = integer("max_detections", to.detections_max);
  to.classes_per_detection = integer("max_classes_per_detection", to.classes_per_detection);
  to.detections_per_class = integer("detections_per_class", to.detections_per_class);
  to.classes = integer("num_classes", to.classes);
  to.regular = !map["use_regular_nms"].IsNull() && map["use_regular_nms"].AsBool();
  to.score_threshold = number("nms_score_threshold", to.score_threshold);
  to.iou_threshold = number("nms_iou_threshold", to.iou_threshold);
  to.y_scale = number("y_scale", to.y_scale);
  to.x_scale = number("x_scale", to.x_scale);
  to.h_scale = number("h_scale", to.h_scale);
  to.w_scale = number("w_scale", to.w_scale);
  return to;
}

Result<void> read_detection(Incoming& in) {
  LICHEN_TRY(in.expect(3, 3, 4, 4, 3));
  in.add(Op::kDetectionPostProcess, LICHEN_TRY(detection_attributes(in.from().custom_options())), in.inputs,
         in.outputs);
  return {};
}

Result<void> write_detection(Outgoing& out) {
  const auto& a = out.node().attributes<graph::DetectionAttributes>();
  flexbuffers::Builder builder;
  builder.Map([&] {
    builder.Int("max_detections", a.detections_max);
    builder.Int("max_classes_per_detection", a.classes_per_detection);
    builder.Int("detections_per_class", a.detections_per_class);
    builder.Int("num_classes", a.classes);
    builder.Bool("use_regular_nms", a.regular);
    builder.Float("nms_score_threshold", a.score_threshold);
    builder.Float("nms_iou_threshold", a.iou_threshold);
    builder.Float("y_scale", a.y_scale);
    builder.Float("x_scale", a.x_scale);
    builder.Float("h_scale", a.h_scale);
    builder.Float("w_scale", a.w_scale);
  });
  builder.Finish();
  std::vector<TensorId> outputs;
  for (std::size_t i = 0; i < 4; ++i) outputs.push_back(out.output(i));
  out.emit_row(out.node().node().inputs, std::move(outputs));
  out.to().operators.back().custom_code = "TFLite_Detection_PostProcess";
  out.to().operators.back().custom_options = builder.GetBuffer();
  return {};
}

// [count] elements, then zeros, cut to `size`.
void pad_with_zeros(Incoming& in, TensorId values, std::int32_t size, TensorId to) {
  const TensorId longer = in.temporary(values);
  in.add(Op::kConcat, graph::AxisAttributes{0}, {values, in.zero(in.tensor(values).spec.dtype, {size})}, {longer});
  in.add(Op::kSlice, graph::SliceAttributes{true}, {longer, in.constant(0), in.constant(size)}, {to});
}

// The chosen boxes as a list of i32 of any length.
TensorId suppressed(Incoming& in) {
  const TensorId boxes = in.temporary(in.inputs[0]);
  const TensorId scores = in.temporary(in.inputs[1]);
  in.add(Op::kUnsqueeze, graph::AxesAttributes{{0}}, {in.inputs[0]}, {boxes});
  in.add(Op::kUnsqueeze, graph::AxesAttributes{{0, 1}}, {in.inputs[1]}, {scores});
  const TensorId triples = in.temporary(DType::kI64);
  const TensorId column = in.temporary(DType::kI64);
  const TensorId chosen = in.temporary(DType::kI32);
  in.add(Op::kNonMaxSuppression, graph::NonMaxSuppressionAttributes{},
         {boxes, scores, in.inputs[2], in.inputs[3], in.inputs[4]}, {triples});
  graph::StridedSliceAttributes third;
  third.begin_mask = third.end_mask = 1;
  third.shrink_axis_mask = 2;
  const std::array<std::int32_t, 2> begin = {0, 2};
  const std::array<std::int32_t, 2> end = {0, 3};
  in.add(Op::kStridedSlice, third, {triples, in.constant({2}, begin), in.constant({2}, end)}, {column});
  in.add(Op::kCast, graph::CastAttributes{DType::kI32}, {column}, {chosen});
  return chosen;
}

Result<void> read_suppression(Incoming& in) {
  constexpr std::size_t kInputsV4 = 5;
  const bool soft = in.inputs.size() > kInputsV4;
  LICHEN_TRY(in.expect(kInputsV4, kInputsV4 + 1, soft ? 3 : 2, soft ? 3 : 2, kInputsV4 + 1));
  const std::int64_t most = LICHEN_TRY(in.integer(2, "the most boxes"));
  constexpr std::int64_t kBoxesMax = 1 << 20;
  if (most < 0 || most > kBoxesMax) return bad_options(fmt::format("at most {} boxes", most));
  if (soft) {
    const graph::Tensor& sigma = in.tensor(in.inputs[kInputsV4]);
    const bool hard = sigma.constant && sigma.spec.dtype == DType::kF32 && sigma.spec.shape.elements() == 1 &&
                      sigma.constant->as<float>()[0] == 0.0F;
    if (!hard) return bad_options("soft suppression", Code::kUnsupported);
  }
  const TensorId chosen = suppressed(in);
  pad_with_zeros(in, chosen, static_cast<std::int32_t>(most), in.outputs[0]);
  if (soft) {
    const TensorId scores = in.temporary(in.inputs[1]);
    in.add(Op::kGather, graph::GatherAttributes{}, {in.inputs[1], chosen}, {scores});
    pad_with_zeros(in, scores, static_cast<std::int32_t>(most), in.outputs[1]);
  }
  const TensorId count = in.temporary(DType::kI32);
  in.add(Op::kShape, graph::ShapeAttributes{DType::kI32}, {chosen}, {count});
  in.add(Op::kSqueeze, graph::AxesAttributes{{0}}, {count}, {in.outputs.back()});
  return {};
}

constexpr std::array kRows = {
    TfliteOp{kTfliteCustom, Op::kDetectionPostProcess, 1, 1, nullptr, read_detection, nullptr, write_detection},
    TfliteOp{120, Op::kCount, 1, 1, nullptr, read_suppression},
    TfliteOp{121, Op::kCount, 1, 1, nullptr, read_suppression},
};

}  // namespace

std::span<const TfliteOp> tflite_detection_rows() {
  return kRows;
}

}  // namespace lichen::formats
