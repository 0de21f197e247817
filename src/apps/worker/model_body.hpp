// SPDX-License-Identifier: Apache-2.0
// A worker's body that answers with one model: reads the .tflite file, plans it, adapts it to the contract.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "engine/adapter.hpp"
#include "engine/session.hpp"
#include "graph/graph.hpp"
#include "posix/worker_runtime.hpp"

namespace lichen::worker {

class ModelBody final : public posix::WorkerBody {
 public:
  Result<void> load(const posix::WorkerLoad& with) override;
  Result<void> run(ByteView input, std::span<std::byte> output) override;
  [[nodiscard]] std::vector<ByteView> constants() const override;

 private:
  std::optional<graph::Graph> graph_;  // before the session, which borrows from it
  std::unique_ptr<engine::Session> session_;
  std::optional<engine::Adapter> adapter_;
  std::vector<const std::byte*> packed_;  // constants that kernels hold in a form of their own
};

}  // namespace lichen::worker
