#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes layers_tflite.json, as ops.py makes ops.json: what LiteRT's reference kernels answer to layers with weights in
bytes (hybrid ones among them), products and normalizations. ops_golden_test.cpp reads it.
"""
import json

import numpy as np
from ops import HERE, Case, answered, values

F32, I8, I32 = np.float32, np.int8, np.int32


def scales(count):
    return np.linspace(0.004, 0.011, count).astype(F32)


def hybrid_cases():
    x, bias = values(F32, (3, 37)), values(F32, (21,))
    weights = values(I8, (21, 37), -127, 127)
    for quantization in ((0.006, 0), (scales(21), np.zeros(21, np.int64))):
        for asymmetric in (False, True):
            yield Case("FULLY_CONNECTED", "FullyConnected",
                       [(x, None, False), (weights, quantization, True), (bias, None, True)], [(F32, None)],
                       {"asymmetric": asymmetric},
                       ("FullyConnectedOptions", {"asymmetricQuantizeInputs": asymmetric}))
    image, kernel = values(F32, (2, 7, 8, 5)), values(I8, (11, 3, 3, 5), -127, 127)
    strides = {"strideH": 2, "strideW": 1, "padding": 0, "dilationHFactor": 1, "dilationWFactor": 1}
    for quantization in ((0.006, 0), (scales(11), np.zeros(11, np.int64))):
        yield Case("CONV_2D", "Conv2D",
                   [(image, None, False), (kernel, quantization, True), (values(F32, (11,)), None, True)], [(F32, None)],
                   {"stride_h": 2}, ("Conv2DOptions", strides))
    kernel = values(I8, (1, 3, 3, 5), -127, 127)
    for quantization in ((scales(5), np.zeros(5, np.int64), 3),):
        yield Case("DEPTHWISE_CONV_2D", "DepthwiseConv2D",
                   [(image, None, False), (kernel, quantization, True), (values(F32, (5,)), None, True)], [(F32, None)],
                   {"stride_h": 2}, ("DepthwiseConv2DOptions", strides | {"depthMultiplier": 1}))


def integer_cases():
    for dtype, middle in ((I8, 0), (np.uint8, 128)):
        for quantization in ((0.05, middle + 3), (0.02, middle - 20)):
            yield Case("L2_NORMALIZATION", "L2Norm", [(values(dtype, (4, 3, 9)), quantization, False)],
                       [(dtype, (1 / 128, middle))], {}, ("L2NormOptions", {}))
    for shape_a, shape_b in (((2, 5, 7), (2, 7, 6)), ((3, 1, 5, 7), (4, 7, 6))):
        yield Case("BATCH_MATMUL", "MatMul",
                   [(values(I8, shape_a), (0.05, 3), False), (values(I8, shape_b), (0.02, -4), False)],
                   [(I8, (0.3, 7))], {}, ("BatchMatMulOptions", {"adjX": False, "adjY": False}))
    for padding, height, width in ((0, 8, 10), (1, 9, 11)):
        for quantization in ((0.006, 0), (scales(6), np.zeros(6, np.int64))):
            x, kernel = values(I8, (2, 4, 5, 3)), values(I8, (6, 3, 3, 3), -127, 127)
            shape = np.array([2, height, width, 6], I32)
            of_bias = (np.float32(0.05) * np.float32(quantization[0]), quantization[1])
            bias = values(I32, (6,), -3000, 3000)
            yield Case("TRANSPOSE_CONV", "TransposeConv2D",
                       [(shape, None, True), (kernel, quantization, True), (x, (0.05, 3), False), (bias, of_bias, True)],
                       [(I8, (0.06, -5))], {"stride_h": 2, "stride_w": 2, "padding": "same" if padding == 0 else "valid"},
                       ("TransposeConvOptions", {"strideH": 2, "strideW": 2, "padding": padding}))
    x, kernel = values(F32, (2, 4, 5, 3)), values(F32, (6, 3, 3, 3))
    for padding, height, width in ((0, 8, 10), (1, 9, 11)):
        yield Case("TRANSPOSE_CONV", "TransposeConv2D",
                   [(np.array([2, height, width, 6], I32), None, True), (kernel, None, True), (x, None, False),
                    (values(F32, (6,)), None, True)], [(F32, None)],
                   {"stride_h": 2, "stride_w": 2, "padding": "same" if padding == 0 else "valid"},
                   ("TransposeConvOptions", {"strideH": 2, "strideW": 2, "padding": padding}))


def main():
    cases = []
    for case in [*hybrid_cases(), *integer_cases()]:
        made = answered(case)
        if case.tfl == "TRANSPOSE_CONV":  # ours: x, weights, bias, shape
            shape, weights, x, bias = made["inputs"]
            made["inputs"] = [x, weights, bias, shape]
        cases.append(made)
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    (HERE / "layers_tflite.json").write_text(f'{{"cases":[\n{lines}\n]}}\n')
    print(len(cases), "cases")


if __name__ == "__main__":
    main()
