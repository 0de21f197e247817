// SPDX-License-Identifier: Apache-2.0
// SequenceLstm and Svdf of i8 with i16 state. Internal to this folder.
#pragma once

#include "engine/native/build.hpp"

namespace lichen::engine {

[[nodiscard]] StepResult build_integer_lstm(const BuildContext& context);
[[nodiscard]] StepResult build_integer_svdf(const BuildContext& context);

}  // namespace lichen::engine
