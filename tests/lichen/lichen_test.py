#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tool `lichen` from the outside: files in, text and exit codes out.

Usage: LICHEN_BIN=... LICHEN_MODELS=... PYTHONPATH=tests/lichend lichen_test.py [TestCase ...]
"""

import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

from devices import CLASSES, FEATURES, MODELS, Agent, Folder, Rung, eventually, program, run_program, run_tests

DONE, FAILED, USAGE, BAD_INPUT, NOT_SUPPORTED = 0, 1, 2, 3, 4
PRIMARY = MODELS / "primary.tflite"
COMPACT = MODELS / "compact.tflite"


def lichen(*words):
    return run_program("lichen", *words)


def npy(dtype, shape, data):
    head = repr({"descr": dtype, "fortran_order": False, "shape": tuple(shape)}).encode()
    head += b" " * (-(len(head) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + data


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = Folder()
        self.addCleanup(self.folder.remove)

    def file(self, name, content):
        return self.folder.write(name, content)

    def both(self, op="Identity"):
        """An .onnx that gives x as y; its description is a script for the stand-in of ONNX Runtime, which doubles."""
        def field(number, value):
            if isinstance(value, int):
                return bytes([number << 3, value])
            value = value.encode() if isinstance(value, str) else value
            return bytes([number << 3 | 2, len(value)]) + value

        def floats_named(name):
            shape = field(1, field(1, 1)) + field(1, field(1, 3))
            return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))

        node = field(1, "x") + field(2, "y") + field(3, "only") + field(4, op)
        graph = field(1, node) + field(2, "g") + field(11, floats_named("x")) + field(12, floats_named("y"))
        script = "\ninput x 1 1 3\noutput y 1 1 3\n"
        return self.file("both.onnx", field(1, 8) + field(6, script) + field(7, graph) + field(8, field(2, 17)))

    def check_fails(self, done, code, *words):
        exit_code, out, errors = done
        self.assertEqual((exit_code, out), (code, ""), errors)
        self.assertEqual(len(errors.splitlines()), 1, errors)
        self.assertTrue(errors.startswith("lichen: "), errors)
        for word in words:
            self.assertIn(word, errors)


class Run(Case):
    def values(self, model, path):
        code, out, errors = lichen("run", model, "--input", path, "--json")
        self.assertEqual((code, errors), (DONE, ""))
        answer = json.loads(out)
        self.assertEqual(answer["schema"], "lichen.run.v1")
        output = answer["outputs"][0]
        self.assertEqual(len(output["values"]), CLASSES)
        self.assertEqual(output["top"][0]["value"], max(output["values"]))
        return output["values"]

    def test_npy_csv_and_raw_give_the_same_answer(self):
        numbers = (0.5, -1.25, 3.0, 0.125)
        answers = [self.values(PRIMARY, self.file("x.npy", npy("<f4", (1, FEATURES), floats(*numbers)))),
                   self.values(PRIMARY, self.file("x.csv", "0.5, -1.25,3\n0.125\n")),
                   self.values(PRIMARY, self.file("x.raw", floats(*numbers)))]
        self.assertEqual(answers[0], answers[1])
        self.assertEqual(answers[0], answers[2])
        self.assertAlmostEqual(sum(answers[0]), 1.0, places=4)

    def test_other_types_of_npy_are_converted(self):
        whole = self.values(PRIMARY, self.file("i.npy", npy("<i4", (FEATURES,), struct.pack("<4i", 1, -2, 3, 0))))
        self.assertEqual(whole, self.values(PRIMARY, self.file("f.raw", floats(1, -2, 3, 0))))

    def test_an_int8_model_takes_real_numbers(self):
        values = self.values(COMPACT, self.file("x.csv", "0,0,0,0"))
        self.assertEqual(values.index(max(values)), 1)

    def test_the_reference_kernels_agree(self):
        path = self.file("x.csv", "0.5,-1.25,3,0.125")
        _, out, _ = lichen("run", PRIMARY, "--input", path, "--json", "--reference")
        for ours, reference in zip(self.values(PRIMARY, path), json.loads(out)["outputs"][0]["values"]):
            self.assertAlmostEqual(ours, reference, places=5)

    def test_text_shows_the_labels_best_first(self):
        path = self.file("x.csv", "0,0,0,0")
        labels = self.file("labels.txt", "cat\r\ndog\nbird\n")
        code, out, errors = lichen("run", PRIMARY, "--input", path, "--labels", labels, "--top", 2)
        self.assertEqual((code, errors), (DONE, ""))
        lines = out.splitlines()
        self.assertIn("cat", lines[1])
        self.assertEqual(len([line for line in lines if line.startswith("  ")]), 2)

    def test_wrong_counts_say_how_many_and_how_many_are_wanted(self):
        for path in (self.file("x.csv", "1,2,3"), self.file("y.csv", "1,2,3,4,5"),
                     self.file("x.npy", npy("<f4", (1, 3), floats(1, 2, 3)))):
            self.check_fails(lichen("run", PRIMARY, "--input", path), BAD_INPUT, path.name, "takes 4")
        self.check_fails(lichen("run", PRIMARY, "--input", self.file("x.raw", bytes(15))), BAD_INPUT, "15 bytes", "16")
        self.check_fails(lichen("run", PRIMARY, "--input", self.file("e.csv", "")), BAD_INPUT, "takes 4")

    def test_a_wrong_number_of_inputs_says_so(self):
        path = self.file("x.csv", "0,0,0,0")
        self.check_fails(lichen("run", PRIMARY, "--input", path, "--input", path), BAD_INPUT, "1 input", "2 file")

    def test_words_in_a_csv_are_named_with_their_line(self):
        self.check_fails(lichen("run", PRIMARY, "--input", self.file("x.csv", "1,2\n3,four\n")), BAD_INPUT, "x.csv", "line 2")

    def test_nan_in_json_is_still_json(self):
        path = self.file("x.csv", "nan,0,0,0")
        code, out, _ = lichen("run", PRIMARY, "--input", path, "--json")
        self.assertEqual(code, DONE)
        json.loads(out, parse_constant=lambda word: self.fail(f"{word} is no JSON"))
        self.check_fails(lichen("run", COMPACT, "--input", path), BAD_INPUT, "NaN")

    def test_damaged_npy_files_are_refused(self):
        whole = npy("<f4", (1, FEATURES), floats(0, 0, 0, 0))
        for name, data in (("short.npy", whole[:-1]), ("head.npy", whole[:20]), ("empty.npy", b""), ("magic.npy", b"x" + whole[1:]),
                           ("huge.npy", npy("<f4", (1 << 62, 1 << 62), b"")), ("negative.npy", npy("<f4", (-4,), floats(0, 0, 0, 0)))):
            self.check_fails(lichen("run", PRIMARY, "--input", self.file(name, data)), BAD_INPUT, name)

    def test_missing_files_are_named(self):
        path = self.file("x.csv", "0,0,0,0")
        self.check_fails(lichen("run", "/no/model.tflite", "--input", path), BAD_INPUT, "/no/model.tflite", "No such file")
        self.check_fails(lichen("run", PRIMARY, "--input", "/no/x.npy"), BAD_INPUT, "/no/x.npy", "No such file")
        self.check_fails(lichen("run", PRIMARY, "--input", path, "--labels", "/no/labels"), BAD_INPUT, "/no/labels")

    def test_an_ending_that_is_not_known_is_not_supported(self):
        self.check_fails(lichen("run", PRIMARY, "--input", self.file("x.wav", bytes(16))), NOT_SUPPORTED, ".npy", ".csv", ".raw")

    def test_a_folder_in_place_of_a_file_is_named(self):
        code, _, errors = lichen("run", self.folder.path, "--input", self.file("x.csv", "0,0,0,0"))
        self.assertNotEqual(code, DONE)
        self.assertIn(str(self.folder.path), errors)


class Convert(Case):
    def convert(self, *words):
        code, out, errors = lichen("convert", *words, "--json")
        self.assertEqual((code, errors), (DONE, ""))
        report = json.loads(out)
        self.assertEqual(report["schema"], "lichen.convert.v1")
        return report

    def check_difference(self, report):
        self.assertLess(report["difference"]["f32_relative"], 1e-2)  # integer layers of a model round differently

    def test_to_onnx_and_back_gives_the_same_answers(self):
        onnx, back = self.folder.path / "a.onnx", self.folder.path / "b.tflite"
        first = self.convert(PRIMARY, onnx)
        self.assertEqual(first["from_format"], "tflite")
        self.check_difference(first)
        self.assertGreater(sum(first["ops_before"].values()), 0)
        second = self.convert(onnx, back)
        self.assertEqual(second["from_format"], "onnx")
        self.check_difference(second)
        self.assertEqual(second["bytes"], back.stat().st_size)

    def test_text_says_what_changed(self):
        code, out, errors = lichen("convert", COMPACT, self.folder.path / "c.onnx")
        self.assertEqual((code, errors), (DONE, ""))
        for word in ("before", "after", "compared on 3 seeded inputs", "FullyConnected"):
            self.assertIn(word, out)

    def test_the_verdict_is_what_was_measured(self):
        words = {"equal": "equal, all", "close": "within ", "differs": "DIFFERS, by "}
        there = self.folder.path / "v.onnx"
        for model in (PRIMARY, COMPACT):
            found = self.convert(model, there, "--force")["difference"]
            self.assertEqual(found["values"], found["samples"] * CLASSES)
            if found["differing"] == 0:
                verdict = "equal"
                self.assertEqual((found["f32_relative"], found["integer_steps"]), (0, 0))
            else:
                verdict = "close" if found["f32_relative"] <= 1e-3 and found["integer_steps"] <= 1 else "differs"
                self.assertGreater(found["f32_relative"] + found["integer_steps"], 0)
            self.assertEqual(found["verdict"], verdict)
            _, out, _ = lichen("convert", model, there, "--force")
            self.assertIn(f"seeded inputs: {words[verdict]}", out)

    def test_a_model_without_arithmetic_is_equal(self):
        report = self.convert(self.both(), self.folder.path / "same.tflite")
        self.assertEqual(report["difference"]["verdict"], "equal")

    def test_a_file_that_exists_is_replaced_only_by_force(self):
        there = self.file("there.onnx", "something")
        self.check_fails(lichen("convert", PRIMARY, there), BAD_INPUT, "there.onnx", "--force")
        self.assertEqual(there.read_bytes(), b"something")
        self.convert(PRIMARY, there, "--force")
        self.assertNotEqual(there.read_bytes(), b"something")

    def test_an_ending_without_a_format_is_refused(self):
        self.check_fails(lichen("convert", PRIMARY, self.folder.path / "x.pb"), BAD_INPUT, "x.pb", ".onnx")


class Inspect(Case):
    def test_text_shows_ops_shapes_memory_and_kernels(self):
        code, out, errors = lichen("inspect", PRIMARY)
        self.assertEqual((code, errors), (DONE, ""))
        for word in ("FullyConnected", "Softmax", "[1, 4]", "[1, 3]", "bytes of activations", "kernels:"):
            self.assertIn(word.lower(), out.lower())

    def test_json_is_one_object_with_the_contract(self):
        code, out, errors = lichen("inspect", COMPACT, "--json")
        self.assertEqual((code, errors), (DONE, ""))
        shown = json.loads(out)
        self.assertEqual(shown["schema"], "lichen.inspect.v1")
        self.assertEqual(shown["inputs"][0]["shape"], [1, FEATURES])
        self.assertGreater(shown["inputs"][0]["scale"], 0)
        self.assertEqual(shown["file_bytes"], COMPACT.stat().st_size)
        self.assertEqual(sum(node["macs"] for node in shown["nodes"]), shown["macs"])

    def test_pictures_of_the_graph_are_whole_files(self):
        svg, dot = self.folder.path / "g.svg", self.folder.path / "g.dot"
        code, _, errors = lichen("inspect", PRIMARY, "--svg", svg, "--dot", dot)
        self.assertEqual(code, DONE, errors)
        import xml.etree.ElementTree as xml
        self.assertTrue(xml.parse(svg).getroot().tag.endswith("svg"))
        self.assertIn("FullyConnected", svg.read_text())
        self.assertTrue(dot.read_text().startswith("digraph"))

    def test_a_file_cut_anywhere_is_refused_or_sound(self):
        whole = PRIMARY.read_bytes()
        for length in list(range(0, len(whole), max(1, len(whole) // 40))):
            code, out, errors = lichen("inspect", self.file("cut.tflite", whole[:length]))
            self.assertIn(code, (DONE, BAD_INPUT, NOT_SUPPORTED), (length, errors))
            if code != DONE:
                self.check_fails((code, out, errors), code, "cut.tflite")

    def test_garbage_is_refused_on_one_line(self):
        for name, data in (("text.tflite", b"hello\n" * 100), ("zeros.tflite", bytes(4096)), ("ones.tflite", b"\xff" * 4096),
                           ("table.tflite", (MODELS / "table.reflex").read_bytes())):
            self.check_fails(lichen("inspect", self.file(name, data)), BAD_INPUT, name)

    def test_flipped_bits_never_crash_it(self):
        whole = PRIMARY.read_bytes()
        for i in range(60):
            damaged = bytearray(whole)
            damaged[(i * 7919) % len(whole)] ^= 1 << (i % 8)
            code, _, errors = lichen("inspect", self.file("flipped.tflite", bytes(damaged)))
            self.assertIn(code, (DONE, BAD_INPUT, NOT_SUPPORTED), (i, errors))

    def test_a_model_with_unknown_operators_is_shown_with_those_marked(self):
        model = self.both("NoSuchOp")
        code, out, errors = lichen("inspect", model)
        self.assertEqual(code, NOT_SUPPORTED)
        self.assertEqual(len(errors.splitlines()), 1, errors)
        self.assertIn("NoSuchOp", errors)
        self.assertRegex(out, r"0 NOT SUPPORTED  *NoSuchOp  *only")
        code, out, _ = lichen("inspect", model, "--json")
        self.assertEqual(code, NOT_SUPPORTED)
        shown = json.loads(out)
        self.assertEqual((shown["schema"], shown["format"]), ("lichen.inspect.v1", "onnx"))
        self.assertEqual(shown["nodes"], [{"op": "NoSuchOp", "name": "only", "supported": False}])
        self.assertEqual(shown["error"]["code"], "unsupported")

    def test_an_operator_of_tflite_without_a_name_here_is_marked_among_the_others(self):
        whole = PRIMARY.read_bytes()
        softmax, unknown = bytes([25]), bytes([31])  # SOFTMAX, and CALL, which nothing runs
        found = [at for at in range(len(whole)) if whole[at:at + 1] == softmax]
        for at in found:  # one of these bytes is the operator's code
            code, out, _ = lichen("inspect", self.file("strange.tflite", whole[:at] + unknown + whole[at + 1:]))
            if code == NOT_SUPPORTED and "NOT SUPPORTED" in out:
                break
        else:
            self.fail("the code of no operator was found")
        lines = out.splitlines()
        self.assertEqual(len([line for line in lines if "NOT SUPPORTED" in line]), 1)
        self.assertTrue(any("FULLY_CONNECTED" in line and "NOT SUPPORTED" not in line for line in lines), out)

    def test_a_missing_file_is_named(self):
        self.check_fails(lichen("inspect", "/no/model.tflite"), BAD_INPUT, "/no/model.tflite", "No such file")


class Bench(Case):
    def test_json_holds_quantiles_work_and_memory(self):
        code, out, errors = lichen("bench", PRIMARY, "--runs", "20", "--profile", "--json")
        self.assertEqual((code, errors), (DONE, ""))
        report = json.loads(out)
        self.assertEqual(report["schema"], "lichen.bench.v1")
        self.assertEqual(report["runs"], 20)
        us = report["us"]
        self.assertTrue(0 < us["min"] <= us["p50"] <= us["p90"] <= us["p99"] <= us["max"], us)
        self.assertGreater(report["macs"], 0)
        self.assertGreater(report["peak_gops"], report["gops"] / 2)
        self.assertEqual(sum(node["macs"] for node in report["nodes"]), report["macs"])

    def test_text_has_a_line_for_each_layer(self):
        code, out, errors = lichen("bench", PRIMARY, "--runs", "5", "--profile", "--threads", "2")
        self.assertEqual(code, DONE, errors)
        self.assertIn("2 threads", out)
        self.assertIn("FullyConnected", out)
        self.assertIn("of the", out)

    def test_a_bad_model_and_too_many_threads_are_refused(self):
        self.check_fails(lichen("bench", self.file("bad.tflite", b"nothing")), BAD_INPUT, "bad.tflite")
        self.check_fails(lichen("bench", PRIMARY, "--threads", "99"), NOT_SUPPORTED, "99 threads")


class Backends(Case):
    """ONNX Runtime's place is taken by a library that reads scripts for models and doubles its input."""

    SCRIPT = "input x 1 -1 3\noutput y 1 -1 3\n"

    def setUp(self):
        super().setUp()
        self.model = self.file("script.onnx", self.SCRIPT)
        self.input = self.file("x.npy", npy("<f4", (2, 3), floats(1, 2, 3, 4, 5, 6)))

    def foreign(self, *words, library=os.environ.get("LICHEN_FAKE_ONNXRUNTIME", "not-built.so")):
        environment = {name: value for name, value in os.environ.items() if name != "LICHEN_ONNXRUNTIME"}
        if library:
            environment["LICHEN_ONNXRUNTIME"] = library
        return run_program("lichen", *words, env=environment)

    def test_the_list_tells_what_is_here_and_why_others_are_not(self):
        code, out, errors = self.foreign("backends", "--json")
        self.assertEqual((code, errors), (DONE, ""))
        answer = json.loads(out)
        self.assertEqual(answer["schema"], "lichen.backends.v1")
        found = {backend["name"]: backend for backend in answer["backends"]}
        self.assertTrue(found["native"]["available"])
        self.assertEqual(found["native"]["reads"], [".tflite", ".onnx"])
        self.assertEqual((found["onnxruntime"]["available"], found["onnxruntime"]["version"]), (True, "1.99.0"))
        code, out, errors = self.foreign("backends", library="/no/such.so")
        self.assertEqual((code, errors), (DONE, ""))
        self.assertIn("/no/such.so", out)
        self.assertIn("LICHEN_ONNXRUNTIME", out)

    def test_a_model_runs_in_the_engine_that_was_chosen_with_the_shape_of_its_input(self):
        code, out, errors = self.foreign("run", self.model, "--backend", "onnxruntime", "--input", self.input, "--json")
        self.assertEqual((code, errors), (DONE, ""))
        answer = json.loads(out)
        self.assertEqual((answer["backend"], answer["backend_version"]), ("onnxruntime", "1.99.0"))
        self.assertEqual(answer["outputs"][0]["shape"], [2, 3])
        self.assertEqual(answer["outputs"][0]["values"], [2, 4, 6, 8, 10, 12])

    def test_a_library_that_is_not_there_is_not_supported_and_says_how_to_name_one(self):
        for command in (("run", self.model, "--input", self.input), ("bench", self.model, "--runs", 1)):
            self.check_fails(self.foreign(*command, "--backend", "onnxruntime", library="/no/such.so"), NOT_SUPPORTED,
                             "/no/such.so", "pip install onnxruntime", "LICHEN_ONNXRUNTIME", "--library")

    def test_the_path_on_the_command_line_comes_before_the_environment(self):
        given = os.environ["LICHEN_FAKE_ONNXRUNTIME"]
        code, _, errors = self.foreign("run", self.model, "--backend", "onnxruntime", "--input", self.input, "--library", given,
                                       library="/no/such.so")
        self.assertEqual((code, errors), (DONE, ""))

    def test_a_format_that_it_does_not_read_is_not_supported(self):
        path = self.file("x.csv", "0,0,0,0")
        self.check_fails(self.foreign("run", PRIMARY, "--input", path, "--backend", "onnxruntime"), NOT_SUPPORTED,
                         "reads no .tflite", "lichen convert")

    def test_an_error_of_the_engine_is_one_line_with_its_words(self):
        model = self.file("bad.onnx", self.SCRIPT + "fail 7 10 node 3 is odd\n")
        self.check_fails(self.foreign("run", model, "--input", self.input, "--backend", "onnxruntime"), BAD_INPUT,
                         "bad.onnx", "node 3 is odd")

    def test_an_unknown_backend_is_wrong_usage(self):
        code, out, errors = self.foreign("run", self.model, "--input", self.input, "--backend", "abacus")
        self.assertEqual((code, out), (USAGE, ""))
        self.assertIn("onnxruntime", errors)

    def test_bench_measures_it_and_says_that_it_does_not_tell_layers(self):
        code, out, errors = self.foreign("bench", self.model, "--backend", "onnxruntime", "--runs", 20, "--profile", "--shape", "5x3")
        self.assertEqual((code, errors), (DONE, ""))
        for word in ("latency us: min", "onnxruntime 1.99.0", "no times of layers"):
            self.assertIn(word, out)
        code, out, errors = self.foreign("bench", self.model, "--backend", "onnxruntime", "--runs", 20, "--json")
        self.assertEqual((code, errors), (DONE, ""))
        report = json.loads(out)
        self.assertEqual((report["backend"], report["runs"], report["nodes"]), ("onnxruntime", 20, []))
        self.assertNotIn("macs", report)

    def test_two_engines_are_compared_on_the_same_inputs(self):
        code, out, errors = self.foreign("run", self.model, "--backend", "onnxruntime", "--compare", "onnxruntime", "--input",
                                         self.input, "--json")
        self.assertEqual((code, errors), (DONE, ""))
        compared = json.loads(out)["compared"]
        self.assertEqual(compared["outputs"], [{"name": "y", "values": 6, "differing": 0, "max_difference": 0.0,
                                                "relative_difference": 0.0}])
        code, out, errors = self.foreign("bench", self.model, "--backend", "onnxruntime", "--compare", "onnxruntime", "--runs", 50)
        self.assertEqual((code, errors), (DONE, ""))
        self.assertIn("times as fast", out)
        self.assertIn("answers, y: equal", out)

    def test_the_reference_kernels_are_compared_with_the_vector_ones(self):
        code, out, errors = self.foreign("run", COMPACT, "--reference", "--compare", "native", "--input", self.file("x.csv", "1,2,3,4"))
        self.assertEqual((code, errors), (DONE, ""))
        self.assertIn(": equal", out)

    def test_a_difference_is_shown_in_its_size(self):
        words = ("run", self.both(), "--input", self.file("y.csv", "1,-2,4"), "--backend", "native", "--compare", "onnxruntime")
        code, out, errors = self.foreign(*words)
        self.assertEqual((code, errors), (DONE, ""))
        self.assertIn("compared with onnxruntime 1.99.0", out)
        self.assertIn("y: 3 of 3 values differ, by 4, which is 0.5 of the largest", out)
        code, out, errors = self.foreign(*words, "--json")
        self.assertEqual((code, errors), (DONE, ""))
        answer = json.loads(out)
        self.assertEqual(answer["outputs"][0]["values"], [1, -2, 4])
        self.assertEqual(answer["compared"]["outputs"][0]["relative_difference"], 0.5)

    def test_what_the_second_engine_refuses_is_an_error_before_anything_is_printed(self):
        words = ("--backend", "onnxruntime", "--compare", "native")
        self.check_fails(self.foreign("run", self.model, *words, "--input", self.input), BAD_INPUT, "script.onnx")
        self.check_fails(self.foreign("bench", self.model, *words, "--runs", 3), BAD_INPUT, "script.onnx")


