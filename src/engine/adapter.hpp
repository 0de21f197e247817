// SPDX-License-Identifier: Apache-2.0
// Answers a contract with a model whose own tensors have other types: a contract in f32 on a model in i8 or u8 is
// quantized on the way in and dequantized on the way out; on a model in f16, narrowed and widened. Tensors are matched by
// position and must hold equally many elements; equal types are copied.
#pragma once

#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "engine/session.hpp"
#include "tensor/spec.hpp"

namespace lichen::engine {

class Adapter {
 public:
  // Refuses counts, sizes or types that do not go together (kBadInput, kUnsupported), naming the tensor.
  static Result<Adapter> create(const Session& session, std::span<const tensor::TensorSpec> contract_inputs,
                                std::span<const tensor::TensorSpec> contract_outputs);

  // Fills the session's inputs. `request` is all contract inputs, dense and in order. f32 to i8 / u8 rounds halves
  // away from zero and saturates; NaN is refused, naming tensor and element.
  [[nodiscard]] Result<void> load(ByteView request, Session& session) const;

  // Reads the session's outputs into `answer`: answer_bytes() of them.
  void store(const Session& session, std::span<std::byte> answer) const;

  [[nodiscard]] std::size_t request_bytes() const { return request_bytes_; }
  [[nodiscard]] std::size_t answer_bytes() const { return answer_bytes_; }

 private:
  struct Port {
    tensor::TensorSpec contract;
    tensor::DType model_dtype = tensor::DType::kF32;
    float scale = 1.0F;
    std::int32_t zero_point = 0;
    std::size_t elements = 0;
  };
  static Result<std::vector<Port>> ports_of(std::span<const TensorInfo> model,
                                            std::span<const tensor::TensorSpec> contract, std::string_view side);

  std::vector<Port> inputs_;
  std::vector<Port> outputs_;
  std::size_t request_bytes_ = 0;
  std::size_t answer_bytes_ = 0;
};

}  // namespace lichen::engine
