#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes layers.json: what ONNX Runtime (or NumPy, of TFLite's layers) answers to seeded inputs, for layers whose
attributes layers_test.cpp has.

  python3 -m venv V && V/bin/pip install onnxruntime onnx==1.17.0 numpy
  V/bin/python tests/engine/golden/layers.py

Images go in and come out with their channels last; ONNX has them second.
"""
import base64
import importlib.metadata
import json
import pathlib

import numpy as np
import onnx
import onnxruntime

HERE = pathlib.Path(__file__).parent
rng = np.random.default_rng(20)
cases = {}


def onnx_run(op: str, inputs: list, outputs: int = 1, opset: int = 20, **attributes) -> list:
    names = [f"i{i}" if value is not None else "" for i, value in enumerate(inputs)]
    node = onnx.helper.make_node(op, names, [f"o{i}" for i in range(outputs)], **attributes)
    make = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [node], "g",
        [make(n, onnx.helper.np_dtype_to_tensor_dtype(v.dtype), v.shape) for n, v in zip(names, inputs) if n],
        [onnx.helper.make_empty_tensor_value_info(f"o{i}") for i in range(outputs)])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)], ir_version=9)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {n: v for n, v in zip(names, inputs) if n})


def packed(value) -> dict:
    if value is None:
        return {"dtype": "none"}
    names = {"float32": "f32", "int64": "i64", "int32": "i32", "int8": "i8", "uint8": "u8"}
    value = np.ascontiguousarray(value)
    return {"dtype": names[str(value.dtype)], "shape": list(value.shape), "base64": base64.b64encode(value.tobytes()).decode()}


def case(name: str, inputs: list, outputs: list) -> None:
    cases[name] = {"inputs": [packed(v) for v in inputs], "outputs": [packed(v) for v in outputs]}


def real(*shape, scale=1.0):
    return (rng.standard_normal(shape) * scale).astype(np.float32)


def last(x):  # channels second -> last
    return np.moveaxis(x, 1, -1)


def second(x):
    return np.moveaxis(x, -1, 1)


def image_case(name: str, op: str, x, parameters=(), outputs=1, **attributes) -> None:
    """Parameters go to ONNX as they are, and to us too."""
    answers = onnx_run(op, [np.ascontiguousarray(second(x)), *parameters], outputs, **attributes)
    case(name, [x, *parameters], [last(a) for a in answers])


def products() -> None:
    for name, a, b in (("plane", (5, 37), (37, 41)), ("batch", (2, 3, 9, 8), (2, 3, 8, 35)),
                       ("broadcast", (2, 1, 6, 5), (4, 5, 7)), ("row", (6,), (3, 6, 4)), ("column", (2, 5, 6), (6,)),
                       ("dot", (6,), (6,)), ("rows", (3, 7, 12), (12, 33))):
        x, y = real(*a), real(*b)
        case(f"matmul_{name}", [x, y], [np.matmul(x, y)])
    x, y = real(2, 6, 9), real(2, 7, 6)
    case("matmul_transposed", [x, y], [np.matmul(x.transpose(0, 2, 1), y.transpose(0, 2, 1))])
    x, y = (rng.integers(-99, 99, s).astype(np.int32) for s in ((4, 6), (6, 3)))
    case("matmul_i32", [x, y], [x @ y])


def poolings() -> None:
    x = real(2, 9, 8, 5)
    image_case("average_pool", "AveragePool", x, kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1])
    image_case("average_pool_counted", "AveragePool", x, kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1],
               count_include_pad=1)
    image_case("average_pool_dilated", "AveragePool", x, kernel_shape=[2, 3], dilations=[3, 2], pads=[1, 1, 0, 2])
    image_case("average_pool_ceil", "AveragePool", x, kernel_shape=[4, 3], strides=[3, 3], ceil_mode=1)
    image_case("max_pool", "MaxPool", x, kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1])
    image_case("max_pool_dilated", "MaxPool", x, kernel_shape=[2, 3], dilations=[3, 2], pads=[1, 1, 0, 2])
    image_case("max_pool_ceil", "MaxPool", x, kernel_shape=[4, 3], strides=[3, 3], ceil_mode=1)
    image_case("max_pool_indices", "MaxPool", x, outputs=2, kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1])
    image_case("max_pool_columns", "MaxPool", x, outputs=2, kernel_shape=[3, 2], strides=[2, 2], storage_order=1)
    image_case("max_pool_u8", "MaxPool", rng.integers(0, 255, (1, 6, 7, 70)).astype(np.uint8), kernel_shape=[3, 3])
    image_case("lp_pool", "LpPool", x, kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1], p=3)
    x = real(2, 5, 6, 7, 3)
    image_case("average_pool_3d", "AveragePool", x, kernel_shape=[3, 2, 2], strides=[2, 1, 2], pads=[1, 0, 1, 0, 1, 1],
               count_include_pad=1)
    image_case("max_pool_3d", "MaxPool", x, kernel_shape=[2, 2, 3], dilations=[2, 1, 1], strides=[1, 2, 1])


def convolutions() -> None:
    x, w, b = real(2, 5, 6, 7, 4), real(6, 2, 3, 2, 2), real(6)
    answer, = onnx_run("Conv", [np.ascontiguousarray(second(x)), np.ascontiguousarray(second(w)), b], group=2,
                       strides=[1, 2, 1], pads=[1, 0, 1, 0, 1, 1], dilations=[2, 1, 1])
    case("conv_3d", [x, w, b], [last(answer)])
    for name, group, shape, attributes in (
            ("plain", 1, (3, 2), dict(strides=[2, 3])),
            ("padded", 1, (3, 3), dict(strides=[2, 2], pads=[1, 0, 1, 1], output_padding=[1, 1])),
            ("dilated", 1, (2, 3), dict(strides=[1, 2], dilations=[3, 2], pads=[1, 2, 0, 1])),
            ("grouped", 2, (3, 3), dict(strides=[2, 1], pads=[1, 1, 1, 1])),
            ("sized", 1, (3, 3), dict(strides=[3, 2], output_shape=[13, 9]))):
        x, ours, b = real(2, 4, 5, 6), real(8, *shape, 6 // group), real(8)
        # ONNX: [in, out / groups, kh, kw].
        theirs = np.concatenate([part.transpose(3, 0, 1, 2) for part in np.split(ours, group)])
        answer, = onnx_run("ConvTranspose", [np.ascontiguousarray(second(x)), np.ascontiguousarray(theirs), b],
                           group=group, **attributes)
        case(f"transpose_conv_{name}", [x, ours, b], [last(answer)])


def normalizations() -> None:
    x = real(2, 5, 4, 6)
    positive = np.abs(real(6)) + np.float32(0.1)
    image_case("batch_norm", "BatchNormalization", x, (real(6), real(6), real(6), positive), opset=15, epsilon=1e-3)
    channels_second = real(2, 3, 10)
    parameters = (real(3), real(3), real(3), np.abs(real(3)))
    case("batch_norm_axis", [channels_second, *parameters],
         onnx_run("BatchNormalization", [channels_second, *parameters], opset=15))
    image_case("instance_norm", "InstanceNormalization", x + np.float32(3), (real(6), real(6)), epsilon=1e-3)
    x3 = real(2, 6, 11)
    scale, bias = real(6), real(6)
    grouped = x3.reshape(2, 3, 22)
    y = (grouped - grouped.mean(2, keepdims=True)) / np.sqrt(grouped.var(2, keepdims=True) + 1e-5)
    case("group_norm", [x3, scale, bias],
         [(y.reshape(x3.shape) * scale[:, None] + bias[:, None]).astype(np.float32)])
    x4 = real(2, 3, 4, 5)
    case("layer_norm", [x4, real(4, 5), real(5)], [])
    cases["layer_norm"]["outputs"] = [packed(v) for v in layer_norm(x4, cases["layer_norm"]["inputs"])]
    s = real(5)
    case("rms_norm", [x4, s], [(x4 / np.sqrt((x4 ** 2).mean(-1, keepdims=True) + 1e-5) * s).astype(np.float32)])
    case("lp_norm_1", [x4], onnx_run("LpNormalization", [x4], axis=1, p=1))
    case("lp_norm_2", [x4], onnx_run("LpNormalization", [x4], axis=-1, p=2))
    case("l2_norm", [x4], [x4 / np.sqrt((x4 ** 2).sum(1, keepdims=True))])
    image_case("local_response_norm", "LRN", x, size=5, alpha=0.2, beta=0.6, bias=1.5)
    for axis in (0, 1, 3):
        case(f"softmax_{axis}", [x4], onnx_run("Softmax", [x4], axis=axis))
        case(f"log_softmax_{axis}", [x4], onnx_run("LogSoftmax", [x4], axis=axis))
        case(f"hardmax_{axis}", [x4], onnx_run("Hardmax", [x4], axis=axis))
    case("softmax_flat", [x4], onnx_run("Softmax", [x4], opset=11, axis=2))


def layer_norm(x, inputs) -> list:
    scale = np.frombuffer(base64.b64decode(inputs[1]["base64"]), np.float32).reshape(4, 5)
    bias = np.frombuffer(base64.b64decode(inputs[2]["base64"]), np.float32)
    return onnx_run("LayerNormalization", [x, scale, np.broadcast_to(bias, (4, 5)).copy()], 3, axis=2, epsilon=1e-3)


def recurrent() -> None:
    seq, batch, size, hidden = 7, 3, 5, 4
    for op, gates in (("LSTM", 4), ("GRU", 3), ("RNN", 1)):
        for name, directions, attributes in (("forward", 1, {}), ("reverse", 1, {"direction": "reverse"}),
                                             ("both", 2, {"direction": "bidirectional", "clip": 0.7})):
            x = real(seq, batch, size)
            w, r = real(directions, gates * hidden, size, scale=0.5), real(directions, gates * hidden, hidden, scale=0.5)
            bias = real(directions, 2 * gates * hidden, scale=0.3)
            lengths = np.array([7, 4, 6], np.int32) if name != "forward" else None
            inputs = [x, w, r, bias, lengths, real(directions, batch, hidden)]
            outputs = 2
            if op == "LSTM":
                inputs += [real(directions, batch, hidden), real(directions, 3 * hidden, scale=0.4)]
                outputs = 3
            if op == "GRU" and name == "both":
                attributes = {**attributes, "linear_before_reset": 1}
            case(f"{op.lower()}_{name}", inputs, onnx_run(op, inputs, outputs, opset=14, hidden_size=hidden,
                                                          **attributes))
    x = real(3, 2, 5)
    w, r = real(1, 12, 5, scale=0.5), real(1, 12, 3, scale=0.5)
    inputs = [x, w, r]
    case("lstm_activations", inputs, onnx_run("LSTM", inputs, 3, opset=14, hidden_size=3,
                                              activations=["HardSigmoid", "ScaledTanh", "Affine"],
                                              activation_alpha=[0.3, 1.2, 0.8], activation_beta=[0.4, 0.7, 0.1]))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def normalized(x, coefficients, bias):
    return (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True)) * coefficients + bias


def sequence_lstm(inputs: list, time_major: bool, cell_clip: float, projection_clip: float) -> list:
    """TFLite's UNIDIRECTIONAL_SEQUENCE_LSTM in float64, from its documentation; coupled without input gate weights."""
    i = [None if v is None else v.astype(np.float64) for v in inputs]
    x = i[0] if time_major else i[0].transpose(1, 0, 2)
    h, c = i[18], i[19]

    def gate(g, step, peephole):
        total = step @ i[1 + g].T + h @ i[5 + g].T
        if peephole is not None:
            total = total + peephole * c
        return total + i[12 + g] if i[20 + g] is None else normalized(total, i[20 + g], i[12 + g])

    rows = []
    for step in x:
        forget = sigmoid(gate(1, step, i[10]))
        admitted = 1 - forget if i[1] is None else sigmoid(gate(0, step, i[9]))
        c_new = forget * c + admitted * np.tanh(gate(2, step, None))
        c = np.clip(c_new, -cell_clip, cell_clip) if cell_clip else c_new
        out = sigmoid(gate(3, step, i[11])) * np.tanh(c)
        if i[16] is not None:
            out = out @ i[16].T + (0 if i[17] is None else i[17])
            out = np.clip(out, -projection_clip, projection_clip) if projection_clip else out
        h = out
        rows.append(h)
    y = np.stack(rows)
    return [v.astype(np.float32) for v in (y if time_major else y.transpose(1, 0, 2), h, c)]


