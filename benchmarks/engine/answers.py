# SPDX-License-Identifier: Apache-2.0
"""The models of the shared data: our answers beside those of the framework that each comes from, one row a model.

Integers are held bit for bit against LiteRT's reference kernels (BUILTIN_REF), float32 within a relative 1e-4 of LiteRT's
reference or ONNX Runtime, on seeded inputs; then the expected labels of the data's README, and the accuracy of keyword
spotting on the same clips.
"""

import csv
import importlib
import math
import pathlib
import sys
import tempfile
import wave

import numpy as np

from report import say
from workers import Refused, Worker

RELATIVE_MAX = 1e-4
SAMPLES = 3
STEPS = 25  # of a model with a state
ACCURACY_POINTS_MAX = 0.2

# Range of seeded float inputs: what the model was made for, roughly. Integers take their whole range.
TFLITE = {
    "kws/kws_ref_int8.tflite": None, "kws/kws_ref_float32.tflite": (-100, 60), "kws/micro_speech_int8.tflite": None,
    "vww/vww_96_int8.tflite": None, "vww/vww_96_float.tflite": (0, 1), "vww/person_detect_int8.tflite": None,
    "ic/resnet8_int8.tflite": None, "ic/resnet8_float.tflite": (0, 255),
    "ad/ad01_int8.tflite": None, "ad/ad01_fp32.tflite": (-80, 20), "sww/str_ww_ref_int8.tflite": None,
    "edgeimpulse/acc.tflite": None, "sequence/hello_world_int8.tflite": None, "sequence/hello_world_float.tflite": (0, 6.25),
    "sequence/mnist_lstm_float.tflite": (0, 1),
    "imagenet/mobilenet_v1_0.25_128_quant.tflite": None, "imagenet/mobilenet_v2_1.0_224_quant.tflite": None,
    "wakeword/okay_nabu.tflite": None, "wakeword/vad.tflite": None,
}
STATEFUL = {"wakeword/okay_nabu.tflite", "wakeword/vad.tflite"}
ONNX = {"detection/fastestdet_352.onnx": (0, 1), "detection/ultraface_slim_320_simplified.onnx": (-1, 1),
        "onnx_ops/light_squeezenet.onnx": (0, 1), "onnx_ops/light_inception_v1.onnx": (0, 1)}
# Files that must be refused, and a word that the refusal has to hold.
REFUSED = {"imagenet/mobilenet_v1_0.25_128_quant_edgetpu.tflite": "edgetpu-custom-op",
           "kws/audio_preprocessor_float.tflite": "SignalWindow", "kws/audio_preprocessor_int8.tflite": "SignalWindow",
           "invalid/model_invoking_error.tflite": ""}


class Ours:
    def __init__(self, place, path, arguments=()):
        self.worker = Worker([place.program("bench_engine"), "--worker", *arguments, str(path), "-"], 1)
        self.folder = tempfile.TemporaryDirectory()
        try:
            self.worker.ready()
        except Refused:
            self.close()
            raise

    def run(self, inputs):
        at = pathlib.Path(self.folder.name)
        for i, x in enumerate(inputs):
            np.ascontiguousarray(x).tofile(at / "input")
            self.worker.ask(f"input {i} {at}/input")
        told = self.worker.ask(f"answer {at}/answer")["outputs"]
        raw, outputs = (at / "answer").read_bytes(), []
        for output in told:
            size = math.prod(output["shape"]) * np.dtype(output["dtype"]).itemsize
            outputs.append(np.frombuffer(raw[:size], output["dtype"]).reshape(output["shape"]))
            raw = raw[size:]
        return outputs

    def batch(self, records, dtype):
        at = pathlib.Path(self.folder.name)
        records.tofile(at / "records")
        count = self.worker.ask(f"batch {at}/records {at}/answers")["records"]
        return np.fromfile(at / "answers", dtype).reshape(count, -1)

    def close(self):
        self.worker.close()
        self.folder.cleanup()


class Lite:
    """LiteRT with its reference kernels."""

    def __init__(self, golden, path):
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
        self.interpreter = Interpreter(model_content=golden.loadable(path),
                                       experimental_op_resolver_type=OpResolverType.BUILTIN_REF, num_threads=1)
        self.interpreter.allocate_tensors()
        self.inputs = self.interpreter.get_input_details()

    def run(self, inputs):
        for detail, x in zip(self.inputs, inputs):
            self.interpreter.set_tensor(detail["index"], np.ascontiguousarray(x).reshape(detail["shape"]))
        self.interpreter.invoke()
        return [np.array(self.interpreter.get_tensor(detail["index"])) for detail in self.interpreter.get_output_details()]


