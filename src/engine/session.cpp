// SPDX-License-Identifier: Apache-2.0
#include "engine/session.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "engine/dynamic_plan.hpp"
#include "engine/specialize.hpp"
#include "engine/static_plan.hpp"
#include "graph/verify.hpp"

namespace lichen::engine {
namespace {

bool knows_all_shapes(const graph::Graph& graph) {
  return std::ranges::all_of(graph.tensors, [](const graph::Tensor& t) { return t.spec.shape.known(); }) &&
         std::ranges::none_of(graph.nodes, [](const graph::Node& n) { return n.op == graph::Op::kIf; });
}

}  // namespace

Session::Session(graph::Graph graph, const SessionOptions& options)
    : model_(std::move(graph)),
      options_(options),
      threads_(std::make_unique<kernels::Threads>(options.threads)),
      variables_(model_) {}

Session::~Session() = default;

Result<std::unique_ptr<Session>> Session::create(graph::Graph graph, const SessionOptions& options) {
  if (options.threads < 1 || options.threads > kernels::kThreadsMax) {
    return fail(Code::kUnsupported, "cannot plan model", graph.name, fmt::format("{} threads", options.threads),
                fmt::format("use 1 to {} threads", kernels::kThreadsMax));
  }
  if (options.cpu && !has(kernels::detect_cpu(), *options.cpu)) {
    return fail(Code::kUnsupported, "cannot plan model", graph.name, "this CPU lacks what its kernels are to use",
                "leave SessionOptions::cpu empty");
  }
  LICHEN_TRY(graph::verify(graph));
  std::unique_ptr<Session> session(new Session(std::move(graph), options));
  LICHEN_TRY(session->plan(options.input_shapes));
  return session;
}

Result<void> Session::plan(std::span<const tensor::Shape> input_shapes) {
  const kernels::CpuFeatures cpu = options_.reference_kernels_only ? kernels::CpuFeatures{}
                                                                    : options_.cpu.value_or(kernels::detect_cpu());
  auto graph = LICHEN_TRY(specialized(input_shapes));
  const XnnpackUse xnnpack = options_.reference_kernels_only ? XnnpackUse::kNever : options_.xnnpack;
  const PlanContext context{cpu, xnnpack, options_.inexact_i8, *threads_, variables_,
                            [this, planned = graph.get()](graph::TensorId id) { let_go(*planned, id); },
                            options_.packed_memory};
  bool is_static = knows_all_shapes(*graph);
  std::unique_ptr<Plan> plan;
  if (is_static) {
    auto made = StaticPlan::create(*graph, context);
    if (made) {
      plan = *std::move(made);
    } else if (made.error().code == Code::kUnavailable) {
      is_static = false;  // a kernel must know values that only a run has
      if (options_.read_again) *graph = std::move(*LICHEN_TRY(specialized(input_shapes)));  // what was let go is needed
    } else {
      return std::unexpected(std::move(made).error());
    }
  }
  if (!is_static) plan = LICHEN_TRY(DynamicPlan::create(*graph, context));
  plan_ = std::move(plan);
  planned_ = std::move(graph);
  is_static_ = is_static;
  take_infos();
  return {};
}

Result<std::unique_ptr<graph::Graph>> Session::specialized(std::span<const tensor::Shape> input_shapes) {
  if (options_.read_again && model_.outputs.empty()) model_ = LICHEN_TRY(options_.read_again());
  auto graph = std::make_unique<graph::Graph>(
      LICHEN_TRY(specialize(model_, {.input_shapes = input_shapes, .rewrite = options_.rewrite})));
  if (options_.read_again) model_ = {};
  return graph;
}

void Session::let_go(graph::Graph& graph, graph::TensorId id) const {
  tensor::Data& constant = *graph.tensor(id).constant;
  if (options_.packed) options_.packed(constant.stored().bytes);
  if (options_.read_again) constant = {};
}

void Session::take_infos() {
  inputs_.clear();
  outputs_.clear();
  for (const graph::TensorId id : planned_->inputs)
    inputs_.push_back({planned_->tensor(id).spec, planned_->tensor(id).quantization});
  for (const graph::TensorId id : planned_->outputs)
    outputs_.push_back({planned_->tensor(id).spec, planned_->tensor(id).quantization});
}

Result<void> Session::resize(std::span<const tensor::Shape> input_shapes) {
  return plan(input_shapes);
}

std::span<std::byte> Session::input(std::size_t i) {
  LICHEN_ASSERT(i < inputs_.size());
  return plan_->input(i);
}

std::span<const std::byte> Session::output(std::size_t i) const {
  LICHEN_ASSERT(i < outputs_.size());
  return plan_->output(i);
}

Result<void> Session::run(const RunOptions& options) {
  LICHEN_TRY(plan_->run(options));
  if (is_static_) return {};
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const tensor::TensorSpec& spec = plan_->output_spec(i);
    outputs_[i].spec.dtype = spec.dtype;
    outputs_[i].spec.shape = spec.shape;
  }
  return {};
}

void Session::reset_state() {
  variables_.reset();
}

}  // namespace lichen::engine
