// SPDX-License-Identifier: Apache-2.0
// One model, loaded into one engine and ready to run: all that the rest of Lichen asks of an engine, ours or a foreign
// one. Fill input(), run(), read output(). A new engine is a class that implements this, in a folder of its own, and a
// line in the table of backend.hpp. Not thread-safe: one runner, one thread at a time.
//
// A foreign engine runs in this process: where it crashes, the process does. Nothing here protects from that.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "base/error.hpp"
#include "engine/session.hpp"

namespace lichen::backends {

// Who computes, and what its numbers are worth.
struct Engine {
  std::string name;     // "onnxruntime", as in the table
  std::string version;  // "1.20.1", as the engine says
  std::string numbers;  // "integers equal LiteRT's bit for bit": shown beside answers
};

class Runner {
 public:
  virtual ~Runner();
  [[nodiscard]] virtual const Engine& engine() const = 0;

  // As the model's file has them: order, names, layouts. An output's shape may be unknown until it ran.
  [[nodiscard]] virtual std::span<const engine::TensorInfo> inputs() const = 0;
  [[nodiscard]] virtual std::span<const engine::TensorInfo> outputs() const = 0;
  // The bytes of input i, dense row-major, all 0 at first. run() leaves them as they are.
  [[nodiscard]] virtual std::span<std::byte> input(std::size_t i) = 0;
  // The bytes of output i, until the next run() or resize(); worth nothing before the first run.
  [[nodiscard]] virtual std::span<const std::byte> output(std::size_t i) const = 0;

  // For inputs of other shapes, one for each. On an error everything stays as it was; otherwise inputs and outputs hold
  // nothing any more. kBadInput: the model fixes a size that is asked to be another.
  [[nodiscard]] virtual Result<void> resize(std::span<const tensor::Shape> input_shapes) = 0;

  // kUnavailable: cancelled; kDeadlineExceeded: too late; both between two nodes of the model at the earliest.
  // `options.profile` asks for nodes(), where the engine has them.
  [[nodiscard]] virtual Result<void> run(const engine::RunOptions& options = {}) = 0;

  // The state that lives from run to run back to its beginning. Does nothing where the engine's models have none.
  virtual void reset_state() = 0;

  // What it runs, node by node. Empty: the engine does not tell.
  [[nodiscard]] virtual std::span<const engine::NodeProfile> nodes() const { return {}; }

  struct Memory {
    std::size_t activation_bytes = 0;
    std::size_t packed_bytes = 0;  // weights as kernels want them
  };
  [[nodiscard]] virtual std::optional<Memory> memory() const { return std::nullopt; }
};

}  // namespace lichen::backends
