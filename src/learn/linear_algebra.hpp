// SPDX-License-Identifier: Apache-2.0
// The linear algebra that closed forms need, in double: covariance and the solution of symmetric positive definite
// systems. For hundreds or a few thousand unknowns; not a library.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "base/error.hpp"

namespace lichen::learn {

inline constexpr std::size_t kUnknownsMax = 4'096;  // a matrix of 128 MiB

// A symmetric matrix, [size, size]; only the lower triangle (column <= row) is read.
struct SymmetricMatrix {
  explicit SymmetricMatrix(std::size_t n) : size(n), values(n * n, 0.0) {}
  [[nodiscard]] double& at(std::size_t row, std::size_t column) { return values[row * size + column]; }
  [[nodiscard]] double at(std::size_t row, std::size_t column) const { return values[row * size + column]; }
  [[nodiscard]] double mean_diagonal() const;
  void add_to_diagonal(double value);

  std::size_t size;
  std::vector<double> values;
};

// sum over rows of (row - mean)(row - mean)^T, not divided; `rows` is [count, mean.size()].
[[nodiscard]] SymmetricMatrix scatter_of(std::span<const float> rows, std::span<const double> mean);

// L L^T = A with L lower triangular, in place of A's lower triangle (Golub and Van Loan, "Matrix Computations", 4.2).
class Cholesky {
 public:
  // kBadInput if A is not positive definite: the error names the column where that shows.
  static Result<Cholesky> factor(SymmetricMatrix a);
  // Replaces b, [size], by the x with A x = b.
  void solve(std::span<double> b) const;

 private:
  explicit Cholesky(SymmetricMatrix lower) : lower_(std::move(lower)) {}
  SymmetricMatrix lower_;
};

}  // namespace lichen::learn
