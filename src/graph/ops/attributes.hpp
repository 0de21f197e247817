// SPDX-License-Identifier: Apache-2.0
// What a node knows beside its tensors: one plain struct an op (or a family of ops), and the variant of them all.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "tensor/dtype.hpp"

namespace lichen::graph {

// kSame pads so that out = ceil(in / stride), the odd element at the end; kSameLower puts it at the start; kValid does
// not pad; kExplicit pads as the attributes say.
enum class Padding : std::uint8_t { kSame, kValid, kExplicit, kSameLower };

// Elements added before and after the image, for Padding::kExplicit.
struct Pads2D {
  std::int32_t top = 0, left = 0, bottom = 0, right = 0;
  friend bool operator==(const Pads2D&, const Pads2D&) = default;
};

// Applied to an op's result before it is stored.
enum class Activation : std::uint8_t { kNone, kRelu, kReluN1To1, kRelu6, kTanh };

struct NoAttributes {};

struct UnaryAttributes {  // meaning: see the op in op.hpp
  float alpha = 0.0F;
  float beta = 0.0F;
};

struct ElementwiseAttributes {  // two inputs
  Activation activation = Activation::kNone;
  // Add and Sub of i16 from TFLite: where all scales are powers of two, inputs are shifted to the output's, each rounded
  // by itself.
  bool power_of_two_scales = false;
};

struct Conv2DAttributes {
  Padding padding = Padding::kSame;
  std::int32_t stride_h = 1;
  std::int32_t stride_w = 1;
  std::int32_t dilation_h = 1;
  std::int32_t dilation_w = 1;
  Activation activation = Activation::kNone;
  Pads2D pads = {};
};

struct DepthwiseConv2DAttributes {
  Padding padding = Padding::kSame;
  std::int32_t stride_h = 1;
  std::int32_t stride_w = 1;
  std::int32_t dilation_h = 1;
  std::int32_t dilation_w = 1;
  Activation activation = Activation::kNone;
  std::int32_t depth_multiplier = 1;  // output channels for each input channel
  Pads2D pads = {};
};

struct Pool2DAttributes {
  Padding padding = Padding::kValid;
  std::int32_t stride_h = 1;
  std::int32_t stride_w = 1;
  std::int32_t filter_h = 1;
  std::int32_t filter_w = 1;
  Activation activation = Activation::kNone;
  Pads2D pads = {};
  std::int32_t dilation_h = 1;
  std::int32_t dilation_w = 1;
  bool ceil = false;             // of explicit padding: partial windows at the end count
  bool counts_padding = false;   // averages divide by the window's whole size
  std::int32_t p = 2;            // LpPool2D
  bool column_major = false;     // MaxPool2D: indices count columns first
};

struct Conv3DAttributes {  // depth, height, width
  Padding padding = Padding::kExplicit;
  std::array<std::int32_t, 3> strides{1, 1, 1};
  std::array<std::int32_t, 3> dilations{1, 1, 1};
  std::array<std::int32_t, 3> pads_before{};
  std::array<std::int32_t, 3> pads_after{};
  Activation activation = Activation::kNone;
};

struct Pool3DAttributes {
  Padding padding = Padding::kExplicit;
  std::array<std::int32_t, 3> filter{1, 1, 1};
  std::array<std::int32_t, 3> strides{1, 1, 1};
  std::array<std::int32_t, 3> dilations{1, 1, 1};
  std::array<std::int32_t, 3> pads_before{};
  std::array<std::int32_t, 3> pads_after{};
  bool ceil = false;
  bool counts_padding = false;
};

struct TransposeConvAttributes {  // out = (in - 1) * stride + dilation * (filter - 1) + 1 + output_pad - pads
  Padding padding = Padding::kExplicit;  // kSame, kValid: TFLite's, with the output's shape as an input
  std::int32_t stride_h = 1;
  std::int32_t stride_w = 1;
  std::int32_t dilation_h = 1;
  std::int32_t dilation_w = 1;
  Activation activation = Activation::kNone;
  Pads2D pads = {};
  std::int32_t output_pad_h = 0;
  std::int32_t output_pad_w = 0;
  std::int32_t groups = 1;
  std::array<std::int32_t, 2> output_size{};  // height, width where the model gives them (ONNX output_shape); else 0
};

struct FullyConnectedAttributes {
  Activation activation = Activation::kNone;
  bool keep_dims = false;  // the output has the input's rank; otherwise it is [rows, units]
  bool asymmetric_inputs = false;  // f32 by i8 weights: the input is quantized with a zero point, not around 0
};

struct MatMulAttributes {  // the last two dimensions swapped first
  bool transpose_a = false;
  bool transpose_b = false;
};

struct ReshapeAttributes {
  std::vector<std::int32_t> shape;  // may hold one -1; empty: the second input, or the output tensor, says it
  bool zero_copies = false;         // ONNX: a 0 means the input's dimension at that place
};

struct TransposeAttributes {
  std::vector<std::int32_t> permutation;  // output axis i is input axis permutation[i]; empty: reversed
};

struct AxisAttributes {
  std::int32_t axis = 0;
};

struct AxesAttributes {  // Squeeze, Unsqueeze: used where there is no second input
  std::vector<std::int32_t> axes;
};

struct BlockAttributes {
  std::int32_t block = 1;
  bool columns_first = false;  // DepthToSpace: ONNX's CRD
};

struct GatherAttributes {
  std::int32_t axis = 0;
  std::int32_t batch_dims = 0;
};

enum class ScatterReduction : std::uint8_t { kNone, kAdd, kMul, kMax, kMin };
struct ScatterAttributes {
  std::int32_t axis = 0;
  ScatterReduction reduction = ScatterReduction::kNone;
};

enum class PadMode : std::uint8_t { kConstant, kReflect, kSymmetric, kEdge, kWrap };
struct PadAttributes {
  PadMode mode = PadMode::kConstant;
  bool pairs = false;  // pads is [rank, 2]: before and after for each axis (TFLite); else all before, then all after
};

struct SliceAttributes {
  bool sizes = false;  // the third input holds sizes (-1: to the end), not ends
};

struct StridedSliceAttributes {  // bit i is about entry i of begin and end, as TensorFlow defines them
  std::int32_t begin_mask = 0;
  std::int32_t end_mask = 0;
  std::int32_t ellipsis_mask = 0;
  std::int32_t new_axis_mask = 0;
  std::int32_t shrink_axis_mask = 0;
  bool offset = false;  // ends are relative to begins
};

struct SplitAttributes {
  std::int32_t axis = 0;
  bool last_smaller = false;  // without sizes: ceil(size / outputs) each, the last one smaller (ONNX); else all equal
};

struct ReverseSequenceAttributes {
  std::int32_t batch_axis = 0;
  std::int32_t time_axis = 1;
};

struct TriluAttributes {
  bool upper = true;
};

struct CastAttributes {
  tensor::DType to = tensor::DType::kF32;
};

struct ReduceAttributes {
  bool keep_dims = true;
  bool no_axes_is_identity = false;  // no axes: nothing is reduced, instead of everything
};

struct ArgAttributes {
  std::int32_t axis = 0;
  bool keep_dims = true;
  bool last = false;  // among equals take the last one
  tensor::DType to = tensor::DType::kI64;
};

struct TopKAttributes {
  std::int32_t axis = -1;
  bool largest = true;
  bool sorted = true;
  tensor::DType to = tensor::DType::kI64;
};

struct CumSumAttributes {
  bool exclusive = false;
  bool reverse = false;
};

struct ShapeAttributes {
  tensor::DType to = tensor::DType::kI64;
  std::int32_t start = 0;
  std::int32_t end = INT32_MAX;
};

struct CompressAttributes {
  bool flat = true;  // no axis: of the flattened input
  std::int32_t axis = 0;
};

struct EyeLikeAttributes {
  std::int32_t k = 0;
  tensor::DType to = tensor::DType::kF32;
};

enum class ResizeMode : std::uint8_t { kNearest, kLinear, kCubic };
enum class Coordinates : std::uint8_t {  // names as in ONNX
  kHalfPixel,
  kHalfPixelSymmetric,
  kPytorchHalfPixel,
  kAlignCorners,
  kAsymmetric,
  kTfCropAndResize,
  kTfHalfPixelForNn,  // of opsets 11 and 12: (x + 0.5) / scale
};
enum class NearestMode : std::uint8_t { kRoundPreferFloor, kRoundPreferCeil, kFloor, kCeil };
enum class AspectPolicy : std::uint8_t { kStretch, kNotLarger, kNotSmaller };
struct ResizeAttributes {
  ResizeMode mode = ResizeMode::kNearest;
  Coordinates coordinates = Coordinates::kHalfPixel;
  NearestMode nearest = NearestMode::kRoundPreferFloor;
  AspectPolicy aspect = AspectPolicy::kStretch;
  float cubic_a = -0.75F;
  bool exclude_outside = false;
  bool antialias = false;
  float extrapolation = 0.0F;
  std::vector<float> roi;           // kTfCropAndResize: starts, then ends, for `axes`, in fractions
  std::vector<std::int32_t> axes;   // which axes sizes and scales are about; empty: all
  bool like_tflite = false;         // TFLite's RESIZE_* arithmetic (float coordinates; integers in fixed point)
};

struct NormAttributes {
  std::int32_t axis = -1;
  float epsilon = 1e-5F;
  std::int32_t groups = 1;  // GroupNorm
  std::int32_t p = 2;       // LpNorm
};

struct LocalResponseNormAttributes {  // x / (bias + alpha / divisor * sum over the window of squares) ^ beta
  std::int32_t axis = -1;
  std::int32_t before = 0;  // channels of the window before and after its own
  std::int32_t after = 0;
  float alpha = 1e-4F;  // already divided by the window's size where the format's definition does that
  float beta = 0.75F;
  float bias = 1.0F;
};

struct SoftmaxAttributes {
  float beta = 1.0F;
  std::int32_t axis = -1;
  bool flattens = false;  // over axis and all after it together (ONNX before opset 13)
};

enum class Direction : std::uint8_t { kForward, kReverse, kBidirectional };
enum class Gate : std::uint8_t {
  kSigmoid,
  kTanh,
  kRelu,
  kAffine,
  kLeakyRelu,
  kThresholdedRelu,
  kScaledTanh,
  kHardSigmoid,
  kElu,
  kSoftsign,
  kSoftplus
};
struct RecurrentAttributes {
  Direction direction = Direction::kForward;
  std::int32_t hidden = 0;
  std::vector<Gate> gates;  // activations of each direction in ONNX's order; empty: the op's defaults
  std::vector<float> alphas;
  std::vector<float> betas;
  float clip = 0.0F;  // 0: none
  bool batch_first = false;          // ONNX layout 1
  bool linear_before_reset = false;  // Gru
  bool input_forget = false;         // Lstm: coupled gates
};

struct SequenceLstmAttributes {
  Activation activation = Activation::kTanh;
  float cell_clip = 0.0F;
  float projection_clip = 0.0F;
  bool time_major = false;
  bool asymmetric_inputs = false;  // i8 weights of f32: as FullyConnected's
  // Of i8: quantization of the hidden state before the projection, and scales of the four gates (input, forget, cell,
  // output) before layer normalization (TFLite's intermediate tensors).
  float hidden_scale = 0.0F;
  std::int32_t hidden_zero_point = 0;
  std::array<float, 4> gate_scales{};
};

struct SvdfAttributes {
  std::int32_t rank = 1;
  Activation activation = Activation::kNone;
  bool asymmetric_inputs = false;  // i8 weights of f32: as FullyConnected's
};

struct VariableAttributes {
  std::int32_t variable = 0;  // index into Graph::variables
};

struct IfAttributes {  // indices into Graph::subgraphs
  std::int32_t then_graph = 0;
  std::int32_t else_graph = 0;
};

struct QuantizeLinearAttributes {
  std::int32_t axis = 1;
  std::int32_t block = 0;                             // elements of axis that share a scale; 0: all or one each
  tensor::DType to = tensor::DType::kU8;              // QuantizeLinear without a zero point
};

struct NonMaxSuppressionAttributes {
  bool centers = false;  // boxes are x, y, width, height; else y1, x1, y2, x2
};

struct DetectionAttributes {
  std::int32_t detections_max = 0;
  std::int32_t classes_per_detection = 1;
  std::int32_t detections_per_class = 100;
  std::int32_t classes = 0;
  bool regular = false;  // per class; else over the best classes of each box
  float score_threshold = 0.0F;
  float iou_threshold = 0.5F;
  float y_scale = 1.0F, x_scale = 1.0F, h_scale = 1.0F, w_scale = 1.0F;
};

using Attributes =
    std::variant<NoAttributes, UnaryAttributes, ElementwiseAttributes, Conv2DAttributes, DepthwiseConv2DAttributes,
                 Pool2DAttributes, Conv3DAttributes, Pool3DAttributes, TransposeConvAttributes,
                 FullyConnectedAttributes, MatMulAttributes, ReshapeAttributes, TransposeAttributes, AxisAttributes,
                 AxesAttributes, BlockAttributes, GatherAttributes, ScatterAttributes, PadAttributes, SliceAttributes,
                 StridedSliceAttributes, SplitAttributes, ReverseSequenceAttributes, TriluAttributes, CastAttributes,
                 ReduceAttributes, ArgAttributes, TopKAttributes, CumSumAttributes, ShapeAttributes,
                 CompressAttributes, EyeLikeAttributes, ResizeAttributes, NormAttributes, LocalResponseNormAttributes,
                 SoftmaxAttributes, RecurrentAttributes, SequenceLstmAttributes, SvdfAttributes, VariableAttributes,
                 IfAttributes, QuantizeLinearAttributes, NonMaxSuppressionAttributes, DetectionAttributes>;

}  // namespace lichen::graph
