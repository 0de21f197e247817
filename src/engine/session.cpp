// SPDX-License-Identifier: Apache-2.0
#include "engine/session.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "engine/planner.hpp"
#include "graph/ops/schema.hpp"
#include "graph/print.hpp"
#include "graph/verify.hpp"

namespace lichen::engine {
namespace {

constexpr std::size_t kNoBlock = static_cast<std::size_t>(-1);

// Where each tensor's life begins and ends, in steps; inputs and outputs of the graph live throughout.
struct Lives {
  std::vector<Block> blocks;
  std::vector<std::size_t> block_of;  // by tensor; kNoBlock: needs no memory
};

class LifeRecorder {
 public:
  explicit LifeRecorder(const graph::Graph& graph) : graph_(graph) {
    lives_.block_of.assign(graph.tensors.size(), kNoBlock);
  }

  void begin(graph::TensorId id, std::size_t step) {
    auto& block = lives_.block_of[static_cast<std::size_t>(id)];
    if (block != kNoBlock || graph_.tensor(id).constant) return;
    block = lives_.blocks.size();
    lives_.blocks.push_back({graph_.tensor(id).spec.bytes(), step, step});
  }
  void use(graph::TensorId id, std::size_t step) {
    if (id == graph::kNoTensor) return;
    const std::size_t block = lives_.block_of[static_cast<std::size_t>(id)];
    if (block != kNoBlock) lives_.blocks[block].last_step = std::max(lives_.blocks[block].last_step, step);
  }
  [[nodiscard]] Lives take() { return std::move(lives_); }

 private:
  const graph::Graph& graph_;
  Lives lives_;
};

Lives lives_of(const graph::Graph& graph) {
  LifeRecorder recorder(graph);
  const std::size_t end = graph.nodes.size();
  for (const graph::TensorId id : graph.inputs) recorder.begin(id, 0);
  for (std::size_t step = 0; step < graph.nodes.size(); ++step) {
    for (const graph::TensorId id : graph.nodes[step].outputs) recorder.begin(id, step);
    for (const graph::TensorId id : graph.nodes[step].inputs) recorder.use(id, step);
  }
  for (const graph::TensorId id : graph.inputs) recorder.use(id, end);
  for (const graph::TensorId id : graph.outputs) recorder.use(id, end);
  return recorder.take();
}

TensorInfo info_of(const graph::Tensor& tensor) {
  return {tensor.spec, tensor.quantization};
}

}  // namespace

void Session::ArenaDeleter::operator()(std::byte* arena) const {
  ::operator delete[](arena, std::align_val_t{kArenaAlign});
}

Session::~Session() = default;

Result<std::unique_ptr<Session>> Session::create(const graph::Graph& graph, const SessionOptions& options) {
  if (options.threads < 1 || options.threads > kernels::kThreadsMax) {
    return fail(Code::kUnsupported, "cannot plan model", graph.name, fmt::format("{} threads", options.threads),
                fmt::format("use 1 to {}", kernels::kThreadsMax));
  }
  if (options.cpu && !has(kernels::detect_cpu(), *options.cpu)) {
    return fail(Code::kUnsupported, "cannot plan model", graph.name, "instructions that this CPU does not have",
                "leave SessionOptions::cpu empty");
  }
  LICHEN_TRY(graph::verify(graph));
  std::unique_ptr<Session> session(new Session(graph));
  session->threads_ = std::make_unique<kernels::Threads>(options.threads);
  LICHEN_TRY(session->build_steps(options));
  LICHEN_TRY(session->plan_memory());
  for (const graph::TensorId id : graph.inputs) session->inputs_.push_back(info_of(graph.tensor(id)));
  for (const graph::TensorId id : graph.outputs) session->outputs_.push_back(info_of(graph.tensor(id)));
  return session;
}

Result<void> Session::build_steps(const SessionOptions& options) {
  const kernels::CpuFeatures cpu = options.reference_kernels_only ? kernels::CpuFeatures{}
                                                                   : options.cpu.value_or(kernels::detect_cpu());
  const XnnpackUse xnnpack = options.reference_kernels_only ? XnnpackUse::kNever : options.xnnpack;
  PackBudget budget(kPackedBytesMax);
  for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
    const graph::Node& node = graph_.nodes[i];
    const std::string_view op = graph::schema_of(node.op).name;
    auto step = build_step({graph::NodeView(graph_, node), cpu, budget, xnnpack, options.inexact_i8});
    if (!step) {
      Error error = std::move(step).error();
      error.what = "cannot plan model";
      error.where = fmt::format("{}, node {} {} '{}'{}{}", graph_.name, i, op, node.name,
                                error.where.empty() ? "" : ", ", error.where);
      return std::unexpected(std::move(error));
    }
    nodes_.push_back({node.name, std::string(op), std::string((*step)->kernel()), graph::macs_of(graph_, node)});
    calls_.push_back({*std::move(step), {}, {}, nullptr});
  }
  packed_bytes_ = budget.used();
  return {};
}

Result<void> Session::plan_memory() {
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
  return {};
}

void Session::bind(std::span<const std::size_t> tensor_blocks, std::span<const std::size_t> offsets) {
  places_.assign(graph_.tensors.size(), nullptr);
  for (std::size_t i = 0; i < tensor_blocks.size(); ++i) {
    if (tensor_blocks[i] != kNoBlock) places_[i] = arena_.get() + offsets[tensor_blocks[i]];
  }
  for (std::size_t step = 0; step < calls_.size(); ++step) {
    const graph::Node& node = graph_.nodes[step];
    for (const graph::TensorId id : node.inputs) {
      const bool constant = id != graph::kNoTensor && graph_.tensor(id).constant;
      calls_[step].inputs.push_back(constant ? graph_.tensor(id).constant->bytes().data() : place_of(id));
    }
    for (const graph::TensorId id : node.outputs) calls_[step].outputs.push_back(place_of(id));
  }
}

std::byte* Session::place_of(graph::TensorId id) const {
  return id == graph::kNoTensor ? nullptr : places_[static_cast<std::size_t>(id)];
}

std::span<std::byte> Session::input(std::size_t i) {
  LICHEN_ASSERT(i < inputs_.size());
  return {place_of(graph_.inputs[i]), inputs_[i].spec.bytes()};
}

std::span<const std::byte> Session::output(std::size_t i) const {
  LICHEN_ASSERT(i < outputs_.size());
  const graph::Tensor& tensor = graph_.tensor(graph_.outputs[i]);
  if (tensor.constant) return tensor.constant->bytes();
  return {place_of(graph_.outputs[i]), tensor.spec.bytes()};
}

Result<void> Session::run() {
  StepReport report;
  for (std::size_t i = 0; i < calls_.size(); ++i) {
    const Call& call = calls_[i];
    call.step->run({call.inputs, call.outputs, call.scratch, threads_.get(), &report});
    if (report.trouble != nullptr)
      return fail(Code::kBadInput, "cannot run model", fmt::format("{}, {}", graph_.name, graph::where_of(graph_, i)),
                  report.trouble);
  }
  return {};
}

}  // namespace lichen::engine
