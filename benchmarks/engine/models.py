#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the eight nets of nets.py as files: models.py FOLDER [SHARED_MODELS].

NET.onnx (float32), NET.s8s8.onnx and NET.u8s8.onnx (static QDQ by onnxruntime.quantization, per channel), NET.tflite,
NET.int8.tflite, NET.ncnn.param with NET.ncnn.bin, NET.input.LAYOUT.DTYPE (one seeded input), and models.json, which says what
there is. With SHARED_MODELS, the folder data/models of the shared data, FastestDet's ONNX files are made of the published one.
"""

import json
import logging
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import version_converter
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

import nets
import to_ncnn
import to_onnx
import to_tflite

CALIBRATION_INPUTS = 8
PUBLISHED = {"fastest_det": "detection/fastestdet_352.onnx"}


def channels_first(x):
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2)) if x.ndim == 4 else x


class Calibration(CalibrationDataReader):
    def __init__(self, name, inputs):
        self.rows = iter([{name: channels_first(x)} for x in inputs])

    def get_next(self):
        return next(self.rows, None)


def ranges_of(net, path, inputs):
    """Smallest and largest value of every tensor of the net over the inputs."""
    model = onnx.load(path)
    inner = [name for name in net.shapes if name != "input"]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in inner if name != net.output)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    ranges = {"input": (float(min(x.min() for x in inputs)), float(max(x.max() for x in inputs)))}
    for x in inputs:
        for name, value in zip(inner, session.run(inner, {"input": channels_first(x)})):
            low, high = ranges.get(name, (np.inf, -np.inf))
            ranges[name] = (min(low, float(value.min())), max(high, float(value.max())))
    return ranges


def published(path, to, folder):
    """A published file as it is, and at opset 13 for the quantizer, which wants that for scales a channel."""
    model = onnx.load(path)
    onnx.save(model, to)
    onnx.save(version_converter.convert_version(model, 13), folder / "to_quantize.onnx")
    return model.graph.input[0].name


def write_net(name, folder, shared):
    net = nets.NETS[name]()
    inputs = nets.inputs_of(net, CALIBRATION_INPUTS)
    to_quantize = folder / "to_quantize.onnx"
    to_onnx.write(net, to_quantize, folded=True)
    ranges = ranges_of(net, to_quantize, inputs)
    to_tflite.write(net, folder / f"{name}.tflite")
    scales = to_tflite.write(net, folder / f"{name}.int8.tflite", ranges)
    to_ncnn.write(net, folder / f"{name}.ncnn")
    to_onnx.write(net, folder / f"{name}.onnx")
    own, input_name = True, "input"
    if shared and name in PUBLISHED and (shared / PUBLISHED[name]).exists():
        own, input_name = False, published(shared / PUBLISHED[name], folder / f"{name}.onnx", folder)
    for kind, activations in (("s8s8", QuantType.QInt8), ("u8s8", QuantType.QUInt8)):
        quantize_static(to_quantize, folder / f"{name}.{kind}.onnx", Calibration(input_name, inputs), quant_format=QuantFormat.QDQ,
                        per_channel=True, activation_type=activations, weight_type=QuantType.QInt8)
    to_quantize.unlink()
    x = inputs[0]
    x.tofile(folder / f"{name}.input.nhwc.f32")
    channels_first(x).tofile(folder / f"{name}.input.nchw.f32")
    scale, zero = scales["input"]
    np.clip(np.rint(x / scale) + zero, -128, 127).astype(np.int8).tofile(folder / f"{name}.input.nhwc.i8")
    return {"name": name, "macs": net.macs, "input_shape": net.shapes["input"], "output_shape": net.shapes[net.output],
            "input_scale": scales["input"], "output_scale": scales["output"], "one_net_in_all_formats": own}


def main():
    folder = pathlib.Path(sys.argv[1])
    shared = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
    logging.disable(logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for name in nets.NETS:
        print(f"[bench] writing {name}", file=sys.stderr, flush=True)
        rows.append(write_net(name, folder, shared))
    (folder / "models.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
