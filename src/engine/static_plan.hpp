// SPDX-License-Identifier: Apache-2.0
// A plan for a graph whose shapes are all known: every node has its kernel, every tensor its place in one arena, weights
// are packed. A run allocates nothing. Tensors that are only another view of one (Reshape and the like) share its place,
// elementwise nodes write over an input that nobody reads any more, and what a Concat puts one after the other is made
// there (lives.hpp).
#pragma once

#include "engine/lives.hpp"
#include "engine/plan.hpp"
#include "engine/planner.hpp"

namespace lichen::engine {

class StaticPlan final : public Plan {
 public:
  // The graph, and what it borrows, must outlive the plan. kUnavailable: a kernel must know values that only a run has.
  static Result<std::unique_ptr<Plan>> create(const graph::Graph& graph, const PlanContext& context);
  ~StaticPlan() override;

  [[nodiscard]] Result<void> run(const RunOptions& options) override;
  [[nodiscard]] std::span<std::byte> input(std::size_t i) override;
  [[nodiscard]] std::span<const std::byte> output(std::size_t i) const override;
  [[nodiscard]] const tensor::TensorSpec& output_spec(std::size_t i) const override;
  [[nodiscard]] std::size_t arena_bytes() const override { return arena_bytes_; }
  [[nodiscard]] std::size_t packed_bytes() const override { return packed_bytes_; }
  [[nodiscard]] std::span<const NodeProfile> nodes() const override { return nodes_; }

 private:
  struct Call {  // one node, bound to its memory
    std::unique_ptr<Step> step;
    std::vector<const std::byte*> inputs;  // null where an optional input is absent
    std::vector<std::byte*> outputs;
    std::byte* scratch = nullptr;
    std::size_t node = 0;
    std::ptrdiff_t row_bytes = 0;  // of the first output: StepBuffers::row_bytes
  };
  struct ArenaDeleter {
    void operator()(std::byte* arena) const;
  };

  StaticPlan(const graph::Graph& graph, const PlanContext& context) : graph_(graph), context_(context) {}
  Result<void> build_steps();
  [[nodiscard]] std::vector<std::size_t> readers_of_tensors() const;
  void tell_packed(const graph::Node& node, std::vector<std::size_t>& readers) const;
  Result<void> plan_memory();
  struct Layout {
    Lives lives;
    std::size_t scratch_first = 0;  // the block of the first call's scratch; those of the others follow
    Placement placement;
  };
  [[nodiscard]] Layout layout_of(Concats concats) const;
  [[nodiscard]] Layout best_layout() const;
  void bind(const Lives& lives, std::span<const std::size_t> offsets);
  void leave_joined(Call& call, const Lives& lives) const;
  [[nodiscard]] std::byte* place_of(graph::TensorId id) const;
  [[nodiscard]] Result<void> run_calls(const RunOptions& options);

  const graph::Graph& graph_;
  PlanContext context_;
  std::vector<Call> calls_;  // of the nodes that do something
  std::vector<NodeProfile> nodes_;
  std::unique_ptr<std::byte, ArenaDeleter> arena_;
  std::vector<std::byte*> places_;  // of each tensor in the arena; null: constant or unused
  std::size_t arena_bytes_ = 0;
  std::size_t packed_bytes_ = 0;
};

}  // namespace lichen::engine
