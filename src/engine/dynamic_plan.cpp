// SPDX-License-Identifier: Apache-2.0
#include "engine/dynamic_plan.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "engine/planner.hpp"
#include "graph/verify.hpp"

namespace lichen::engine {

using graph::kNoTensor;
using graph::TensorId;

namespace {

bool same(const tensor::TensorSpec& a, const tensor::TensorSpec& b) {
  return a.dtype == b.dtype && a.shape == b.shape;
}

std::size_t at(TensorId id) {
  return static_cast<std::size_t>(id);
}

}  // namespace

DynamicPlan::DynamicPlan(const graph::Graph& graph, const PlanContext& context)
    : graph_(graph), context_(context), budget_(kPackedBytesMax) {
  memory_.resize(graph_.tensors.size());
  values_.resize(graph_.tensors.size());
  calls_.resize(graph_.nodes.size());
}

DynamicPlan::~DynamicPlan() = default;

Result<std::unique_ptr<Plan>> DynamicPlan::create(const graph::Graph& graph, const PlanContext& context) {
  std::unique_ptr<DynamicPlan> plan(new DynamicPlan(graph, context));
  LICHEN_TRY(plan->prepare());
  return plan;
}

Result<void> DynamicPlan::prepare() {
  for (std::size_t i = 0; i < graph_.tensors.size(); ++i) {
    if (graph_.tensors[i].constant) values_[i] = graph_.tensors[i].constant->bytes();
  }
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    const graph::Node& node = graph_.nodes[i];
    nodes_.push_back(profile_of(graph_, node, nullptr));
    if (is_variable_op(node.op)) {
      calls_[i].step = copy_step(graph_, node);
      continue;
    }
    if (const auto* branches = std::get_if<graph::IfAttributes>(&node.attributes)) {
      for (auto [branch, body] : {std::pair{&calls_[i].then_branch, branches->then_graph},
                                  std::pair{&calls_[i].else_branch, branches->else_graph}}) {
        branch->graph = std::make_unique<graph::Graph>(graph_.subgraphs[static_cast<std::size_t>(body)]);
        branch->plan.reset(new DynamicPlan(*branch->graph, context_));
        LICHEN_TRY(branch->plan->prepare());
      }
      continue;
    }
    if (!has_kernel(node.op)) {
      return std::unexpected(placed(
          graph_, i, {Code::kUnsupported, "cannot plan model", {}, "no kernel computes this op yet", {}}));
    }
  }
  for (const TensorId id : graph_.inputs) {
    if (graph_.tensor(id).spec.shape.known()) LICHEN_TRY(reserve(id, spec_of(id).dtype, spec_of(id).shape));
  }
  return {};
}

Result<void> DynamicPlan::reserve(TensorId id, tensor::DType dtype, const tensor::Shape& shape) {
  tensor::TensorSpec& spec = graph_.tensor(id).spec;
  spec.dtype = dtype;
  spec.shape = shape;
  const std::size_t bytes = spec.bytes();
  Memory& memory = memory_[at(id)];
  if (bytes + kArenaAlign > memory.size()) {
    memory_bytes_ += bytes + kArenaAlign - memory.size();
    if (memory_bytes_ > kArenaBytesMax) {
      return fail(Code::kExhausted, "cannot run model", fmt::format("{}, tensor '{}'", graph_.name, spec.name),
                  fmt::format("its activations need more than {} bytes", kArenaBytesMax));
    }
    memory.resize(bytes + kArenaAlign);  // vector kernels may read beyond the end
  }
  if (memory.empty()) memory.resize(kArenaAlign);  // an address to point at
  values_[at(id)] = ByteView(memory.data(), bytes);
  return {};
}

Result<void> DynamicPlan::set(TensorId id, const tensor::TensorSpec& spec, ByteView bytes) {
  LICHEN_TRY(reserve(id, spec.dtype, spec.shape));
  if (!bytes.empty()) std::memcpy(memory_[at(id)].data(), bytes.data(), bytes.size());
  return {};
}

ByteView DynamicPlan::bytes_of(TensorId id) const {
  return values_[at(id)];
}

const tensor::TensorSpec& DynamicPlan::spec_of(TensorId id) const {
  return graph_.tensor(id).spec;
}

bool DynamicPlan::still_fits(std::size_t node_at) const {
  const Call& call = calls_[node_at];
  const graph::Node& node = graph_.nodes[node_at];
  if (call.step == nullptr) return false;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNoTensor) continue;
    if (!same(call.inputs[i], graph_.tensor(node.inputs[i]).spec)) return false;
    const bool asked = i < 64 && (call.asked >> i & 1) != 0;
    if (asked && !std::ranges::equal(call.values[i], bytes_of(node.inputs[i]))) return false;
  }
  return true;
}

