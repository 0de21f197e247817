# SPDX-License-Identifier: Apache-2.0
"""Nets as TFLite files: NHWC, float32 or int8 (per-channel weights, activations from calibrated ranges).

int8 follows TensorFlow Lite's quantization specification: activations int8 with a zero point, weights symmetric a channel
(a tensor for fully connected), bias int32; pools, concatenation and what only moves values keep one scale; softmax and
logistic answer in 1/256.
"""

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from nets import fold

ACTIVATIONS = {None: 0, "relu": 1, "relu6": 3}
KEEPS_SCALE = {"max_pool", "average_pool", "global_average", "flatten", "concat", "unshuffle", "half", "upscale"}
FIXED = {"softmax": (1 / 256, -128), "sigmoid": (1 / 256, -128)}


def quantizations(net, ranges):
    """(scale, zero point) of every tensor: ranges joined over layers that keep the scale."""
    head = {}

    def root(name):
        while head.get(name, name) != name:
            name = head[name]
        return name

    for layer in net.layers:
        if layer.op in KEEPS_SCALE:
            for name in layer.inputs:
                head[root(name)] = root(layer.output)
    joined = {}
    for name in net.shapes:
        low, high = joined.get(root(name), (0.0, 0.0))
        joined[root(name)] = (min(low, ranges[name][0]), max(high, ranges[name][1]))
    result = {}
    for name in net.shapes:
        low, high = joined[root(name)]
        scale = np.float32(max(high - low, 1e-6) / 255)
        result[name] = (scale, int(np.clip(round(-128 - low / scale), -128, 127)))
    for layer in net.layers:
        if layer.op in FIXED and root(layer.output) == layer.output:
            result[layer.output] = (np.float32(FIXED[layer.op][0]), FIXED[layer.op][1])
        elif layer.op in FIXED:  # a concatenation wants another scale: requantized in between
            result[layer.output + "_fixed"] = (np.float32(FIXED[layer.op][0]), FIXED[layer.op][1])
    return result


