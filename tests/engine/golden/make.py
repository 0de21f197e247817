#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes golden.json: what LiteRT's reference kernels (OpResolverType.BUILTIN_REF) answer to seeded inputs.

  python3 -m venv V && V/bin/pip install ai-edge-litert numpy
  V/bin/python tests/engine/golden/make.py MODELS_FOLDER    # the folder shared/data/models

Models: those of MODELS_FOLDER listed below, and the small ones in tests/engine/golden/models, which the program
engine_make_models writes. For i8, u8 and i16 outputs of an operator the CRC-32 of their bytes is kept, by the tensor's
name, so that every layer is compared bit for bit; of other outputs of the graph the first values, as base64.
Samples of a model with state follow each other.
"""
import base64
import importlib.metadata
import json
import pathlib
import sys
import zlib

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from flatbuffers import flexbuffers

HERE = pathlib.Path(__file__).parent
SAMPLES = 3
SAMPLES_OF_STATE = {"wakeword/okay_nabu.tflite": 30, "wakeword/vad.tflite": 30}
VALUES_MAX = 200
INTEGERS = (schema.TensorType.INT8, schema.TensorType.UINT8, schema.TensorType.INT16)
# Range of seeded float inputs: what the model was made for, roughly.
SHARED = {
    "kws/kws_ref_int8.tflite": None,
    "kws/kws_ref_float32.tflite": (-100, 60),
    "kws/micro_speech_int8.tflite": None,
    "vww/vww_96_int8.tflite": None,
    "vww/vww_96_float.tflite": (0, 1),
    "vww/person_detect_int8.tflite": None,
    "ic/resnet8_int8.tflite": None,
    "ic/resnet8_float.tflite": (0, 255),
    "ad/ad01_int8.tflite": None,
    "ad/ad01_fp32.tflite": (-80, 20),
    "sww/str_ww_ref_int8.tflite": None,
    "edgeimpulse/acc.tflite": None,
    "sequence/hello_world_int8.tflite": None,
    "sequence/hello_world_float.tflite": (0, 6.25),
    "imagenet/mobilenet_v1_0.25_128_quant.tflite": None,
    "sequence/mnist_lstm_float.tflite": (0, 1),
    "wakeword/okay_nabu.tflite": None,
    "wakeword/vad.tflite": None,
}


def seeded_bytes(sample: int, tensor: int, count: int) -> np.ndarray:
    """splitmix64 of (sample, tensor) and the position, its top byte; tests/engine/golden_test.cpp does the same."""
    with np.errstate(over="ignore"):
        x = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        x += np.uint64(sample * 1000003 + tensor * 7919)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    return (x >> np.uint64(56)).astype(np.uint8)


def seeded(detail: dict, sample: int, position: int, low_high) -> np.ndarray:
    raw = seeded_bytes(sample, position, int(np.prod(detail["shape"])))
    if detail["dtype"] == np.float32:
        low, high = np.float32(low_high[0]), np.float32(low_high[1])
        step = np.float32((high - low) / np.float32(255))
        raw = raw.astype(np.float32) * step + low
    elif detail["dtype"] in (np.bool_, np.int32):
        raw = (raw >> 7).astype(detail["dtype"])
    else:
        raw = raw.view(detail["dtype"])
    return raw.reshape(detail["shape"])


def node_outputs(path: pathlib.Path) -> list:
    model = schema.ModelT.InitFromPackedBuf(bytearray(path.read_bytes()), 0)
    graph = model.subgraphs[0]
    ids = [int(i) for op in graph.operators if op.outputs is not None for i in op.outputs]
    return [i for i in ids if graph.tensors[i].type in INTEGERS]


def loadable(path: pathlib.Path) -> bytes:
    """The file; where a bias claims the channel axis of its weights (person_detect), which LiteRT refuses, repaired."""
    model = schema.ModelT.InitFromPackedBuf(bytearray(path.read_bytes()), 0)
    changed = False
    for tensor in model.subgraphs[0].tensors:
        if tensor.quantization is not None and tensor.quantization.quantizedDimension >= max(1, len(tensor.shape)):
            tensor.quantization.quantizedDimension = 0
            changed = True
    if not changed:
        return path.read_bytes()
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


# Ops that the resolver of reference kernels does not have; and lrn, whose reference kernel leaves out the last channel of
# the window that TensorFlow defines.
WITHOUT_REFERENCE = ("elu", "ceil", "round", "detection", "operator_detection", "reduce_prod", "selu", "celu", "lrn")


def without_unwritten(path: pathlib.Path, outputs: list) -> list:
    """Detections beyond those that were found are 0: LiteRT leaves their memory as it was, or with the regular
    suppression what lies beyond max_detections."""
    if "detection" not in path.stem:
        return outputs
    model = schema.ModelT.InitFromPackedBuf(bytearray(path.read_bytes()), 0)
    options = flexbuffers.Loads(bytes(model.subgraphs[0].operators[-1].customOptions))
    found, places, classes = int(outputs[3][0]), outputs[1].size, options["max_classes_per_detection"]
    written = np.arange(places) < found
    if not options.get("use_regular_nms", False):
        written = np.arange(places) < found * classes
        written &= np.arange(places) % classes < min(classes, options["num_classes"])
    kept = [np.where(written.reshape(1, -1, *[1] * (o.ndim - 2)), o, np.float32(0)) for o in outputs[:3]]
    return kept + outputs[3:]


def golden_of(path: pathlib.Path, low_high, samples: int) -> dict:
    resolver = OpResolverType.BUILTIN_REF
    if path.stem.startswith(WITHOUT_REFERENCE):
        resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(model_content=loadable(path), experimental_op_resolver_type=resolver,
                              experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    low_high = low_high or (-4, 4)
    tensors = node_outputs(path)
    names = {detail["index"]: detail["name"] for detail in interpreter.get_tensor_details()}
    answers = []
    for sample in range(samples):
        for position, detail in enumerate(interpreter.get_input_details()):
            interpreter.set_tensor(detail["index"], seeded(detail, sample, position, low_high))
        interpreter.invoke()
        crcs = [zlib.crc32(np.ascontiguousarray(interpreter.get_tensor(t)).tobytes()) for t in tensors]
        outputs = []
        values = [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]
        for value in without_unwritten(path, values):
            kept = value.dtype in (np.float32, np.int32, np.int64, np.bool_)
            outputs.append(base64.b64encode(value.ravel()[:VALUES_MAX].tobytes()).decode() if kept else None)
        answers.append({"nodes": crcs, "outputs": outputs})
    return {"low": low_high[0], "high": low_high[1], "tensors": [names[t] for t in tensors], "samples": answers}


def main() -> None:
    shared = pathlib.Path(sys.argv[1])
    golden = {"made_with": {name: importlib.metadata.version(name) for name in ("ai-edge-litert", "numpy")},
              "op_resolver": "BUILTIN_REF", "shared": {}, "own": {}}
    for name, low_high in SHARED.items():
        golden["shared"][name] = golden_of(shared / name, low_high, SAMPLES_OF_STATE.get(name, SAMPLES))
    for path in sorted((HERE / "models").glob("*.tflite")):
        golden["own"][path.name] = golden_of(path, None, SAMPLES)
    text = json.dumps(golden, separators=(",", ":"))
    (HERE / "golden.json").write_text(text.replace('"samples"', '\n"samples"').replace('},"', '},\n"') + "\n")


if __name__ == "__main__":
    main()