Result<void> DynamicPlan::plan_node(std::size_t node_at) {
  Call& call = calls_[node_at];
  const graph::Node& node = graph_.nodes[node_at];
  call.step.reset();
  graph::KnownValues known{values_};
  call.outputs = LICHEN_TRY(graph::infer_node(graph_, node_at, &known));
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == kNoTensor) continue;
    if (!call.outputs[i].shape)
      return fail(Code::kInternal, "cannot run model", graph::where_of(graph_, node_at), "a shape that does not follow");
    tensor::TensorSpec& spec = graph_.tensor(node.outputs[i]).spec;
    spec.shape = *call.outputs[i].shape;
    spec.dtype = call.outputs[i].dtype;
  }
  LICHEN_TRY(graph::check_outputs(graph_, node_at));
  auto step = build_step(build_context(context_, graph::NodeView(graph_, node, &known), budget_));
  if (!step) return std::unexpected(placed(graph_, node_at, std::move(step).error()));
  call.step = *std::move(step);
  call.asked = known.asked;
  call.inputs.resize(node.inputs.size());
  call.values.resize(node.inputs.size());
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNoTensor) continue;
    const tensor::TensorSpec& spec = graph_.tensor(node.inputs[i]).spec;
    call.inputs[i] = {{}, spec.dtype, spec.shape};
    if (i < 64 && (call.asked >> i & 1) != 0) {
      const ByteView bytes = bytes_of(node.inputs[i]);
      call.values[i].assign(bytes.begin(), bytes.end());
    }
  }
  call.scratch.resize(call.step->scratch_bytes());
  nodes_[node_at] = profile_of(graph_, node, call.step.get());
  return {};
}

Result<void> DynamicPlan::run_node(std::size_t node_at, const RunOptions& options) {
  const graph::Node& node = graph_.nodes[node_at];
  Call& call = calls_[node_at];
  if (node.op == graph::Op::kIf) return run_branch(node_at, options);
  StepReport report;
  call.in.clear();
  call.out.clear();
  if (is_variable_op(node.op)) {
    std::byte* variable = context_.variables.at(std::get<graph::VariableAttributes>(node.attributes).variable);
    if (node.op == graph::Op::kReadVariable) {
      LICHEN_TRY(reserve(node.outputs[0], spec_of(node.outputs[0]).dtype, spec_of(node.outputs[0]).shape));
      call.in.push_back(variable);
      call.out.push_back(memory_[at(node.outputs[0])].data());
    } else {
      call.in.push_back(bytes_of(node.inputs[0]).data());
      call.out.push_back(variable);
    }
    call.step->run({call.in, call.out, nullptr, &context_.threads, &report});
    return {};
  }
  if (!still_fits(node_at)) LICHEN_TRY(plan_node(node_at));
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == kNoTensor) continue;
    LICHEN_TRY(reserve(node.outputs[i], call.outputs[i].dtype, *call.outputs[i].shape));
  }
  for (const TensorId id : node.inputs) call.in.push_back(id == kNoTensor ? nullptr : bytes_of(id).data());
  for (const TensorId id : node.outputs) call.out.push_back(id == kNoTensor ? nullptr : memory_[at(id)].data());
  call.step->run({call.in, call.out, call.scratch.data(), &context_.threads, &report});
  if (report.trouble != nullptr) {
    return fail(Code::kBadInput, "cannot run model",
                fmt::format("{}, {}", graph_.name, graph::where_of(graph_, node_at)), report.trouble);
  }
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == kNoTensor || !call.outputs[i].bound) continue;
    tensor::TensorSpec& spec = graph_.tensor(node.outputs[i]).spec;
    spec.shape = report.shapes[i];
    values_[at(node.outputs[i])] = ByteView(memory_[at(node.outputs[i])].data(), spec.bytes());
  }
  return {};
}

Result<void> DynamicPlan::run_branch(std::size_t node_at, const RunOptions& options) {
  const graph::Node& node = graph_.nodes[node_at];
  const tensor::TensorSpec& chooser = spec_of(node.inputs[0]);
  if (chooser.dtype != tensor::DType::kBool || chooser.shape.elements() != 1) {
    return std::unexpected(placed(graph_, node_at,
                                  {Code::kBadInput, "cannot run model", {}, "its condition is not one truth value", {}}));
  }
  const bool condition = bytes_of(node.inputs[0])[0] != std::byte{0};
  DynamicPlan& body = *(condition ? calls_[node_at].then_branch : calls_[node_at].else_branch).plan;
  for (std::size_t i = 0; i < body.graph_.inputs.size(); ++i) {
    const TensorId from = node.inputs[i + 1];
    LICHEN_TRY(body.set(body.graph_.inputs[i], spec_of(from), bytes_of(from)));
  }
  LICHEN_TRY(body.run(options));
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == kNoTensor) continue;
    const TensorId from = body.graph_.outputs[i];
    LICHEN_TRY(set(node.outputs[i], body.spec_of(from), body.bytes_of(from)));
  }
  return {};
}

Result<void> DynamicPlan::run(const RunOptions& options) {
  const bool profiles = options.profile && options.clock != nullptr;
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    LICHEN_TRY(may_go_on(options, graph_.name));
    const TimeNs began = profiles ? options.clock->now_ns() : 0;
    LICHEN_TRY(run_node(i, options));
    if (profiles) nodes_[i].last_ns = options.clock->now_ns() - began;
  }
  return {};
}

std::span<std::byte> DynamicPlan::input(std::size_t i) {
  const TensorId id = graph_.inputs[i];
  return {memory_[at(id)].data(), graph_.tensor(id).spec.bytes()};
}

std::span<const std::byte> DynamicPlan::output(std::size_t i) const {
  return bytes_of(graph_.outputs[i]);
}

const tensor::TensorSpec& DynamicPlan::output_spec(std::size_t i) const {
  return spec_of(graph_.outputs[i]);
}

std::size_t DynamicPlan::arena_bytes() const {
  std::size_t bytes = memory_bytes_;
  for (const Call& call : calls_) bytes += call.scratch.size();
  return bytes;
}

}  // namespace lichen::engine
