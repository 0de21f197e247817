// SPDX-License-Identifier: Apache-2.0
#include "api/onnx_plugin.hpp"

#include "onnx/onnx.hpp"

extern "C" __attribute__((visibility("default"))) const lichen::api::OnnxPlugin* lichen_onnx_plugin() {
  static const lichen::api::OnnxPlugin plugin{lichen::api::onnx_plugin_stamp(), lichen::formats::read_onnx};
  return &plugin;
}
