// SPDX-License-Identifier: Apache-2.0
// The builder of each op, defined in the file of that op.
#pragma once

#include "engine/native/build.hpp"

namespace lichen::engine {

using StepResult = Result<std::unique_ptr<Step>>;

[[nodiscard]] StepResult build_add(const BuildContext& context);
[[nodiscard]] StepResult build_conv2d(const BuildContext& context);
[[nodiscard]] StepResult build_depthwise_conv2d(const BuildContext& context);
[[nodiscard]] StepResult build_dequantize(const BuildContext& context);
[[nodiscard]] StepResult build_fully_connected(const BuildContext& context);
[[nodiscard]] StepResult build_logistic(const BuildContext& context);
[[nodiscard]] StepResult build_mul(const BuildContext& context);
[[nodiscard]] StepResult build_pool2d(const BuildContext& context);  // average and maximum
[[nodiscard]] StepResult build_quantize(const BuildContext& context);
[[nodiscard]] StepResult build_relu(const BuildContext& context);  // Relu and Relu6
[[nodiscard]] StepResult build_reshape(const BuildContext& context);
[[nodiscard]] StepResult build_softmax(const BuildContext& context);

}  // namespace lichen::engine