def sequences() -> None:
    batch, steps, size, cells, outputs = 2, 5, 6, 9, 4

    def inputs(coupled, peephole, projection, layer_norm, time_major):
        width = outputs if projection else cells
        gates = [None] if coupled else [real(cells, size, scale=0.4)]
        gates += [real(cells, size, scale=0.4) for _ in range(3)]
        gates += [None] if coupled else [real(cells, width, scale=0.4)]
        gates += [real(cells, width, scale=0.4) for _ in range(3)]
        gates += [real(cells) if peephole and not (coupled and g == 0) else None for g in range(3)]
        gates += [None] if coupled else [real(cells)]
        gates += [real(cells) for _ in range(3)]
        gates += [real(outputs, cells), real(outputs)] if projection else [None, None]
        gates += [real(batch, width), real(batch, cells)]
        gates += [real(cells) if layer_norm and not (coupled and g == 0) else None for g in range(4)]
        return [real(steps, batch, size) if time_major else real(batch, steps, size), *gates]

    plain = inputs(False, False, False, False, False)
    case("sequence_lstm", plain, sequence_lstm(plain, False, 0, 0))
    whole = inputs(False, True, True, True, True)
    case("sequence_lstm_whole", whole, sequence_lstm(whole, True, 0.9, 0.8))
    coupled = inputs(True, True, False, False, True)
    case("sequence_lstm_coupled", coupled, sequence_lstm(coupled, True, 0, 0))
    batch, size, units, rank, memory = 3, 5, 4, 2, 6
    x, features, times, bias = real(batch, size), real(units * rank, size), real(units * rank, memory), real(units)
    state = real(batch, units * rank * memory)
    after = state.reshape(batch, units * rank, memory)
    after = np.concatenate([after[:, :, 1:], (x @ features.T)[:, :, None]], 2)
    y = (after * times).sum(2).reshape(batch, units, rank).sum(2) + bias
    case("svdf", [x, features, times, bias, state], [np.maximum(y, 0).astype(np.float32),
                                                     after.reshape(batch, -1).astype(np.float32)])


