#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes models/operator_*.tflite: operators that we read and never write, each alone in a file.

  V/bin/python tests/engine/golden/operators.py    # before make.py, in the same virtual environment
"""
import pathlib

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

FOLDER = pathlib.Path(__file__).parent / "models"
TYPES = {np.float32: "FLOAT32", np.float16: "FLOAT16", np.int8: "INT8", np.int16: "INT16", np.uint8: "UINT8",
         np.int32: "INT32", np.int64: "INT64", np.bool_: "BOOL"}
SEED = np.random.default_rng(11)


class Model:
    def __init__(self):
        self.model = schema.ModelT()
        self.model.version = 3
        self.model.operatorCodes = []
        self.model.buffers = [schema.BufferT()]
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators, self.graph.inputs, self.graph.outputs = [], [], [], []
        self.model.subgraphs = [self.graph]

    def tensor(self, dtype, shape, value=None, quantization=None):
        tensor = schema.TensorT()
        tensor.name = f"t{len(self.graph.tensors)}"
        tensor.type = getattr(schema.TensorType, TYPES[dtype])
        tensor.shape = list(shape)
        tensor.hasRank = True
        if quantization is not None:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale, tensor.quantization.zeroPoint = [quantization[0]], [quantization[1]]
        if value is not None:
            buffer = schema.BufferT()
            buffer.data = list(np.asarray(value, dtype).tobytes())
            tensor.buffer = len(self.model.buffers)
            self.model.buffers.append(buffer)
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def input(self, dtype, shape, quantization=None):
        self.graph.inputs.append(self.tensor(dtype, shape, None, quantization))
        return self.graph.inputs[-1]

    def constant(self, value, dtype=np.int32, quantization=None):
        value = np.asarray(value, dtype)
        return self.tensor(dtype, value.shape, value, quantization)

    def state(self, dtype, shape, quantization=None):
        self.graph.tensors[self.tensor(dtype, shape, None, quantization)].isVariable = True
        return len(self.graph.tensors) - 1

    def op(self, name, inputs, outputs, options=None, version=1, intermediates=None):
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, name)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        code.version = version
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self.model.operatorCodes)
        operator.inputs, operator.outputs, operator.intermediates = inputs, outputs, intermediates
        if options is not None:
            kind = type(options).__name__.removesuffix("T")
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
            operator.builtinOptions = options
        self.model.operatorCodes.append(code)
        self.graph.operators.append(operator)

    def write(self, name, outputs):
        self.graph.outputs = outputs
        builder = flatbuffers.Builder(4096)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        (FOLDER / f"operator_{name}.tflite").write_bytes(bytes(builder.Output()))


def options(kind, **fields):
    made = getattr(schema, kind + "T")()
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def single(name, code, inputs, outputs, made=None, version=1):
    """inputs: (type, shape) of what is given, or an array; outputs: (type, shape)."""
    m = Model()
    ids = [m.constant(i, i.dtype.type) if isinstance(i, np.ndarray) else m.input(*i) for i in inputs]
    outs = [m.tensor(*o) for o in outputs]
    m.op(code, ids, outs, made, version)
    m.write(name, outs)


def main():
    f, i32 = np.float32, np.int32
    for axis in (0, 1, -1):
        shape = [2, 4]
        shape.insert(axis if axis >= 0 else 2, 3)
        single(f"pack_{axis}", "PACK", [(f, [2, 4])] * 3, [(f, shape)], options("PackOptions", valuesCount=3, axis=axis))
    single("pack_one", "PACK", [(f, [2, 4])], [(f, [1, 2, 4])], options("PackOptions", valuesCount=1, axis=0))
    single("unpack", "UNPACK", [(f, [2, 3, 4])], [(f, [2, 4])] * 3, options("UnpackOptions", num=3, axis=1))
    single("add_n", "ADD_N", [(f, [2, 5])] * 4, [(f, [2, 5])])
    single("select_rows", "SELECT", [(np.bool_, [3]), (f, [3, 4]), (f, [3, 4])], [(f, [3, 4])])
    single("rank", "RANK", [(f, [2, 3, 4])], [(i32, [])])
    single("zeros_like", "ZEROS_LIKE", [(f, [2, 3])], [(f, [2, 3])])
    single("where", "WHERE", [(np.bool_, [3, 4])], [(np.int64, [])])
    single("fake_quant", "FAKE_QUANT", [(f, [3, 7])], [(f, [3, 7])],
           options("FakeQuantOptions", min=-1.3, max=2.9, numBits=8, narrowRange=False))
    single("scatter_nd", "SCATTER_ND", [np.array([[4], [1], [4]], i32), (f, [3, 2]), np.array([6, 2], i32)], [(f, [6, 2])])
    pool = dict(padding=schema.Padding.VALID, strideW=2, strideH=1, filterWidth=2, filterHeight=3)
    single("l2_pool", "L2_POOL_2D", [(f, [1, 5, 6, 2])], [(f, [1, 3, 3, 2])], options("Pool2DOptions", **pool))
    single("embedding_lookup", "EMBEDDING_LOOKUP",
           [np.array([3, 0, 3], i32), SEED.normal(size=(5, 4)).astype(f)], [(f, [3, 4])])
    single("split_v_rest", "SPLIT_V", [(f, [2, 7]), np.array([2, -1, 1], i32), np.array(1, i32)],
           [(f, [2, 2]), (f, [2, 4]), (f, [2, 1])], options("SplitVOptions", numSplits=3))
    single("fill", "FILL", [np.array([2, 3], i32), np.array(1.5, f)], [(f, [2, 3])])
    single("range", "RANGE", [np.array(1, i32), np.array(9, i32), np.array(3, i32)], [(i32, [3])])
    boxes = SEED.uniform(0, 1, (6, 2)).astype(f)
    boxes = np.concatenate([boxes, boxes + SEED.uniform(0.2, 0.6, (6, 2)).astype(f)], axis=1)
    limits = [np.array(4, i32), np.array(0.4, f), np.array(-1.0, f)]
    single("suppression_v4", "NON_MAX_SUPPRESSION_V4", [boxes, (f, [6])] + limits, [(i32, [4]), (i32, [])])
    single("suppression_v5", "NON_MAX_SUPPRESSION_V5", [boxes, (f, [6])] + limits + [np.array(0.0, f)],
           [(i32, [4]), (f, [4]), (i32, [])])
    for dtype, zero_point, output in ((np.int8, 3, 127), (np.uint8, 120, 255)):
        for number, (depth, scale) in enumerate(((10, 0.1), (1, 0.1), (300, 0.02), (17, 0.6), (5, 0.003))):
            single(f"log_softmax_{TYPES[dtype].lower()}_{number}", "LOG_SOFTMAX", [(dtype, [6, depth], (scale, zero_point))],
                   [(dtype, [6, depth], None, (1 / 16, output))], version=2)
    half_weights()


def half_weights():
    """A fully connected layer whose weights are kept in f16."""
    m = Model()
    x = m.input(np.float32, [2, 5])
    halves = m.constant(SEED.normal(size=(3, 5)), np.float16)
    weights = m.tensor(np.float32, [3, 5])
    out = m.tensor(np.float32, [2, 3])
    m.op("DEQUANTIZE", [halves], [weights], version=3)
    m.op("FULLY_CONNECTED", [x, weights, -1], [out], options("FullyConnectedOptions"))
    m.write("f16_weights", [out])


if __name__ == "__main__":
    main()
