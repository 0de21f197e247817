// SPDX-License-Identifier: Apache-2.0
// Add and Mul by NEON.
#include "kernels/neon/elementwise.hpp"

#include <algorithm>

#include "engine/native/vector.hpp"
#include "kernels/broadcast_runs.hpp"

namespace lichen::engine {
namespace {

using kernels::Index;
using kernels::neon::Run;
using kernels::reference::Broadcast;

constexpr Index kElementsAPart = Index{1} << 14;

// One long run is shared out by elements, many runs by runs.
template <typename T, typename Compute>
void each_run(const kernels::BroadcastRuns& runs, const StepBuffers& b, const Compute& compute) {
  const T* x = b.in<T>(0);
  const T* y = b.in<T>(1);
  T* out = b.out<T>();
  if (runs.count == 1) {
    b.threads->parallel_for(runs.length, kElementsAPart, [&](Index begin, Index end) {
      compute(
          Run<T>{end - begin, x + begin * runs.step_a, y + begin * runs.step_b, runs.step_a, runs.step_b, out + begin});
    });
    return;
  }
  b.threads->parallel_for(runs.count, std::max<Index>(1, kElementsAPart / runs.length), [&](Index begin, Index end) {
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

}  // namespace

std::unique_ptr<Step> vector_add(const BuildContext& context, const Broadcast& shape, kernels::FloatRange range) {
  if (!context.cpu.neon) return nullptr;
  return runs_step<float>(shape, "add f32 neon", [range](const Run<float>& run) { kernels::neon::add(run, range); });
}

std::unique_ptr<Step> vector_mul(const BuildContext& context, const Broadcast& shape, kernels::FloatRange range) {
  if (!context.cpu.neon) return nullptr;
  return runs_step<float>(shape, "mul f32 neon", [range](const Run<float>& run) { kernels::neon::mul(run, range); });
}

template <typename T>
std::unique_ptr<Step> vector_add(const BuildContext& context, const Broadcast& shape,
                                 const kernels::reference::AddQuantized& q) {
  if (!context.cpu.neon) return nullptr;
  return runs_step<T>(shape, std::is_signed_v<T> ? "add i8 neon" : "add u8 neon",
                      [q](const Run<T>& run) { kernels::neon::add(run, q); });
}

template <typename T>
std::unique_ptr<Step> vector_mul(const BuildContext& context, const Broadcast& shape,
                                 const kernels::reference::MulQuantized& q) {
  if (!context.cpu.neon) return nullptr;
  return runs_step<T>(shape, std::is_signed_v<T> ? "mul i8 neon" : "mul u8 neon",
                      [q](const Run<T>& run) { kernels::neon::mul(run, q); });
}

template std::unique_ptr<Step> vector_add<std::int8_t>(const BuildContext&, const Broadcast&,
                                                       const kernels::reference::AddQuantized&);
template std::unique_ptr<Step> vector_add<std::uint8_t>(const BuildContext&, const Broadcast&,
                                                        const kernels::reference::AddQuantized&);
template std::unique_ptr<Step> vector_mul<std::int8_t>(const BuildContext&, const Broadcast&,
                                                       const kernels::reference::MulQuantized&);
template std::unique_ptr<Step> vector_mul<std::uint8_t>(const BuildContext&, const Broadcast&,
                                                        const kernels::reference::MulQuantized&);

// None of these yet: reference kernels compute them.
kernels::reference::UnaryF32 vector_unary_f32(const BuildContext&, std::string_view) {
  return nullptr;
}
kernels::reference::LookUp vector_look_up(const BuildContext&) {
  return nullptr;
}
std::unique_ptr<Step> vector_softmax(const BuildContext&, kernels::Index, kernels::Index, float) {
  return nullptr;
}

}  // namespace lichen::engine
