#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes ops.json: what LiteRT's reference kernels (OpResolverType.BUILTIN_REF) answer to single ops.

  python3 -m venv V && V/bin/pip install ai-edge-litert numpy
  V/bin/python tests/engine/golden/ops.py

Each case is one op of ours, its attributes, its inputs with their bytes, and the outputs that LiteRT gave. Ops and
attributes are named as in src/graph/ops; ops_golden_test.cpp reads them.
"""
import base64
import importlib.metadata
import json
import pathlib
import re

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

HERE = pathlib.Path(__file__).parent
TYPES = {np.float32: ("FLOAT32", "f32"), np.int8: ("INT8", "i8"), np.uint8: ("UINT8", "u8"), np.int16: ("INT16", "i16"),
         np.int32: ("INT32", "i32"), np.int64: ("INT64", "i64"), np.bool_: ("BOOL", "bool"), np.float16: ("FLOAT16", "f16")}
# Ops that the resolver of reference kernels does not have.
WITHOUT_REFERENCE = dict.fromkeys(("CEIL", "ELU", "ROUND"), OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
RANDOM = np.random.default_rng(7)


def values(dtype, shape, low=-4.0, high=4.0):
    """Random values of a type: reals in [low, high], whole numbers over all that bytes hold, or in [low, high]."""
    if dtype == np.bool_:
        return RANDOM.integers(0, 2, shape).astype(np.bool_)
    if np.issubdtype(dtype, np.floating):
        return RANDOM.uniform(low, high, shape).astype(dtype)
    if dtype in (np.int8, np.uint8, np.int16) and (low, high) == (-4.0, 4.0):
        info = np.iinfo(dtype)
        return RANDOM.integers(info.min, info.max + 1, shape).astype(dtype)
    return RANDOM.integers(int(low), int(high) + 1, shape).astype(dtype)


def all_bytes(dtype):
    info = np.iinfo(dtype)
    return np.arange(info.min, info.max + 1).astype(dtype)


class Case:
    """inputs: (array, (scale, zero point) or None, is constant); outputs: (type, (scale, zero point) or None)."""

    def __init__(self, tfl, op, inputs, outputs, attributes=None, options=None):
        self.tfl, self.op, self.inputs, self.outputs = tfl, op, inputs, outputs
        self.attributes, self.options = attributes or {}, options


def tensor_of(name, dtype, shape, quantization, buffer):
    tensor = schema.TensorT()
    tensor.name, tensor.buffer = name, buffer
    tensor.type = getattr(schema.TensorType, TYPES[dtype][0])
    tensor.shape = None if shape is None else list(shape)
    if quantization is not None:
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = list(np.atleast_1d(quantization[0]))
        tensor.quantization.zeroPoint = list(np.atleast_1d(quantization[1]))
        tensor.quantization.quantizedDimension = quantization[2] if len(quantization) > 2 else 0
    return tensor


def model_of(case):
    model = schema.ModelT()
    model.version = 3
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, case.tfl)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.version = getattr(case, "version", 1)
    graph = schema.SubGraphT()
    graph.tensors, graph.inputs, graph.outputs = [], [], []
    model.buffers = [schema.BufferT()]
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [], []
    for array, quantization, constant in case.inputs:
        buffer = 0
        if constant:
            data = schema.BufferT()
            data.data = np.frombuffer(array.tobytes(), np.uint8)
            buffer = len(model.buffers)
            model.buffers.append(data)
        else:
            graph.inputs.append(len(graph.tensors))
        operator.inputs.append(len(graph.tensors))
        graph.tensors.append(tensor_of(f"t{len(graph.tensors)}", array.dtype.type, array.shape, quantization, buffer))
    for dtype, quantization in case.outputs:
        graph.outputs.append(len(graph.tensors))
        operator.outputs.append(len(graph.tensors))
        graph.tensors.append(tensor_of(f"t{len(graph.tensors)}", dtype, [], quantization, 0))
    if case.options is not None:
        name, fields = case.options
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, name)
        operator.builtinOptions = getattr(schema, name + "T")()
        for key, value in fields.items():
            setattr(operator.builtinOptions, key, value)
    graph.operators = [operator]
    model.operatorCodes, model.subgraphs = [code], [graph]
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def text_of(array):
    return base64.b64encode(array.tobytes()).decode()


def described(array, quantization):
    made = {"dtype": TYPES[array.dtype.type][1], "shape": list(array.shape), "base64": text_of(array)}
    if quantization is not None:
        made["scales"] = [float(s) for s in np.atleast_1d(np.float32(quantization[0]))]
        made["zero_points"] = [int(z) for z in np.atleast_1d(quantization[1])]
        made["axis"] = quantization[2] if len(quantization) > 2 else 0
    return made


def answered(case):
    resolver = WITHOUT_REFERENCE.get(case.tfl, OpResolverType.BUILTIN_REF)
    interpreter = Interpreter(model_content=model_of(case), experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    details = iter(interpreter.get_input_details())
    inputs = []
    for array, quantization, constant in case.inputs:
        if not constant:
            interpreter.set_tensor(next(details)["index"], array)
        if not (constant and case.op in ("ArgMax", "ArgMin")):  # ours has the axis as an attribute
            inputs.append(described(array, quantization) | {"constant": constant})
    interpreter.invoke()
    outputs = [described(np.asarray(interpreter.get_tensor(detail["index"])), quantization)
               for detail, (_, quantization) in zip(interpreter.get_output_details(), case.outputs)]
    inputs = inputs[getattr(case, "inputs_of_ours", slice(None))]
    return {"op": case.op, "attributes": case.attributes, "inputs": inputs, "outputs": outputs}


def unary_cases():
    reals = {"ABS": "Abs", "CEIL": "Ceil", "COS": "Cos", "ELU": "Elu", "EXP": "Exp", "FLOOR": "Floor", "GELU": "Gelu",
             "HARD_SWISH": "HardSwish", "LEAKY_RELU": "LeakyRelu", "LOG": "Log", "LOGISTIC": "Logistic", "NEG": "Neg",
             "RELU": "Relu", "RELU_0_TO_1": "Relu0To1", "RELU6": "Relu6", "RELU_N1_TO_1": "ReluN1To1", "ROUND": "Round",
             "RSQRT": "Rsqrt", "SIGN": "Sign", "SIN": "Sin", "SQRT": "Sqrt", "SQUARE": "Square", "TANH": "Tanh"}
    for tfl, op in reals.items():
        attributes, options = {}, None
        if op == "Elu":
            attributes = {"alpha": 1.0}
        if op == "Gelu":
            options = ("GeluOptions", {"approximate": False})
        if op == "LeakyRelu":
            attributes, options = {"alpha": float(np.float32(0.3))}, ("LeakyReluOptions", {"alpha": 0.3})
        positive = op in ("Log", "Rsqrt", "Sqrt")
        yield Case(tfl, op, [(values(np.float32, (3, 50), 0.01 if positive else -7, 7), None, False)],
                   [(np.float32, None)], attributes, options)
        if op == "Gelu":
            yield Case(tfl, op, [(values(np.float32, (50,)), None, False)], [(np.float32, None)], {"alpha": 1.0},
                       ("GeluOptions", {"approximate": True}))
        for dtype in (np.int8, np.uint8):
            low = -128 if dtype == np.int8 else 0
            scales = [((0.05, low + 128), (0.05, low + 128)), ((0.037, low + 101), (0.021, low + 90)),
                      ((0.11, low), (0.013, low))]
            if op == "Neg":  # LiteRT ignores the scales
                scales = scales[:1]
            if op in ("Logistic",):
                scales = [(s[0], (1 / 256, low)) for s in scales]
            if op in ("Tanh",):
                scales = [(s[0], (1 / 128, low + 128)) for s in scales]
            if positive:
                scales = [((0.05, low), (0.05, low + 128)), ((0.037, low), (0.021, low + 90))]
            for before, after in scales:
                whole = all_bytes(dtype)[1 if positive else 0:]
                yield Case(tfl, op, [(whole, before, False)], [(dtype, after)], attributes, options)
    yield Case("LOGICAL_NOT", "LogicalNot", [(values(np.bool_, (9,)), None, False)], [(np.bool_, None)])
    for dtype in (np.int32, np.int64):
        yield Case("NEG", "Neg", [(values(dtype, (9,), -100, 100), None, False)], [(dtype, None)])
    yield Case("ABS", "Abs", [(values(np.int32, (9,), -100, 100), None, False)], [(np.int32, None)])


ARITHMETIC = {"ADD": ("Add", "AddOptions"), "SUB": ("Sub", "SubOptions"), "MUL": ("Mul", "MulOptions"),
              "DIV": ("Div", "DivOptions"), "SQUARED_DIFFERENCE": ("SquaredDifference", None),
              "MAXIMUM": ("Maximum", None), "MINIMUM": ("Minimum", None)}
COMPARISONS = {"EQUAL": "Equal", "NOT_EQUAL": "NotEqual", "GREATER": "Greater", "GREATER_EQUAL": "GreaterEqual",
               "LESS": "Less", "LESS_EQUAL": "LessEqual"}
SHAPES = [((2, 3, 4, 5), (2, 3, 4, 5)), ((2, 3, 4, 5), (1, 1, 1, 5)), ((4, 5), (1,)), ((1, 3, 1), (2, 1, 4))]


def pairs_of_bytes(dtype):
    """Every 7th value beside every 9th."""
    whole = all_bytes(dtype)
    return whole[::7].reshape(-1, 1), whole[::9].reshape(1, -1)


def binary_cases():
    activations = {"none": 0, "relu": 1, "relu_n1_to_1": 2, "relu6": 3}
    for tfl, (op, options) in ARITHMETIC.items():
        for shape_a, shape_b in SHAPES:
            yield Case(tfl, op, [(values(np.float32, shape_a), None, False), (values(np.float32, shape_b), None, False)],
                       [(np.float32, None)])
        for dtype in (np.int32, np.int64):
            yield Case(tfl, op, [(values(dtype, (3, 4), -90, 90), None, False), (values(dtype, (4,), 1, 90), None, False)],
                       [(dtype, None)])
        for dtype in (np.int8, np.uint8):
            low = -128 if dtype == np.int8 else 0
            a, b = pairs_of_bytes(dtype)
            same = (0.05, low + 120)
            scales = [(same, same, same)]
            if op not in ("Maximum", "Minimum"):
                scales += [((0.04, low + 128), (0.07, low + 100), (0.09, low + 90)),
                           ((0.3, low), (0.011, low + 255), (0.25, low + 77))]
            for of_a, of_b, of_out in scales:
                if op == "Div":  # a fine output: of coarse ones LiteRT's shift by 32 bits and more means nothing
                    of_out = (of_out[0] / 10, of_out[1])
                    b = b[b != of_b[1]].reshape(1, -1)
                for name, number in activations.items() if options else [("none", 0)]:
                    yield Case(tfl, op, [(a, of_a, False), (b, of_b, False)], [(dtype, of_out)], {"activation": name},
                               (options, {"fusedActivationFunction": number}) if options else None)
            same_shape = [(values(dtype, (3, 37)), (0.04, low + 99), False), (values(dtype, (3, 37)), (0.03, low + 66), False)]
            if op in ("Add", "Sub", "Mul"):
                yield Case(tfl, op, same_shape, [(dtype, (0.05, low + 111))])
    for tfl, op in COMPARISONS.items():
        yield Case(tfl, op, [(values(np.float32, (3, 4)), None, False), (values(np.float32, (4,)), None, False)],
                   [(np.bool_, None)])
        for dtype in (np.int32, np.int64):
            yield Case(tfl, op, [(values(dtype, (9, 9), -3, 3), None, False), (values(dtype, (9,), -3, 3), None, False)],
                       [(np.bool_, None)])
        for dtype in (np.int8, np.uint8):
            low = -128 if dtype == np.int8 else 0
            a, b = pairs_of_bytes(dtype)
            for of_a, of_b in [((0.05, low + 128),) * 2, ((0.05, low + 128), (0.1, low + 100)), ((0.3, low), (0.011, low + 9))]:
                yield Case(tfl, op, [(a, of_a, False), (b, of_b, False)], [(np.bool_, None)])
    for tfl, op in {"FLOOR_DIV": "FloorDiv", "FLOOR_MOD": "FloorMod", "POW": "Pow"}.items():
        low = 0.1 if op == "Pow" else -9
        yield Case(tfl, op, [(values(np.float32, (4, 9), low, 9), None, False), (values(np.float32, (9,), 0.5, 3), None, False)],
                   [(np.float32, None)])
        yield Case(tfl, op, [(values(np.int32, (4, 9), -9, 9), None, False), (values(np.int32, (9,), 1, 5), None, False)],
                   [(np.int32, None)])
    for tfl, op in {"LOGICAL_AND": "LogicalAnd", "LOGICAL_OR": "LogicalOr"}.items():
        yield Case(tfl, op, [(values(np.bool_, (4, 9)), None, False), (values(np.bool_, (4, 9)), None, False)],
                   [(np.bool_, None)])


def select_cases():
    for dtype in (np.float32, np.int32, np.int64, np.int16, np.bool_):
        yield Case("SELECT_V2", "Where", [(values(np.bool_, (3, 1, 4)), None, False), (values(dtype, (2, 1)), None, False),
                                          (values(dtype, (3, 2, 4)), None, False)], [(dtype, None)])
    yield Case("PRELU", "PRelu", [(values(np.float32, (1, 3, 4, 5)), None, False), (values(np.float32, (1, 1, 5)), None, True)],
               [(np.float32, None)])
    for dtype in (np.int8, np.uint8):
        low = -128 if dtype == np.int8 else 0
        same = (0.04, low + 100)
        for of_slope, of_out in [(same, same), ((0.01, low + 128), (0.06, low + 90))]:
            yield Case("PRELU", "PRelu", [(all_bytes(dtype).reshape(1, 8, 8, 4), same, False),
                                          (values(dtype, (1, 1, 4)), of_slope, True)], [(dtype, of_out)])
        yield Case("SELECT_V2", "Where", [(values(np.bool_, (3, 1, 4)), None, False), (values(dtype, (2, 1)), same, False),
                                          (values(dtype, (3, 2, 4)), same, False)], [(dtype, same)])


def reduce_cases():
    reductions = {"MEAN": "ReduceMean", "SUM": "ReduceSum", "REDUCE_MAX": "ReduceMax", "REDUCE_MIN": "ReduceMin",
                  "REDUCE_PROD": "ReduceProd"}
    axes = [([1, 2], True), ([0], False), ([3], False), ([0, 1, 2, 3], False), ([1, 3], True), ([-1, 2], False)]
    for tfl, op in reductions.items():
        for which, keep in axes:
            options, attributes = ("ReducerOptions", {"keepDims": keep}), {"keep_dims": keep}
            constant = (np.array(which, np.int32), None, True)
            yield Case(tfl, op, [(values(np.float32, (2, 3, 4, 21), 0.5, 1.5), None, False), constant], [(np.float32, None)],
                       attributes, options)
            yield Case(tfl, op, [(values(np.int32, (2, 3, 4, 5), -3, 3), None, False), constant], [(np.int32, None)],
                       attributes, options)
            if op == "ReduceProd":
                continue
            # The wheel's reference kernel saturates sums of int8 at 255, which as int8 is -1: those of uint8 stand for both.
            for dtype in (np.uint8,) if op == "ReduceSum" else (np.int8, np.uint8):
                low = -128 if dtype == np.int8 else 0
                same = (0.05, low + 120)
                after = [same] if op in ("ReduceMax", "ReduceMin") else [same, (0.031, low + 77), (0.4, low + 130)]
                for of_out in after:
                    yield Case(tfl, op, [(values(dtype, (2, 5, 6, 7)), same, False), constant], [(dtype, of_out)],
                               attributes, options)
    for tfl, op in {"REDUCE_ANY": "ReduceAny", "REDUCE_ALL": "ReduceAll"}.items():
        yield Case(tfl, op, [(values(np.bool_, (6, 3)), None, False), (np.array([1], np.int32), None, True)],
                   [(np.bool_, None)], {"keep_dims": False}, ("ReducerOptions", {"keepDims": False}))
    for tfl, op in {"ARG_MAX": "ArgMax", "ARG_MIN": "ArgMin"}.items():
        for dtype in (np.float32, np.int8, np.uint8, np.int32):
            quantization = (0.1, 3) if dtype in (np.int8, np.uint8) else None
            for axis in (0, 1, 2):
                yield Case(tfl, op, [(values(dtype, (3, 8, 5), -5, 5) if dtype != np.uint8 else values(dtype, (3, 8, 5)),
                                      quantization, False), (np.array([axis], np.int32), None, True)], [(np.int32, None)],
                           {"axis": axis, "keep_dims": False, "to": "i32"},
                           ("ArgMaxOptions" if op == "ArgMax" else "ArgMinOptions", {"outputType": 2}))
    for dtype in (np.float32, np.int8, np.uint8, np.int32):
        quantization = (0.1, 3) if dtype in (np.int8, np.uint8) else None
        yield Case("TOPK_V2", "TopK", [(values(dtype, (4, 50)), quantization, False), (np.array([7], np.int32), None, True)],
                   [(dtype, quantization), (np.int32, None)], {"to": "i32"}, ("TopKV2Options", {}))
    for exclusive in (False, True):
        for reverse in (False, True):
            flags = {"exclusive": exclusive, "reverse": reverse}
            for dtype in (np.float32, np.int32, np.int64):
                yield Case("CUMSUM", "CumSum", [(values(dtype, (3, 8, 5)), None, False), (np.array([1], np.int32), None, True)],
                           [(dtype, None)], flags, ("CumsumOptions", flags))


def conversion_cases():
    whole = {np.float32: values(np.float32, (60,), -100, 100), np.int32: values(np.int32, (60,), -300, 300),
             np.int64: values(np.int64, (60,), -300, 300), np.int8: values(np.int8, (60,)), np.uint8: values(np.uint8, (60,)),
             np.int16: values(np.int16, (60,)), np.bool_: values(np.bool_, (60,))}
    for before, array in whole.items():
        for after in whole:
            if before == after or (before == np.float32 and after in (np.int8, np.uint8, np.int16)):
                continue
            yield Case("CAST", "Cast", [(array, None, False)], [(after, None)], {"to": TYPES[after][1]}, ("CastOptions", {}))
    stored = {np.int8: (0.07, 5), np.uint8: (0.05, 130), np.int16: (0.0003, 0)}
    for dtype, of in stored.items():
        yield Case("QUANTIZE", "Quantize", [(values(np.float32, (200,), -12, 12), None, False)], [(dtype, of)])
        yield Case("DEQUANTIZE", "Dequantize", [(values(dtype, (200,)), of, False)], [(np.float32, None)])
        for after, of_after in stored.items():
            yield Case("QUANTIZE", "Quantize", [(values(dtype, (200,)), of, False)], [(after, of_after)])
    yield Case("DEQUANTIZE", "Dequantize", [(values(np.int8, (3, 4, 5)), ([0.1, 0.2, 0.3, 0.4], [0, 0, 0, 0], 1), True)],
               [(np.float32, None)])
    yield Case("DEQUANTIZE", "Dequantize", [(values(np.float16, (40,)), None, False)], [(np.float32, None)])


def write(name, wanted):
    cases, refused = [], []
    for case in wanted:
        try:
            cases.append(answered(case))
        except (RuntimeError, ValueError) as error:
            what = [TYPES[array.dtype.type][1] for array, _, _ in case.inputs]
            refused.append(f"{case.op} {what}: {re.sub(chr(10), ' ', str(error))[:120]}")
    print(*sorted(set(refused)), sep="\n")
    made_with = {name: importlib.metadata.version(name) for name in ("ai-edge-litert", "numpy")}
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    (HERE / name).write_text(f'{{"made_with":{json.dumps(made_with)},"cases":[\n{lines}\n]}}\n')
    print(len(cases), "cases")


if __name__ == "__main__":
    write("ops.json", [*unary_cases(), *binary_cases(), *select_cases(), *reduce_cases(), *conversion_cases()])
