// SPDX-License-Identifier: Apache-2.0
// ONNX's messages, as Debian's libonnx-dev has them.
#pragma once

#ifndef ONNX_ML
#define ONNX_ML 1
#endif
#include <onnx/onnx_pb.h>
