// SPDX-License-Identifier: Apache-2.0
// Quantize and Dequantize, by the scales of their tensors.
#include "kernels/reference/quantize.hpp"

#include <array>

#include "engine/native/element_types.hpp"
#include "engine/native/vector.hpp"
#include "kernels/reference/cast.hpp"
#include "kernels/reference/unary.hpp"

namespace lichen::engine {
namespace {

namespace reference = kernels::reference;
using kernels::Index;
using tensor::DType;

constexpr Index kElementsAPart = 1 << 14;

// function(in, out) over shares of the elements.
template <typename In, typename Out, typename Function>
std::unique_ptr<Step> shared_step(const BuildContext& context, std::string_view kernel, Function function) {
  return make_step(kernel, 0, [=, count = elements_of(context.node.output())](const StepBuffers& b) {
    b.threads->parallel_for(count, kElementsAPart, [&](Index begin, Index end) {
      function(std::span(b.in<In>(0) + begin, static_cast<std::size_t>(end - begin)), b.out<Out>() + begin);
    });
  });
}

// f(Type<T>{}) with T the C++ type of what tensors are quantized to.
template <typename F>
StepResult with_stored_type(const BuildContext& context, DType dtype, const F& f) {
  switch (dtype) {
    case DType::kI8:
      return f(Type<std::int8_t>{});
    case DType::kU8:
      return f(Type<std::uint8_t>{});
    case DType::kI16:
      return f(Type<std::int16_t>{});
    default:
      return not_computed(context);
  }
}

template <typename Out>
StepResult build_from_reals(const BuildContext& context) {
  const reference::Affine to = affine_of(context.node.output());
  if (rounding_of(context) == reference::Rounding::kNearestEven) {
    if constexpr (kHasVectorByReals && sizeof(Out) == 1) {
      if (const auto function = vector_quantize_even<Out>(context)) {
        return shared_step<float, Out>(context, "quantize even avx512", [=](std::span<const float> in, Out* out) {
          function(in, to, out);
        });
      }
    }
    return shared_step<float, Out>(context, "quantize even reference", [to](std::span<const float> in, Out* out) {
      reference::quantize_even(in, to, out);
    });
  }
  return shared_step<float, Out>(context, "quantize reference", [to](std::span<const float> in, Out* out) {
    reference::quantize<Out>(in, to.scale, to.zero_point, out);
  });
}

// Bytes to bytes by a table of what `function` makes of all of them.
template <typename In, typename Out, typename Function>
std::unique_ptr<Step> table_step(const BuildContext& context, const Function& function) {
  reference::ByteTable table{};
  for (std::size_t i = 0; i < table.size(); ++i) {
    const auto in = static_cast<In>(static_cast<std::uint8_t>(i));
    Out out{};
    function(std::span(&in, 1), &out);
    table[i] = static_cast<std::uint8_t>(out);
  }
  reference::LookUp look_up = &reference::look_up;
  if constexpr (kHasVectorKernels) {
    if (const auto vector = vector_look_up(context)) look_up = vector;
  }
  return shared_step<std::uint8_t, std::uint8_t>(
      context, look_up == &reference::look_up ? "requantize table" : "requantize table avx512",
      [table, look_up](std::span<const std::uint8_t> in, std::uint8_t* out) { look_up(in, table, out); });
}

template <typename In, typename Out, typename Function>
std::unique_ptr<Step> requantize_step(const BuildContext& context, std::string_view kernel, const Function& function) {
  if constexpr (sizeof(In) == 1 && sizeof(Out) == 1) {
    if (wants_vector(context)) return table_step<In, Out>(context, function);
  }
  return shared_step<In, Out>(context, kernel, function);
}

template <typename In, typename Out>
StepResult build_requantize(const BuildContext& context) {
  const reference::Affine from = affine_of(context.node.input(0));
  const reference::Affine to = affine_of(context.node.output());
  if (rounding_of(context) == reference::Rounding::kNearestEven) {
    return requantize_step<In, Out>(context, "requantize even reference", [from, to](std::span<const In> in, Out* out) {
      reference::requantize_even(in, from, to, out);
    });
  }
  const auto m = LICHEN_TRY(kernels::quantize_multiplier(double{from.scale} / double{to.scale}));
  return requantize_step<In, Out>(context, "requantize reference", [=](std::span<const In> in, Out* out) {
    reference::requantize<In, Out>(in, from.zero_point, m, to.zero_point, out);
  });
}

// Of i32, in the arithmetic of LiteRT alone.
template <typename In, typename Out>
StepResult build_requantize_wide(const BuildContext& context) {
  if (rounding_of(context) == reference::Rounding::kNearestEven) return not_computed(context);
  const reference::Affine from = affine_of(context.node.input(0));
  const reference::Affine to = affine_of(context.node.output());
  const auto m = LICHEN_TRY(kernels::quantize_multiplier(double{from.scale} / double{to.scale}));
  return shared_step<In, Out>(context, "requantize i32 reference", [=](std::span<const In> in, Out* out) {
    reference::requantize<In, Out>(in, from.zero_point, m, to.zero_point, out);
  });
}

StepResult build_quantize(const BuildContext& context) {
  const DType from = context.node.input(0).spec.dtype;
  const DType to = context.node.output().spec.dtype;
  if (from == DType::kI32 && to == DType::kI8) return build_requantize_wide<std::int32_t, std::int8_t>(context);
  if (from == DType::kI32 && to == DType::kI16) return build_requantize_wide<std::int32_t, std::int16_t>(context);
  if (from == DType::kI16 && to == DType::kI32) return build_requantize_wide<std::int16_t, std::int32_t>(context);
  return with_stored_type(context, context.node.output().spec.dtype, [&]<typename Out>(Type<Out>) -> StepResult {
    if (from == DType::kF32) return build_from_reals<Out>(context);
    return with_stored_type(context, from,
                            [&]<typename In>(Type<In>) -> StepResult { return build_requantize<In, Out>(context); });
  });
}

template <typename T>
StepResult build_dequantize_channels(const BuildContext& context) {
  const graph::Tensor& input = context.node.input(0);
  const tensor::Quantization& q = input.quantization;
  Index outer = 1;
  Index inner = 1;
  for (std::size_t i = 0; i < input.spec.shape.rank(); ++i) {
    if (i < q.axis) outer *= input.spec.shape[i];
    if (i > q.axis) inner *= input.spec.shape[i];
  }
  return make_step("dequantize channels reference", 0, [=](const StepBuffers& b) {
    reference::dequantize_channels(outer, static_cast<Index>(q.scales.size()), inner, b.in<T>(0), q.scales.data(),
                                   q.zero_points.data(), b.out<float>());
  });
}

StepResult build_dequantize(const BuildContext& context) {
  const graph::Tensor& input = context.node.input(0);
  if (input.spec.dtype == DType::kF16) {
    return shared_step<std::uint16_t, float>(
        context, "dequantize f16 reference", [](std::span<const std::uint16_t> in, float* out) {
          reference::cast(DType::kF16, DType::kF32)(std::as_bytes(in).data(), static_cast<Index>(in.size()),
                                                    reinterpret_cast<std::byte*>(out));
        });
  }
  return with_stored_type(context, input.spec.dtype, [&]<typename T>(Type<T>) -> StepResult {
    if (input.quantization.per_channel()) return build_dequantize_channels<T>(context);
    return shared_step<T, float>(context, "dequantize reference",
                                 [q = affine_of(input)](std::span<const T> in, float* out) {
                                   reference::dequantize<T>(in, q.scale, q.zero_point, out);
                                 });
  });
}

constexpr std::array kBuilders = {Builder{graph::Op::kQuantize, build_quantize},
                                  Builder{graph::Op::kDequantize, build_dequantize}};

}  // namespace

std::span<const Builder> quantize_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
