// SPDX-License-Identifier: Apache-2.0
// A model that is ready to run: every node has its kernel, every tensor its place in one arena, weights are packed.
// Plan once with create(); then fill input(), run(), read output(). run() allocates nothing and gives the same bytes
// for the same input every time. Not thread-safe: one session, one thread at a time.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "engine/native/build.hpp"
#include "graph/graph.hpp"

namespace lichen::engine {

// What a model may claim, whatever its file says.
inline constexpr std::size_t kArenaBytesMax = std::size_t{256} << 20;   // activations and scratch
inline constexpr std::size_t kPackedBytesMax = std::size_t{512} << 20;  // weights as kernels want them

struct SessionOptions {
  int threads = 1;                      // 1 to kernels::kThreadsMax, the caller among them
  bool reference_kernels_only = false;  // plain C++ kernels, for comparison
  // What kernels may use of this CPU; empty: all that it has. Asking for more than it has is an error.
  std::optional<kernels::CpuFeatures> cpu{};
  XnnpackUse xnnpack = XnnpackUse::kWhereNoneOfOurs;
  bool inexact_i8 = false;  // allows integer kernels that are within 1 LSB; their names say so
};

struct TensorInfo {
  tensor::TensorSpec spec;
  tensor::Quantization quantization;  // empty where the tensor is not quantized
};

struct NodeProfile {
  std::string name;
  std::string op;      // "Conv2D"
  std::string kernel;  // "conv2d i8 avx2"
  std::int64_t macs = 0;
};

class Session {
 public:
  // The graph, and the file that it borrows its weights from, must outlive the session. Verifies the graph.
  // kUnsupported: a combination of types or scales that no kernel computes; kExhausted: more memory than the limits.
  static Result<std::unique_ptr<Session>> create(const graph::Graph& graph, const SessionOptions& options);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] std::span<const TensorInfo> inputs() const { return inputs_; }
  [[nodiscard]] std::span<const TensorInfo> outputs() const { return outputs_; }

  // The bytes of input i, dense row-major. run() leaves them as they are.
  [[nodiscard]] std::span<std::byte> input(std::size_t i);
  // The bytes of output i; all 0 before the first run().
  [[nodiscard]] std::span<const std::byte> output(std::size_t i) const;

  [[nodiscard]] Result<void> run();

  [[nodiscard]] std::size_t arena_bytes() const { return arena_bytes_; }
  [[nodiscard]] std::size_t packed_bytes() const { return packed_bytes_; }
  [[nodiscard]] std::span<const NodeProfile> nodes() const { return nodes_; }

 private:
  struct Call {  // one node, bound to its memory
    std::unique_ptr<Step> step;
    std::vector<const std::byte*> inputs;  // null where an optional input is absent
    std::vector<std::byte*> outputs;
    std::byte* scratch = nullptr;
  };
  struct ArenaDeleter {
    void operator()(std::byte* arena) const;
  };

  explicit Session(const graph::Graph& graph) : graph_(graph) {}
  Result<void> build_steps(const SessionOptions& options);
  Result<void> plan_memory();
  void bind(std::span<const std::size_t> tensor_blocks, std::span<const std::size_t> offsets);
  [[nodiscard]] std::byte* place_of(graph::TensorId id) const;

  const graph::Graph& graph_;
  std::unique_ptr<kernels::Threads> threads_;
  std::vector<Call> calls_;
  std::vector<NodeProfile> nodes_;
  std::vector<TensorInfo> inputs_;
  std::vector<TensorInfo> outputs_;
  std::unique_ptr<std::byte, ArenaDeleter> arena_;
  std::vector<std::byte*> places_;  // of each tensor in the arena; null: constant or unused
  std::size_t arena_bytes_ = 0;
  std::size_t packed_bytes_ = 0;
};

}  // namespace lichen::engine
