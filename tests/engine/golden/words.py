#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes words.json, as ops.py makes ops.json: what LiteRT's reference kernels answer to single ops on activations of 16
bits. ops_golden_test.cpp reads it."""
import json

import numpy as np
from ops import HERE, Case, answered, values

F32, I16 = np.float32, np.int16
SAME = (0.0003, 0)


def words(count=40):
    """Random values, the ends of the range among them."""
    made = values(I16, (count,))
    made[:6] = (-32768, 32767, -1, 0, 1, -32767)
    return made


def one(tfl, op, scale_in, scale_out, attributes=None, options=None, x=None):
    return Case(tfl, op, [(words() if x is None else x, (scale_in, 0), False)], [(I16, (scale_out, 0))], attributes, options)


def unary_cases():
    for tfl, op in {"RELU": "Relu", "RELU6": "Relu6", "ABS": "Abs"}.items():
        yield one(tfl, op, 0.0003, 0.0003)
        yield one(tfl, op, 0.0007, 0.00031)
        yield one(tfl, op, 0.0002, 0.00049)
    yield one("NEG", "Neg", 0.0003, 0.0003)
    for alpha, scale_in, scale_out in ((0.3, 0.0003, 0.0003), (0.2, 0.0007, 0.00031), (1.7, 0.0002, 0.0005)):
        yield one("LEAKY_RELU", "LeakyRelu", scale_in, scale_out, {"alpha": float(F32(alpha))},
                  ("LeakyReluOptions", {"alpha": alpha}))


def binary_cases():
    scales = ((0.0003, 0.0003, 0.0003), (0.0003, 0.0001, 0.0007), (0.00002, 0.0011, 0.00007))
    powers = ((-12, -12, -12), (-12, -9, -9), (-11, -13, -11))
    for tfl, op, options in (("ADD", "Add", "AddOptions"), ("SUB", "Sub", "SubOptions")):
        for number, (a, b, out) in enumerate(scales):
            yield Case(tfl, op, [(words(), (a, 0), False), (words(), (b, 0), False)], [(I16, (out, 0))],
                       {"activation": "relu6" if number == 2 else "none"},
                       (options, {"potScaleInt16": False, "fusedActivationFunction": 3 if number == 2 else 0}))
        for powers_of in powers:
            a, b, out = (2.0 ** power for power in powers_of)
            for flag in (True, False):
                yield Case(tfl, op, [(words(), (a, 0), False), (words(), (b, 0), False)], [(I16, (out, 0))],
                           {"power_of_two_scales": flag}, (options, {"potScaleInt16": flag}))
    for number, (a, b, out) in enumerate(((0.0003, 0.0003, 0.0003), (0.0003, 0.001, 0.0001))):
        yield Case("MUL", "Mul", [(values(I16, (5, 1)), (a, 0), False), (values(I16, (1, 8)), (b, 0), False)],
                   [(I16, (out, 0))], {"activation": "relu" if number == 1 else "none"},
                   ("MulOptions", {"fusedActivationFunction": number}))
    x = words()
    for tfl, op in {"MAXIMUM": "Maximum", "MINIMUM": "Minimum"}.items():
        yield Case(tfl, op, [(x, SAME, False), (words(), SAME, False)], [(I16, SAME)])
    close = (x // 2 + values(I16, x.shape, -1, 1)).astype(I16)
    for tfl, op in {"EQUAL": "Equal", "NOT_EQUAL": "NotEqual"}.items():
        for scale_b in (0.0003, 0.0006):
            yield Case(tfl, op, [(x, SAME, False), (close if scale_b > 0.0003 else x[::-1].copy(), (scale_b, 0), False)],
                       [(np.bool_, None)])


def main():
    cases = []
    for case in [*unary_cases(), *binary_cases()]:
        try:
            cases.append(answered(case))
        except (RuntimeError, ValueError) as error:
            print(case.tfl, [(a.dtype, q) for a, q, _ in case.inputs], str(error)[:160])
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    (HERE / "words.json").write_text(f'{{"cases":[\n{lines}\n]}}\n')
    print(len(cases), "cases")


if __name__ == "__main__":
    main()
