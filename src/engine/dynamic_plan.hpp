// SPDX-License-Identifier: Apache-2.0
// A plan for a graph whose shapes depend on values: computed shapes and indices, branches, results of unknown size. A
// node's kernel is chosen when its input shapes are known, and kept as long as they, and the values that it was chosen
// for, stay the same; so a run like the last one plans nothing and allocates nothing. Each tensor has its own memory.
#pragma once

#include "engine/plan.hpp"

namespace lichen::engine {

class DynamicPlan final : public Plan {
 public:
  // The graph, and what it borrows, must outlive the plan. Refuses ops that have no kernel; other refusals come from
  // run(), when types are known.
  static Result<std::unique_ptr<Plan>> create(const graph::Graph& graph, const PlanContext& context);
  ~DynamicPlan() override;

  [[nodiscard]] Result<void> run(const RunOptions& options) override;
  [[nodiscard]] std::span<std::byte> input(std::size_t i) override;
  [[nodiscard]] std::span<const std::byte> output(std::size_t i) const override;
  [[nodiscard]] const tensor::TensorSpec& output_spec(std::size_t i) const override;
  [[nodiscard]] std::size_t arena_bytes() const override;
  [[nodiscard]] std::size_t packed_bytes() const override { return budget_.used(); }
  [[nodiscard]] std::span<const NodeProfile> nodes() const override { return nodes_; }

 private:
  using Memory = kernels::AlignedVector<std::byte>;
  struct Branch {
    std::unique_ptr<graph::Graph> graph;
    std::unique_ptr<DynamicPlan> plan;
  };
  struct Call {
    std::unique_ptr<Step> step;                // null: not planned yet
    std::vector<tensor::TensorSpec> inputs;    // that it was planned for (names empty)
    std::uint64_t asked = 0;                   // inputs whose values it was planned for
    std::vector<Bytes> values;                 // those, by input
    graph::OutputTypes outputs;
    Memory scratch;
    std::vector<const std::byte*> in;
    std::vector<std::byte*> out;
    Branch then_branch, else_branch;           // of If
  };

  DynamicPlan(const graph::Graph& graph, const PlanContext& context);
  Result<void> prepare();
  Result<void> run_node(std::size_t at, const RunOptions& options);
  Result<void> run_branch(std::size_t at, const RunOptions& options);
  [[nodiscard]] bool still_fits(std::size_t at) const;
  Result<void> plan_node(std::size_t at);
  Result<void> reserve(graph::TensorId id, tensor::DType dtype, const tensor::Shape& shape);
  Result<void> set(graph::TensorId id, const tensor::TensorSpec& spec, ByteView bytes);
  [[nodiscard]] ByteView bytes_of(graph::TensorId id) const;
  [[nodiscard]] const tensor::TensorSpec& spec_of(graph::TensorId id) const;

  graph::Graph graph_;  // with the shapes of this run
  PlanContext context_;
  PackBudget budget_;
  std::vector<Memory> memory_;     // by tensor
  std::vector<ByteView> values_;   // by tensor: what is computed by now
  std::vector<Call> calls_;
  std::vector<NodeProfile> nodes_;
  std::size_t memory_bytes_ = 0;
};

}  // namespace lichen::engine
