// SPDX-License-Identifier: Apache-2.0
// Shapes, and the name, type and shape of a tensor without its data.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>

#include "base/error.hpp"
#include "tensor/dtype.hpp"

namespace lichen::tensor {

inline constexpr std::size_t kRankMax = 8;
inline constexpr std::int64_t kElementsMax = std::int64_t{1} << 31;

// Up to kRankMax dimensions, outermost first. A dimension is never negative. A shape may also be unknown altogether:
// that of a tensor whose sizes depend on values; nothing but known(), to_text() and == may be asked of it.
class Shape {
 public:
  Shape() = default;
  [[nodiscard]] static Shape unknown();
  Shape(std::initializer_list<std::int64_t> dims) : Shape(std::span(dims.begin(), dims.size())) {}
  explicit Shape(std::span<const std::int64_t> dims);  // asserts rank and signs: check outside data with make()

  // The shape, or why it cannot be one (rank above kRankMax, a negative dimension, more than kElementsMax elements).
  static Result<Shape> make(std::span<const std::int64_t> dims, std::string_view where);

  [[nodiscard]] bool known() const { return rank_ != kUnknownRank; }
  [[nodiscard]] std::size_t rank() const { return rank_; }
  [[nodiscard]] std::int64_t operator[](std::size_t axis) const { return dims_[axis]; }
  [[nodiscard]] std::span<const std::int64_t> dims() const { return {dims_.data(), rank_}; }
  [[nodiscard]] std::int64_t elements() const;  // 1 for a scalar

  friend bool operator==(const Shape& a, const Shape& b) { return a.rank_ == b.rank_ && a.dims_ == b.dims_; }
  [[nodiscard]] std::string to_text() const;  // "[1, 8, 8, 1]"; "[?]" where it is unknown

 private:
  static constexpr std::size_t kUnknownRank = 255;
  std::array<std::int64_t, kRankMax> dims_{};  // beyond rank_: zero
  std::size_t rank_ = 0;
};

struct TensorSpec {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;

  [[nodiscard]] std::size_t bytes() const { return static_cast<std::size_t>(shape.elements()) * size_of(dtype); }
};

// Bytes of all of them together, dense and in order: the layout in which requests and answers travel.
[[nodiscard]] std::size_t bytes_of_all(std::span<const TensorSpec> specs);

}  // namespace lichen::tensor
