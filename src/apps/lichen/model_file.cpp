// SPDX-License-Identifier: Apache-2.0
#include "model_file.hpp"

#include "backends/native/native.hpp"
#include "formats/tflite.hpp"

namespace lichen::tool {

Result<ModelFile> load_model(const std::string& path) {
  ModelFile model{LICHEN_TRY(posix::MappedFile::open(path, formats::kTfliteBytesMax)), {}, {}};
  const backends::ModelSource source{path, model.file.bytes()};
  model.format = backends::ending_of(backends::format_of(source)).substr(1);
  model.graph = LICHEN_TRY(backends::native::read(source));
  return model;
}

}  // namespace lichen::tool
