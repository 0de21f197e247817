// SPDX-License-Identifier: Apache-2.0
#include "tensor/spec.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/assert.hpp"

namespace lichen::tensor {

Shape::Shape(std::span<const std::int64_t> dims) : rank_(dims.size()) {
  LICHEN_ASSERT(dims.size() <= kRankMax);
  LICHEN_ASSERT(std::ranges::all_of(dims, [](std::int64_t d) { return d >= 0; }));
  std::ranges::copy(dims, dims_.begin());
}

Shape Shape::unknown() {
  Shape shape;
  shape.rank_ = kUnknownRank;
  return shape;
}

Result<Shape> Shape::make(std::span<const std::int64_t> dims, std::string_view where) {
  if (dims.size() > kRankMax) {
    return fail(Code::kBadInput, "bad shape", std::string(where),
                fmt::format("rank {} is above {}", dims.size(), kRankMax));
  }
  std::int64_t elements = 1;
  for (const std::int64_t d : dims) {
    if (d < 0)
      return fail(Code::kBadInput, "bad shape", std::string(where), fmt::format("dimension {} is negative", d));
    if (d > kElementsMax || (d > 0 && elements > kElementsMax / d)) {
      return fail(Code::kBadInput, "bad shape", std::string(where),
                  fmt::format("[{}] has more than {} elements", fmt::join(dims, ", "), kElementsMax));
    }
    elements *= d;
  }
  return Shape(dims);
}

std::int64_t Shape::elements() const {
  LICHEN_ASSERT(known());
  std::int64_t elements = 1;
  for (const std::int64_t d : dims()) elements *= d;
  return elements;
}

std::string Shape::to_text() const {
  return known() ? fmt::format("[{}]", fmt::join(dims(), ", ")) : "[?]";
}

std::size_t bytes_of_all(std::span<const TensorSpec> specs) {
  std::size_t bytes = 0;
  for (const TensorSpec& spec : specs) bytes += spec.bytes();
  return bytes;
}

}  // namespace lichen::tensor
