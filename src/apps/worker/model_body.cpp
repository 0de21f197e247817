// SPDX-License-Identifier: Apache-2.0
#include "model_body.hpp"

#include <algorithm>

#include "formats/tflite.hpp"

namespace lichen::worker {

namespace {

// Those that nobody has packed; each entry of `packed` stands for one tensor.
void collect(const graph::Graph& graph, std::vector<const std::byte*>& packed, std::vector<ByteView>& constants) {
  for (const graph::Tensor& tensor : graph.tensors) {
    if (!tensor.constant || tensor.constant->size() == 0) continue;
    const auto at = std::ranges::find(packed, tensor.constant->stored().bytes.data());
    if (at == packed.end()) {
      constants.push_back(tensor.constant->bytes());
    } else {
      packed.erase(at);
    }
  }
  for (const graph::Graph& subgraph : graph.subgraphs) collect(subgraph, packed, constants);
}

}  // namespace

Result<void> ModelBody::load(const posix::WorkerLoad& with) {
  const posix::WorkerJobSpec& spec = with.spec;
  graph_ = LICHEN_TRY(formats::read_tflite(with.model, spec.model_path));
  engine::SessionOptions options;
  options.threads = static_cast<int>(spec.threads);
  options.packed_memory = &with.weights;
  options.packed = [this, let_go = with.let_go](ByteView constant) {
    packed_.push_back(constant.data());
    let_go(constant);
  };
  session_ = LICHEN_TRY(engine::Session::create(*graph_, options));
  if (!session_->is_static()) packed_.clear();  // it packs anew, from the constants, when it first runs
  adapter_ = LICHEN_TRY(engine::Adapter::create(*session_, spec.inputs, spec.outputs));
  // The first inference touches every page and every weight: it belongs to starting, not to somebody's request.
  const Bytes zeros(adapter_->request_bytes());
  Bytes answer(adapter_->answer_bytes());
  LICHEN_TRY(run(zeros, answer));
  session_->reset_state();  // a model with a state begins at its beginning
  return {};
}

std::vector<ByteView> ModelBody::constants() const {
  std::vector<const std::byte*> packed = packed_;
  std::vector<ByteView> all;
  collect(session_->planned_graph(), packed, all);
  return all;
}

Result<void> ModelBody::run(ByteView input, std::span<std::byte> output) {
  LICHEN_TRY(adapter_->load(input, *session_));
  LICHEN_TRY(session_->run());
  adapter_->store(*session_, output);
  return {};
}

}  // namespace lichen::worker
