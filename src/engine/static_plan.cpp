// SPDX-License-Identifier: Apache-2.0
#include "engine/static_plan.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "engine/lives.hpp"
#include "engine/planner.hpp"
#include "graph/verify.hpp"

namespace lichen::engine {

void StaticPlan::ArenaDeleter::operator()(std::byte* arena) const {
  ::operator delete[](arena, std::align_val_t{kArenaAlign});
}

StaticPlan::~StaticPlan() = default;

Result<std::unique_ptr<Plan>> StaticPlan::create(const graph::Graph& graph, const PlanContext& context) {
  std::unique_ptr<StaticPlan> plan(new StaticPlan(graph, context));
  LICHEN_TRY(plan->build_steps());
  LICHEN_TRY(plan->plan_memory());
  return plan;
}

Result<void> StaticPlan::build_steps() {
  PackBudget budget(kPackedBytesMax);
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    const graph::Node& node = graph_.nodes[i];
    std::unique_ptr<Step> step;
    if (is_variable_op(node.op)) {
      step = copy_step(graph_, node);
    } else {
      graph::KnownValues values;
      auto built = build_step(build_context(context_, graph::NodeView(graph_, node, &values), budget));
      if (!built) {
        Error error = placed(graph_, i, std::move(built).error());
        if (values.missing) error.code = Code::kUnavailable;
        return std::unexpected(std::move(error));
      }
      step = *std::move(built);
    }
    nodes_.push_back(profile_of(graph_, node, step.get()));
    calls_.push_back({std::move(step), {}, {}, nullptr, i});
  }
  packed_bytes_ = budget.used();
  return {};
}

Result<void> StaticPlan::plan_memory() {
  Lives lives = lives_of(graph_);
  const std::size_t scratch_first = lives.blocks.size();
  for (std::size_t step = 0; step < calls_.size(); ++step)
    lives.blocks.push_back({calls_[step].step->scratch_bytes(), step, step});
  const Placement placement = place(lives.blocks);
  if (placement.total_bytes > kArenaBytesMax) {
    return fail(Code::kExhausted, "cannot plan model", graph_.name,
                fmt::format("its activations need {} bytes, the limit is {}", placement.total_bytes, kArenaBytesMax));
  }
  arena_bytes_ = placement.total_bytes + kArenaAlign;  // vector kernels may read beyond the end of the last tensor
  arena_.reset(new (std::align_val_t{kArenaAlign}, std::nothrow) std::byte[arena_bytes_]);
  if (arena_ == nullptr)
    return fail(Code::kExhausted, "cannot plan model", graph_.name,
                fmt::format("no memory for {} bytes", arena_bytes_));
  std::memset(arena_.get(), 0, arena_bytes_);
  bind(lives.block_of, placement.offsets);
  for (std::size_t step = 0; step < calls_.size(); ++step)
    calls_[step].scratch = arena_.get() + placement.offsets[scratch_first + step];
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (lives.is_view[i]) nodes_[i].kernel = "view";
  }
  std::erase_if(calls_, [&](const Call& call) { return lives.is_view[call.node]; });
  return {};
}

void StaticPlan::bind(std::span<const std::size_t> block_of, std::span<const std::size_t> offsets) {
  places_.assign(graph_.tensors.size(), nullptr);
  for (std::size_t i = 0; i < block_of.size(); ++i) {
    if (block_of[i] != kNoBlock) places_[i] = arena_.get() + offsets[block_of[i]];
  }
  for (Call& call : calls_) {
    const graph::Node& node = graph_.nodes[call.node];
    for (const graph::TensorId id : node.inputs) {
      const bool constant = id != graph::kNoTensor && graph_.tensor(id).constant;
      call.inputs.push_back(constant ? graph_.tensor(id).constant->bytes().data() : place_of(id));
    }
    for (const graph::TensorId id : node.outputs) call.outputs.push_back(place_of(id));
    if (!is_variable_op(node.op)) continue;
    std::byte* variable = context_.variables.at(std::get<graph::VariableAttributes>(node.attributes).variable);
    if (node.op == graph::Op::kReadVariable) {
      call.inputs.assign(1, variable);
    } else {
      call.outputs.assign(1, variable);
    }
  }
}

std::byte* StaticPlan::place_of(graph::TensorId id) const {
  return id == graph::kNoTensor ? nullptr : places_[static_cast<std::size_t>(id)];
}

std::span<std::byte> StaticPlan::input(std::size_t i) {
  return {place_of(graph_.inputs[i]), graph_.tensor(graph_.inputs[i]).spec.bytes()};
}

std::span<const std::byte> StaticPlan::output(std::size_t i) const {
  const graph::Tensor& tensor = graph_.tensor(graph_.outputs[i]);
  if (tensor.constant) return tensor.constant->bytes();
  return {place_of(graph_.outputs[i]), tensor.spec.bytes()};
}

const tensor::TensorSpec& StaticPlan::output_spec(std::size_t i) const {
  return graph_.tensor(graph_.outputs[i]).spec;
}

Result<void> StaticPlan::run(const RunOptions& options) {
  return run_calls(options);
}

Result<void> StaticPlan::run_calls(const RunOptions& options) {
  const bool profiles = options.profile && options.clock != nullptr;
  StepReport report;
  for (const Call& call : calls_) {
    LICHEN_TRY(may_go_on(options, graph_.name));
    const TimeNs began = profiles ? options.clock->now_ns() : 0;
    call.step->run({call.inputs, call.outputs, call.scratch, &context_.threads, &report});
    if (profiles) nodes_[call.node].last_ns = options.clock->now_ns() - began;
    if (report.trouble != nullptr)
      return fail(Code::kBadInput, "cannot run model",
                  fmt::format("{}, {}", graph_.name, graph::where_of(graph_, call.node)), report.trouble);
  }
  return {};
}

}  // namespace lichen::engine
