// SPDX-License-Identifier: Apache-2.0
// Poolings by NEON.
#include "kernels/neon/pool2d.hpp"

#include "engine/native/sharing.hpp"
#include "engine/native/vector.hpp"

namespace lichen::engine {
namespace {

using kernels::Index;

template <typename T, typename Compute>
std::unique_ptr<Step> rows_step(const kernels::Window2D& w, std::string_view kernel, Compute compute) {
  return make_step(kernel, 0, [w, compute](const StepBuffers& b) {
    const Index row_bytes = w.out_w * w.in_c * w.filter_h * w.filter_w * Index{sizeof(T)};
    share_rows(*b.threads, w.batch * w.out_h, row_bytes,
               [&](Index begin, Index end) { compute(b.in<T>(0), begin, end, b.out<T>()); });
  });
}

}  // namespace

std::unique_ptr<Step> vector_average_pool2d(const BuildContext& context, const kernels::Window2D& w,
                                            kernels::FloatRange range) {
  if (!context.cpu.neon) return nullptr;
  return rows_step<float>(w, "average_pool2d f32 neon", [=](const float* in, Index begin, Index end, float* out) {
    kernels::neon::average_pool2d(w, in, range, begin, end, out);
  });
}

std::unique_ptr<Step> vector_max_pool2d(const BuildContext& context, const kernels::Window2D& w,
                                        kernels::FloatRange range) {
  if (!context.cpu.neon) return nullptr;
  return rows_step<float>(w, "max_pool2d f32 neon", [=](const float* in, Index begin, Index end, float* out) {
    kernels::neon::max_pool2d(w, in, range, begin, end, out);
  });
}

template <typename T>
std::unique_ptr<Step> vector_average_pool2d(const BuildContext& context, const kernels::Window2D& w,
                                            kernels::IntegerClamp clamp) {
  if (!context.cpu.neon || w.filter_h * w.filter_w > kernels::neon::kAverageMax) return nullptr;
  return rows_step<T>(w, std::is_signed_v<T> ? "average_pool2d i8 neon" : "average_pool2d u8 neon",
                      [=](const T* in, Index begin, Index end, T* out) {
                        kernels::neon::average_pool2d(w, in, clamp, begin, end, out);
                      });
}

template <typename T>
std::unique_ptr<Step> vector_average_pool2d_even(const BuildContext&, const kernels::Window2D&,
                                                 const kernels::reference::AverageEven&) {
  return nullptr;
}

template <typename T>
std::unique_ptr<Step> vector_max_pool2d(const BuildContext& context, const kernels::Window2D& w,
                                        kernels::IntegerClamp clamp) {
  if (!context.cpu.neon) return nullptr;
  return rows_step<T>(
      w, std::is_signed_v<T> ? "max_pool2d i8 neon" : "max_pool2d u8 neon",
      [=](const T* in, Index begin, Index end, T* out) { kernels::neon::max_pool2d(w, in, clamp, begin, end, out); });
}

template std::unique_ptr<Step> vector_average_pool2d<std::int8_t>(const BuildContext&, const kernels::Window2D&,
                                                                  kernels::IntegerClamp);
template std::unique_ptr<Step> vector_average_pool2d<std::uint8_t>(const BuildContext&, const kernels::Window2D&,
                                                                   kernels::IntegerClamp);
template std::unique_ptr<Step> vector_average_pool2d_even<std::int8_t>(const BuildContext&, const kernels::Window2D&,
                                                                       const kernels::reference::AverageEven&);
template std::unique_ptr<Step> vector_average_pool2d_even<std::uint8_t>(const BuildContext&, const kernels::Window2D&,
                                                                        const kernels::reference::AverageEven&);
template std::unique_ptr<Step> vector_max_pool2d<std::int8_t>(const BuildContext&, const kernels::Window2D&,
                                                              kernels::IntegerClamp);
template std::unique_ptr<Step> vector_max_pool2d<std::uint8_t>(const BuildContext&, const kernels::Window2D&,
                                                               kernels::IntegerClamp);

}  // namespace lichen::engine
