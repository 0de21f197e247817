// SPDX-License-Identifier: Apache-2.0
#include "engine/native/build.hpp"

#include <fmt/format.h>

#include "engine/native/builders.hpp"

namespace lichen::engine {

Step::~Step() = default;

Result<void> PackBudget::take(std::size_t bytes) {
  if (bytes > bytes_max_ - used_) {
    return fail(Code::kExhausted, "cannot plan model", {},
                fmt::format("its weights need more than {} bytes when packed", bytes_max_));
  }
  used_ += bytes;
  return {};
}

Result<std::unique_ptr<Step>> build_step(const BuildContext& context) {
  using graph::Op;
  switch (context.node.node().op) {
    case Op::kAdd:
      return build_add(context);
    case Op::kAveragePool2D:
      return build_pool2d(context);
    case Op::kConv2D:
      return build_conv2d(context);
    case Op::kDepthwiseConv2D:
      return build_depthwise_conv2d(context);
    case Op::kDequantize:
      return build_dequantize(context);
    case Op::kFullyConnected:
      return build_fully_connected(context);
    case Op::kLogistic:
      return build_logistic(context);
    case Op::kMaxPool2D:
      return build_pool2d(context);
    case Op::kMul:
      return build_mul(context);
    case Op::kQuantize:
      return build_quantize(context);
    case Op::kRelu:
      return build_relu(context);
    case Op::kRelu6:
      return build_relu(context);
    case Op::kReshape:
      return build_reshape(context);
    case Op::kSoftmax:
      return build_softmax(context);
  }
  return fail(Code::kInternal, "cannot plan model", {}, "an op without a kernel");
}

}  // namespace lichen::engine
