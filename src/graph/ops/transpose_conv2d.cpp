// SPDX-License-Identifier: Apache-2.0
// TransposeConv2D: x [n, h, w, in], weights [out, kh, kw, in / groups], bias? [out], output shape? (integers
// [n, h, w, c]) -> [n, oh, ow, out]. Input pixel (y, x) adds to output rows y * stride_h - pad_h + ky * dilation_h.
#include "graph/ops/transpose_conv.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "graph/ops/checks.hpp"
#include "graph/ops/rows.hpp"
#include "graph/ops/window.hpp"

namespace lichen::graph {
namespace {

constexpr std::int64_t kSizeMax = 1 << 15;

struct Axis {
  std::int64_t in = 1, filter = 1, stride = 1, dilation = 1, before = 0, after = 0, output_pad = 0;
  std::int64_t size = 0;     // that the model gives; 0: it follows
  bool from_tensor = false;  // TFLite: `size` is the output's, and pads follow as those of the convolution back
  Padding padding = Padding::kExplicit;
};

Result<Window> window_back(const Axis& a) {
  for (const std::int64_t value : {a.filter, a.stride, a.dilation}) {
    if (value < 1 || value > kSizeMax) return bad_attribute(fmt::format("filter, stride or dilation {}", value));
  }
  for (const std::int64_t value : {a.before, a.after, a.output_pad, a.size}) {
    if (value < 0 || value > kSizeMax) return bad_attribute(fmt::format("padding or size {}", value));
  }
  const std::int64_t extent = (a.filter - 1) * a.dilation + 1;
  const std::int64_t whole = (a.in - 1) * a.stride + extent + a.output_pad;
  if (a.from_tensor) {
    if (a.size < 1) return bad_attribute(fmt::format("output size {}", a.size));
    const std::int64_t back = a.padding == Padding::kValid ? (a.size + a.stride - extent) / a.stride
                                                           : (a.size + a.stride - 1) / a.stride;
    return Window{a.size, std::max<std::int64_t>(0, (back - 1) * a.stride + extent - a.size) / 2};
  }
  std::int64_t out = whole;
  std::int64_t before = 0;
  if (a.padding == Padding::kExplicit && a.size == 0) {
    out = whole - a.before - a.after;
    before = a.before;
  } else if (a.padding != Padding::kValid || a.size != 0) {
    out = a.size != 0 ? a.size : a.in * a.stride;
    const std::int64_t total = std::max<std::int64_t>(0, whole - out);
    before = a.padding == Padding::kSame ? total / 2 : total - total / 2;
  }
  if (out < 1) return bad_attribute(fmt::format("padding that leaves {} of {} elements", out, whole));
  return Window{out, before};
}

Result<void> check(const NodeView& node) {
  const auto& a = node.attributes<TransposeConvAttributes>();
  const Tensor& input = node.input(0);
  const Tensor& weights = node.input(1);
  LICHEN_TRY(require_clamp(a.activation));
  LICHEN_TRY(require_rank(input, 4));
  LICHEN_TRY(require_rank(weights, 4));
  LICHEN_TRY(require_weights(node, 0, weights.spec.shape[0]));
  if (a.groups < 1 || input.spec.shape[3] % a.groups != 0 || weights.spec.shape[0] % a.groups != 0 ||
      weights.spec.shape[3] != input.spec.shape[3] / a.groups) {
    return bad_tensor(weights, fmt::format("weights {} for {} input channels in {} groups",
                                           weights.spec.shape.to_text(), input.spec.shape[3], a.groups));
  }
  if (!node.has_input(3)) return {};
  const Tensor& shape = node.input(3);
  if (shape.spec.dtype != tensor::DType::kI32 && shape.spec.dtype != tensor::DType::kI64)
    return bad_tensor(shape, fmt::format("a shape in {}", name_of(shape.spec.dtype)), Code::kUnsupported);
  if (shape.spec.shape.elements() != 4) return bad_tensor(shape, "the output's shape must be four integers");
  return {};
}

Result<OutputTypes> infer(const NodeView& node) {
  const auto plan = LICHEN_TRY(transpose_windows(node));
  if (!plan) return OutputTypes{{node.input(0).spec.dtype, std::nullopt, false}};
  const std::int64_t dims[] = {node.input(0).spec.shape[0], plan->h.out, plan->w.out, node.input(1).spec.shape[0]};
  return output_like(node, dims);
}

std::int64_t operations(const NodeView& node) {
  const tensor::Shape& weights = node.input(1).spec.shape;
  return node.input(0).spec.shape.elements() * weights[1] * weights[2] * weights[0] /
         node.attributes<TransposeConvAttributes>().groups;
}

constexpr OpSchema kRow{.op = Op::kTransposeConv2D,
                        .name = "TransposeConv2D",
                        .inputs_min = 2,
                        .inputs_max = 4,
                        .inputs_required = 2,
                        .attributes_fit = holds<TransposeConvAttributes>,
                        .check = check,
                        .infer = infer,
                        .check_outputs = check_activation_output,
                        .operations = operations,
                        .counts_as_macs = true};

}  // namespace

Result<std::optional<TransposeWindows>> transpose_windows(const NodeView& node) {
  const auto& a = node.attributes<TransposeConvAttributes>();
  const tensor::Shape& in = node.input(0).spec.shape;
  const tensor::Shape& weights = node.input(1).spec.shape;
  Axis h{in[1], weights[1], a.stride_h, a.dilation_h, a.pads.top, a.pads.bottom, a.output_pad_h, a.output_size[0], false,
         a.padding};
  Axis w{in[2], weights[2], a.stride_w, a.dilation_w, a.pads.left, a.pads.right, a.output_pad_w, a.output_size[1], false,
         a.padding};
  if (node.has_input(3)) {
    const auto shape = node.integers(3);
    if (!shape) return std::nullopt;
    if ((*shape)[0] != in[0] || (*shape)[3] != weights[0])
      return bad_tensor(node.input(3), fmt::format("[{}, ..., {}] where [{}, ..., {}] follows", (*shape)[0],
                                                   (*shape)[3], in[0], weights[0]));
    h.size = (*shape)[1];
    w.size = (*shape)[2];
    h.from_tensor = w.from_tensor = true;
  }
  return TransposeWindows{LICHEN_TRY(window_back(h)), LICHEN_TRY(window_back(w))};
}

std::span<const OpSchema> transpose_conv2d_rows() {
  return {&kRow, 1};
}

}  // namespace lichen::graph