class Pictures(Case):
    """The model takes four numbers, seen as a row of four grey pixels."""

    def bmp(self, name, width, height, grey):
        row = bytes(channel for value in grey[:width] for channel in (value,) * 3)
        row += b"\0" * (-len(row) % 4)
        head = b"BM" + struct.pack("<IHHI", 54 + len(row) * height, 0, 0, 54)
        head += struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)
        return self.file(name, head + row * height)

    def values(self, path, *words):
        code, out, errors = lichen("run", PRIMARY, "--input", path, "--json", *words)
        self.assertEqual((code, errors), (DONE, ""))
        return json.loads(out)["outputs"][0]["values"]

    def test_a_picture_is_the_same_as_its_numbers(self):
        grey = [0, 16, 255, 100]
        numbers = self.file("same.csv", ",".join(str(v / 16) for v in grey).encode())
        self.assertEqual(self.values(self.bmp("same.bmp", 4, 1, grey), "--scale", "0.0625"), self.values(numbers))

    def test_a_picture_of_another_size_is_resized(self):
        flat = self.values(self.bmp("large.bmp", 40, 30, [50] * 40))
        self.assertEqual(flat, self.values(self.bmp("small.bmp", 4, 1, [50] * 4)))

    def test_mean_and_deviation_come_before_the_scale(self):
        picture = self.bmp("p.bmp", 4, 1, [70] * 4)
        ready = self.bmp("q.bmp", 4, 1, [30] * 4)
        self.assertEqual(self.values(picture, "--mean", "10", "--std", "4", "--scale", "2"), self.values(ready))

    def test_what_is_no_picture_is_refused(self):
        self.check_fails(lichen("run", PRIMARY, "--input", self.file("x.png", b"text")), BAD_INPUT, "x.png")
        cut = self.file("cut.bmp", b"BM" + bytes(60))
        self.check_fails(lichen("run", PRIMARY, "--input", cut), NOT_SUPPORTED, "cut.bmp")
        picture = self.bmp("p.bmp", 4, 1, [70] * 4)
        self.check_fails(lichen("run", PRIMARY, "--input", picture, "--resize", "9x9"), BAD_INPUT, "4x1")
        self.check_fails(lichen("run", PRIMARY, "--input", picture, "--resize", "nine"), BAD_INPUT, "WxH")


