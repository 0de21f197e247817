# SPDX-License-Identifier: Apache-2.0
"""Speed beside the peers, equality of answers, and the time from load() to the first answer."""

import math
import statistics
import tempfile

import numpy as np

import nets
from report import say
from workers import Refused, cpus_for, started, take_turns

GEOMEAN_LEAST = {"f32": 1.0, "int8": 1.5}
F32_LEAST = 0.8
RELATIVE_MAX = 1e-4
LOAD_LIMITS_MS = {"mobilenet_v1_025": 10, "ds_cnn": 10, "resnet8": 10, "auto_encoder": 10, "mobilenet_v2": 40}
# In f32 the first that runs is held against the bars: ONNX Runtime reads the same file. In int8 each is: the two formats round
# differently, so that other kernels may run.
OURS = ("lichen-onnx", "lichen-tflite")
HELD = {"f32": [OURS], "int8": [OURS[:1], OURS[1:]]}


def engines_of(place, net, dtype, quick):
    """Name -> command without threads and input; in the order of the table's columns."""
    name = net["name"]
    at = str(place.folder / name)
    onnx = at + (".onnx" if dtype == "f32" else ".s8s8.onnx")
    tflite = at + (".tflite" if dtype == "f32" else ".int8.tflite")
    nchw, nhwc = at + ".input.nchw.f32", at + (".input.nhwc.f32" if dtype == "f32" else ".input.nhwc.i8")
    ours, peers = place.program("bench_engine"), [place.python, str(place.here / "peers.py")]
    commands = {"lichen-onnx": lambda t: [ours, "--worker", "--threads", t, onnx, nchw],
                "lichen-tflite": lambda t: [ours, "--worker", "--threads", t, tflite, nhwc]}
    library = place.ort_library()
    if library:
        ort = [place.program("bench_ort"), library]
        commands["onnxruntime"] = lambda t: [*ort, onnx, t, nchw]
        if dtype == "int8":
            commands["ort-u8s8"] = lambda t: [*ort, at + ".u8s8.onnx", t, nchw]
    if place.versions["ai-edge-litert"]:
        commands["litert"] = lambda t: [*peers, "litert", tflite, t, nhwc]
    if place.versions["openvino"] and not quick:
        commands["openvino"] = lambda t: [*peers, "openvino", onnx, t, nchw]
    if place.versions["ncnn"] and not quick and dtype == "f32":
        commands["ncnn"] = lambda t: [*peers, "ncnn", at + ".ncnn", t, nchw]
    return commands


def held(times, ours=OURS):
    """Which of ours is held against a bar."""
    return next((name for name in ours if name in times), None)


def cell_text(times, name, refusals):
    if name in times:
        return f"{times[name]['median_us']:.1f} ({times[name]['min_us']:.1f})"
    return "refused" if name in refusals else "-"


def geomean(values):
    return math.exp(sum(math.log(v) for v in values) / len(values))


def table_of(report, title, columns, cells, refusals):
    """The ratios are those to the way of ours that is fastest over all nets which have it."""
    mine = max(OURS, key=lambda ours: (sum(ours in times for times in cells.values()),
                                       -sum(times[ours]["median_us"] for times in cells.values() if ours in times)))
    rows = []
    for name, times in cells.items():
        ratios = ["-", "-"]
        if mine in times and "onnxruntime" in times:
            ratios = [f"{times['onnxruntime'][key] / times[mine][key]:.2f}" for key in ("median_us", "min_us")]
        rows.append([name, *(cell_text(times, column, refusals[name]) for column in columns), *ratios])
    means = []
    for column in columns:
        ratios = [times[column]["median_us"] / times[mine]["median_us"] for times in cells.values()
                  if mine in times and column in times and column != mine]
        means.append(f"{geomean(ratios):.2f} of {len(ratios)}" if ratios else "")
    rows.append(["by " + mine, *means, "", ""])
    report.columns(f"{title}: median (least) in us", ["net", *columns, "ORT / " + mine, "by least"], rows)


def why_not(name, refusals, ours):
    text = next((refusals[name][engine] for engine in ours if engine in refusals[name]), "ONNX Runtime is missing")
    return text[:250]


