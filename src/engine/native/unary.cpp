// SPDX-License-Identifier: Apache-2.0
// Ops on every element of one tensor. Bytes that mean reals go through a table of 256 entries, made when the model is
// planned: by LiteRT's integer arithmetic for the ops that have one there, by the op on reals otherwise. 16-bit ones
// are computed one by one in that arithmetic, or brought to f32 and back, a few at a time.
#include "kernels/reference/unary.hpp"

#include <array>
#include <cmath>

#include "engine/native/element_types.hpp"
#include "engine/native/quantization.hpp"
#include "engine/native/vector.hpp"
#include "kernels/reference/unary_fixed.hpp"
#include "kernels/reference/word_tables.hpp"

namespace lichen::engine {
namespace {

namespace reference = kernels::reference;
using graph::Op;
using kernels::Index;
using reference::ByteTable;
using reference::UnaryParameters;

constexpr Index kCheapGrain = 1 << 15;  // elements of a thread's part
constexpr Index kDearGrain = 1 << 11;

UnaryParameters parameters_of(const BuildContext& context) {
  const auto& a = context.node.attributes<graph::UnaryAttributes>();
  return {a.alpha, a.beta};
}

bool is_cheap(Op op) {
  constexpr std::array kCheap = {Op::kAbs,       Op::kNeg,        Op::kRelu,    Op::kRelu0To1,    Op::kRelu6,
                                 Op::kReluN1To1, Op::kSquare,     Op::kSqrt,    Op::kHardSigmoid, Op::kHardSwish,
                                 Op::kLeakyRelu, Op::kReciprocal, Op::kSoftsign};
  return std::ranges::find(kCheap, op) != kCheap.end();
}

// A step that applies function(in, parameters, out) to shares of the elements.
template <typename In, typename Out, typename Function>
std::unique_ptr<Step> shared_step(const BuildContext& context, std::string_view kernel, Function function) {
  const Index count = elements_of(context.node.output());
  const Index grain = is_cheap(context.node.node().op) ? kCheapGrain : kDearGrain;
  return make_step(kernel, 0, [count, grain, function, p = parameters_of(context)](const StepBuffers& b) {
    b.threads->parallel_for(count, grain, [&](Index begin, Index end) {
      function(std::span(b.in<In>(0) + begin, static_cast<std::size_t>(end - begin)), p, b.out<Out>() + begin);
    });
  });
}

template <typename T>
std::unique_ptr<Step> table_step(const BuildContext& context, const ByteTable& table) {
  reference::LookUp look_up = &reference::look_up;
  if constexpr (kHasVectorKernels) {
    if (const auto vector = vector_look_up(context)) look_up = vector;
  }
  return shared_step<std::uint8_t, std::uint8_t>(
      context, look_up == &reference::look_up ? "unary table" : "unary table avx512",
      [table, look_up](std::span<const std::uint8_t> in, UnaryParameters, std::uint8_t* out) {
        look_up(in, table, out);
      });
}

// Of what `compute` makes of every stored value.
template <typename T, typename Compute>
ByteTable table_of(Compute compute) {
  ByteTable table{};
  for (std::int32_t v = std::numeric_limits<T>::min(); v <= std::numeric_limits<T>::max(); ++v)
    table[static_cast<std::uint8_t>(v)] = static_cast<std::uint8_t>(static_cast<T>(compute(v)));
  return table;
}

// compute(stored value): by a table of all bytes, or one by one.
template <typename T, typename Compute>
std::unique_ptr<Step> each_value_step(const BuildContext& context, Compute compute) {
  if constexpr (sizeof(T) == 1) {
    return table_step<T>(context, table_of<T>(compute));
  } else {
    return shared_step<T, T>(context, "unary i16 fixed reference",
                             [compute](std::span<const T> from, UnaryParameters, T* to) {
                               for (std::size_t i = 0; i < from.size(); ++i) to[i] = static_cast<T>(compute(from[i]));
                             });
  }
}

// x, minus its zero point, to the result before the output's zero point.
template <typename T, typename Compute>
std::unique_ptr<Step> fixed_step(const BuildContext& context, kernels::IntegerClamp clamp, Compute compute) {
  const std::int32_t from = context.node.input(0).quantization.zero_point();
  const std::int32_t to = context.node.output().quantization.zero_point();
  return each_value_step<T>(context, [=](std::int32_t v) {
    return std::clamp(kernels::wrapping_add(compute(v - from), to), clamp.min, clamp.max);
  });
}

// In scale / out scale, as LiteRT divides: in float.
Result<kernels::Multiplier> rescale_of(const BuildContext& context, float factor = 1.0F) {
  return kernels::quantize_multiplier(
      double{context.node.input(0).quantization.scale() * factor / context.node.output().quantization.scale()});
}

template <typename T>
StepResult clamp_step(const BuildContext& context, kernels::FloatRange range) {
  const auto m = LICHEN_TRY(rescale_of(context));
  return fixed_step<T>(context, clamp_of(range, context.node.output()),
                       [m](std::int32_t x) { return kernels::multiply(x, m); });
}

template <typename T>
StepResult leaky_relu_step(const BuildContext& context) {
  reference::LeakyReluFixed q;
  q.identity = LICHEN_TRY(rescale_of(context));
  q.alpha = LICHEN_TRY(rescale_of(context, parameters_of(context).alpha));
  return fixed_step<T>(context, clamp_of(kernels::FloatRange{}, context.node.output()),
                       [q](std::int32_t x) { return reference::leaky_relu_fixed(x, q); });
}

template <typename T>
StepResult hard_swish_step(const BuildContext& context) {
  const auto q = LICHEN_TRY(
      reference::hard_swish_of(context.node.input(0).quantization.scale(), context.node.output().quantization.scale()));
  return fixed_step<T>(context, clamp_of(kernels::FloatRange{}, context.node.output()),
                       [q](std::int32_t x) { return reference::hard_swish_fixed(x, q); });
}

template <typename T>
StepResult abs_step(const BuildContext& context) {
  const auto m = LICHEN_TRY(rescale_of(context));
  return fixed_step<T>(context, clamp_of(kernels::FloatRange{}, context.node.output()),
                       [m](std::int32_t x) { return kernels::multiply(std::abs(x), m); });
}

// Stored values as they are, which wrap: right where scales are equal and zero points 0; elsewhere LiteRT's answer means
// nothing, and reals are computed (null).
template <typename T>
StepResult neg_step(const BuildContext& context) {
  const tensor::Quantization& in = context.node.input(0).quantization;
  if (in.zero_point() != 0 || in != context.node.output().quantization) return nullptr;
  return each_value_step<T>(context, [](std::int32_t v) { return -v; });
}

// LiteRT truncates instead of rounding.
template <typename T>
StepResult sqrt_step(const BuildContext& context) {
  const auto in = affine_of(context.node.input(0));
  const auto out = affine_of(context.node.output());
  return fixed_step<T>(context, clamp_of(kernels::FloatRange{}, context.node.output()), [=](std::int32_t x) {
    const float steps = std::sqrt(in.scale * static_cast<float>(x)) / out.scale;
    return steps >= 0.0F ? static_cast<std::int32_t>(std::min(steps, 1e6F)) : 0;  // NaN, of a negative x: 0
  });
}

// Integer arithmetic of bytes and 16 bits alike. Null: this op has none of its own.
template <typename T>
StepResult own_fixed_step(const BuildContext& context) {
  switch (context.node.node().op) {
    case Op::kRelu:
      return clamp_step<T>(context, {0.0F, std::numeric_limits<float>::infinity()});
    case Op::kRelu0To1:
      return clamp_step<T>(context, {0.0F, 1.0F});
    case Op::kRelu6:
      return clamp_step<T>(context, {0.0F, 6.0F});
    case Op::kReluN1To1:
      return clamp_step<T>(context, {-1.0F, 1.0F});
    case Op::kLeakyRelu:
      if (!(parameters_of(context).alpha >= 0.0F)) return nullptr;
      return leaky_relu_step<T>(context);
    case Op::kAbs:
      return abs_step<T>(context);
    case Op::kNeg:
      return neg_step<T>(context);
    case Op::kSqrt:
      return sqrt_step<T>(context);
    default:
      return nullptr;
  }
}

template <typename T>
Result<ByteTable> real_table(const BuildContext& context) {
  const reference::UnaryF32 function = reference::unary_f32(op_name(context));
  if (function == nullptr) return not_computed(context);
  const auto in = affine_of(context.node.input(0));
  const auto out = affine_of(context.node.output());
  return table_of<T>([&](std::int32_t v) {
    const float real = reference::real_of(v, in);
    float result = 0.0F;
    function({&real, 1}, parameters_of(context), &result);
    return reference::stored_of<T>(result, out, rounding_of(context));
  });
}

template <typename T>
StepResult build_bytes(const BuildContext& context) {
  if (rounding_of(context) == reference::Rounding::kAwayFromZero) {
    if (context.node.node().op == Op::kHardSwish) return hard_swish_step<T>(context);
    if (auto step = LICHEN_TRY(own_fixed_step<T>(context))) return step;
  }
  return table_step<T>(context, LICHEN_TRY(real_table<T>(context)));
}

// As LiteRT has them, for tables of 16 bits: what is not defined gives the end of the output's range in `limit`.
struct WordFunction {
  Op op;
  float (*function)(float x, const void* limit);
  bool least;  // the limit is the least value, or the most
};

float gelu(float x, const void* approximate) {
  constexpr float kRootOfTwoOverPi = 0.7978845608028654F;
  if (*static_cast<const float*>(approximate) == 0.0F) return 0.5F * x * std::erfc(x * -0.7071067811865476F);
  return 0.5F * x * (1.0F + std::tanh(kRootOfTwoOverPi * (x + 0.044715F * x * x * x)));
}

constexpr std::array kWordFunctions = {
    WordFunction{Op::kExp, [](float x, const void*) { return std::exp(x); }, false},
    WordFunction{Op::kGelu, gelu, false},
    WordFunction{Op::kLog,
                 [](float x, const void* limit) {
                   return x <= 0.0F ? *static_cast<const float*>(limit) : std::log(x);
                 },
                 true},
    WordFunction{Op::kRsqrt,
                 [](float x, const void* limit) {
                   return x <= 0.0F ? *static_cast<const float*>(limit) : 1.0F / std::sqrt(x);
                 },
                 false},
};

// Null: LiteRT has no table of 16 bits for this op.
std::unique_ptr<Step> word_table_step(const BuildContext& context) {
  const auto* const row = std::ranges::find(kWordFunctions, context.node.node().op, &WordFunction::op);
  if (row == kWordFunctions.end()) return nullptr;
  const auto in = affine_of(context.node.input(0));
  const auto out = affine_of(context.node.output());
  const tensor::IntegerRange range = tensor::range_of(tensor::DType::kI16);
  float limit = out.scale * static_cast<float>((row->least ? range.min : range.max) - out.zero_point);
  if (row->op == Op::kGelu) limit = parameters_of(context).alpha;
  const reference::WordTable table =
      reference::word_table<float>({in.scale, in.zero_point}, {out.scale, out.zero_point}, row->function, &limit);
  return each_value_step<std::int16_t>(
      context, [table](std::int32_t x) { return reference::interpolated(table, x); });
}

// Null: scales that LiteRT does not take.
std::unique_ptr<Step> sigmoid_step(const BuildContext& context, bool is_tanh) {
  constexpr float kStep = 1.0F / 32768.0F;
  const graph::Tensor& output = context.node.output();
  const bool fits = output.quantization.scale() == kStep && output.quantization.zero_point() == 0;
  if (!fits || context.node.input(0).quantization.zero_point() != 0) return nullptr;
  const auto q = reference::sigmoid_words(context.node.input(0).quantization.scale(), is_tanh ? 1 : 0);
  const auto function = is_tanh ? reference::tanh_word : reference::logistic_word;
  return each_value_step<std::int16_t>(
      context, [q, function](std::int32_t x) { return function(static_cast<std::int16_t>(x), q); });
}

// LiteRT's own arithmetic of 16 bits; null: it has none for this op.
StepResult own_word_step(const BuildContext& context) {
  const Op op = context.node.node().op;
  if (op == Op::kLogistic || op == Op::kTanh) return sigmoid_step(context, op == Op::kTanh);
  if (auto step = word_table_step(context)) return step;
  return own_fixed_step<std::int16_t>(context);
}

StepResult build_i16(const BuildContext& context) {
  if (rounding_of(context) == reference::Rounding::kAwayFromZero) {
    if (auto step = LICHEN_TRY(own_word_step(context))) return step;
  }
  const reference::UnaryF32 function = reference::unary_f32(op_name(context));
  if (function == nullptr) return not_computed(context);
  const auto in = affine_of(context.node.input(0));
  const auto out = affine_of(context.node.output());
  const auto rounding = rounding_of(context);
  return shared_step<std::int16_t, std::int16_t>(
      context, "unary i16 reference", [=](std::span<const std::int16_t> from, UnaryParameters p, std::int16_t* to) {
        std::array<float, 256> reals{};
        for (std::size_t at = 0; at < from.size(); at += reals.size()) {
          const std::size_t count = std::min(reals.size(), from.size() - at);
          for (std::size_t i = 0; i < count; ++i) reals[i] = reference::real_of(from[at + i], in);
          function(std::span(reals).first(count), p, reals.data());
          for (std::size_t i = 0; i < count; ++i)
            to[at + i] = reference::stored_of<std::int16_t>(reals[i], out, rounding);
        }
      });
}

StepResult build_quantized(const BuildContext& context) {
  if (context.node.output().spec.dtype != context.node.input(0).spec.dtype) return not_computed(context);
  switch (context.node.input(0).spec.dtype) {
    case tensor::DType::kI8:
      return build_bytes<std::int8_t>(context);
    case tensor::DType::kU8:
      return build_bytes<std::uint8_t>(context);
    default:
      return build_i16(context);
  }
}

StepResult build_test(const BuildContext& context) {
  return shared_step<float, bool>(context, "unary test reference", reference::unary_test(op_name(context)));
}

StepResult build_plain(const BuildContext& context) {
  return with_integer_type(context.node.input(0).spec.dtype, [&]<typename T>(Type<T>) -> StepResult {
    if constexpr (std::is_void_v<T>) {
      return not_computed(context);
    } else {
      const auto function = reference::unary_integer<T>(op_name(context));
      if (function == nullptr) return not_computed(context);
      return shared_step<T, T>(context, "unary integer reference", function);
    }
  });
}

StepResult build_not(const BuildContext& context) {
  return shared_step<std::uint8_t, bool>(
      context, "logical_not reference",
      [](std::span<const std::uint8_t> in, UnaryParameters, bool* out) { reference::logical_not(in, out); });
}

StepResult build(const BuildContext& context) {
  const graph::Tensor& input = context.node.input(0);
  if (graph::is_quantized(input)) return build_quantized(context);
  if (input.spec.dtype != tensor::DType::kF32) return build_plain(context);
  if constexpr (kHasVectorKernels) {
    if (const auto vector = vector_unary_f32(context, op_name(context)))
      return shared_step<float, float>(context, "unary f32 avx512", vector);
  }
  const reference::UnaryF32 function = reference::unary_f32(op_name(context));
  if (function == nullptr) return not_computed(context);
  return shared_step<float, float>(context, "unary f32 reference", function);
}

constexpr std::array kBuilders = {
    Builder{Op::kAbs, build},        Builder{Op::kAcos, build},
    Builder{Op::kAcosh, build},      Builder{Op::kAsin, build},
    Builder{Op::kAsinh, build},      Builder{Op::kAtan, build},
    Builder{Op::kAtanh, build},      Builder{Op::kBitwiseNot, build},
    Builder{Op::kCeil, build},       Builder{Op::kCelu, build},
    Builder{Op::kCos, build},        Builder{Op::kCosh, build},
    Builder{Op::kElu, build},        Builder{Op::kErf, build},
    Builder{Op::kExp, build},        Builder{Op::kFloor, build},
    Builder{Op::kGelu, build},       Builder{Op::kHardSigmoid, build},
    Builder{Op::kHardSwish, build},  Builder{Op::kIsInf, build_test},
    Builder{Op::kIsNan, build_test}, Builder{Op::kLeakyRelu, build},
    Builder{Op::kLog, build},        Builder{Op::kLogicalNot, build_not},
    Builder{Op::kLogistic, build},   Builder{Op::kMish, build},
    Builder{Op::kNeg, build},        Builder{Op::kReciprocal, build},
    Builder{Op::kRelu, build},       Builder{Op::kRelu0To1, build},
    Builder{Op::kRelu6, build},      Builder{Op::kReluN1To1, build},
    Builder{Op::kRound, build},      Builder{Op::kRsqrt, build},
    Builder{Op::kSelu, build},       Builder{Op::kShrink, build},
    Builder{Op::kSign, build},       Builder{Op::kSin, build},
    Builder{Op::kSinh, build},       Builder{Op::kSoftplus, build},
    Builder{Op::kSoftsign, build},   Builder{Op::kSqrt, build},
    Builder{Op::kSquare, build},     Builder{Op::kTan, build},
    Builder{Op::kTanh, build},       Builder{Op::kThresholdedRelu, build},
};

}  // namespace

std::span<const Builder> unary_builders() {
  return kBuilders;
}

}  // namespace lichen::engine
