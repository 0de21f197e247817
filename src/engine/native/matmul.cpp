// SPDX-License-Identifier: Apache-2.0
// MatMul of matrices that are both computed; by a constant it is rewritten to a fully connected layer before.
#include "kernels/reference/matmul.hpp"

#include <array>
#include <vector>

#include "engine/native/builders.hpp"
#include "engine/native/quantization.hpp"
#include "engine/native/sharing.hpp"
#include "graph/ops/matrix.hpp"

namespace lichen::engine {
namespace {

using kernels::Index;
using kernels::reference::ProductSize;

// Which products there are, and of which matrices of a and b.
struct Batch {
  std::vector<std::int64_t> dims, a, b;
  Index count = 1;
};

Batch batch_of(const graph::MatrixProduct& p) {
  Batch batch{p.batch, p.batch_a, p.batch_b};
  for (const std::int64_t d : p.batch) batch.count *= d;
  if (p.rows * p.columns == 0) batch.count = 0;
  return batch;
}

struct Pair {
  Index a = 0, b = 0;
};
Pair pair_of(const Batch& batch, Index n) {
  Pair pair;
  Index a_step = 1;
  Index b_step = 1;
  for (std::size_t i = batch.dims.size(); i-- > 0;) {
    const Index at = n % batch.dims[i];
    n /= batch.dims[i];
    if (batch.a[i] != 1) pair.a += at * a_step;
    if (batch.b[i] != 1) pair.b += at * b_step;
    a_step *= batch.a[i];
    b_step *= batch.b[i];
  }
  return pair;
}

ProductSize size_of(const graph::MatrixProduct& p) {
  return {p.rows, p.columns, p.depth, p.transpose_a, p.transpose_b};
}

// compute(matrix of a, matrix of b, matrix of out) for each product.
template <typename T, typename Compute>
void each_product(const ProductSize& s, const Batch& batch, const StepBuffers& b, Compute compute) {
  for (Index n = 0; n < batch.count; ++n) {
    const Pair pair = pair_of(batch, n);
    compute(b.in<T>(0) + pair.a * s.rows * s.depth, b.in<T>(1) + pair.b * s.depth * s.columns,
            b.out<T>() + n * s.rows * s.columns);
  }
}

StepResult build_f32(const ProductSize& s, Batch batch) {
  const auto scratch = s.transpose_b ? static_cast<std::size_t>(s.depth * s.columns) * sizeof(float) : 0;
  return make_step("matmul f32 reference", scratch, [s, batch = std::move(batch)](const StepBuffers& b) {
    const Index grain = std::max<Index>(4, kFloatMacsAPart / std::max<Index>(1, s.columns * s.depth));
    const float* turned = nullptr;  // whose transpose is in the scratch
    each_product<float>(s, batch, b, [&](const float* left, const float* right, float* out) {
      if (s.transpose_b) {
        auto* to = reinterpret_cast<float*>(b.scratch);
        if (turned != right) kernels::reference::transpose_right(s, right, to);
        turned = right;
        right = to;
      }
      b.threads->parallel_for(s.rows, grain, [&](Index begin, Index end) {
        kernels::reference::matmul(s, left, right, begin, end, out);
      });
    });
  });
}

template <typename T>
StepResult build_integers(const ProductSize& s, Batch batch) {
  return make_step("matmul integer reference", 0, [s, batch = std::move(batch)](const StepBuffers& b) {
    each_product<T>(s, batch, b, [&](const T* left, const T* right, T* out) {
      kernels::reference::matmul_integers(s, left, right, out);
    });
  });
}

template <typename T>
StepResult build_quantized(const BuildContext& context, const ProductSize& s, Batch batch) {
  auto q = LICHEN_TRY(weighted_quantization(context.node, graph::Activation::kNone, static_cast<std::size_t>(s.columns),
                                            ScaleProduct::kFloat));
  return make_step(std::is_signed_v<T> ? "matmul i8 reference" : "matmul u8 reference", 0,
                   [s, batch = std::move(batch), q = std::move(q)](const StepBuffers& b) {
                     const kernels::Requantization requantization = q.requantization();
                     each_product<T>(s, batch, b, [&](const T* left, const T* right, T* out) {
                       kernels::reference::matmul_quantized(s, left, right, requantization, out);
                     });
                   });
}

}  // namespace

static StepResult build_matmul(const BuildContext& context) {
  const graph::NodeView& node = context.node;
  const auto p = LICHEN_TRY(graph::matrix_product(node.input(0).spec.shape, node.input(1).spec.shape,
                                                  node.attributes<graph::MatMulAttributes>()));
  const ProductSize s = size_of(p);
  switch (node.input(0).spec.dtype) {
    case tensor::DType::kF32:
      return build_f32(s, batch_of(p));
    case tensor::DType::kI32:
      return build_integers<std::int32_t>(s, batch_of(p));
    case tensor::DType::kI64:
      return build_integers<std::int64_t>(s, batch_of(p));
    case tensor::DType::kI8:
      return build_quantized<std::int8_t>(context, s, batch_of(p));
    case tensor::DType::kU8:
      return build_quantized<std::uint8_t>(context, s, batch_of(p));
    default:
      return not_computed(context);
  }
}

namespace {
constexpr std::array kBuilders = {Builder{graph::Op::kMatMul, build_matmul}};
}  // namespace

std::span<const Builder> matmul_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
