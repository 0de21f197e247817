// SPDX-License-Identifier: Apache-2.0
// Our own kernels as steps of a plan: for each op one builder (native/<op>.cpp) that checks what the kernel cannot do,
// packs weights, and returns the step.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "graph/ops/schema.hpp"
#include "kernels/cpu.hpp"
#include "kernels/rows.hpp"
#include "kernels/threads.hpp"

namespace lichen::engine {

// What a step has to say beside its outputs.
struct StepReport {
  const char* trouble = nullptr;  // why the outputs are worth nothing: text of static duration, or null
  std::array<tensor::Shape, 4> shapes{};  // of outputs whose size only the kernel knows (OutputType::bound)
};

// The memory of one call. Constant inputs are there too; packed ones need not be read.
struct StepBuffers {
  std::span<const std::byte* const> inputs;  // null where an optional input is absent
  std::span<std::byte* const> outputs;       // null where nobody wants it
  std::byte* scratch = nullptr;  // scratch_bytes() of them, aligned to kArenaAlign
  kernels::Threads* threads = nullptr;  // never null in a run
  StepReport* report = nullptr;         // never null in a run
  std::ptrdiff_t row_bytes = 0;  // from row to row of output 0, for steps that allow it (Outputs::kRows); 0: it is dense

  template <typename T>
  [[nodiscard]] const T* in(std::size_t i) const {
    return i < inputs.size() ? reinterpret_cast<const T*>(inputs[i]) : nullptr;
  }
  template <typename T>
  [[nodiscard]] T* out(std::size_t i = 0) const {
    return i < outputs.size() ? reinterpret_cast<T*>(outputs[i]) : nullptr;
  }
  // Output 0 as rows of so many elements.
  template <typename T>
  [[nodiscard]] kernels::Rows<T> rows(std::ptrdiff_t width) const {
    return {out<T>(), row_bytes == 0 ? width : row_bytes / static_cast<std::ptrdiff_t>(sizeof(T))};
  }
};

// For steps whose inputs may hold values that cannot be computed with, such as indices out of range.
inline void refuse(const StepBuffers& buffers, const char* trouble) {
  buffers.report->trouble = trouble;
}

// How a step can write its outputs: kRows also writes rows (along the last axis) of output 0 that lie further apart than
// they are long, and leaves what is between them as it is.
enum class Outputs : std::uint8_t { kDense, kRows };

class Step {
 public:
  Step(std::string_view kernel, std::size_t scratch_bytes, Outputs outputs = Outputs::kDense)
      : kernel_(kernel), scratch_bytes_(scratch_bytes), outputs_(outputs) {}
  virtual ~Step();
  virtual void run(const StepBuffers& buffers) const = 0;
  [[nodiscard]] std::string_view kernel() const { return kernel_; }  // "conv2d i8 avx2": text of static duration
  [[nodiscard]] bool is_reference() const { return kernel_.ends_with(" reference"); }
  [[nodiscard]] std::size_t scratch_bytes() const { return scratch_bytes_; }
  [[nodiscard]] bool spaces_rows() const { return outputs_ == Outputs::kRows; }

 private:
  std::string_view kernel_;
  std::size_t scratch_bytes_;
  Outputs outputs_;
};

// A step from a function of StepBuffers, which owns what it captured.
template <typename F>
class FunctionStep final : public Step {
 public:
  FunctionStep(std::string_view kernel, std::size_t scratch_bytes, F function, Outputs outputs)
      : Step(kernel, scratch_bytes, outputs), function_(std::move(function)) {}
  void run(const StepBuffers& buffers) const override { function_(buffers); }

 private:
  F function_;
};

template <typename F>
[[nodiscard]] std::unique_ptr<Step> make_step(std::string_view kernel, std::size_t scratch_bytes, F function,
                                              Outputs outputs = Outputs::kDense) {
  return std::make_unique<FunctionStep<F>>(kernel, scratch_bytes, std::move(function), outputs);
}

// How much packed weights may still take; asked before they are allocated.
class PackBudget {
 public:
  explicit PackBudget(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  [[nodiscard]] Result<void> take(std::size_t bytes);
  [[nodiscard]] std::size_t used() const { return used_; }

 private:
  std::size_t bytes_max_;
  std::size_t used_ = 0;
};

// When XNNPACK's operators are taken (engine/backends/xnnpack), where they are built in.
enum class XnnpackUse : std::uint8_t {
  kNever,
  kWhereNoneOfOurs,  // instead of reference kernels
  kPreferred,        // before our own kernels, for comparison
};

struct BuildContext {
  graph::NodeView node;
  kernels::CpuFeatures cpu;
  PackBudget& budget;
  XnnpackUse xnnpack = XnnpackUse::kNever;
  bool inexact_i8 = false;  // integer kernels within 1 LSB of the exact answer will do
};

using StepResult = Result<std::unique_ptr<Step>>;

// The step of our own kernels, or of XNNPACK where the context says so and it has one. Asks for known types and shapes.
// A constant input may be packed; one that is not must be read when the step runs.
[[nodiscard]] StepResult build_step(const BuildContext& context);

// Is there a builder for this op at all?
[[nodiscard]] bool has_kernel(graph::Op op);

}  // namespace lichen::engine
