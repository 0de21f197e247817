// SPDX-License-Identifier: Apache-2.0
#include "engine/backends/xnnpack/xnnpack.hpp"

#if LICHEN_XNNPACK

#include "engine/backends/xnnpack/operators.hpp"

namespace lichen::engine {
namespace {

struct Row {
  graph::Op op;
  StepResult (*build)(const BuildContext&);
};
constexpr Row kRows[] = {
    {graph::Op::kAdd, xnnpack::add},
    {graph::Op::kAveragePool2D, xnnpack::pool2d},
    {graph::Op::kConv2D, xnnpack::conv2d},
    {graph::Op::kDepthwiseConv2D, xnnpack::depthwise_conv2d},
    {graph::Op::kFullyConnected, xnnpack::fully_connected},
    {graph::Op::kMaxPool2D, xnnpack::pool2d},
};

// XNNPACK may read a few bytes beyond a tensor. Our arena has room for that, a constant in a model file may not.
bool reads_constant(const BuildContext& context, const Row& row) {
  const bool both = row.op == graph::Op::kAdd;
  return context.node.input(0).constant.has_value() || (both && context.node.input(1).constant.has_value());
}

bool allowed(const BuildContext& context) {
  const tensor::DType dtype = context.node.output().spec.dtype;
  if (dtype != context.node.input(0).spec.dtype || context.node.input(0).spec.shape.elements() == 0) return false;
  return dtype == tensor::DType::kF32 || (dtype == tensor::DType::kI8 && context.inexact_i8);
}

}  // namespace

bool start_xnnpack() {
  return xnn_initialize(nullptr) == xnn_status_success;
}

StepResult xnnpack_step(const BuildContext& context) {
  for (const Row& row : kRows) {
    if (row.op != context.node.node().op) continue;
    if (!allowed(context) || reads_constant(context, row) || !start_xnnpack()) break;
    return row.build(context);
  }
  return std::unique_ptr<Step>();
}

}  // namespace lichen::engine

#else

namespace lichen::engine {

bool start_xnnpack() {
  return false;
}

StepResult xnnpack_step(const BuildContext&) {
  return std::unique_ptr<Step>();
}

}  // namespace lichen::engine

#endif