def speed_bars(place, report, dtype, threads, cells, refusals, ours):
    """ours: which of our two ways to have the net is held, the first that runs."""
    peer = f"onnxruntime {place.versions['onnxruntime']}"
    title = title_of(dtype, threads, ours)
    ratios, least = [], []
    for name, times in cells.items():
        mine = held(times, ours)
        if mine is None or "onnxruntime" not in times:
            if dtype == "f32":
                report.not_measured(f"{title}: {name}: ORT / ours", "x", F32_LEAST, why_not(name, refusals, ours), peer)
            continue
        ratios.append(times["onnxruntime"]["median_us"] / times[mine]["median_us"])
        least.append(times["onnxruntime"]["min_us"] / times[mine]["min_us"])
        if dtype == "f32":
            report.faster(f"{title}: {name}: ORT / ours", ratios[-1], F32_LEAST, peer, f"{mine}; by least times {least[-1]:.2f}")
    bar = f"{title}: geometric mean ORT / ours" + (f" of {len(cells)} nets" if len(cells) < len(nets.NETS) else "")
    if len(ratios) < len(cells):
        note = f"{len(ratios)} of {len(cells)} nets" + (f", {geomean(ratios):.2f} over those" if ratios else "")
        report.not_measured(bar, "x", GEOMEAN_LEAST[dtype], note, peer)
    else:
        report.faster(bar, geomean(ratios), GEOMEAN_LEAST[dtype], peer, f"by least times {geomean(least):.2f}")


def title_of(dtype, threads, ours=OURS):
    file = f" ({ours[0].removeprefix('lichen-')} file)" if len(ours) == 1 else ""
    return f"{dtype}{file}, {threads} thread{'s' * (threads > 1)}"


def own_f32_bars(report, threads, f32, int8, ours):
    for name in int8:
        mine, other = held(int8[name], ours), held(f32.get(name, {}), ours)
        bar = f"{title_of('int8', threads, ours)}: {name}: our f32 / our int8"
        if mine is None or other is None:
            report.not_measured(bar, "x", 1.0, "one of the two does not run")
        else:
            report.faster(bar, f32[name][other]["median_us"] / int8[name][mine]["median_us"], 1.0, None)


def measure(place, report, arguments):
    takes, rounds, seconds = (1, 3, 0.06) if arguments.quick else (2, 5, 0.25)
    wanted = [net for net in place.models() if net["name"] in arguments.nets.split(",")]
    for threads in map(int, arguments.threads.split(",")):
        if cpus_for(threads) is None:
            for dtype in ("f32", "int8"):
                report.not_measured(f"{dtype}, {threads} threads", "x", GEOMEAN_LEAST[dtype], "fewer CPUs than threads")
            continue
        by_dtype = {}
        for dtype in ("f32", "int8"):
            cells, refusals = {}, {}
            for net in wanted:
                say(f"speed: {dtype}, {threads} thread(s), {net['name']}")
                engines = engines_of(place, net, dtype, arguments.quick)
                commands = {name: command(str(threads)) for name, command in engines.items()}
                cells[net["name"]], refusals[net["name"]] = take_turns(commands, threads, takes, rounds, seconds)
            table_of(report, f"{dtype}, {threads} thread{'s' * (threads > 1)}", list(engines), cells, refusals)
            for ours in HELD[dtype]:
                speed_bars(place, report, dtype, threads, cells, refusals, ours)
            by_dtype[dtype] = cells
        for ours in HELD["int8"]:
            own_f32_bars(report, threads, by_dtype["f32"], by_dtype["int8"], ours)
    measure_answers(place, report, wanted)


def answers(commands):
    """Name -> output 0 as an array, and refusals."""
    workers, refusals = started(commands, 1)
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, worker in workers.items():
            try:
                row = worker.ask(f"answer {folder}/{name}")["outputs"][0]
                results[name] = np.fromfile(f"{folder}/{name}", row["dtype"], math.prod(row["shape"])).reshape(row["shape"])
            except Refused as refused:
                refusals[name] = str(refused)
            worker.close()
    return results, refusals


def relative(ours, theirs):
    """max|a-b| / max|b|; ours may be NHWC where theirs is NCHW."""
    if ours.shape != theirs.shape and theirs.ndim == 4 and ours.ndim == 4:
        theirs = theirs.transpose(0, 2, 3, 1)
    if ours.size != theirs.size:
        return math.inf
    return float(np.abs(ours.ravel().astype(np.float64) - theirs.ravel()).max() / np.abs(theirs).max())


