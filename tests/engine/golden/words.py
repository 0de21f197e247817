#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes words.json, as ops.py makes ops.json: what LiteRT's reference kernels answer to single ops on activations of 16
bits, with weights of 8. ops_golden_test.cpp reads it."""
import json

import numpy as np
from ops import HERE, Case, answered, values

F32, I8, I16, I32, I64 = np.float32, np.int8, np.int16, np.int32, np.int64
SAME = (0.0003, 0)
LAYER = {"dilationHFactor": 1, "dilationWFactor": 1, "padding": 0}


def words(count=10):
    """Random values, the ends of the range among them."""
    made = values(I16, (count,))
    made[:6] = (-32768, 32767, -1, 0, 1, -32767)
    return made


def one(tfl, op, scale_in, scale_out, attributes=None, options=None, x=None):
    return Case(tfl, op, [(words() if x is None else x, (scale_in, 0), False)], [(I16, (scale_out, 0))], attributes, options)


def unary_cases():
    for tfl, op in {"RELU": "Relu", "RELU6": "Relu6", "ABS": "Abs"}.items():
        yield one(tfl, op, 0.0007, 0.00031)
        yield one(tfl, op, 0.0002, 0.00049)
    yield one("NEG", "Neg", 0.0003, 0.0003)
    for alpha, scale_in, scale_out in ((0.3, 0.0003, 0.0003), (0.2, 0.0007, 0.00031), (1.7, 0.0002, 0.0005)):
        yield one("LEAKY_RELU", "LeakyRelu", scale_in, scale_out, {"alpha": float(F32(alpha))},
                  ("LeakyReluOptions", {"alpha": alpha}))
    for tfl, op in {"LOGISTIC": "Logistic", "TANH": "Tanh"}.items():
        for scale in (2.0 ** -12, 2.0 ** -11, 0.00007, 0.0021):
            yield one(tfl, op, scale, 2.0 ** -15)
    yield one("EXP", "Exp", 0.0003, 0.55)
    yield one("LOG", "Log", 0.0003, 0.0003)
    positive = np.maximum(np.abs(words().astype(I32)), 1).clip(1, 32767).astype(I16)
    yield one("SQRT", "Sqrt", 0.0003, 0.0001, x=positive)
    yield one("RSQRT", "Rsqrt", 0.0003, 0.0007, x=positive)
    for approximate in (False, True):
        yield one("GELU", "Gelu", 0.0003, 0.0003, {"alpha": float(approximate)}, ("GeluOptions", {"approximate": approximate}))


def binary_cases():
    scales = ((0.0003, 0.0003, 0.0003), (0.0003, 0.0001, 0.0007), (0.00002, 0.0011, 0.00007))
    powers = ((-12, -12, -12), (-12, -9, -9), (-11, -13, -11))
    for tfl, op, options in (("ADD", "Add", "AddOptions"), ("SUB", "Sub", "SubOptions")):
        for number, (a, b, out) in enumerate(scales):
            yield Case(tfl, op, [(words(), (a, 0), False), (words(), (b, 0), False)], [(I16, (out, 0))],
                       {"activation": "relu6" if number == 2 else "none"},
                       (options, {"potScaleInt16": False, "fusedActivationFunction": 3 if number == 2 else 0}))
        for powers_of in powers:
            a, b, out = (2.0 ** power for power in powers_of)
            for flag in (True, False):
                yield Case(tfl, op, [(words(), (a, 0), False), (words(), (b, 0), False)], [(I16, (out, 0))],
                           {"power_of_two_scales": flag}, (options, {"potScaleInt16": flag}))
    for number, (a, b, out) in enumerate(((0.0003, 0.0003, 0.0003), (0.0003, 0.001, 0.0001))):
        yield Case("MUL", "Mul", [(values(I16, (4, 1)), (a, 0), False), (values(I16, (1, 6)), (b, 0), False)],
                   [(I16, (out, 0))], {"activation": "relu" if number == 1 else "none"},
                   ("MulOptions", {"fusedActivationFunction": number}))
    x = words()
    for tfl, op in {"MAXIMUM": "Maximum", "MINIMUM": "Minimum"}.items():
        yield Case(tfl, op, [(x, SAME, False), (words(), SAME, False)], [(I16, SAME)])
    close = (x // 2 + values(I16, x.shape, -1, 1)).astype(I16)
    for tfl, op in {"EQUAL": "Equal", "NOT_EQUAL": "NotEqual"}.items():
        for scale_b in (0.0003, 0.0006):
            yield Case(tfl, op, [(x, SAME, False), (close if scale_b > 0.0003 else x[::-1].copy(), (scale_b, 0), False)],
                       [(np.bool_, None)])


def layer_cases():
    for bias_type, number in ((I64, 4), (I32, 2)):  # schema.TensorType
        sums = {"quantizedBiasType": number}
        for padding in (0, 1):
            x, kernel = values(I16, (1, 5, 4, 2)), values(I8, (4, 3, 2, 2), -127, 127)
            scale = (np.linspace(0.002, 0.009, 4).astype(F32), np.zeros(4, np.int64))
            bias = values(bias_type, (4,), -300000, 300000)
            strides = {"strideH": 2, "strideW": 1} | LAYER | sums | {"padding": padding, "fusedActivationFunction": padding}
            attributes = {"stride_h": 2, "padding": "valid" if padding else "same", "activation": "relu" if padding else "none"}
            of_bias = (scale[0] * F32(0.0003), scale[1])
            yield Case("CONV_2D", "Conv2D", [(x, SAME, False), (kernel, scale, True), (bias, of_bias, True)],
                       [(I16, (0.0009, 0))], attributes, ("Conv2DOptions", strides))
        x, kernel = values(I16, (1, 5, 4, 4)), values(I8, (1, 3, 2, 4), -127, 127)
        bias = values(bias_type, (4,), -300000, 300000)
        if bias_type == I64:  # the only one that LiteRT takes
            yield Case("DEPTHWISE_CONV_2D", "DepthwiseConv2D",
                       [(x, SAME, False), (kernel, (*scale, 3), True), (bias, of_bias, True)], [(I16, (0.0005, 0))],
                       {"stride_h": 2},
                       ("DepthwiseConv2DOptions", {"strideH": 2, "strideW": 1, "depthMultiplier": 1} | LAYER))
        for of_weights in ((0.004, 0), scale):
            bias = values(bias_type, (4,), -300000, 300000)
            of_bias = (np.atleast_1d(F32(of_weights[0])) * F32(0.0003), of_weights[1])
            yield Case("FULLY_CONNECTED", "FullyConnected",
                       [(values(I16, (3, 9)), SAME, False), (values(I8, (4, 9), -127, 127), of_weights, True),
                        (bias, of_bias, True)], [(I16, (0.0007, 0))], {}, ("FullyConnectedOptions", sums))
            yield Case("TRANSPOSE_CONV", "TransposeConv2D",
                       [(np.array([1, 4, 4, 4], I32), None, True), (values(I8, (4, 3, 3, 2), -127, 127), of_weights, True),
                        (values(I16, (1, 2, 2, 2)), SAME, False), (bias, of_bias, True)], [(I16, (0.0009, 0))],
                       {"stride_h": 2, "stride_w": 2, "padding": "same"},
                       ("TransposeConvOptions", {"strideH": 2, "strideW": 2, "padding": 0} | sums))


def window_cases():
    x = values(I16, (1, 5, 4, 2))
    for tfl, op in {"AVERAGE_POOL_2D": "AveragePool2D", "MAX_POOL_2D": "MaxPool2D"}.items():
        yield Case(tfl, op, [(x, SAME, False)], [(I16, SAME)],
                   {"filter_h": 3, "filter_w": 2, "stride_h": 2, "stride_w": 2, "padding": "same"},
                   ("Pool2DOptions", {"filterHeight": 3, "filterWidth": 2, "strideH": 2, "strideW": 2, "padding": 0}))
    for tfl, op in {"MEAN": "ReduceMean", "REDUCE_MAX": "ReduceMax", "REDUCE_MIN": "ReduceMin"}.items():
        for out in ((SAME, (0.0007, 0)) if tfl == "MEAN" else (SAME,)):
            yield Case(tfl, op, [(x, SAME, False), (np.array([1, 2], I32), None, True)], [(I16, out)], {"keep_dims": False},
                       ("ReducerOptions", {"keepDims": False}))
    for size, halves in (([7, 5], (False, True)), ([3, 2], (True,))):
        for half in halves:
            attributes = {"mode": "linear", "axes": [1, 2], "like_tflite": True,
                          "coordinates": "half_pixel" if half else "asymmetric"}
            yield Case("RESIZE_BILINEAR", "Resize", [(x[:, :, :, :1].copy(), SAME, False), (np.array(size, I32), None, True)],
                       [(I16, SAME)], attributes,
                       ("ResizeBilinearOptions", {"alignCorners": False, "halfPixelCenters": half}))


def conversion_cases():
    softmax = ("SoftmaxOptions", {"beta": 1.0})
    for scale in (0.0003, 0.00005, 0.004):
        yield Case("SOFTMAX", "Softmax", [(values(I16, (2, 7)), (scale, 0), False)], [(I16, (2.0 ** -15, 0))], {"beta": 1.0},
                   softmax)
    for scale in (0.02, 0.11):
        yield Case("SOFTMAX", "Softmax", [(values(I8, (1, 7)), (scale, 3), False)], [(I16, (2.0 ** -16, -32768))],
                   {"beta": 1.0}, softmax)
    yield Case("SOFTMAX", "Softmax", [(values(np.uint8, (1, 7)), (0.05, 3), False)], [(I16, (2.0 ** -16, -32768))],
               {"beta": 1.0}, softmax)
    for dtype, of in ((I8, (0.05, 3)), (I16, (0.0002, 0))):
        yield Case("QUANTIZE", "Quantize", [(values(I32, (12,), -2000000, 2000000), (0.000003, 0), False)], [(dtype, of)])
    yield Case("QUANTIZE", "Quantize", [(words(), SAME, False)], [(I32, (0.0000002, 0))])
    yield Case("QUANTIZE", "Quantize", [(words(), SAME, False)], [(I16, (0.00041, 0))])
    yield Case("CONCATENATION", "Concat", [(values(I16, (2, n)), SAME, False) for n in (3, 5)], [(I16, SAME)], {"axis": -1},
               ("ConcatenationOptions", {"axis": -1, "fusedActivationFunction": 0}))
    yield Case("PAD", "Pad", [(values(I16, (2, 3)), SAME, False), (np.array([[1, 0], [0, 2]], I32), None, True)],
               [(I16, SAME)], {"mode": "constant", "pairs": True}, ("PadOptions", {}))
    yield Case("TRANSPOSE", "Transpose", [(values(I16, (2, 3, 4)), SAME, False), (np.array([2, 0, 1], I32), None, True)],
               [(I16, SAME)], {"permutation": [2, 0, 1]}, ("TransposeOptions", {}))


def short(scale):
    """The fewest digits that give this number of 32 bits."""
    made = float(str(F32(scale)))
    return made if F32(made) == F32(scale) else scale


def ordered(case, made):
    """Inputs as our ops have them, scales in few digits; what is 0 or false is not said."""
    for tensor in made["inputs"] + made["outputs"]:
        if "scales" in tensor:
            tensor["scales"] = [short(scale) for scale in tensor["scales"]]
        for key in ("axis", "constant", "zero_points"):
            if key in tensor and not np.any(tensor[key]):
                del tensor[key]
    if case.tfl == "TRANSPOSE_CONV":
        shape, weights, x, bias = made["inputs"]
        made["inputs"] = [x, weights, bias, shape]
    if case.tfl == "TRANSPOSE":
        made["inputs"] = made["inputs"][:1]
    return made


def main():
    cases = []
    for case in [*unary_cases(), *binary_cases(), *layer_cases(), *window_cases(), *conversion_cases()]:
        try:
            cases.append(ordered(case, answered(case)))
        except (RuntimeError, ValueError) as error:
            print(case.tfl, [(a.dtype, q) for a, q, _ in case.inputs], str(error)[:160])
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    (HERE / "words.json").write_text(f'{{"cases":[\n{lines}\n]}}\n')
    print(len(cases), "cases")


if __name__ == "__main__":
    main()
