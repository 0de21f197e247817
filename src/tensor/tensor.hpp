// SPDX-License-Identifier: Apache-2.0
// The bytes of a tensor, either owned or borrowed; never changed. Weights are borrowed from the mapped model file, which
// must outlive them; tensors made in memory own theirs. Copies are cheap.
//
// Weights that a file does not align, or that a rewrite scaled, are made when their bytes are first asked for: most are
// only ever packed, and who packs reads them as they are stored, so that they are written to memory once. Safe to ask for
// from several threads.
#pragma once

#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>

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

  // As borrow(), for bytes of any alignment.
  [[nodiscard]] static Data borrow_unaligned(ByteView bytes);
  // f32 elements, of which element i is times scales[i / run % scales.size()].
  [[nodiscard]] static Data scaled(Data from, std::vector<float> scales, std::size_t run);

  [[nodiscard]] ByteView bytes() const { return made_ ? made() : owned_ ? ByteView(*owned_) : borrowed_; }
  // Of bytes(), without making them.
  [[nodiscard]] std::size_t size() const { return stored().bytes.size(); }
  [[nodiscard]] bool is_aligned_to(std::size_t alignment) const {
    return made_ || reinterpret_cast<std::uintptr_t>(bytes().data()) % alignment == 0;
  }

  // What bytes() are made of: bytes of any alignment, and what they are times, as in scaled(); no scales: they are the same.
  struct Stored {
    ByteView bytes;
    std::span<const float> scales;
    std::size_t run = 1;
  };
  [[nodiscard]] Stored stored() const;

  // As elements; the bytes must be aligned for T (owned ones are, borrowed ones are checked by the reader).
  template <typename T>
  [[nodiscard]] std::span<const T> as() const {
    const ByteView view = bytes();
    LICHEN_ASSERT(reinterpret_cast<std::uintptr_t>(view.data()) % alignof(T) == 0);
    return {reinterpret_cast<const T*>(view.data()), view.size() / sizeof(T)};
  }

 private:
  struct Made;
  [[nodiscard]] ByteView made() const;

  std::shared_ptr<const Bytes> owned_;  // by all copies: a rewritten graph has the weights of the one that it came from
  std::shared_ptr<const Made> made_;    // by all copies: they are made once
  ByteView borrowed_;
};

// A tensor with its values, owned: what tools and tests pass around.
struct Tensor {
  TensorSpec spec;
  Data data;
};

}  // namespace lichen::tensor