def measure_answers(place, report, wanted):
    for net in wanted:
        say(f"answers: {net['name']}")
        engines = engines_of(place, net, "f32", True)
        results, refusals = answers({name: command("1") for name, command in engines.items()})
        bar = f"f32: {net['name']}: relative difference"
        # FastestDet as published is another net than the seeded TFLite file: each is held against its own framework.
        pairs = [("lichen-onnx", "onnxruntime"), ("lichen-tflite", "onnxruntime" if net["one_net_in_all_formats"] else "litert")]
        compared = [(a, b) for a, b in pairs if a in results and b in results]
        if not compared:
            report.not_measured(bar, "", RELATIVE_MAX, refusals.get("lichen-tflite", "no peer")[:160])
        for a, b in compared:
            report.at_most(bar, relative(results[a], results[b]), "", RELATIVE_MAX, b, None, f"{a} and {b}")
        exact_int8(place, report, net)


def exact_int8(place, report, net):
    """int8 of the TFLite file, bit for bit against LiteRT's reference kernels; of the ONNX file against ONNX Runtime, to know."""
    engines = engines_of(place, net, "int8", True)
    at = str(place.folder / net["name"])
    commands = {name: command("1") for name, command in engines.items() if name in (*OURS, "onnxruntime")}
    commands["reference"] = [place.python, str(place.here / "peers.py"), "litert-ref", at + ".int8.tflite", "1", at + ".input.nhwc.i8"]
    results, refusals = answers(commands)
    bar = f"int8: {net['name']}: values unlike LiteRT's reference"
    if "lichen-tflite" in results and "reference" in results:
        differ = int(np.count_nonzero(results["lichen-tflite"] != results["reference"]))
        report.at_most(bar, differ, "", 0, "litert reference", None, f"of {results['reference'].size}")
    else:
        report.not_measured(bar, "", 0, (refusals.get("lichen-tflite") or refusals.get("reference", "no peer"))[:160])
    if "lichen-onnx" in results and "onnxruntime" in results:
        say(f"int8: {net['name']}: s8s8.onnx, relative difference to ONNX Runtime "
            f"{relative(results['lichen-onnx'], results['onnxruntime']):.2g}")


def measure_load(place, report, arguments):
    """A process each time: its page cache is warm, its memory is not."""
    repeats = 3 if arguments.quick else 9
    engines_shown = (*OURS, "onnxruntime", "litert")
    rows = []
    for net in place.models():
        name = net["name"]
        if name not in LOAD_LIMITS_MS or name not in arguments.nets.split(","):
            continue
        say(f"load: {name}")
        for dtype in ("f32", "int8"):
            engines = engines_of(place, net, dtype, True)
            times = {}
            for _ in range(repeats):
                for engine in engines_shown:
                    ms = load_ms(engines[engine]("1")) if engine in engines else None
                    if ms is not None:
                        times.setdefault(engine, []).append(ms)
            rows.append([f"{name} {dtype}"] + [f"{statistics.median(times[e]):.2f} ({min(times[e]):.2f})" if e in times else "-"
                                               for e in engines_shown])
            for ours in OURS:
                load_bar(place, report, name, dtype, times, ours)
    report.columns("From load() to first answer, warm page cache: median (least) in ms", ["net", *engines_shown], rows)


def load_ms(command):
    workers, _ = started({"engine": command}, 1)
    for worker in workers.values():
        worker.close()
        return (worker.started["load_us"] + worker.started["first_us"]) / 1e3
    return None


def load_bar(place, report, name, dtype, times, mine):
    bar, limit = f"{dtype}: {name} ({mine.removeprefix('lichen-')} file): load to first answer", LOAD_LIMITS_MS[name]
    if mine not in times:
        report.not_measured(bar, "ms", limit, "the engine does not run this file")
        return
    value = statistics.median(times[mine])
    ratio = statistics.median(times["onnxruntime"]) / value if "onnxruntime" in times else None
    note = f"least {min(times[mine]):.2f} ms" + (f"; ONNX Runtime takes {ratio:.1f} times as long" if ratio else "")
    report.at_most(bar, value, "ms", limit, f"onnxruntime {place.versions['onnxruntime']}", ratio, note)
