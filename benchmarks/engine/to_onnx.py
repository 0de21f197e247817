# SPDX-License-Identifier: Apache-2.0
"""Nets as ONNX files: NCHW, opset 13 (14 where HardSwish asks for it)."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from nets import fold

OPSET = 14


class Writer:
    def __init__(self, net, folded):
        self.net = net
        self.folded = folded
        self.nodes = []
        self.initializers = []

    def constant(self, name, values):
        self.initializers.append(numpy_helper.from_array(np.asarray(values, order="C"), name))
        return name

    def node(self, op, inputs, output, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [output], name=output, **attributes))
        return output

    def activate(self, act, x, output):
        if act == "relu":
            self.node("Relu", [x], output)
        elif act == "relu6":
            self.node("Clip", [x, self.constant(output + "_low", np.float32(0)), self.constant(output + "_high", np.float32(6))], output)

    def window(self, layer):
        a = layer.attributes
        return {"kernel_shape": list(a["kernel"]), "strides": [a["stride"]] * 2, "pads": list(a["pads"])}

    def convolution(self, layer, groups, weights):
        name, act = layer.output, layer.attributes["act"]
        normed = "gamma" in layer.weights and not self.folded
        _, bias = fold(layer)
        inputs = [layer.inputs[0], self.constant(name + "_w", weights)]
        if not normed:
            inputs.append(self.constant(name + "_b", bias))
        x = self.node("Conv", inputs, name + "_conv" if normed or act else name, group=groups, **self.window(layer))
        if normed:
            parts = [self.constant(f"{name}_{part}", layer.weights[part]) for part in ("gamma", "beta", "mean", "variance")]
            x = self.node("BatchNormalization", [x, *parts], name + "_norm" if act else name, epsilon=1e-5)
        self.activate(act, x, name)

    def weights_of(self, layer):
        return fold(layer)[0] if self.folded else layer.weights["weights"]

    def conv(self, layer):
        self.convolution(layer, 1, self.weights_of(layer).transpose(3, 2, 0, 1))

    def depthwise(self, layer):
        weights = self.weights_of(layer)
        self.convolution(layer, weights.shape[2], weights.transpose(2, 0, 1)[:, None])

    def dense(self, layer):
        name, act = layer.output, layer.attributes["act"]
        inputs = [layer.inputs[0], self.constant(name + "_w", layer.weights["weights"].T),
                  self.constant(name + "_b", layer.weights["bias"])]
        self.activate(act, self.node("Gemm", inputs, name + "_gemm" if act else name, transB=1), name)

    def max_pool(self, layer):
        self.node("MaxPool", layer.inputs, layer.output, **self.window(layer))

    def average_pool(self, layer):
        self.node("AveragePool", layer.inputs, layer.output, count_include_pad=1, **self.window(layer))

    def global_average(self, layer):
        self.node("GlobalAveragePool", layer.inputs, layer.output)

    def flatten(self, layer):
        self.node("Flatten", layer.inputs, layer.output, axis=1)

    def softmax(self, layer):
        self.node("Softmax", layer.inputs, layer.output, axis=1)

    def sigmoid(self, layer):
        self.node("Sigmoid", layer.inputs, layer.output)

    def hard_swish(self, layer):
        self.node("HardSwish", layer.inputs, layer.output)

    def hard_sigmoid(self, layer):
        self.node("HardSigmoid", layer.inputs, layer.output, alpha=1 / 6, beta=0.5)

    def sum(self, layer):
        act = layer.attributes["act"]
        self.activate(act, self.node("Add", layer.inputs, layer.output + "_sum" if act else layer.output), layer.output)

    def scale(self, layer):
        self.node("Mul", layer.inputs, layer.output)

    def concat(self, layer):
        self.node("Concat", layer.inputs, layer.output, axis=1)

    def unshuffle(self, layer):
        _, height, width, channels = self.net.shapes[layer.output]
        name = layer.output
        x = self.node("Reshape", [*layer.inputs, self.constant(name + "_pairs", np.array([channels // 2, 2, height * width]))], name + "_in")
        x = self.node("Transpose", [x], name + "_swapped", perm=[1, 0, 2])
        self.node("Reshape", [x, self.constant(name + "_halves", np.array([2, -1, channels // 2, height, width]))], name)

    def half(self, layer):
        self.node("Gather", [*layer.inputs, self.constant(layer.output + "_at", np.int64(layer.attributes["index"]))], layer.output, axis=0)

    def upscale(self, layer):
        scales = self.constant(layer.output + "_scales", np.array([1, 1, 2, 2], np.float32))
        self.node("Resize", [*layer.inputs, "", scales], layer.output, mode="nearest", nearest_mode="floor",
                  coordinate_transformation_mode="asymmetric")


def nchw(shape):
    return (shape[0], shape[3], shape[1], shape[2]) if len(shape) == 4 else shape


def write(net, path, folded=False):
    """folded: batch normalization is folded by us, as the quantizer wants it."""
    writer = Writer(net, folded)
    for layer in net.layers:
        getattr(writer, layer.op)(layer)
    graph = helper.make_graph(
        writer.nodes, net.name,
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, nchw(net.shapes["input"]))],
        [helper.make_tensor_value_info(net.output, TensorProto.FLOAT, nchw(net.shapes[net.output]))], writer.initializers)
    opset = OPSET if any(node.op_type == "HardSwish" for node in writer.nodes) else 13
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], producer_name="lichen-bench", ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
