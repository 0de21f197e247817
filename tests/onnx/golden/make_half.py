#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A small network in half precision, and ONNX Runtime's answers to seeded images.

make_half.py: writes half_net.onnx and half_net.STEP.npy (the f16 answers, as f32) beside this file.
Made with onnx 1.23.2, onnxruntime 1.32.0 and numpy 2.4.
"""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from make import HERE, seeded, session_of

SIZE = 32


class Net:
    """Nodes of a chain; constants are drawn from one generator."""

    def __init__(self):
        self.random = np.random.default_rng(7)
        self.nodes, self.constants = [], []

    def constant(self, values, dtype=np.float16) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values).astype(dtype), name))
        return name

    def drawn(self, *shape: int, scale: float = 1.0) -> str:
        return self.constant(self.random.standard_normal(shape) * scale)

    def node(self, op: str, *inputs: str, **attributes) -> str:
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], **attributes))
        return name

    def conv(self, x: str, inputs: int, outputs: int, kernel: int, group: int = 1, stride: int = 1) -> str:
        fan = kernel * kernel * inputs // group
        weights = self.drawn(outputs, inputs // group, kernel, kernel, scale=(2 / fan) ** 0.5)
        return self.node("Conv", x, weights, self.drawn(outputs, scale=0.1), group=group, strides=[stride] * 2,
                         pads=[kernel // 2] * 4, kernel_shape=[kernel] * 2)

    def norm(self, x: str, channels: int) -> str:
        variance = self.constant(self.random.uniform(0.5, 2, channels))
        return self.node("BatchNormalization", x, self.drawn(channels), self.drawn(channels, scale=0.1),
                         self.drawn(channels, scale=0.1), variance)


def build() -> onnx.ModelProto:
    net = Net()
    x = net.node("Relu", net.norm(net.conv("x", 3, 16, 3, stride=2), 16))
    deep = net.node("HardSwish", net.norm(net.conv(x, 16, 16, 5, group=16), 16))
    deep = net.conv(deep, 16, 16, 1)
    gate = net.node("GlobalAveragePool", deep)
    gate = net.node("Sigmoid", net.conv(gate, 16, 16, 1))
    deep = net.node("Mul", deep, gate)
    both = net.node("Concat", x, deep, axis=1)
    half = net.node("MaxPool", both, kernel_shape=[2, 2], strides=[2, 2])
    back = net.node("Resize", half, "", net.constant([1, 1, 2, 2], np.float32), mode="linear",
                    coordinate_transformation_mode="half_pixel")
    x = net.node("Add", both, back)
    # Channels of two halves are interleaved, as ShuffleNet does: f16 is moved between what is computed.
    x = net.node("Reshape", x, net.constant([1, 2, 16, 16, 16], np.int64))
    x = net.node("Transpose", x, perm=[0, 2, 1, 3, 4])
    x = net.node("Reshape", x, net.constant([1, 32, 16, 16], np.int64))
    x = net.node("Clip", net.conv(x, 32, 24, 3, stride=2), net.constant(0), net.constant(6))
    x = net.node("ReduceMean", x, net.constant([2, 3], np.int64), keepdims=0)
    x = net.node("LayerNormalization", x, net.drawn(24), net.drawn(24))
    x = net.node("Gemm", x, net.drawn(10, 24, scale=0.3), net.drawn(10, scale=0.1), transB=1)
    net.nodes.append(helper.make_node("Softmax", [x], ["y"], axis=1))
    graph = helper.make_graph(net.nodes, "half_net",
                              [helper.make_tensor_value_info("x", TensorProto.FLOAT16, [1, 3, SIZE, SIZE])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT16, [1, 10]),
                               helper.make_tensor_value_info(both, TensorProto.FLOAT16, [1, 32, 16, 16])],
                              net.constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model


def main() -> None:
    path = HERE / "half_net.onnx"
    onnx.save(build(), path)
    session = session_of(path)
    for step in range(2):
        x = seeded((1, 3, SIZE, SIZE), -1, 1, step).astype(np.float16)
        for i, y in enumerate(session.run(None, {"x": x})):
            np.save(HERE / f"half_net.{step}.{i}.npy", y.reshape(-1)[:: max(1, -(-y.size // 512))].astype(np.float32))


if __name__ == "__main__":
    main()