class Ort:
    def __init__(self, path):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 3
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.inputs = [{"shape": np.array(i.shape), "dtype": np.float32} for i in self.session.get_inputs()]

    def run(self, inputs):
        return self.session.run(None, {i.name: x for i, x in zip(self.session.get_inputs(), inputs)})


def unlike(ours, theirs):
    """(values of integers that differ, largest relative difference of floats) over all outputs."""
    differ, relative = 0, 0.0
    for a, b in zip(ours, theirs):
        if a.size != b.size or a.dtype != b.dtype:
            return math.inf, math.inf
        if b.dtype == np.float32:
            most = max(float(np.abs(b).max()), 1e-30)
            relative = max(relative, float(np.abs(a.ravel().astype(np.float64) - b.ravel()).max()) / most)
        else:
            differ += int(np.count_nonzero(a.ravel() != b.ravel()))
    return (differ, relative) if len(ours) == len(theirs) else (math.inf, math.inf)


def compare(place, report, name, their, low_high, seeded, steps):
    bar = f"answers: {name}"
    path = place.shared_models / name
    peer = "litert reference" if name.endswith(".tflite") else "onnxruntime"
    try:
        ours = Ours(place, path)
    except Refused as refused:
        report.not_measured(bar, "", RELATIVE_MAX if low_high else 0, str(refused)[:200], peer)
        return
    try:
        theirs = their(path)
        differ, relative = 0, 0.0
        for sample in range(steps):
            inputs = [seeded(detail, sample, i, low_high or (-4, 4)) for i, detail in enumerate(theirs.inputs)]
            d, r = unlike(ours.run(inputs), theirs.run(inputs))
            differ, relative = differ + d, max(relative, r)
    except Refused as refused:
        report.not_measured(bar, "", 0, str(refused)[:200], peer)
    except Exception as error:  # whatever the peer throws: the row says so
        report.not_measured(bar, "", 0, f"{peer}: {error}"[:200], peer)
    else:
        if low_high:
            report.at_most(bar, relative, "rel", RELATIVE_MAX, peer, None, f"{steps} inputs" + (f", {differ} integers differ" if differ else ""))
        else:
            report.at_most(bar, differ, "values", 0, peer, None, f"{steps} inputs, bit for bit")
    finally:
        ours.close()


def must_refuse(place, report, name, word):
    try:
        Ours(place, place.shared_models / name).close()
    except Refused as refused:
        named = word in str(refused) and "ended with status" not in str(refused)
        report.add(f"refused: {name}", 0 if named else 1, "", 0, named, None, None, str(refused)[:120])
        return
    report.add(f"refused: {name}", 1, "", 0, False, None, None, "it was loaded")


def pixels(path, size):
    from PIL import Image
    return np.asarray(Image.open(path).convert("RGB").resize(size, Image.BILINEAR))


def labelled(place, report, bar, name, theirs, check):
    """check(model) -> for each example whether it is wrong. Where the home framework misses an expectation on the very same
    input (a tie, another way to resize), ours is not held to it; the note counts these."""
    try:
        ours = Ours(place, place.shared_models / name)
    except Refused as refused:
        report.not_measured(f"labels: {bar}", "wrong", 0, str(refused)[:200])
        return
    try:
        mine, home = check(ours), check(theirs(place.shared_models / name))
        note = f"of {len(mine)}" + (f"; {sum(home)} that the home framework misses too are not counted" if any(home) else "")
        report.at_most(f"labels: {bar}", sum(a and not b for a, b in zip(mine, home)), "wrong", 0, note=note)
    except Refused as refused:
        report.not_measured(f"labels: {bar}", "wrong", 0, str(refused)[:200])
    finally:
        ours.close()


def imagenet_labels(place, report, lite):
    folder = place.shared_models / "imagenet"
    rows = list(csv.DictReader(open(folder / "expected_top1.csv")))
    for model in sorted({row["model"] for row in rows}):
        side = 128 if "_128" in model else 224

        def check(ours, model=model, side=side):
            mine = [row for row in rows if row["model"] == model]
            return [int(np.argmax(ours.run([pixels(folder / row["image"], (side, side))])[0])) != int(row["top1"]) for row in mine]

        labelled(place, report, f"{model} on its images", f"imagenet/{model}.tflite", lite, check)


