// SPDX-License-Identifier: Apache-2.0
#include "learn/linear_algebra.hpp"

#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "base/assert.hpp"

namespace lichen::learn {
namespace {

// A pivot this much smaller than the diagonal it came from is rounding, not information.
constexpr double kPivotRelativeMin = 1e-13;

// Four sums at once: the compiler may not reorder additions, so one sum alone would wait for itself.
double dot(const double* a, const double* b, std::size_t count) {
  double sum[4] = {};
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (std::size_t lane = 0; lane < 4; ++lane) sum[lane] += a[i + lane] * b[i + lane];
  }
  for (; i < count; ++i) sum[0] += a[i] * b[i];
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

}  // namespace

double SymmetricMatrix::mean_diagonal() const {
  double sum = 0;
  for (std::size_t i = 0; i < size; ++i) sum += at(i, i);
  return size == 0 ? 0 : sum / static_cast<double>(size);
}

void SymmetricMatrix::add_to_diagonal(double value) {
  for (std::size_t i = 0; i < size; ++i) at(i, i) += value;
}

SymmetricMatrix scatter_of(std::span<const float> rows, std::span<const double> mean) {
  const std::size_t n = mean.size();
  LICHEN_ASSERT(n > 0 && n <= kUnknownsMax && rows.size() % n == 0);
  SymmetricMatrix scatter(n);
  std::vector<double> centred(n);
  for (std::size_t start = 0; start < rows.size(); start += n) {
    for (std::size_t i = 0; i < n; ++i) centred[i] = double{rows[start + i]} - mean[i];
    for (std::size_t i = 0; i < n; ++i) {
      if (centred[i] == 0) continue;
      double* const out = &scatter.at(i, 0);
      for (std::size_t j = 0; j <= i; ++j) out[j] += centred[i] * centred[j];
    }
  }
  return scatter;
}

Result<Cholesky> Cholesky::factor(SymmetricMatrix a) {
  LICHEN_ASSERT(a.size <= kUnknownsMax);
  for (std::size_t row = 0; row < a.size; ++row) {
    for (std::size_t column = 0; column < row; ++column) {
      a.at(row, column) = (a.at(row, column) - dot(&a.at(row, 0), &a.at(column, 0), column)) / a.at(column, column);
    }
    const double pivot = a.at(row, row) - dot(&a.at(row, 0), &a.at(row, 0), row);
    if (!(pivot > kPivotRelativeMin * a.at(row, row)) || !std::isfinite(pivot)) {
      return fail(Code::kBadInput, "cannot solve", fmt::format("column {} of {}", row, a.size),
                  "the matrix is not positive definite: this feature is constant or follows from others",
                  "use more regularization");
    }
    a.at(row, row) = std::sqrt(pivot);
  }
  return Cholesky(std::move(a));
}

void Cholesky::solve(std::span<double> b) const {
  const std::size_t n = lower_.size;
  LICHEN_ASSERT(b.size() == n);
  for (std::size_t row = 0; row < n; ++row) {  // L y = b
    b[row] = (b[row] - dot(&lower_.values[row * n], b.data(), row)) / lower_.at(row, row);
  }
  for (std::size_t row = n; row-- > 0;) {  // L^T x = y, a row of L at a time
    b[row] /= lower_.at(row, row);
    for (std::size_t column = 0; column < row; ++column) b[column] -= lower_.at(row, column) * b[row];
  }
}

}  // namespace lichen::learn