def detection() -> None:
    corners = rng.random((2, 30, 2)).astype(np.float32)
    boxes = np.concatenate([corners, corners + rng.random((2, 30, 2)).astype(np.float32) * np.float32(0.5)], 2)
    scores = rng.random((2, 3, 30)).astype(np.float32)
    limits = [np.array([6], np.int64), np.array([0.4], np.float32), np.array([0.3], np.float32)]
    inputs = [boxes, scores, *limits]
    case("non_max_suppression", inputs, onnx_run("NonMaxSuppression", inputs, opset=11))
    flipped = [np.ascontiguousarray(boxes[:, :, [2, 3, 0, 1]]), scores, *limits]
    case("non_max_suppression_flipped", flipped, onnx_run("NonMaxSuppression", flipped, opset=11))
    centers = np.stack([boxes[..., 1] + boxes[..., 3], boxes[..., 0] + boxes[..., 2],
                        2 * (boxes[..., 3] - boxes[..., 1]), 2 * (boxes[..., 2] - boxes[..., 0])], -1) / np.float32(2)
    inputs = [centers, scores, *limits]
    case("non_max_suppression_centers", inputs,
         onnx_run("NonMaxSuppression", inputs, opset=11, center_point_box=1))


def main() -> None:
    for make in (products, poolings, convolutions, normalizations, recurrent, detection, sequences):
        make()
    made = {name: importlib.metadata.version(name) for name in ("onnxruntime", "onnx", "numpy")}
    lines = [f"{json.dumps(name)}:{json.dumps(value, separators=(',', ':'))}" for name, value in cases.items()]
    text = '{"made_with":' + json.dumps(made) + ',\n"cases":{\n' + ",\n".join(lines) + "\n}}\n"
    (HERE / "layers.json").write_text(text)


if __name__ == "__main__":
    main()
