// SPDX-License-Identifier: Apache-2.0
#include "model_body.hpp"

#include "formats/tflite.hpp"

namespace lichen::worker {

Result<void> ModelBody::load(const posix::WorkerJobSpec& spec, ByteView model) {
  graph_ = LICHEN_TRY(formats::read_tflite(model, spec.model_path));
  engine::SessionOptions options;
  options.threads = static_cast<int>(spec.threads);
  session_ = LICHEN_TRY(engine::Session::create(*graph_, options));
  adapter_ = LICHEN_TRY(engine::Adapter::create(*session_, spec.inputs, spec.outputs));
  // The first inference touches every page and every weight: it belongs to starting, not to somebody's request.
  const Bytes zeros(adapter_->request_bytes());
  Bytes answer(adapter_->answer_bytes());
  return run(zeros, answer);
}

Result<void> ModelBody::run(ByteView input, std::span<std::byte> output) {
  LICHEN_TRY(adapter_->load(input, *session_));
  LICHEN_TRY(session_->run());
  adapter_->store(*session_, output);
  return {};
}

}  // namespace lichen::worker
