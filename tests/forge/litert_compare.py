#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs what forge_write_models wrote in LiteRT's reference kernels: every output must be the same byte.

    build/release/bin/forge_write_models FOLDER
    python3 tests/forge/litert_compare.py FOLDER        (needs numpy and ai-edge-litert)
"""
import pathlib
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType


def differing(folder: pathlib.Path, name: str) -> tuple[int, int]:
    interpreter = Interpreter(str(folder / f"{name}.tflite"),
                              experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    into, out_of = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    assert into["dtype"] == out_of["dtype"] == np.int8
    inputs = np.fromfile(folder / f"{name}.in", np.int8).reshape(-1, *into["shape"])
    wanted = np.fromfile(folder / f"{name}.out", np.int8).reshape(-1, *out_of["shape"])
    assert len(inputs) == len(wanted) > 0
    wrong = 0
    for one, want in zip(inputs, wanted):
        interpreter.set_tensor(into["index"], one)
        interpreter.invoke()
        wrong += int((interpreter.get_tensor(out_of["index"]) != want).sum())
    return wrong, wanted.size


def main() -> int:
    folder = pathlib.Path(sys.argv[1])
    failed = False
    for path in sorted(folder.glob("*.tflite")):
        wrong, total = differing(folder, path.stem)
        print(f"{path.stem}: {wrong} of {total} outputs differ")
        failed |= wrong > 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
