// SPDX-License-Identifier: Apache-2.0
// A model that is ready to run: every node has its kernel, every tensor its memory, weights are packed. Plan once with
// create(); then fill input(), run(), read output(). Where all shapes are known beforehand, run() allocates nothing; else
// it plans what has changed since the last run. The same input gives the same bytes every time, whatever the number of
// threads. Not thread-safe: one session, one thread at a time.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <memory_resource>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "engine/plan.hpp"
#include "graph/graph.hpp"

namespace lichen::engine {

struct SessionOptions {
  int threads = 1;                      // 1 to kernels::kThreadsMax, the caller among them
  bool reference_kernels_only = false;  // plain C++ kernels, for comparison
  // What kernels may use of this CPU; empty: all that it has. Asking for more than it has is an error.
  std::optional<kernels::CpuFeatures> cpu{};
  XnnpackUse xnnpack = XnnpackUse::kWhereNoneOfOurs;
  bool inexact_i8 = false;  // allows integer kernels that are within 1 LSB; their names say so
  // Of all inputs in order; empty: as the model declares them, with 1 for sizes that it leaves open.
  std::vector<tensor::Shape> input_shapes{};
  bool rewrite = true;      // false: run the graph as its model has it, node by node
  // Where kernels put the weights that they have packed; it must outlive the session. They are written while planning only.
  // Plans of unknown shapes pack when they first run, and on the heap. Null: the heap.
  std::pmr::memory_resource* packed_memory = nullptr;
  // Told, while planning, of constants that a kernel has packed: runs do not read these bytes any more, resize() does. Whoever
  // mapped the model file may let its pages go. Empty: nobody wants to know.
  std::function<void(ByteView)> packed{};
  // Reads the model again. Where it is given, the session keeps no copy of the model and lets go of constants that kernels
  // have packed, which saves their memory if the graph was moved in and owned them; resize() reads anew. Must give the same
  // graph every time. Empty: the session keeps the graph.
  std::function<Result<graph::Graph>()> read_again{};
};

struct TensorInfo {
  tensor::TensorSpec spec;            // an output's shape may be unknown until it ran
  tensor::Quantization quantization;  // empty where the tensor is not quantized
};

class Session {
 public:
  // What the graph borrows (the model file) must outlive the session; the graph itself need not. Verifies the graph.
  // kUnsupported: a combination of types or scales that no kernel computes; kExhausted: more memory than the limits.
  static Result<std::unique_ptr<Session>> create(graph::Graph graph, const SessionOptions& options);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] std::span<const TensorInfo> inputs() const { return inputs_; }
  [[nodiscard]] std::span<const TensorInfo> outputs() const { return outputs_; }

  // Plans anew for inputs of other shapes (one for each input, of the same ranks). On an error everything stays as it
  // was; otherwise inputs and outputs hold nothing any more. Variables keep their values.
  [[nodiscard]] Result<void> resize(std::span<const tensor::Shape> input_shapes);

  // The bytes of input i, dense row-major. run() leaves them as they are.
  [[nodiscard]] std::span<std::byte> input(std::size_t i);
  // The bytes of output i; all 0 before the first run(), or none where its shape is not known yet.
  [[nodiscard]] std::span<const std::byte> output(std::size_t i) const;

  // kBadInput: values that cannot be computed with (indices out of range); kUnavailable: cancelled; kDeadlineExceeded: too late.
  [[nodiscard]] Result<void> run(const RunOptions& options = {});

  // Variables back to their initial values.
  void reset_state();

  [[nodiscard]] std::size_t arena_bytes() const { return plan_->arena_bytes(); }
  [[nodiscard]] std::size_t packed_bytes() const { return plan_->packed_bytes(); }
  // Of the graph as it runs, which may have fewer nodes than the model.
  [[nodiscard]] std::span<const NodeProfile> nodes() const { return plan_->nodes(); }
  [[nodiscard]] const graph::Graph& planned_graph() const { return *planned_; }
  // Are all shapes known before a run?
  [[nodiscard]] bool is_static() const { return is_static_; }

 private:
  Session(graph::Graph graph, const SessionOptions& options);
  Result<void> plan(std::span<const tensor::Shape> input_shapes);
  Result<std::unique_ptr<graph::Graph>> specialized(std::span<const tensor::Shape> input_shapes);
  void let_go(graph::Graph& graph, graph::TensorId id) const;
  void take_infos();

  graph::Graph model_;  // empty after planning where it can be read again
  SessionOptions options_;
  std::unique_ptr<kernels::Threads> threads_;
  VariableStore variables_;
  std::unique_ptr<graph::Graph> planned_;
  std::unique_ptr<Plan> plan_;
  bool is_static_ = true;
  std::vector<TensorInfo> inputs_;
  std::vector<TensorInfo> outputs_;
};

}  // namespace lichen::engine