class Writer:
    def __init__(self, net, quantized):
        self.net = net
        self.quantized = quantized  # name -> (scale, zero point); None: float32
        self.model = schema.ModelT()
        self.model.version = 3
        self.model.description = "seeded " + net.name
        self.model.buffers = [schema.BufferT()]
        self.model.operatorCodes = []
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators, self.graph.name = [], [], net.name
        self.model.subgraphs = [self.graph]
        self.codes = {}
        self.ids = {}
        self.tensor_of("input")
        self.graph.inputs = [self.ids["input"]]

    def code(self, name, version):
        builtin = getattr(schema.BuiltinOperator, name)
        if builtin not in self.codes:
            code = schema.OperatorCodeT()
            code.builtinCode, code.deprecatedBuiltinCode, code.version = builtin, min(builtin, 127), version
            self.codes[builtin] = len(self.model.operatorCodes)
            self.model.operatorCodes.append(code)
        return self.codes[builtin]

    def tensor(self, name, shape, dtype, quantization=None, axis=0, values=None):
        t = schema.TensorT()
        t.name, t.shape = name, list(shape)
        t.type = getattr(schema.TensorType, {"float32": "FLOAT32", "int8": "INT8", "int32": "INT32"}[dtype])
        t.buffer = 0
        if quantization is not None:
            t.quantization = schema.QuantizationParametersT()
            scales, zeros = quantization
            t.quantization.scale = np.atleast_1d(np.asarray(scales, np.float32))
            t.quantization.zeroPoint = np.atleast_1d(np.asarray(zeros, np.int64))
            t.quantization.quantizedDimension = axis
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
            t.buffer = len(self.model.buffers)
            self.model.buffers.append(buffer)
        self.graph.tensors.append(t)
        return len(self.graph.tensors) - 1

    def tensor_of(self, name, shape=None, like=None):
        """The activation called name; made when first asked for. like: shares the scale of that one."""
        if name not in self.ids:
            quantization = self.quantized and self.quantized[like or name]
            dtype = "int8" if self.quantized else "float32"
            self.ids[name] = self.tensor(name, shape or self.net.shapes[name], dtype, quantization or None)
        return self.ids[name]

    def integers(self, name, values):
        values = np.asarray(values, np.int32)
        return self.tensor(name, values.shape, "int32", values=values)

    def scalar(self, name, value):
        if not self.quantized:
            return self.tensor(name, [1], "float32", values=np.array([value], np.float32))
        return self.tensor(name, [1], "int8", (np.float32(value / 127), 0), values=np.array([127], np.int8))

    def weighted(self, layer, weights, bias, axis):
        """Weights and bias as tensors; axis: of the output channels, None where one scale serves all."""
        name = layer.output
        if not self.quantized:
            return [self.tensor(name + "_w", weights.shape, "float32", values=weights),
                    self.tensor(name + "_b", bias.shape, "float32", values=bias)]
        others = tuple(i for i in range(weights.ndim) if i != axis) if axis is not None else None
        scales = np.maximum(np.abs(weights).max(axis=others), 1e-9).astype(np.float32) / np.float32(127)
        spread = scales if axis is None else scales.reshape([-1 if i == axis else 1 for i in range(weights.ndim)])
        q = np.clip(np.rint(weights / spread), -127, 127).astype(np.int8)
        bias_scales = np.float32(self.quantized[layer.inputs[0]][0]) * np.atleast_1d(scales)
        q_bias = np.rint(bias / bias_scales).astype(np.int32)
        zeros = np.zeros(np.atleast_1d(scales).shape, np.int64)
        return [self.tensor(name + "_w", q.shape, "int8", (scales, zeros), axis or 0, q),
                self.tensor(name + "_b", bias.shape, "int32", (bias_scales, zeros), 0, q_bias)]

    def operator(self, code, inputs, output, options=None, version=1):
        op = schema.OperatorT()
        op.opcodeIndex = self.code(code, version)
        op.inputs, op.outputs = inputs, output if isinstance(output, list) else [output]
        if options is not None:
            kind = type(options).__name__.removesuffix("T")
            op.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
            op.builtinOptions = options
        self.graph.operators.append(op)

    def padded(self, layer):
        """The input, behind a PAD where the padding is not TensorFlow's SAME or VALID; and which of these two is left."""
        a, x = layer.attributes, layer.inputs[0]
        if a["same"] or not any(a["pads"]):
            return self.ids[x], 0 if a["same"] else 1
        top, left, bottom, right = a["pads"]
        batch, height, width, channels = self.net.shapes[x]
        out = self.tensor_of(layer.output + "_padded", (batch, height + top + bottom, width + left + right, channels), like=x)
        self.operator("PAD", [self.ids[x], self.integers(layer.output + "_pads", [[0, 0], [top, bottom], [left, right], [0, 0]])],
                      out, schema.PadOptionsT(), version=2 if self.quantized else 1)
        return out, 1

    def windowed(self, options, layer, padding):
        a = layer.attributes
        options.padding, options.strideH, options.strideW = padding, a["stride"], a["stride"]
        return options

    def conv(self, layer):
        weights, bias = fold(layer)
        x, padding = self.padded(layer)
        options = self.windowed(schema.Conv2DOptionsT(), layer, padding)
        options.fusedActivationFunction, options.dilationHFactor, options.dilationWFactor = ACTIVATIONS[layer.attributes["act"]], 1, 1
        self.operator("CONV_2D", [x, *self.weighted(layer, weights.transpose(3, 0, 1, 2), bias, 0)], self.tensor_of(layer.output),
                      options, version=3 if self.quantized else 1)

    def depthwise(self, layer):
        weights, bias = fold(layer)
        x, padding = self.padded(layer)
        options = self.windowed(schema.DepthwiseConv2DOptionsT(), layer, padding)
        options.depthMultiplier, options.dilationHFactor, options.dilationWFactor = 1, 1, 1
        options.fusedActivationFunction = ACTIVATIONS[layer.attributes["act"]]
        self.operator("DEPTHWISE_CONV_2D", [x, *self.weighted(layer, weights[None], bias, 3)], self.tensor_of(layer.output),
                      options, version=3 if self.quantized else 1)

    def dense(self, layer):
        options = schema.FullyConnectedOptionsT()
        options.fusedActivationFunction = ACTIVATIONS[layer.attributes["act"]]
        weighted = self.weighted(layer, np.ascontiguousarray(layer.weights["weights"].T), layer.weights["bias"], None)
        self.operator("FULLY_CONNECTED", [self.ids[layer.inputs[0]], *weighted], self.tensor_of(layer.output), options,
                      version=4 if self.quantized else 1)

    def pool(self, code, layer, filter_size, stride):
        x, padding = self.padded(layer) if "pads" in layer.attributes else (self.ids[layer.inputs[0]], 1)
        options = schema.Pool2DOptionsT()
        options.padding, options.strideH, options.strideW = padding, stride, stride
        options.filterHeight, options.filterWidth = filter_size
        self.operator(code, [x], self.tensor_of(layer.output), options, version=2 if self.quantized else 1)

    def max_pool(self, layer):
        """A PAD of zeros in front is right only behind ReLU, as these nets have it."""
        self.pool("MAX_POOL_2D", layer, layer.attributes["kernel"], layer.attributes["stride"])

    def average_pool(self, layer):
        self.pool("AVERAGE_POOL_2D", layer, layer.attributes["kernel"], layer.attributes["stride"])

    def global_average(self, layer):
        self.pool("AVERAGE_POOL_2D", layer, self.net.shapes[layer.inputs[0]][1:3], 1)

    def reshape(self, x, out, shape, name):
        options = schema.ReshapeOptionsT()
        options.newShape = list(shape)
        self.operator("RESHAPE", [x, self.integers(name, shape)], out, options)

    def flatten(self, layer):
        self.reshape(self.ids[layer.inputs[0]], self.tensor_of(layer.output), self.net.shapes[layer.output], layer.output + "_shape")

    def plain(self, code, layer, options, version):
        self.operator(code, [self.ids[x] for x in layer.inputs], self.tensor_of(layer.output), options, version)

    def fixed(self, code, layer, options):
        fixed = layer.output + "_fixed"
        if not self.quantized or fixed not in self.quantized:
            self.plain(code, layer, options, 2 if self.quantized else 1)
            return
        out = self.tensor_of(fixed, self.net.shapes[layer.output])
        self.operator(code, [self.ids[layer.inputs[0]]], out, options, 2)
        self.operator("QUANTIZE", [out], self.tensor_of(layer.output), schema.QuantizeOptionsT(), 2)

    def softmax(self, layer):
        options = schema.SoftmaxOptionsT()
        options.beta = 1.0
        self.fixed("SOFTMAX", layer, options)

    def sigmoid(self, layer):
        self.fixed("LOGISTIC", layer, None)

    def hard_swish(self, layer):
        self.plain("HARD_SWISH", layer, schema.HardSwishOptionsT(), 1)

    def hard_sigmoid(self, layer):
        """relu6(x + 3) / 6: TFLite has no operator for it."""
        middle = layer.output + "_shifted"
        if self.quantized:
            self.quantized[middle] = (np.float32(6 / 255), -128)
        out = self.tensor_of(middle, self.net.shapes[layer.output])
        options = schema.AddOptionsT()
        options.fusedActivationFunction = ACTIVATIONS["relu6"]
        self.operator("ADD", [self.ids[layer.inputs[0]], self.scalar(middle + "_3", 3.0)], out, options, 2 if self.quantized else 1)
        self.operator("MUL", [out, self.scalar(layer.output + "_6", 1 / 6)], self.tensor_of(layer.output), schema.MulOptionsT(),
                      2 if self.quantized else 1)

    def sum(self, layer):
        options = schema.AddOptionsT()
        options.fusedActivationFunction = ACTIVATIONS[layer.attributes["act"]]
        self.plain("ADD", layer, options, 2 if self.quantized else 1)

    def scale(self, layer):
        self.plain("MUL", layer, schema.MulOptionsT(), 2 if self.quantized else 1)

    def concat(self, layer):
        options = schema.ConcatenationOptionsT()
        options.axis = 3
        self.plain("CONCATENATION", layer, options, 2 if self.quantized else 1)

    def unshuffle(self, layer):
        name = layer.output
        batch, height, width, channels = self.net.shapes[name]
        pairs, halves = (batch, height * width, channels // 2, 2), (batch, height * width, 2, channels // 2)
        shaped, swapped = self.tensor_of(name + "_pairs", pairs, like=name), self.tensor_of(name + "_halves", halves, like=name)
        self.reshape(self.ids[layer.inputs[0]], shaped, pairs, name + "_pairs_shape")
        self.operator("TRANSPOSE", [shaped, self.integers(name + "_perm", [0, 1, 3, 2])], swapped, schema.TransposeOptionsT(),
                      2 if self.quantized else 1)
        joined = self.tensor_of(name)
        self.reshape(swapped, joined, (batch, height, width, channels), name + "_shape")
        options = schema.SplitOptionsT()
        options.numSplits = 2
        users = [other for other in self.net.layers if other.op == "half" and other.inputs == [name]]
        self.operator("SPLIT", [self.integers(name + "_axis", np.int32(3)), joined], [self.tensor_of(user.output) for user in users],
                      options, version=2 if self.quantized else 1)

    def half(self, layer):
        """An output of the SPLIT that unshuffle wrote."""

    def upscale(self, layer):
        _, height, width, _ = self.net.shapes[layer.output]
        self.operator("RESIZE_NEAREST_NEIGHBOR", [self.ids[layer.inputs[0]], self.integers(layer.output + "_size", [height, width])],
                      self.tensor_of(layer.output), schema.ResizeNearestNeighborOptionsT(), 2 if self.quantized else 1)


def write(net, path, ranges=None):
    """ranges: (low, high) of every tensor by name, for an int8 file. Returns (scale, zero point) of input and output, or None."""
    quantized = quantizations(net, ranges) if ranges else None
    writer = Writer(net, quantized)
    for layer in net.layers:
        getattr(writer, layer.op)(layer)
    writer.graph.outputs = [writer.ids[net.output]]
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(writer.model.Pack(builder), b"TFL3")
    with open(path, "wb") as file:
        file.write(builder.Output())
    if quantized:
        return {"input": [float(quantized["input"][0]), quantized["input"][1]],
                "output": [float(quantized[net.output][0]), quantized[net.output][1]]}
    return None
