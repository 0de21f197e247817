// SPDX-License-Identifier: Apache-2.0
// The operators. One value an op; inputs -> outputs beside it ("?" marks an optional one, which is kNoTensor where it is
// absent). Images are [n, h, w, c]. Parameters that formats pass as tensors (shapes, axes, pads) are inputs here too,
// i32 or i64; they are constant in nearly all graphs, and a graph where they are not is planned while it runs.
// Negative axes count from the end. Schemas, types and shape rules: src/graph/ops/<family>.cpp.
#pragma once

#include <cstdint>

namespace lichen::graph {

enum class Op : std::uint8_t {
  // unary.cpp: x -> y, element by element. UnaryAttributes.
  kAbs,
  kAcos,
  kAcosh,
  kAsin,
  kAsinh,
  kAtan,
  kAtanh,
  kBitwiseNot,
  kCeil,
  kCelu,  // max(0, x) + min(0, alpha * (exp(x / alpha) - 1))
  kCos,
  kCosh,
  kElu,  // x > 0 ? x : alpha * (exp(x) - 1)
  kErf,
  kExp,
  kFloor,
  kGelu,         // alpha 0: exact (erf); 1: the tanh approximation
  kHardSigmoid,  // clamp(alpha * x + beta, 0, 1)
  kHardSwish,    // x * relu6(x + 3) / 6
  kIsInf,        // -> bool; alpha 0: neither is asked for, 1: negative, 2: positive, 3: both
  kIsNan,        // -> bool
  kLeakyRelu,    // x >= 0 ? x : alpha * x
  kLog,
  kLogicalNot,
  kLogistic,
  kMish,
  kNeg,
  kReciprocal,
  kRelu,
  kRelu0To1,
  kRelu6,
  kReluN1To1,
  kRound,  // halves to even
  kRsqrt,
  kSelu,    // beta * (x > 0 ? x : alpha * (exp(x) - 1))
  kShrink,  // x < -alpha: x + beta; x > alpha: x - beta; else 0
  kSign,
  kSin,
  kSinh,
  kSoftplus,
  kSoftsign,
  kSqrt,
  kSquare,
  kTan,
  kTanh,
  kThresholdedRelu,  // x > alpha ? x : 0

  // binary.cpp: a, b, broadcast against each other as NumPy does -> y. ElementwiseAttributes.
  kAdd,
  kAtan2,
  kBitwiseAnd,
  kBitwiseOr,
  kBitwiseXor,
  kDiv,  // integers: towards zero
  kEqual,
  kFloorDiv,
  kFloorMod,  // the sign of the divisor
  kGreater,
  kGreaterEqual,
  kLess,
  kLessEqual,
  kLogicalAnd,
  kLogicalOr,
  kLogicalXor,
  kMaximum,
  kMinimum,
  kMul,
  kNotEqual,
  kPow,  // a's type; b may have another
  kShiftLeft,
  kShiftRight,
  kSquaredDifference,
  kSub,
  kTruncMod,  // the sign of the dividend (C's fmod)

  // select.cpp
  kWhere,  // condition bool, a, b, all broadcast -> y
  kClip,   // x, min?, max? (scalars) -> y
  kPRelu,  // x, slope (broadcast to x) -> y

  // reduce.cpp. ReduceAttributes: x, axes? -> y
  kReduceAll,
  kReduceAny,
  kReduceL1,
  kReduceL2,
  kReduceLogSum,
  kReduceLogSumExp,
  kReduceMax,
  kReduceMean,
  kReduceMin,
  kReduceProd,
  kReduceSum,
  kReduceSumSquare,
  kArgMax,  // ArgAttributes: x -> i32 or i64
  kArgMin,
  kCumSum,  // CumSumAttributes: x, axis -> y
  kTopK,    // TopKAttributes: x, k -> values, indices

  // movement.cpp and neighbours: the same elements elsewhere
  kCast,             // CastAttributes: x -> y
  kConcat,           // AxisAttributes: x... -> y
  kDepthToSpace,     // BlockAttributes: x [n, h, w, c] -> y
  kSpaceToDepth,     // BlockAttributes
  kBatchToSpaceNd,   // x, block, crops [m, 2] -> y
  kSpaceToBatchNd,   // x, block, pads [m, 2] -> y
  kExpand,           // x, shape: broadcast both ways -> y
  kFlatten,          // AxisAttributes: x -> [before axis, from axis on]
  kGather,           // GatherAttributes: x, indices -> y
  kGatherElements,   // AxisAttributes: x, indices -> y
  kGatherNd,         // GatherAttributes (batch_dims only): x, indices -> y
  kIdentity,         // x -> y
  kPad,              // PadAttributes: x, pads, value?, axes? -> y
  kReshape,          // ReshapeAttributes: x, shape? -> y
  kReverse,          // x, axes -> y
  kReverseSequence,  // ReverseSequenceAttributes: x, lengths -> y
  kScatterElements,  // ScatterAttributes: x, indices, updates -> y
  kScatterNd,        // ScatterAttributes (reduction only): x, indices, updates -> y
  kSlice,            // SliceAttributes: x, starts, ends (or sizes), axes?, steps? -> y
  kSplit,            // SplitAttributes: x, sizes? -> y...
  kSqueeze,          // AxesAttributes: x, axes? -> y
  kStridedSlice,     // StridedSliceAttributes: x, begin, end, strides? -> y
  kTile,             // x, repeats -> y
  kTranspose,        // TransposeAttributes: x -> y
  kTrilu,            // TriluAttributes: x, k? -> y
  kUnsqueeze,        // AxesAttributes: x, axes? -> y

