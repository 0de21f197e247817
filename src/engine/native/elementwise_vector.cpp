// SPDX-License-Identifier: Apache-2.0
// Steps on elements by vector kernels.
#include "engine/native/vector.hpp"

#if LICHEN_KERNELS_AVX2

#include <algorithm>
#include <iterator>

#include "kernels/avx2/add.hpp"
#include "kernels/avx512/elementwise.hpp"
#include "kernels/avx512/table.hpp"
#include "kernels/broadcast_runs.hpp"

namespace lichen::engine {
namespace {

using kernels::BroadcastRuns;
using kernels::Index;
using kernels::avx512::Run;
using kernels::reference::Broadcast;

constexpr Index kElementsAPart = Index{1} << 14;

// One long run is shared out by elements, many runs by runs.
template <typename T, typename Compute>
void each_run(const BroadcastRuns& runs, const StepBuffers& b, const Compute& compute) {
  const T* x = b.in<T>(0);
  const T* y = b.in<T>(1);
  T* out = b.out<T>();
  if (runs.count == 1) {
    b.threads->parallel_for(runs.length, kElementsAPart, [&](Index begin, Index end) {
      compute(Run<T>{end - begin, x + begin * runs.step_a, y + begin * runs.step_b, runs.step_a, runs.step_b,
                     out + begin});
    });
    return;
  }
  b.threads->parallel_for(runs.count, std::max<Index>(1, kElementsAPart / std::max<Index>(1, runs.length)), [&](Index begin, Index end) {
    for (Index run = begin; run < end; ++run) {
      const kernels::RunPlace at = place_of(runs, run);
      compute(Run<T>{runs.length, x + at.a, y + at.b, runs.step_a, runs.step_b, out + run * runs.length});
    }
  });
}

template <typename T, typename Compute>
std::unique_ptr<Step> runs_step(const Broadcast& shape, std::string_view kernel, Compute compute) {
  return make_step(kernel, 0, [runs = kernels::runs_of(shape), compute](const StepBuffers& b) {
    if (b.out<T>() != nullptr) each_run<T>(runs, b, compute);
  });
}

using kernels::reference::UnaryParameters;

struct UnaryRow {
  std::string_view op;
  kernels::reference::UnaryF32 function;
};

void clamp(std::span<const float> in, kernels::FloatRange range, float* out) {
  kernels::avx512::clamp_f32(std::ssize(in), in.data(), range, out);
}

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr UnaryRow kUnaries[] = {
    {"HardSigmoid",
     [](std::span<const float> in, UnaryParameters p, float* out) {
       kernels::avx512::hard_sigmoid_f32(std::ssize(in), in.data(), p.alpha, p.beta, out);
     }},
    {"HardSwish",
     [](std::span<const float> in, UnaryParameters, float* out) {
       kernels::avx512::hard_swish_f32(std::ssize(in), in.data(), out);
     }},
    {"Logistic",
     [](std::span<const float> in, UnaryParameters, float* out) {
       kernels::avx512::logistic_f32(std::ssize(in), in.data(), out);
     }},
    {"Relu", [](std::span<const float> in, UnaryParameters, float* out) { clamp(in, {0.0F, kInfinity}, out); }},
    {"Relu0To1", [](std::span<const float> in, UnaryParameters, float* out) { clamp(in, {0.0F, 1.0F}, out); }},
    {"Relu6", [](std::span<const float> in, UnaryParameters, float* out) { clamp(in, {0.0F, 6.0F}, out); }},
    {"ReluN1To1", [](std::span<const float> in, UnaryParameters, float* out) { clamp(in, {-1.0F, 1.0F}, out); }},
};

}  // namespace

kernels::reference::UnaryF32 vector_unary_f32(const BuildContext& context, std::string_view op) {
  if (!context.cpu.avx512_vnni) return nullptr;
  const auto* const row = std::ranges::find(kUnaries, op, &UnaryRow::op);
  return row == std::end(kUnaries) ? nullptr : row->function;
}

kernels::reference::LookUp vector_look_up(const BuildContext& context) {
  if (!context.cpu.avx512_vbmi) return nullptr;
  return [](std::span<const std::uint8_t> in, const kernels::reference::ByteTable& table, std::uint8_t* out) {
    kernels::avx512::look_up(std::ssize(in), in.data(), table.data(), out);
  };
}

std::unique_ptr<Step> vector_softmax(const BuildContext& context, Index rows, Index depth, float beta) {
  if (!context.cpu.avx512_vnni || depth == 0) return nullptr;
  return make_step("softmax f32 avx512", 0, [=](const StepBuffers& b) {
    b.threads->parallel_for(rows, std::max<Index>(1, kElementsAPart / depth), [&](Index begin, Index end) {
      kernels::avx512::softmax_f32(end - begin, depth, b.in<float>(0) + begin * depth, beta,
                                   b.out<float>() + begin * depth);
    });
  });
}

std::unique_ptr<Step> vector_add(const BuildContext& context, const Broadcast& shape, kernels::FloatRange range) {
  if (!context.cpu.avx512_vnni) return nullptr;
  return runs_step<float>(shape, "add f32 avx512",
                          [range](const Run<float>& run) { kernels::avx512::add_f32(run, range); });
}

std::unique_ptr<Step> vector_mul(const BuildContext& context, const Broadcast& shape, kernels::FloatRange range) {
  if (!context.cpu.avx512_vnni) return nullptr;
  return runs_step<float>(shape, "mul f32 avx512",
                          [range](const Run<float>& run) { kernels::avx512::mul_f32(run, range); });
}

template <typename T>
std::unique_ptr<Step> vector_add(const BuildContext& context, const Broadcast& shape,
                                 const kernels::reference::AddQuantized& q) {
  if (context.cpu.avx512_vnni && kernels::avx512::can_add(q)) {
    return runs_step<T>(shape, std::is_signed_v<T> ? "add i8 avx512" : "add u8 avx512",
                        [q](const Run<T>& run) { kernels::avx512::add_i8(run, q); });
  }
  if (!context.cpu.avx2_fma || !shape.plain) return nullptr;
  return runs_step<T>(shape, std::is_signed_v<T> ? "add i8 avx2" : "add u8 avx2",
                      [q](const Run<T>& run) { kernels::avx2::add(run.count, run.a, run.b, q, run.out); });
}

template <typename T>
std::unique_ptr<Step> vector_mul(const BuildContext& context, const Broadcast& shape,
                                 const kernels::reference::MulQuantized& q) {
  if (!context.cpu.avx512_vnni || !kernels::avx512::can_mul(q)) return nullptr;
  return runs_step<T>(shape, std::is_signed_v<T> ? "mul i8 avx512" : "mul u8 avx512",
                      [q](const Run<T>& run) { kernels::avx512::mul_i8(run, q); });
}

template <typename T>
std::unique_ptr<Step> vector_by_reals(const BuildContext& context, std::string_view op, const Broadcast& shape,
                                      kernels::FloatRange range, const kernels::reference::PairAffine& q) {
  using kernels::avx512::RealOp;
  constexpr std::pair<std::string_view, RealOp> kOps[] = {
      {"Add", RealOp::kAdd}, {"Mul", RealOp::kMul}, {"Sub", RealOp::kSub}};
  const auto* const row = std::ranges::find(kOps, op, &std::pair<std::string_view, RealOp>::first);
  if (!context.cpu.avx512_vnni || row == std::end(kOps) || q.rounding != kernels::reference::Rounding::kNearestEven)
    return nullptr;
  return runs_step<T>(shape, "binary by reals avx512", [range, q, real_op = row->second](const Run<T>& run) {
    kernels::avx512::by_reals(run, real_op, range, q);
  });
}

template <typename T>
QuantizeEven<T> vector_quantize_even(const BuildContext& context) {
  if (!context.cpu.avx512_vnni) return nullptr;
  return [](std::span<const float> in, kernels::reference::Affine to, T* out) {
    kernels::avx512::quantize_even(std::ssize(in), in.data(), to, out);
  };
}

template std::unique_ptr<Step> vector_by_reals<std::int8_t>(const BuildContext&, std::string_view, const Broadcast&,
                                                            kernels::FloatRange, const kernels::reference::PairAffine&);
template std::unique_ptr<Step> vector_by_reals<std::uint8_t>(const BuildContext&, std::string_view, const Broadcast&,
                                                             kernels::FloatRange, const kernels::reference::PairAffine&);
template QuantizeEven<std::int8_t> vector_quantize_even<std::int8_t>(const BuildContext&);
template QuantizeEven<std::uint8_t> vector_quantize_even<std::uint8_t>(const BuildContext&);
template std::unique_ptr<Step> vector_add<std::int8_t>(const BuildContext&, const Broadcast&,
                                                       const kernels::reference::AddQuantized&);
template std::unique_ptr<Step> vector_add<std::uint8_t>(const BuildContext&, const Broadcast&,
                                                        const kernels::reference::AddQuantized&);
template std::unique_ptr<Step> vector_mul<std::int8_t>(const BuildContext&, const Broadcast&,
                                                       const kernels::reference::MulQuantized&);
template std::unique_ptr<Step> vector_mul<std::uint8_t>(const BuildContext&, const Broadcast&,
                                                        const kernels::reference::MulQuantized&);

}  // namespace lichen::engine

#endif