def person_labels(place, report, lite):
    def check(ours):
        wrong = []
        for name, person in (("person", 1), ("no_person", 0)):
            raw = (place.shared_models / "vww" / f"{name}.bmp").read_bytes()
            start = int.from_bytes(raw[10:14], "little")
            image = np.frombuffer(raw[start:start + 96 * 96], np.int8).reshape(96, 96)
            # The rows of a BMP are stored from the bottom.
            wrong.append(int(np.argmax(ours.run([np.ascontiguousarray(image[::-1])])[0])) != person)
        return wrong

    labelled(place, report, "person_detect on person and no person", "vww/person_detect_int8.tflite", lite, check)


def digit_labels(place, report, lite):
    from PIL import Image

    def check(ours):
        folder = place.shared_models / "sequence"
        digits = [np.asarray(Image.open(folder / f"sample{d}.png").convert("L"), np.float32) / 255 for d in range(5)]
        return [int(np.argmax(ours.run([x])[0])) != d for d, x in enumerate(digits)]

    labelled(place, report, "mnist_lstm on its digits", "sequence/mnist_lstm_float.tflite", lite, check)


def sine_labels(place, report, lite):
    x = np.linspace(0, 2 * np.pi, 63, dtype=np.float32)

    def float_check(ours):
        return [abs(float(ours.run([v.reshape(1, 1)])[0].item()) - math.sin(v)) > 0.05 for v in x]

    def int_check(ours):
        q = np.clip(np.rint(x / 0.0244801) - 128, -128, 127).astype(np.int8)
        return [abs((int(ours.run([v.reshape(1, 1)])[0].item()) - 5) * 0.00829096 - math.sin(t)) > 0.1 for v, t in zip(q, x)]

    labelled(place, report, "hello_world_float within 0.05 of the sine", "sequence/hello_world_float.tflite", lite, float_check)
    labelled(place, report, "hello_world_int8 within 0.1 of the sine", "sequence/hello_world_int8.tflite", lite, int_check)


def detection_labels(place, report, _lite):
    folder = place.shared_models
    rows = list(csv.DictReader(open(folder / "detection" / "expected_detections.csv")))
    classes = (folder / "detection" / "coco.names").read_text().split("\n")

    def image_of(row):
        return folder / ("detection" if row["image"].endswith(".jpg") else "imagenet") / row["image"]

    def fastest_det(ours):
        mine, wrong = [row for row in rows if row["model"].startswith("fastestdet")], []
        for row in mine:
            x = pixels(image_of(row), (352, 352))[:, :, ::-1].astype(np.float32) / 255
            out = ours.run([x.transpose(2, 0, 1)[None]])[0].reshape(85, 22 * 22)
            score = out[0] ** 0.6 * out[5:].max(axis=0) ** 0.4
            best = int(np.argmax(score))
            named = classes[int(np.argmax(out[5:, best]))]
            wrong.append(named != row["class_or_count"] or abs(score[best] - float(row["score"])) > 0.02)
        return wrong

    def ultra_face(ours):
        mine, wrong = [row for row in rows if row["model"].startswith("ultraface")], []
        for row in mine:
            x = (pixels(image_of(row), (320, 240)).astype(np.float32) - 127) / 128
            scores = next(out for out in ours.run([x.transpose(2, 0, 1)[None]]) if out.shape[-1] == 2).reshape(-1, 2)
            wrong.append(int(np.count_nonzero(scores[:, 1] > 0.7)) != int(row["class_or_count"].split(":")[1]))
        return wrong

    labelled(place, report, "fastestdet: best box of its images", "detection/fastestdet_352.onnx", Ort, fastest_det)
    labelled(place, report, "ultraface: anchors over 0.7 of its images", "detection/ultraface_slim_320_simplified.onnx", Ort, ultra_face)


