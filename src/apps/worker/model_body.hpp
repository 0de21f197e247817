// SPDX-License-Identifier: Apache-2.0
// A worker's body that answers with one model: reads the .tflite file, plans it, adapts it to the contract.
#pragma once

#include <memory>
#include <optional>

#include "engine/adapter.hpp"
#include "engine/session.hpp"
#include "graph/graph.hpp"
#include "posix/worker_runtime.hpp"

namespace lichen::worker {

class ModelBody final : public posix::WorkerBody {
 public:
  Result<void> load(const posix::WorkerJobSpec& spec, ByteView model) override;
  Result<void> run(ByteView input, std::span<std::byte> output) override;

 private:
  std::optional<graph::Graph> graph_;  // before the session, which borrows from it
  std::unique_ptr<engine::Session> session_;
  std::optional<engine::Adapter> adapter_;
};

}  // namespace lichen::worker
