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

namespace {

// All kernels of these ops but the reference ones have weights and biases in a form of their own, made with the step: a
// run does not read the constants.
bool holds_weights(const graph::Node& node, const Step& step) {
  const bool is_layer =
      node.op == graph::Op::kConv2D || node.op == graph::Op::kDepthwiseConv2D || node.op == graph::Op::kFullyConnected;
  return is_layer && !step.is_reference();
}

}  // namespace

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
  const kernels::PackedMemoryScope memory(context_.packed_memory);
  std::vector<std::size_t> readers = readers_of_tensors();
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
    if (context_.packed && holds_weights(node, *step)) tell_packed(node, readers);
    nodes_.push_back(profile_of(graph_, node, step.get()));
    calls_.push_back({std::move(step), {}, {}, nullptr, i});
  }
  packed_bytes_ = budget.used();
  return {};
}

// Nodes and outputs of the graph.
std::vector<std::size_t> StaticPlan::readers_of_tensors() const {
  std::vector<std::size_t> readers(graph_.tensors.size(), 0);
  const auto count = [&](std::span<const graph::TensorId> ids) {
    for (const graph::TensorId id : ids) {
      if (id != graph::kNoTensor) ++readers[static_cast<std::size_t>(id)];
    }
  };
  for (const graph::Node& node : graph_.nodes) count(node.inputs);
  count(graph_.outputs);
  return readers;
}

void StaticPlan::tell_packed(const graph::Node& node, std::vector<std::size_t>& readers) const {
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    const graph::TensorId id = node.inputs[i];
    if (id == graph::kNoTensor || !graph_.tensor(id).constant) continue;
    if (--readers[static_cast<std::size_t>(id)] == 0) context_.packed(id);
  }
}

StaticPlan::Layout StaticPlan::layout_of(Concats concats) const {
  std::vector<bool> spaces_rows;
  for (const Call& call : calls_) spaces_rows.push_back(call.step->spaces_rows());
  Layout layout{lives_of(graph_, concats, spaces_rows), 0, {}};
  layout.scratch_first = layout.lives.blocks.size();
  for (std::size_t step = 0; step < calls_.size(); ++step)
    layout.lives.blocks.push_back({calls_[step].step->scratch_bytes(), step, step});
  layout.placement = place(layout.lives.blocks);
  return layout;
}

// Concats in place, unless that takes more memory.
StaticPlan::Layout StaticPlan::best_layout() const {
  Layout in_place = layout_of(Concats::kInPlace);
  if (!in_place.lives.joins) return in_place;
  Layout copied = layout_of(Concats::kCopied);
  return in_place.placement.total_bytes <= copied.placement.total_bytes ? std::move(in_place) : std::move(copied);
}

Result<void> StaticPlan::plan_memory() {
  const auto [lives, scratch_first, placement] = best_layout();
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
  bind(lives, placement.offsets);
  for (std::size_t step = 0; step < calls_.size(); ++step)
    calls_[step].scratch = arena_.get() + placement.offsets[scratch_first + step];
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (lives.is_view[i]) nodes_[i].kernel = graph_.nodes[i].op == graph::Op::kConcat ? "concat in place" : "view";
  }
  std::erase_if(calls_, [&is_view = lives.is_view](const Call& call) { return is_view[call.node]; });
  return {};
}

void StaticPlan::bind(const Lives& lives, std::span<const std::size_t> offsets) {
  places_.assign(graph_.tensors.size(), nullptr);
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (lives.block_of[i] != kNoBlock) places_[i] = arena_.get() + offsets[lives.block_of[i]] + lives.offset_of[i];
  }
  for (Call& call : calls_) {
    const graph::Node& node = graph_.nodes[call.node];
    const bool holds = holds_weights(node, *call.step);
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const graph::TensorId id = node.inputs[i];
      const bool is_read = id != graph::kNoTensor && graph_.tensor(id).constant && (i == 0 || !holds);
      call.inputs.push_back(is_read ? graph_.tensor(id).constant->bytes().data() : place_of(id));
    }
    for (const graph::TensorId id : node.outputs) call.outputs.push_back(place_of(id));
    if (!node.outputs.empty() && node.outputs[0] != graph::kNoTensor)
      call.row_bytes = static_cast<std::ptrdiff_t>(lives.row_bytes_of[static_cast<std::size_t>(node.outputs[0])]);
    if (node.op == graph::Op::kConcat && lives.joins) leave_joined(call, lives);
    if (!is_variable_op(node.op)) continue;
    std::byte* variable = context_.variables.at(std::get<graph::VariableAttributes>(node.attributes).variable);
    if (node.op == graph::Op::kReadVariable) {
      call.inputs.assign(1, variable);
    } else {
      call.outputs.assign(1, variable);
    }
  }
}

// Inputs of a Concat that were made where it wants them need not be copied there.
void StaticPlan::leave_joined(Call& call, const Lives& lives) const {
  const std::vector<bool> there = joined(graph_, graph_.nodes[call.node], lives);
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    if (there[i]) call.inputs[i] = nullptr;
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
    call.step->run({call.inputs, call.outputs, call.scratch, &context_.threads, &report, call.row_bytes});
    if (profiles) nodes_[call.node].last_ns = options.clock->now_ns() - began;
    if (report.trouble != nullptr)
      return fail(Code::kBadInput, "cannot run model",
                  fmt::format("{}, {}", graph_.name, graph::where_of(graph_, call.node)), report.trouble);
  }
  return {};
}

}  // namespace lichen::engine
