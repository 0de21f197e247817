# SPDX-License-Identifier: Apache-2.0
"""Nets as ncnn files (NAME.param, NAME.bin): float32, activations fused into convolutions as ncnn's own optimizer does."""

import struct

import numpy as np

from nets import fold

FUSED = {None: "", "relu": " 9=1", "relu6": " 9=3 -23310=2,0.0,6.0"}
MAX_POOL, AVERAGE_POOL = 0, 1


class Writer:
    def __init__(self, net):
        self.net = net
        self.lines = []
        self.blobs = 0
        self.weights = bytearray()
        self.users = {}
        for layer in net.layers:
            for x in layer.inputs:
                self.users[x] = self.users.get(x, 0) + 1
        self.copies = {}  # tensors with several users are split: the names that are left to use
        batch, *dims = net.shapes["input"]
        size = f"0={dims[1]} 1={dims[0]} 2={dims[2]}" if len(dims) == 3 else f"0={dims[0]}"
        self.layer("Input", "input", [], ["input"], size)

    def layer(self, kind, name, inputs, outputs, parameters=""):
        taken = [self.copies[x].pop() if self.copies.get(x) else x for x in inputs]
        self.lines.append(f"{kind} {name} {len(taken)} {len(outputs)} {' '.join(taken + outputs)} {parameters}".rstrip())
        self.blobs += len(outputs)
        for out in outputs:
            count = self.users.get(out, 0)
            if count > 1:
                self.copies[out] = [f"{out}_{i}" for i in range(count)]
                copies = self.copies[out]
                self.lines.append(f"Split {out}_split 1 {count} {out} {' '.join(copies)}")
                self.blobs += count

    def weigh(self, weights, bias):
        self.weights += struct.pack("<I", 0) + np.ascontiguousarray(weights, np.float32).tobytes()
        self.weights += bias.astype(np.float32).tobytes()

    def window(self, a):
        top, left, bottom, right = a["pads"]
        return f"1={a['kernel'][1]} 11={a['kernel'][0]} 3={a['stride']} 4={left} 15={right} 14={top} 16={bottom}"

    def conv(self, layer):
        weights, bias = fold(layer)
        self.weigh(weights.transpose(3, 2, 0, 1), bias)
        self.layer("Convolution", layer.output, layer.inputs, [layer.output],
                   f"0={bias.size} {self.window(layer.attributes)} 5=1 6={weights.size}{FUSED[layer.attributes['act']]}")

    def depthwise(self, layer):
        weights, bias = fold(layer)
        self.weigh(weights.transpose(2, 0, 1), bias)
        self.layer("ConvolutionDepthWise", layer.output, layer.inputs, [layer.output],
                   f"0={bias.size} {self.window(layer.attributes)} 5=1 6={weights.size} 7={bias.size}{FUSED[layer.attributes['act']]}")

    def dense(self, layer):
        weights = layer.weights["weights"]
        self.weigh(weights.T, layer.weights["bias"])
        self.layer("InnerProduct", layer.output, layer.inputs, [layer.output],
                   f"0={weights.shape[1]} 1=1 2={weights.size}{FUSED[layer.attributes['act']]}")

    def pool(self, layer, kind):
        a = layer.attributes
        top, left, bottom, right = a["pads"]
        self.layer("Pooling", layer.output, layer.inputs, [layer.output],
                   f"0={kind} 1={a['kernel'][1]} 11={a['kernel'][0]} 2={a['stride']} 3={left} 14={right} 13={top} 15={bottom} 5=1 6=1")

    def max_pool(self, layer):
        self.pool(layer, MAX_POOL)

    def average_pool(self, layer):
        self.pool(layer, AVERAGE_POOL)

    def global_average(self, layer):
        """Three dimensions stay, as a convolution behind it wants them."""
        channels = self.net.shapes[layer.output][3]
        self.layer("Pooling", layer.output + "_flat", layer.inputs, [layer.output + "_flat"], f"0={AVERAGE_POOL} 4=1")
        self.layer("Reshape", layer.output, [layer.output + "_flat"], [layer.output], f"0=1 1=1 2={channels}")

    def flatten(self, layer):
        self.layer("Flatten", layer.output, layer.inputs, [layer.output])

    def softmax(self, layer):
        self.layer("Softmax", layer.output, layer.inputs, [layer.output], "0=0 1=1")

    def sigmoid(self, layer):
        self.layer("Sigmoid", layer.output, layer.inputs, [layer.output])

    def hard_swish(self, layer):
        self.layer("HardSwish", layer.output, layer.inputs, [layer.output], "0=0.16666667 1=0.5")

    def hard_sigmoid(self, layer):
        self.layer("HardSigmoid", layer.output, layer.inputs, [layer.output], "0=0.16666667 1=0.5")

    def sum(self, layer):
        act = layer.attributes["act"]
        name = layer.output + "_sum" if act else layer.output
        self.layer("BinaryOp", name, layer.inputs, [name], "0=0")
        if act:
            self.layer("ReLU", layer.output, [name], [layer.output])

    def scale(self, layer):
        self.layer("BinaryOp", layer.output, layer.inputs, [layer.output], "0=2")

    def concat(self, layer):
        self.layer("Concat", layer.output, layer.inputs, [layer.output], "0=0")

    def unshuffle(self, layer):
        halves = [other for other in self.net.layers if other.op == "half" and other.inputs == [layer.output]]
        channels = self.net.shapes[layer.output][3] // 2
        self.layer("ShuffleChannel", layer.output + "_mixed", layer.inputs, [layer.output + "_mixed"], "0=2 1=1")
        self.layer("Slice", layer.output, [layer.output + "_mixed"], [half.output for half in halves],
                   f"-23300=2,{channels},-233 1=0")

    def half(self, layer):
        """An output of the Slice that unshuffle wrote."""

    def upscale(self, layer):
        self.layer("Interp", layer.output, layer.inputs, [layer.output], "0=1 1=2.0 2=2.0")


def write(net, path):
    writer = Writer(net)
    for layer in net.layers:
        getattr(writer, layer.op)(layer)
    header = f"7767517\n{len(writer.lines)} {writer.blobs}\n"
    path.with_name(path.name + ".param").write_text(header + "\n".join(writer.lines) + "\n")
    path.with_name(path.name + ".bin").write_bytes(writer.weights)
