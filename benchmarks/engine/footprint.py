# SPDX-License-Identifier: Apache-2.0
"""Memory of a program that loads and runs a model, and the size of one that holds nothing but the engine."""

import json
import pathlib
import shutil
import statistics
import subprocess
import tempfile

from report import say

PEAK_RATIO_MAX = 0.5
GROWTH_PERCENT_MAX = 1.0
CYCLES = 1000
SIZE_MAX_MB = 2.0
PEAK_NETS = ("mobilenet_v1_025", "mobilenet_v2")
CYCLE_NETS = ("mobilenet_v1_025", "ds_cnn")
REPEATS = 3


def footprint(command):
    """What footprint.c prints, or None and why not."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, timeout=600)
    try:
        row = json.loads(done.stdout)
    except ValueError:
        return None, f"{pathlib.Path(command[0]).name} ended with {done.returncode}"
    return (None, done.stderr.strip()) if "error" in row else (row, "")


def peak_kb(command):
    rows = [footprint(command) for _ in range(REPEATS)]
    if any(row is None for row, _ in rows):
        return None, rows[0][1]
    return statistics.median(row["peak_kb"] for row, _ in rows), ""


def ours(place, model, cycles):
    return [place.program("footprint_lichen"), "", str(model), str(cycles)]


def measure(place, report, _arguments):
    measure_peak(place, report)
    measure_cycles(place, report)
    measure_size(place, report)


def measure_peak(place, report):
    library = place.ort_library()
    peer = f"onnxruntime {place.versions['onnxruntime']}"
    for name in PEAK_NETS:
        say(f"memory: {name}")
        for dtype, tflite, onnx in (("f32", ".tflite", ".onnx"), ("int8", ".int8.tflite", ".s8s8.onnx")):
            bar = f"{dtype}: {name}: peak resident memory by ONNX Runtime's"
            # The same file where our library was built to read it, else the TFLite file of the same net.
            for file in (onnx, tflite):
                mine, why = peak_kb(ours(place, place.folder / (name + file), 0))
                if mine is not None:
                    break
            if library is None:
                report.not_measured(bar, "x", PEAK_RATIO_MAX, "ONNX Runtime is missing")
                continue
            theirs, why_not = peak_kb([place.program("footprint_ort"), library, str(place.folder / (name + onnx)), "0"])
            if mine is None or theirs is None:
                report.not_measured(bar, "x", PEAK_RATIO_MAX, (why or why_not)[:160], peer)
                continue
            ratio = mine / theirs
            report.at_most(bar, ratio, "x", PEAK_RATIO_MAX, peer, ratio, f"{mine / 1024:.1f} MB ({name}{file}) and {theirs / 1024:.1f} MB")


def measure_cycles(place, report):
    for name in CYCLE_NETS:
        say(f"memory: {CYCLES} cycles of {name}")
        for dtype, tflite in (("f32", ".tflite"), ("int8", ".int8.tflite")):
            bars = ((f"{dtype}: {name}: growth over {CYCLES} load/unload cycles", "%", GROWTH_PERCENT_MAX),
                    (f"{dtype}: {name}: allocations a run", "", 0))
            row, why = footprint(ours(place, place.folder / (name + tflite), CYCLES))
            if row is None:
                for bar, unit, limit in bars:
                    report.not_measured(bar, unit, limit, why[:160])
                continue
            growth = 100 * (row["end_kb"] - row["warm_kb"]) / row["warm_kb"]
            report.at_most(bars[0][0], growth, "%", GROWTH_PERCENT_MAX,
                           note=f"{row['warm_kb']} KB after {CYCLES} cycles, then {row['end_kb']} KB")
            report.at_most(bars[1][0], row["allocations_per_run"], "", 0)


def measure_size(place, report):
    program = place.program("footprint_tflite")
    strip = shutil.which("strip")
    if strip is None:
        report.not_measured("size of a program with engine and formats/tflite, stripped", "MB", SIZE_MAX_MB, "there is no strip")
    else:
        with tempfile.TemporaryDirectory() as folder:
            stripped = pathlib.Path(folder) / "program"
            subprocess.run([strip, "-o", str(stripped), program], check=True)
            size = stripped.stat().st_size / 1e6
        report.at_most("size of a program with engine and formats/tflite, stripped", size, "MB", SIZE_MAX_MB)
    done = subprocess.run(["ldd", program], stdout=subprocess.PIPE, text=True, check=False)
    libraries = [line.split()[0] for line in done.stdout.splitlines() if "=>" in line]
    if done.returncode != 0 or not libraries:
        report.not_measured("libraries of protobuf that it needs", "", 0, "ldd does not say")
        return
    report.at_most("libraries of protobuf that it needs", sum("protobuf" in name for name in libraries), "", 0,
                   note="needs " + ", ".join(libraries))