def voice_activity(place, report):
    """Silero: chunks of 512 samples behind the last 64 of the chunk before, its state fed back. Speech in the recording is where
    ONNX Runtime finds it; silence stays near 0."""
    name = "vad/silero_vad_16k_op15.onnx"
    bar = f"answers: {name}"
    path = place.shared_models / name
    with wave.open(str(place.shared_models / "vad" / "test_first20s.wav")) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / 32768
    theirs = Ort(path)

    def probabilities(model, samples):
        state, before, found = np.zeros((2, 1, 128), np.float32), np.zeros(64, np.float32), []
        for at in range(0, len(samples) - 511, 512):
            chunk = samples[at:at + 512]
            output, state = model.run([np.concatenate([before, chunk])[None], state, np.array(16000, np.int64)])
            before = chunk[-64:]
            found.append(float(output.ravel()[0]))
        return np.array(found)

    try:
        ours = Ours(place, path, ["--shapes", "1x576,2x1x128,scalar"])
    except Refused as refused:
        report.not_measured(bar, "rel", RELATIVE_MAX, str(refused)[:200], "onnxruntime")
        return
    try:
        mine, home = probabilities(ours, pcm), probabilities(theirs, pcm)
        silence = probabilities(ours, np.zeros(16000, np.float32))
    except Refused as refused:
        report.not_measured(bar, "rel", RELATIVE_MAX, str(refused)[:200], "onnxruntime")
        return
    finally:
        ours.close()
    report.at_most(bar, float(np.abs(mine - home).max() / home.max()), "rel", RELATIVE_MAX, "onnxruntime", None,
                   f"{len(home)} chunks, state fed back")
    wrong = int(np.count_nonzero((mine > 0.5) != (home > 0.5))) + int(mine.max() <= 0.5) + int(silence.max() > 0.1)
    report.at_most("labels: silero finds speech in its recording, none in silence", wrong, "wrong", 0,
                   note=f"{int((mine > 0.5).sum())} of {len(mine)} chunks are speech; silence at most {silence.max():.3f}")


def keyword_accuracy(place, report, golden):
    data = place.shared_models.parent / "datasets" / "speech_commands_kws12"
    truth = np.array([int(row["class"]) for row in csv.DictReader(open(data / "labels.csv"))])
    q = np.fromfile(data / "mfcc_int8.bin", np.int8).reshape(-1, 1, 49, 10, 1)
    clips = {"kws/kws_ref_int8.tflite": q, "kws/kws_ref_float32.tflite": ((q.astype(np.float32) - 83) * np.float32(0.584703))}
    for name, records in clips.items():
        bar = f"accuracy on {len(truth)} clips: {name}: difference to LiteRT"
        theirs = Lite(golden, place.shared_models / name)
        peer = np.array([int(np.argmax(theirs.run([x])[0])) for x in records])
        try:
            ours = Ours(place, place.shared_models / name)
        except Refused as refused:
            report.not_measured(bar, "points", ACCURACY_POINTS_MAX, str(refused)[:200])
            continue
        mine = np.argmax(ours.batch(records, records.dtype), axis=1)
        ours.close()
        ours_points, their_points = 100 * float((mine == truth).mean()), 100 * float((peer == truth).mean())
        report.at_most(bar, abs(ours_points - their_points), "points", ACCURACY_POINTS_MAX, "litert reference", None,
                       f"{ours_points:.1f} % and {their_points:.1f} %, {int((mine != peer).sum())} clips classed otherwise")


def measure(place, report, _arguments):
    if place.shared_models is None:
        report.not_measured("answers: models of the shared data", "", 0, "no shared data; set LICHEN_SHARED to the folder that has data/models")
        return
    if place.versions["ai-edge-litert"] is None or place.versions["onnxruntime"] is None:
        report.not_measured("answers: models of the shared data", "", 0, "LiteRT or ONNX Runtime is not installed")
        return
    sys.path.insert(0, str(place.root / "tests" / "engine" / "golden"))
    golden = importlib.import_module("make")
    for name, low_high in TFLITE.items():
        say(f"answers: {name}")
        compare(place, report, name, lambda path: Lite(golden, path), low_high, golden.seeded, STEPS if name in STATEFUL else SAMPLES)
    for name, low_high in ONNX.items():
        say(f"answers: {name}")
        compare(place, report, name, Ort, low_high, golden.seeded, SAMPLES)
    say("answers: vad/silero_vad_16k_op15.onnx")
    voice_activity(place, report)
    for name, word in REFUSED.items():
        must_refuse(place, report, name, word)
    say("answers: labels")
    for check in (imagenet_labels, person_labels, digit_labels, sine_labels, detection_labels):
        check(place, report, lambda path: Lite(golden, path))
    say("answers: accuracy")
    keyword_accuracy(place, report, golden)
