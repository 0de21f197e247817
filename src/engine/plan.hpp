// SPDX-License-Identifier: Apache-2.0
// How a specialized graph is run. There are two ways: a static plan (static_plan.hpp), where every tensor has its place
// in one arena before the first run, and a dynamic one (dynamic_plan.hpp) for graphs whose shapes depend on values.
// Internal to this folder; users have Session.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <memory_resource>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "engine/native/build.hpp"
#include "graph/graph.hpp"
#include "kernels/aligned.hpp"
#include "ports/clock.hpp"

namespace lichen::engine {

// What a model may claim, whatever its file says.
inline constexpr std::size_t kArenaBytesMax = std::size_t{256} << 20;   // activations and scratch
inline constexpr std::size_t kPackedBytesMax = std::size_t{512} << 20;  // weights as kernels want them

struct RunOptions {
  // Both are looked at between nodes; a run that ends early leaves the outputs worth nothing.
  const std::atomic<bool>* cancelled = nullptr;  // true: end with kUnavailable
  const ports::Clock* clock = nullptr;
  TimeNs deadline_ns = 0;  // with a clock: end with kDeadlineExceeded once it is past; 0: none
  bool profile = false;    // with a clock: measure each node (NodeProfile::last_ns)
};

struct NodeProfile {
  std::string name;
  std::string op;                             // "Conv2D"
  std::string kernel;                         // "conv2d i8 avx2"; empty: chosen when it first runs
  tensor::DType dtype = tensor::DType::kF32;  // of its first output
  std::int64_t macs = 0;
  std::int64_t operations = 0;    // macs, or element operations
  std::int64_t output_bytes = 0;  // of all outputs
  std::int64_t last_ns = 0;       // of the last run with RunOptions::profile
};

// The state of a model's variables. They outlive plans: a new shape of an input does not reset them.
class VariableStore {
 public:
  explicit VariableStore(const graph::Graph& graph);
  void reset();
  [[nodiscard]] std::byte* at(std::int32_t variable) { return values_[static_cast<std::size_t>(variable)].data(); }

 private:
  std::vector<graph::Variable> variables_;
  std::vector<kernels::AlignedVector<std::byte>> values_;
};

// What a plan needs beside its graph.
struct PlanContext {
  kernels::CpuFeatures cpu;
  XnnpackUse xnnpack;
  bool inexact_i8;
  kernels::Threads& threads;
  VariableStore& variables;
  // Told of constants that nobody reads any more once the plan is made: all their readers hold them. May be empty.
  std::function<void(graph::TensorId)> packed;
  std::pmr::memory_resource* packed_memory = nullptr;  // of weights that are packed while the plan is made; null: the heap
};

class Plan {
 public:
  virtual ~Plan();
  [[nodiscard]] virtual Result<void> run(const RunOptions& options) = 0;
  [[nodiscard]] virtual std::span<std::byte> input(std::size_t i) = 0;
  [[nodiscard]] virtual std::span<const std::byte> output(std::size_t i) const = 0;
  [[nodiscard]] virtual const tensor::TensorSpec& output_spec(std::size_t i) const = 0;
  [[nodiscard]] virtual std::size_t arena_bytes() const = 0;
  [[nodiscard]] virtual std::size_t packed_bytes() const = 0;
  [[nodiscard]] virtual std::span<const NodeProfile> nodes() const = 0;
};

[[nodiscard]] inline BuildContext build_context(const PlanContext& plan, const graph::NodeView& node,
                                                PackBudget& budget) {
  return {node, plan.cpu, budget, plan.xnnpack, plan.inexact_i8};
}

// Should the run go on before its next node?
[[nodiscard]] Result<void> may_go_on(const RunOptions& options, std::string_view model);

// An error of a builder or a step, with the node it is about.
[[nodiscard]] Error placed(const graph::Graph& graph, std::size_t at, Error error);

// The step that copies a variable in or out.
[[nodiscard]] std::unique_ptr<Step> copy_step(const graph::Graph& graph, const graph::Node& node);
[[nodiscard]] bool is_variable_op(graph::Op op);

[[nodiscard]] NodeProfile profile_of(const graph::Graph& graph, const graph::Node& node, const Step* step);

}  // namespace lichen::engine