class Status(Case):
    def agent(self, **config):
        agent = Agent(**config)
        self.addCleanup(agent.close)
        return agent

    def test_a_ready_device_exits_0_and_shows_each_rung(self):
        agent = self.agent()
        agent.wait_serving()
        for url in (f"http://127.0.0.1:{agent.port}", f"127.0.0.1:{agent.port}"):
            code, out, errors = lichen("status", url)
            self.assertEqual((code, errors), (DONE, ""))
            self.assertTrue(out.startswith("ready"), out)
            for word in ("toy", "primary", "compact", "reflex", "breaker closed"):
                self.assertIn(word, out)
        code, out, _ = lichen("status", f"http://127.0.0.1:{agent.port}", "--json")
        self.assertEqual((code, json.loads(out)["schema"]), (DONE, "lichen.status.v1"))

    def test_a_device_that_is_not_ready_exits_1_and_shows_its_trouble(self):
        agent = self.agent(rungs=[Rung("primary", "nowhere.tflite")], wait=False)
        eventually(lambda: agent.rung("primary")["last_trouble"], "its trouble is known")
        code, out, errors = lichen("status", f"http://127.0.0.1:{agent.port}")
        self.assertEqual((code, errors), (FAILED, ""))
        self.assertIn("NOT READY", out)
        self.assertIn("nowhere.tflite", out)

    def test_an_unreachable_device_is_named_on_one_line(self):
        with socket.socket() as unused:  # bound and not listening: nobody else gets it, and it refuses
            unused.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{unused.getsockname()[1]}"
            self.check_fails(lichen("status", url), FAILED, url)

    def test_a_host_that_never_answers_is_given_up(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            self.check_fails(lichen("status", url), FAILED, url)

    def answer_of(self, data):
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            server.listen()

            def serve():
                peer, _ = server.accept()
                with peer:
                    peer.recv(4096)
                    peer.sendall(data)
            thread = threading.Thread(target=serve, daemon=True)
            thread.start()
            done = lichen("status", f"http://127.0.0.1:{server.getsockname()[1]}")
            thread.join(10)
            return done

    def test_what_is_no_device_is_told_from_one(self):
        def page(status, body):
            return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        self.check_fails(self.answer_of(page("404 Not Found", "")), FAILED, "404")
        self.assertNotEqual(self.answer_of(page("200 OK", "<html>"))[0], DONE)
        self.assertNotEqual(self.answer_of(page("200 OK", "[1, 2]"))[0], DONE)
        self.assertNotEqual(self.answer_of(page("200 OK", '{"ready": "yes", "models": 3}'))[0], DONE)
        self.assertNotEqual(self.answer_of(b"SSH-2.0-OpenSSH\r\n")[0], DONE)

    def test_a_bad_address_is_bad_input(self):
        self.check_fails(lichen("status", "http://:99"), BAD_INPUT, ":99")


class SimRun(Case):
    SMALL = ("--devices", 3, "--hours", 1)

    def hash_of(self, *words):
        code, out, errors = lichen("sim", "run", *self.SMALL, "--json", *words)
        self.assertEqual((code, errors), (DONE, ""))
        reports = [json.loads(line) for line in out.splitlines()]
        for report in reports:
            self.assertTrue(report["schema"].startswith("lichen.sim"), report)
            self.assertIs(report["ok"], True)
        return [report["trace_hash"] for report in reports]

    def test_the_same_seed_gives_the_same_trace(self):
        self.assertEqual(self.hash_of("--seed", 7), self.hash_of("--seed", 7))
        self.assertNotEqual(self.hash_of("--seed", 7), self.hash_of("--seed", 8))

    def test_many_seeds_give_one_report_each_and_the_same_as_alone(self):
        many = self.hash_of("--seed", 7, "--seeds", 3)
        self.assertEqual(len(set(many)), 3)
        self.assertEqual(many[1:2], self.hash_of("--seed", 8))

    def test_text_names_seed_and_hash(self):
        code, out, _ = lichen("sim", "run", *self.SMALL, "--seed", 7)
        self.assertEqual(code, DONE)
        self.assertIn("7", out)
        self.assertIn(str(self.hash_of("--seed", 7)[0]), out)

    def test_quiet_prints_nothing_when_all_is_well(self):
        self.assertEqual(lichen("sim", "run", *self.SMALL, "--quiet", "--seeds", 2), (DONE, "", ""))

    def test_faults_can_be_chosen(self):
        self.assertNotEqual(self.hash_of("--faults", "none"), self.hash_of("--faults", "all"))

    def test_unknown_faults_are_bad_input_and_name_the_known_ones(self):
        self.check_fails(lichen("sim", "run", *self.SMALL, "--faults", "gremlins"), BAD_INPUT, "gremlins")

    def test_planted_bugs_are_not_in_this_build(self):
        self.check_fails(lichen("sim", "run", *self.SMALL, "--plant", "double-answer"), NOT_SUPPORTED, "double-answer")


class SimTools(Case):
    SMALL = ("--devices", 3, "--hours", 1)

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def test_a_hunt_counts_seeds_and_probes_and_goes_on_where_it_stopped(self):
        state = self.path("hunt.json")
        words = ("sim", "hunt", *self.SMALL, "--state", state, "--json")
        code, out, errors = lichen(*words, "--count", 5)
        self.assertEqual((code, errors), (DONE, ""))
        report = json.loads(out)
        self.assertEqual((report["seeds"], report["failed"], report["ok"]), (5, 0, True))
        self.assertGreater(max(report["probes"].values()), 0)
        more = json.loads(lichen(*words, "--count", 8)[1])
        self.assertEqual((more["seeds"], more["next"]), (8, 9))
        self.check_fails(lichen(*words[:-1], "--count", 8, "--faults", "none"), BAD_INPUT, "other options")

    def test_a_replay_is_the_run_and_its_log_is_always_the_same(self):
        logs = [self.path("a.log"), self.path("b.log"), self.path("c.log")]
        for log in logs[:2]:
            self.assertEqual(lichen("sim", "replay", 7, *self.SMALL, "--quiet", "--log", log), (DONE, "", ""))
        self.assertEqual(lichen("sim", "compare", *logs[:2])[0], DONE)
        self.assertEqual(lichen("sim", "replay", 8, *self.SMALL, "--quiet", "--log", logs[2])[0], DONE)
        code, out, _ = lichen("sim", "compare", logs[0], logs[2])
        self.assertEqual(code, FAILED)
        self.assertIn("is the first that differs", out)
        self.assertEqual(json.loads(lichen("sim", "replay", 7, *self.SMALL, "--json")[1])["trace_hash"],
                         json.loads(lichen("sim", "run", "--seed", 7, *self.SMALL, "--json")[1])["trace_hash"])

    def test_a_replay_shows_a_device_and_writes_a_page(self):
        page = self.path("page.html")
        code, out, _ = lichen("sim", "replay", 7, *self.SMALL, "--device", 1, "--html", page)
        self.assertEqual(code, DONE)
        self.assertIn("device 1", out)
        self.assertIn("answers", out)
        with open(page, encoding="utf-8") as file:
            self.assertIn("<svg", file.read())

    def test_what_does_not_fail_cannot_be_shrunk(self):
        self.check_fails(lichen("sim", "shrink", 7, *self.SMALL), BAD_INPUT, "breaks no invariant")

    def test_a_world_file_that_is_none_is_bad_input(self):
        path = self.path("world.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write('{"schema": "lichen.sim.world.v1", "seed": -1}')
        self.check_fails(lichen("sim", "replay", path), BAD_INPUT, "world.json")

    def test_planted_bugs_are_listed_by_every_build(self):
        code, out, _ = lichen("sim", "planted", "--list")
        self.assertEqual(code, DONE)
        self.assertGreaterEqual(len(out.splitlines()), 20)
        self.check_fails(lichen("sim", "planted"), NOT_SUPPORTED, "LICHEN_PLANTED_BUGS")


class Usage(Case):
    def test_wrong_usage_exits_2(self):
        for words in ([], ["nonsense"], ["run"], ["run", "model.tflite"], ["inspect"], ["sim"], ["sim", "walk"],
                      ["sim", "run", "--devices", "0"], ["sim", "run", "--hours", "many"], ["sim", "run", "--seeds", "0"],
                      ["sim", "run", "--seed", "-1"], ["status", "a", "b"], ["bench", "m", "--backend", "abacus"], ["backends", "native"], ["run", "m", "--input", "x", "--top", "-1"], ["--nonsense"]):
            code, out, errors = lichen(*words)
            self.assertEqual((code, out), (USAGE, ""), words)
            self.assertNotEqual(errors, "", words)

    def test_every_command_has_help(self):
        for words in ([], ["run"], ["inspect"], ["bench"], ["backends"], ["convert"], ["status"], ["sim"], ["sim", "run"]):
            code, out, errors = lichen(*words, "--help")
            self.assertEqual((code, errors), (DONE, ""), words)
            self.assertIn("help", out)

    def test_a_closed_pipe_is_no_crash(self):
        reader, writer = os.pipe()
        os.close(reader)
        try:
            done = subprocess.run([program("lichen"), "inspect", str(PRIMARY)], stdout=writer, stderr=subprocess.PIPE,
                                  timeout=60, check=False)
        finally:
            os.close(writer)
        self.assertNotIn(-done.returncode, (6, 8, 11))  # SIGABRT, SIGFPE, SIGSEGV


if __name__ == "__main__":
    sys.exit(run_tests())
