#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Answers of ONNX Runtime for the real models of the shared data, on seeded inputs.

make.py SHARED_DATA: writes MODEL.STEP.OUTPUT.npy beside this file: at most 512 elements, evenly spread over the output.
Made with onnxruntime 1.32.0 and numpy 1.26.
"""
import pathlib
import sys

import numpy as np
import onnxruntime as ort

ELEMENTS_MAX = 512
HERE = pathlib.Path(__file__).parent


def seeded_bytes(sample: int, tensor: int, count: int) -> np.ndarray:
    """The top bytes of splitmix64; tests/engine/support.hpp does the same."""
    with np.errstate(over="ignore"):
        x = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        x += np.uint64(sample * 1000003 + tensor * 7919)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    return (x >> np.uint64(56)).astype(np.uint8)


def seeded(shape, low: float, high: float, sample: int) -> np.ndarray:
    step = (np.float32(high) - np.float32(low)) / np.float32(255)
    count = int(np.prod(shape))
    return (seeded_bytes(sample, 0, count).astype(np.float32) * step + np.float32(low)).reshape(shape)


def some(values: np.ndarray) -> np.ndarray:
    flat = values.reshape(-1)
    return flat[:: max(1, -(-flat.size // ELEMENTS_MAX))].astype(np.float32)


def session_of(path: pathlib.Path) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def image(path: pathlib.Path, low: float, high: float) -> None:
    session = session_of(path)
    given = session.get_inputs()[0]
    for step in range(2):
        for i, y in enumerate(session.run(None, {given.name: seeded(given.shape, low, high, step)})):
            np.save(HERE / f"{path.stem}.{step}.{i}.npy", some(y))


def voice(path: pathlib.Path) -> None:
    session = session_of(path)
    state = np.zeros((2, 1, 128), np.float32)
    for step in range(3):
        y, state = session.run(
            None, {"input": seeded((1, 576), -0.5, 0.5, step), "state": state, "sr": np.array(16000, np.int64)}
        )
        np.save(HERE / f"{path.stem}.{step}.0.npy", some(y))
        np.save(HERE / f"{path.stem}.{step}.1.npy", some(state))


def main() -> None:
    models = pathlib.Path(sys.argv[1]) / "models"
    image(models / "detection" / "fastestdet_352.onnx", 0, 1)
    image(models / "detection" / "ultraface_slim_320_simplified.onnx", -1, 1)
    voice(models / "vad" / "silero_vad_16k_op15.onnx")


if __name__ == "__main__":
    main()
