// SPDX-License-Identifier: Apache-2.0
// The bytes of a tensor, either owned or borrowed; never changed. Weights are borrowed from the mapped model file, which
// must outlive them; tensors made in memory own theirs. Copies are cheap.
#pragma once

#include <cstring>
#include <memory>
#include <span>
#include <utility>

#include "base/assert.hpp"
#include "base/bytes.hpp"
#include "tensor/spec.hpp"

namespace lichen::tensor {

class Data {
 public:
  Data() = default;
  [[nodiscard]] static Data borrow(ByteView bytes) {
    Data data;
    data.borrowed_ = bytes;
    return data;
  }
  [[nodiscard]] static Data own(Bytes bytes) {
    Data data;
    data.owned_ = std::make_shared<const Bytes>(std::move(bytes));
    return data;
  }
  template <typename T>
  [[nodiscard]] static Data copy_of(std::span<const T> values) {
    const ByteView bytes = std::as_bytes(values);
    return own(Bytes(bytes.begin(), bytes.end()));
  }

  [[nodiscard]] ByteView bytes() const { return owned_ ? ByteView(*owned_) : borrowed_; }

  // As elements; the bytes must be aligned for T (owned ones are, borrowed ones are checked by the reader).
  template <typename T>
  [[nodiscard]] std::span<const T> as() const {
    const ByteView view = bytes();
    LICHEN_ASSERT(reinterpret_cast<std::uintptr_t>(view.data()) % alignof(T) == 0);
    return {reinterpret_cast<const T*>(view.data()), view.size() / sizeof(T)};
  }

 private:
  std::shared_ptr<const Bytes> owned_;  // by all copies: a rewritten graph has the weights of the one that it came from
  ByteView borrowed_;
};

// A tensor with its values, owned: what tools and tests pass around.
struct Tensor {
  TensorSpec spec;
  Data data;
};

}  // namespace lichen::tensor