  // make.cpp: tensors from sizes
  kCompress,  // CompressAttributes: x, condition bool -> y (size known after it ran)
  kEyeLike,   // EyeLikeAttributes: x -> y
  kFill,      // shape, value (one element) -> y
  kNonZero,   // x -> i64 [rank, count] (size known after it ran)
  kOneHot,    // AxisAttributes: indices, depth, values [off, on] -> y
  kRange,     // start, limit, delta -> y
  kShape,     // ShapeAttributes: x -> i32 or i64 [rank]
  kSize,      // ShapeAttributes (dtype only): x -> scalar

  // image.cpp
  kResize,  // ResizeAttributes: x, sizes? (i32/i64) or scales? (f32), of the attribute's axes -> y

  // Layers with weights. bias may be absent.
  kConv2D,           // x [n, h, w, in], weights [out, kh, kw, in / groups], bias? [out] -> [n, oh, ow, out]
  kConv3D,           // x [n, d, h, w, in], weights [out, kd, kh, kw, in / groups], bias? -> [n, od, oh, ow, out]
  kConvInteger,      // as Conv2D on i8/u8 without scales; x, weights, x zero point?, weights zero point? -> i32
  kDepthwiseConv2D,  // x, weights [1, kh, kw, out], bias? -> [n, oh, ow, out]
  kFullyConnected,   // x [..., depth], weights [units, depth], bias? [units] -> y
  kMatMul,           // MatMulAttributes: a, b as NumPy's matmul -> y
  kMatMulInteger,    // a, b, a zero point?, b zero point? -> i32
  kTransposeConv2D,  // TransposeConvAttributes: x, weights [out, kh, kw, in / groups], bias?, output shape? (i32 [n, h, w, c])

  // Windows. Pool2DAttributes: x [n, h, w, c] -> y
  kAveragePool2D,
  kLpPool2D,
  kMaxPool2D,      // -> y, indices? (i64, flat in NCHW order as ONNX counts)
  kAveragePool3D,  // Pool3DAttributes: x [n, d, h, w, c] -> y
  kMaxPool3D,

  // Normalizations. NormAttributes; axis is that of the channels.
  kBatchNorm,               // x, scale, bias, mean, variance -> y
  kGroupNorm,               // x, scale, bias -> y
  kInstanceNorm,            // x, scale, bias -> y
  kL2Norm,                  // x -> x / max(|x|, epsilon) along axis
  kLayerNorm,               // x, scale, bias? -> y, mean?, inverse deviation? (over axis and all after it)
  kLocalResponseNorm,       // LocalResponseNormAttributes: x -> y
  kLpNorm,                  // NormAttributes (p): x -> y
  kRmsNorm,                 // x, scale -> y (over axis and all after it)
  kHardmax,                 // AxisAttributes
  kLogSoftmax,              // SoftmaxAttributes
  kSoftmax,                 // SoftmaxAttributes

  // Recurrent. RecurrentAttributes, as ONNX defines them: x [seq, batch, in], w, r, bias?, lengths?, h0? (, c0?, peephole?)
  // -> all h?, last h? (, last c?)
  kGru,
  kLstm,
  kRnn,
  // SequenceLstmAttributes, as TFLite's UNIDIRECTIONAL_SEQUENCE_LSTM: its 24 inputs in its order, states among them ->
  // y, new output state, new cell state
  kSequenceLstm,
  kSvdf,  // SvdfAttributes: x, feature weights, time weights, bias?, state -> y, new state

  // State that lives from run to run.
  kReadVariable,    // VariableAttributes: -> y
  kAssignVariable,  // VariableAttributes: x ->

  // Control. Subgraphs are Graph::subgraphs; node inputs after the condition are the subgraph's inputs.
  kIf,  // IfAttributes: condition, captured... -> y...

  // Quantization. Quantize and Dequantize take scale and zero point from their tensors; the others as inputs.
  kQuantize,
  kDequantize,
  kQuantizeLinear,         // QuantizeLinearAttributes: x, scale, zero point? -> y
  kDequantizeLinear,       // QuantizeLinearAttributes: x, scale, zero point? -> y
  kDynamicQuantizeLinear,  // x -> u8, scale, zero point

  // Detection.
  kNonMaxSuppression,     // NonMaxSuppressionAttributes: boxes, scores, max outputs?, iou threshold?, score threshold?
                          // -> i64 [count, 3] (size known after it ran)
  kDetectionPostProcess,  // DetectionAttributes: boxes, scores, anchors -> boxes, classes, scores, count

  kCount  // not an op
};

}  // namespace lichen::graph
