#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes models/operator_lstm_*.tflite and models/operator_svdf_*.tflite: layers with state and weights in bytes, each alone in a file.

  V/bin/python tests/engine/golden/recurrent.py    # before make.py, in the same virtual environment
"""
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from operators import Model, options

F32, I8, I16, I32 = np.float32, np.int8, np.int16, np.int32
RANDOM = np.random.default_rng(17)
NONE = -1


def real(shape, size=1.0):
    return RANDOM.uniform(-size, size, shape).astype(F32)


def whole(dtype, shape, size):
    return RANDOM.integers(-size, size + 1, shape).astype(dtype)


class Lstm:
    """One UNIDIRECTIONAL_SEQUENCE_LSTM; `integer`: i8 with i16 cells, else f32 by i8 weights."""

    def __init__(self, name, integer, batch=2, steps=3, inputs=5, cells=6, outputs=None, coupled=False, peephole=False,
                 normalized=False, time_major=False, short=False, asymmetric=False, cell_clip=0.0, projection_clip=0.0):
        self.m, self.integer, self.cells = Model(), integer, cells
        projected = outputs is not None
        outputs = outputs or cells
        shape = [steps, batch] if time_major else [batch, steps]
        x = self.m.input(I8 if integer else F32, shape + [inputs], (0.05, 3) if integer else None)
        gates = [None if coupled and g == 0 else g for g in range(4)]
        ids = [x]
        ids += [NONE if g is None else self.weights((cells, inputs), 0.008 + 0.001 * g) for g in gates]
        ids += [NONE if g is None else self.weights((cells, outputs), 0.007 + 0.002 * g) for g in gates]
        ids += [self.diagonal(0.6 + 0.1 * g) if peephole and not (coupled and g == 0) else NONE for g in range(3)]
        ids += [NONE if g is None else self.bias(cells) for g in gates]
        ids += [self.weights((outputs, cells), 0.006), self.bias(outputs)] if projected else [NONE, NONE]
        out = (1 / 128, -4) if integer else None
        ids.append(self.m.state(I8 if integer else F32, [batch, outputs], out))
        ids.append(self.m.state(I16 if integer else F32, [batch, cells], (2.0 ** -11, 0) if integer else None))
        if not short:
            ids += [self.normalization(g) if normalized and g is not None else NONE for g in gates]
        y = self.m.tensor(I8 if integer else F32, shape + [outputs], None, out)
        made = options("UnidirectionalSequenceLSTMOptions", timeMajor=time_major, cellClip=cell_clip,
                       projClip=projection_clip, asymmetricQuantizeInputs=asymmetric,
                       fusedActivationFunction=schema.ActivationFunctionType.TANH)
        # Without a projection the hidden state is the output, and has its scale.
        between = None
        if integer:
            between = [self.m.tensor(I16, [1], None, (0.0008 + 0.0001 * g, 0)) for g in range(4)]
            between.append(self.m.tensor(I8, [1], None, (1 / 120, 5) if projected else out))
        self.m.op("UNIDIRECTIONAL_SEQUENCE_LSTM", ids, [y], made, 3, between)
        self.m.write(name, [y])

    def weights(self, shape, scale):
        return self.m.constant(whole(I8, shape, 127), I8, (scale, 0))

    def diagonal(self, size):
        if self.integer:
            return self.m.constant(whole(I16, self.cells, 32767), I16, (size / 32767, 0))
        return self.m.constant(whole(I8, self.cells, 127), I8, (size / 127, 0))

    def bias(self, count):
        return self.m.constant(whole(I32, count, 2000), I32) if self.integer else self.m.constant(real(count), F32)

    def normalization(self, gate):
        if self.integer:
            return self.m.constant(whole(I16, self.cells, 32767), I16, ((1.0 + 0.2 * gate) / 32767, 0))
        return self.m.constant(real(self.cells, 2.0), F32)


def svdf(name, integer, batch=2, inputs=7, units=4, rank=2, memory=5, asymmetric=False, biased=True):
    m = Model()
    x = m.input(I8 if integer else F32, [batch, inputs], (0.05, 3) if integer else None)
    features = m.constant(whole(I8, (units * rank, inputs), 127), I8, (0.01, 0))
    times = whole(I16, (units * rank, memory), 32767) if integer else whole(I8, (units * rank, memory), 127)
    times = m.constant(times, times.dtype.type, (0.5 / 32767 if integer else 0.004, 0))
    bias = NONE
    if biased:
        bias = m.constant(whole(I32, units, 20000), I32) if integer else m.constant(real(units), F32)
    state = m.state(I16 if integer else F32, [batch, units * rank * memory], (0.001, 0) if integer else None)
    y = m.tensor(I8 if integer else F32, [batch, units], None, (0.06, -128) if integer else None)
    made = options("SVDFOptions", rank=rank, asymmetricQuantizeInputs=asymmetric,
                   fusedActivationFunction=schema.ActivationFunctionType.RELU)
    m.op("SVDF", [x, features, times, bias, state], [y], made, 3)
    m.write(name, [y])


def main():
    Lstm("lstm_hybrid", False, short=True)
    Lstm("lstm_hybrid_asymmetric", False, asymmetric=True, time_major=True)
    Lstm("lstm_hybrid_coupled", False, coupled=True, asymmetric=True, peephole=True, cell_clip=0.7)
    Lstm("lstm_hybrid_projected", False, outputs=3, peephole=True, normalized=True, projection_clip=0.3)
    Lstm("lstm_hybrid_projected_asymmetric", False, outputs=3, normalized=True, asymmetric=True)
    Lstm("lstm_i8", True, short=True, batch=1, steps=6, inputs=9, cells=20)
    Lstm("lstm_i8_time_major", True, time_major=True)
    Lstm("lstm_i8_coupled", True, coupled=True, peephole=True, cell_clip=0.7)
    Lstm("lstm_i8_projected", True, outputs=3, peephole=True, projection_clip=0.3)
    Lstm("lstm_i8_normalized", True, outputs=4, cells=8, normalized=True)
    svdf("svdf_hybrid", False)
    svdf("svdf_hybrid_asymmetric", False, asymmetric=True, rank=1, biased=False)
    svdf("svdf_i8", True)
    svdf("svdf_i8_rank_1", True, rank=1, biased=False, batch=1)


if __name__ == "__main__":
    main()
