// SPDX-License-Identifier: Apache-2.0
#include "model_file.hpp"

#include <cstring>

#include "formats/tflite.hpp"
#include "onnx/onnx.hpp"

namespace lichen::tool {

Result<ModelFile> load_model(const std::string& path) {
  ModelFile model{LICHEN_TRY(posix::MappedFile::open(path, formats::kTfliteBytesMax)), "tflite", {}};
  const ByteView bytes = model.file.bytes();
  constexpr std::size_t kIdentifierAt = 4;
  const bool is_tflite = bytes.size() >= 2 * kIdentifierAt && std::memcmp(bytes.data() + kIdentifierAt, "TFL3", 4) == 0;
  // What has neither the identifier nor the ending of an ONNX file is refused as a .tflite, by byte.
  if (is_tflite || !path.ends_with(".onnx")) {
    model.graph = LICHEN_TRY(formats::read_tflite(bytes, path));
  } else {
    model.format = "onnx";
    model.graph = LICHEN_TRY(formats::read_onnx(bytes, path));
  }
  return model;
}

}  // namespace lichen::tool
