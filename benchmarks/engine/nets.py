# SPDX-License-Identifier: Apache-2.0
"""The eight nets of the engine's bars, as lists of layers with seeded weights, before any file format.

Structure after the papers (MobileNetV1-0.25, MobileNetV2 and MobileNetV3-small, SqueezeNet 1.1) and MLPerf Tiny's reference
models (DS-CNN, ResNet-8, the auto-encoder); FastestDet as its published ONNX file has it. Shapes are NHWC, weights HWIO
(depthwise HWC), padding is (top, left, bottom, right).
"""

import dataclasses

import numpy as np


@dataclasses.dataclass
class Layer:
    op: str
    inputs: list
    output: str
    attributes: dict = dataclasses.field(default_factory=dict)
    weights: dict = dataclasses.field(default_factory=dict)  # float32 arrays


class Net:
    def __init__(self, name, input_shape, seed):
        self.name = name
        self.random = np.random.default_rng(seed)
        self.layers = []
        self.shapes = {"input": tuple(input_shape)}
        self.output = "input"
        self.macs = 0

    def add(self, op, inputs, shape, attributes=None, weights=None):
        output = f"{op}_{len(self.layers)}"
        self.layers.append(Layer(op, list(inputs), output, attributes or {}, weights or {}))
        self.shapes[output] = tuple(shape)
        self.output = output
        return output

    def normal(self, shape, fan_in, gain):
        return (self.random.standard_normal(shape) * np.sqrt(gain / fan_in)).astype(np.float32)

    def batch_norm(self, channels):
        uniform = self.random.uniform
        return {"gamma": uniform(0.8, 1.2, channels).astype(np.float32),
                "beta": uniform(-0.1, 0.1, channels).astype(np.float32),
                "mean": uniform(-0.1, 0.1, channels).astype(np.float32),
                "variance": uniform(0.8, 1.25, channels).astype(np.float32)}

    def conv(self, x, channels, kernel, stride=1, act=None, pad="same", norm=False, gain=None):
        """act: None, "relu" or "relu6". pad: "same" as TensorFlow has it, or one number for each side."""
        return self._conv("conv", x, channels, kernel, stride, act, pad, norm, gain)

    def depthwise(self, x, kernel, stride=1, act=None, pad="same", norm=False, gain=None):
        return self._conv("depthwise", x, self.shapes[x][3], kernel, stride, act, pad, norm, gain)

    def _conv(self, op, x, channels, kernel, stride, act, pad, norm, gain):
        _, height, width, depth = self.shapes[x]
        kernel = (kernel, kernel) if isinstance(kernel, int) else kernel
        pads = self._pads((height, width), kernel, stride, pad)
        out = [(size + pads[i] + pads[i + 2] - kernel[i]) // stride + 1 for i, size in enumerate((height, width))]
        fan_in = kernel[0] * kernel[1] * (depth if op == "conv" else 1)
        gain = gain or (2.0 if act else 1.0)
        shape = (*kernel, depth, channels) if op == "conv" else (*kernel, depth)
        weights = {"weights": self.normal(shape, fan_in, gain)}
        if norm:
            weights.update(self.batch_norm(channels))
        else:
            weights["bias"] = self.random.uniform(-0.1, 0.1, channels).astype(np.float32)
        self.macs += out[0] * out[1] * channels * fan_in
        attributes = {"kernel": kernel, "stride": stride, "pads": pads, "act": act, "same": pad == "same"}
        return self.add(op, [x], (1, *out, channels), attributes, weights)

    @staticmethod
    def _pads(sizes, kernel, stride, pad):
        if pad != "same":
            return (pad, pad, pad, pad)
        before, after = [], []
        for size, k in zip(sizes, kernel):
            total = max((-(-size // stride) - 1) * stride + k - size, 0)
            before.append(total // 2)
            after.append(total - total // 2)
        return (*before, *after)

    def dense(self, x, units, act=None, gain=None):
        depth = self.shapes[x][-1]
        weights = {"weights": self.normal((depth, units), depth, gain or (2.0 if act else 1.0)),
                   "bias": self.random.uniform(-0.1, 0.1, units).astype(np.float32)}
        self.macs += depth * units
        return self.add("dense", [x], (1, units), {"act": act}, weights)

    def pool(self, op, x, kernel, stride, pad=0):
        _, height, width, channels = self.shapes[x]
        kernel = (kernel, kernel) if isinstance(kernel, int) else kernel
        pads = self._pads((height, width), kernel, stride, pad)
        out = [(size + pads[i] + pads[i + 2] - kernel[i]) // stride + 1 for i, size in enumerate((height, width))]
        return self.add(op, [x], (1, *out, channels), {"kernel": kernel, "stride": stride, "pads": pads, "same": pad == "same"})

    def global_average(self, x):
        return self.add("global_average", [x], (1, 1, 1, self.shapes[x][3]))

    def flatten(self, x):
        return self.add("flatten", [x], (1, int(np.prod(self.shapes[x]))))

    def softmax(self, x):
        return self.add("softmax", [x], self.shapes[x])

    def unary(self, op, x):
        return self.add(op, [x], self.shapes[x])

    def sum(self, a, b, act=None):
        return self.add("sum", [a, b], self.shapes[a], {"act": act})

    def scale(self, x, by):
        return self.add("scale", [x, by], self.shapes[x])

    def concat(self, parts):
        channels = sum(self.shapes[part][3] for part in parts)
        return self.add("concat", parts, (*self.shapes[parts[0]][:3], channels))

    def unshuffle(self, x):
        """Even channels first, then the odd ones: two tensors."""
        batch, height, width, channels = self.shapes[x]
        both = self.add("unshuffle", [x], (batch, height, width, channels))
        half = (batch, height, width, channels // 2)
        return [self.add("half", [both], half, {"index": i}) for i in range(2)]

    def upscale(self, x):
        batch, height, width, channels = self.shapes[x]
        return self.add("upscale", [x], (batch, 2 * height, 2 * width, channels))


def mobilenet_v1():
    net = Net("mobilenet_v1_025", (1, 96, 96, 3), 101)
    x = net.conv("input", 8, 3, 2, "relu", norm=True)
    for channels, stride in [(16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2)] + [(128, 1)] * 5 + [(256, 2), (256, 1)]:
        x = net.depthwise(x, 3, stride, "relu", norm=True)
        x = net.conv(x, channels, 1, 1, "relu", norm=True)
    net.softmax(net.dense(net.flatten(net.global_average(x)), 2))
    return net


def ds_cnn():
    net = Net("ds_cnn", (1, 49, 10, 1), 102)
    x = net.conv("input", 64, (10, 4), 2, "relu")
    for _ in range(4):
        x = net.depthwise(x, 3, 1, "relu")
        x = net.conv(x, 64, 1, 1, "relu")
    net.softmax(net.dense(net.flatten(net.global_average(x)), 12))
    return net


def resnet8():
    net = Net("resnet8", (1, 32, 32, 3), 103)
    x = net.conv("input", 16, 3, 1, "relu")
    for channels, stride in [(16, 1), (32, 2), (64, 2)]:
        y = net.conv(x, channels, 3, stride, "relu")
        y = net.conv(y, channels, 3, 1, gain=0.5)
        if stride != 1:
            x = net.conv(x, channels, 1, stride)
        x = net.sum(x, y, "relu")
    net.softmax(net.dense(net.flatten(net.global_average(x)), 10))
    return net


def auto_encoder():
    net = Net("auto_encoder", (1, 640), 104)
    x = "input"
    for units in [128, 128, 128, 128, 8, 128, 128, 128, 128]:
        x = net.dense(x, units, "relu")
    net.dense(x, 640)
    return net


def mobilenet_v2():
    net = Net("mobilenet_v2", (1, 224, 224, 3), 105)
    x = net.conv("input", 32, 3, 2, "relu6", norm=True)
    for expand, channels, repeats, first in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                                             (6, 160, 3, 2), (6, 320, 1, 1)]:
        for stride in [first] + [1] * (repeats - 1):
            depth = net.shapes[x][3]
            y = net.conv(x, depth * expand, 1, 1, "relu6", norm=True) if expand != 1 else x
            y = net.depthwise(y, 3, stride, "relu6", norm=True)
            y = net.conv(y, channels, 1, norm=True)
            x = net.sum(x, y) if stride == 1 and depth == channels else y
    x = net.conv(x, 1280, 1, 1, "relu6", norm=True)
    net.softmax(net.dense(net.flatten(net.global_average(x)), 1000))
    return net


def squeezenet():
    net = Net("squeezenet_11", (1, 224, 224, 3), 106)

    def fire(x, squeeze, expand):
        x = net.conv(x, squeeze, 1, 1, "relu")
        return net.concat([net.conv(x, expand, 1, 1, "relu"), net.conv(x, expand, 3, 1, "relu", pad="same")])

    x = net.conv("input", 64, 3, 2, "relu", pad=0)
    x = net.pool("max_pool", x, 3, 2)
    x = net.pool("max_pool", fire(fire(x, 16, 64), 16, 64), 3, 2)
    x = net.pool("max_pool", fire(fire(x, 32, 128), 32, 128), 3, 2)
    x = fire(fire(fire(fire(x, 48, 192), 48, 192), 64, 256), 64, 256)
    x = net.conv(x, 1000, 1, 1, "relu", gain=20.0)
    net.softmax(net.flatten(net.global_average(x)))
    return net


def mobilenet_v3_small():
    net = Net("mobilenet_v3_small", (1, 224, 224, 3), 107)

    def convolved(x, channels, kernel, stride, act, depthwise=False):
        fused = act if act == "relu" else None
        gain = 2.0 if act else None
        x = (net.depthwise(x, kernel, stride, fused, norm=True, gain=gain) if depthwise
             else net.conv(x, channels, kernel, stride, fused, norm=True, gain=gain))
        return net.unary("hard_swish", x) if act == "hard_swish" else x

    def squeeze_excite(x):
        depth = net.shapes[x][3]
        reduced = max(8, (depth // 4 + 4) // 8 * 8)
        s = net.conv(net.global_average(x), reduced, 1, 1, "relu")
        return net.scale(x, net.unary("hard_sigmoid", net.conv(s, depth, 1)))

    x = convolved("input", 16, 3, 2, "hard_swish")
    for kernel, expanded, channels, excite, act, stride in [
            (3, 16, 16, True, "relu", 2), (3, 72, 24, False, "relu", 2), (3, 88, 24, False, "relu", 1),
            (5, 96, 40, True, "hard_swish", 2), (5, 240, 40, True, "hard_swish", 1), (5, 240, 40, True, "hard_swish", 1),
            (5, 120, 48, True, "hard_swish", 1), (5, 144, 48, True, "hard_swish", 1), (5, 288, 96, True, "hard_swish", 2),
            (5, 576, 96, True, "hard_swish", 1), (5, 576, 96, True, "hard_swish", 1)]:
        depth = net.shapes[x][3]
        y = convolved(x, expanded, 1, 1, act) if expanded != depth else x
        y = convolved(y, expanded, kernel, stride, act, depthwise=True)
        y = squeeze_excite(y) if excite else y
        y = convolved(y, channels, 1, 1, None)
        x = net.sum(x, y) if stride == 1 and depth == channels else y
    x = convolved(x, 576, 1, 1, "hard_swish")
    x = net.dense(net.flatten(net.global_average(x)), 1024, gain=2.0)
    net.softmax(net.dense(net.unary("hard_swish", x), 1000, gain=900.0))
    return net


def fastest_det():
    net = Net("fastest_det", (1, 352, 352, 3), 108)
    x = net.pool("max_pool", net.conv("input", 24, 3, 2, "relu", pad=1), 3, 2, pad=1)
    stages = []
    for channels, repeats in [(48, 4), (96, 8), (192, 4)]:
        half = channels // 2
        left = net.conv(net.depthwise(x, 3, 2, pad=1), half, 1, 1, "relu")
        right = net.depthwise(net.conv(x, half, 1, 1, "relu"), 3, 2, pad=1)
        x = net.concat([left, net.conv(right, half, 1, 1, "relu")])
        for _ in range(repeats - 1):
            left, right = net.unshuffle(x)
            right = net.depthwise(net.conv(right, half, 1, 1, "relu"), 3, 1, pad=1)
            x = net.concat([left, net.conv(right, half, 1, 1, "relu")])
        stages.append(x)
    x = net.concat([net.pool("average_pool", stages[0], 3, 2, pad=1), stages[1], net.upscale(stages[2])])
    x = net.conv(x, 96, 1, 1, "relu")
    arms = []
    for depth in [1, 2, 3]:
        y = x
        for _ in range(depth):
            y = net.depthwise(y, 5, 1, "relu", pad=2)
        arms.append(y)
    x = net.sum(x, net.conv(net.concat(arms), 96, 1), "relu")
    x = net.conv(x, 96, 1, 1, "relu")
    heads = [net.conv(net.depthwise(x, 5, 1, "relu", pad=2), channels, 1) for channels in (1, 4, 80)]
    net.concat([net.unary("sigmoid", heads[0]), heads[1], net.softmax(heads[2])])
    return net


# Name -> maker, in the order of the tables.
NETS = {"mobilenet_v1_025": mobilenet_v1, "ds_cnn": ds_cnn, "resnet8": resnet8, "auto_encoder": auto_encoder,
        "mobilenet_v2": mobilenet_v2, "squeezenet_11": squeezenet, "mobilenet_v3_small": mobilenet_v3_small,
        "fastest_det": fastest_det}


def fold(layer):
    """Weights and bias of a convolution with its batch normalization folded in."""
    w = layer.weights
    if "gamma" not in w:
        return w["weights"], w["bias"]
    factor = w["gamma"] / np.sqrt(w["variance"] + np.float32(1e-5))
    return (w["weights"] * factor).astype(np.float32), (w["beta"] - w["mean"] * factor).astype(np.float32)


def inputs_of(net, count, seed=7):
    """Seeded inputs as NHWC float32 in [-1, 1)."""
    random = np.random.default_rng(seed)
    return [random.uniform(-1, 1, net.shapes["input"]).astype(np.float32) for _ in range(count)]
