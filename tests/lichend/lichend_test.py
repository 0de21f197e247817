#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lichend from the outside: real processes, real models, real signals.

Usage: LICHEN_BIN=build/release/bin LICHEN_MODELS=build/release/tests/models lichend_test.py [TestCase ...]
"""

import contextlib
import gzip
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import tomllib
import unittest

import devices
from devices import (CLASSES, FAVOURITES, FEATURES, MODEL, MODELS, PATIENCE_S, Agent, Client, Folder, Load, Rung,
                     binary_request, config_text, descendants, eventually, exists, http, infer_body, infer_request,
                     model_text, run_program)

REASONS = {"best", "starting", "worker_died", "worker_failed", "slow", "hung", "broken", "probation", "overload", "deadline"}
REFLEX = "reflex"
SIGTERM_EXIT = 0
GONE_WITHIN_S = 5.0  # in truth milliseconds


class Case(unittest.TestCase):
    maxDiff = None

    def agent(self, *arguments, **options):
        agent = Agent(*arguments, **options)
        self.addCleanup(agent.close)
        return agent

    def folder(self):
        folder = Folder()
        self.addCleanup(folder.remove)
        return folder

    def check_error(self, reply, status, code, *words):
        self.assertEqual(reply.status, status, reply.body)
        body = reply.json()
        self.assertEqual(set(body["lichen"]) & {"code", "what", "where", "why", "try"}, {"code", "what", "where", "why", "try"})
        self.assertEqual(body["lichen"]["code"], code, body)
        for part in ("what", "where", "why"):
            self.assertIn(body["lichen"][part], body["error"])
        for word in words:
            self.assertIn(word, body["error"])

    def check_one_line(self, text, *words):
        self.assertEqual(len(text.splitlines()), 1, text)
        self.assertTrue(text.startswith("lichen"), text)
        for word in words:
            self.assertIn(word, text)


class SharedAgent(Case):
    """One device for tests that leave it as it was."""

    @classmethod
    def setUpClass(cls):
        cls.device = Agent(server={"deadline_default_ms": 30000})
        cls.addClassCleanup(cls.device.close)
        cls.device.wait_serving()


class Requests(SharedAgent):
    def test_the_best_rung_answers_and_the_label_is_true(self):
        reply = self.device.ask()
        self.assertEqual(reply.status, 200, reply.body)
        self.assertEqual(reply.label("rung"), "primary")
        self.assertEqual(reply.label("reason"), "best")
        self.assertIs(reply.label("degraded"), False)
        self.assertEqual(reply.favourite(), FAVOURITES["primary"])
        data = reply.json()["outputs"][0]["data"]
        self.assertAlmostEqual(sum(data), 1.0, places=4)
        self.assertAlmostEqual(reply.label("confidence"), max(data), places=3)
        self.assertLessEqual(reply.label("latency_us"), reply.took_s * 1e6)

    def test_the_answer_names_model_version_and_output(self):
        body = self.device.ask().json()
        self.assertEqual((body["model_name"], body["model_version"]), (MODEL, "1"))
        output = body["outputs"][0]
        self.assertEqual((output["name"], output["datatype"], output["shape"]), ("y", "FP32", [1, CLASSES]))

    def test_the_id_comes_back(self):
        for text in ("42", "", "a \"quoted\" \u2713 id"):
            body = infer_body() | {"id": text}
            self.assertEqual(self.device.ask(body).json().get("id", ""), text)

    def test_binary_and_json_give_the_same_bits(self):
        values = [0.25, -1.5, 3.0, 0.125]
        with Client(self.device.port) as client:
            spoken = client.ask(infer_request(infer_body(values))).json()["outputs"][0]["data"]
            reply = client.ask(binary_request(values))
            self.assertEqual(reply.status, 200, reply.body)
            self.assertEqual(struct.unpack(f"<{CLASSES}f", reply.binary()), struct.unpack(f"<{CLASSES}f", struct.pack(f"<{CLASSES}f", *spoken)))
            mixed = client.ask(binary_request(values, binary_output=False)).json()["outputs"][0]["data"]
            self.assertEqual(mixed, spoken)

    def test_a_bare_body_of_bytes_is_the_only_input(self):
        with Client(self.device.port) as client:
            raw = struct.pack(f"<{FEATURES}f", *devices.ZEROS)
            reply = client.ask(http("POST", f"/v2/models/{MODEL}/infer", raw, ["Inference-Header-Content-Length: 0"]))
        self.assertEqual(reply.status, 200, reply.body)
        self.assertEqual(len(reply.binary()), CLASSES * 4)

    def test_nested_data_and_versions_in_the_path_work(self):
        self.assertEqual(self.device.ask(infer_body([devices.ZEROS])).status, 200)
        with Client(self.device.port) as client:
            body = json.dumps(infer_body()).encode()
            self.assertEqual(client.ask(http("POST", f"/v2/models/{MODEL}/versions/1/infer", body)).status, 200)

    def test_a_minimum_rung_that_is_there_is_kept(self):
        for rung in ("primary", "compact", "reflex", 0, 2):
            reply = self.device.ask(min_rung=rung)
            self.assertEqual((reply.status, reply.label("rung")), (200, "primary"))

    def test_a_deadline_that_nobody_can_keep_is_refused_not_missed(self):
        reply = self.device.ask(deadline_ms=1, min_rung="primary")
        if reply.status != 200:  # a quick machine may answer within it
            self.check_error(reply, 504, "deadline_exceeded")

    def test_hundreds_of_requests_on_one_connection_are_answered(self):
        with Client(self.device.port) as client:
            for _ in range(300):
                self.assertEqual(client.ask(infer_request()).status, 200)

    def test_a_client_that_crawls_does_not_slow_the_others(self):
        data = infer_request()
        with Client(self.device.port) as crawler, Client(self.device.port) as other:
            for i in range(0, len(data) - 1):
                crawler.send(data[i:i + 1])
                if i % 20 == 0:
                    self.assertEqual(other.ask(data).status, 200)
            crawler.send(data[-1:])
            self.assertEqual(crawler.reply().status, 200)

    def test_clients_that_vanish_harm_nobody(self):
        for cut in (1, 20, 100, len(infer_request())):
            for reset in (False, True):
                client = Client(self.device.port)
                client.send(infer_request()[:cut])
                if reset:
                    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.close()
        self.assertEqual(self.device.ask().status, 200)
        eventually(lambda: self.device.metric("lichen_rest_requests_open") == 0, "open requests are gone")


class BadRequests(SharedAgent):
    def ask_text(self, text):
        with Client(self.device.port) as client:
            return client.ask(http("POST", f"/v2/models/{MODEL}/infer", text))

    def tearDown(self):
        self.assertEqual(self.device.ask().status, 200)  # whatever was wrong, the next one is answered

    def test_an_unknown_model_is_not_found(self):
        self.check_error(self.device.ask(model="nobody"), 404, "not_found", "nobody")
        self.assertEqual(self.device.get("/v2/models/nobody").status, 404)
        self.assertEqual(self.device.get("/v2/models/nobody/ready").status, 404)

    def test_an_unknown_path_and_version_are_not_found(self):
        self.check_error(self.device.get("/v3"), 404, "not_found")
        self.check_error(self.device.get(f"/v2/models/{MODEL}/versions/7"), 404, "not_found")

    def test_a_wrong_method_is_told_which_is_right(self):
        reply = self.device.get(f"/v2/models/{MODEL}/infer")
        self.check_error(reply, 405, "bad_input")
        self.assertIn("POST", reply.headers["allow"])

    def test_a_wrong_input_name_is_told_the_right_one(self):
        self.check_error(self.device.ask(infer_body(name="z")), 400, "bad_input", "z", "x")

    def test_a_wrong_shape_names_both_shapes(self):
        self.check_error(self.device.ask(infer_body([0.0] * 5, shape=[1, 5])), 400, "bad_input", "[1, 5]", "[1, 4]")

    def test_a_wrong_datatype_names_both(self):
        reply = self.device.ask(infer_body([0] * FEATURES, datatype="INT8"))
        self.assertEqual(reply.status, 400)
        self.assertIn("INT8", reply.json()["error"])
        self.assertIn("FP32", reply.json()["error"])

    def test_too_few_and_too_many_numbers_say_how_many(self):
        self.check_error(self.device.ask(infer_body([0.0] * 3)), 400, "bad_input", "3", "4")
        self.check_error(self.device.ask(infer_body([0.0] * 5)), 400, "bad_input", "more than 4")

    def test_short_and_long_binary_bodies_are_refused(self):
        for size in (0, 12, 20):
            with Client(self.device.port) as client:
                self.check_error(client.ask(binary_request(data=bytes(size))), 400, "bad_input", "16")

    def test_a_binary_size_beyond_the_body_is_refused(self):
        head = json.dumps({"inputs": [{"name": "x", "shape": [1, FEATURES], "datatype": "FP32",
                                       "parameters": {"binary_data_size": 16}}]}).encode()
        with Client(self.device.port) as client:
            request = http("POST", f"/v2/models/{MODEL}/infer", head + bytes(8), [f"Inference-Header-Content-Length: {len(head)}"])
            self.check_error(client.ask(request), 400, "bad_input")

    def test_a_missing_and_a_doubled_input_are_refused(self):
        self.check_error(self.device.ask({"inputs": []}), 400, "bad_input")
        self.check_error(self.device.ask({"inputs": infer_body()["inputs"] * 2}), 400, "bad_input")

    def test_what_is_no_json_says_where_it_breaks(self):
        self.check_error(self.ask_text(b'{"inputs": [,]}'), 400, "bad_input", "byte")
        self.check_error(self.ask_text(b""), 400, "bad_input")
        self.check_error(self.ask_text(b"\xff\xfe\x00"), 400, "bad_input")
        self.check_error(self.ask_text(b"[" * 5000), 400, "bad_input")

    def test_an_unknown_minimum_rung_and_a_bad_deadline_are_refused(self):
        self.check_error(self.device.ask(min_rung="best"), 400, "bad_input", "best")
        self.check_error(self.device.ask(min_rung=17), 400, "bad_input", "17")
        self.check_error(self.device.ask(deadline_ms="soon"), 400, "bad_input", "soon")
        self.assertEqual(self.device.ask(infer_body() | {"parameters": {"lichen_deadline_ms": -1}}).status, 400)

    def test_numbers_that_are_not_finite_are_answered_or_refused_honestly(self):
        data = struct.pack("<4f", float("nan"), float("inf"), 0.0, 0.0)
        with Client(self.device.port) as client:
            reply = client.ask(binary_request(data=data))
        self.check_error(reply, 400, "bad_input", "input")
        self.assertEqual(reply.json()["lichen"]["reason"], "input_refused")

    def test_what_is_no_http_is_told_so_and_the_connection_ends(self):
        for data in (b"this is not http\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"GET /v2 HTTP/3.0\r\n\r\n"):
            with Client(self.device.port) as client:
                self.assertIn(client.ask(data).status, (400, 505))
                with self.assertRaises(OSError):
                    client.ask(http("GET", "/v2"))

    def test_a_body_larger_than_any_input_is_refused_before_it_is_sent(self):
        with Client(self.device.port) as client:
            client.send(f"POST /v2/models/{MODEL}/infer HTTP/1.1\r\nHost: t\r\nContent-Length: 99999999999\r\n\r\n".encode())
            self.check_error(client.reply(), 413, "exhausted")


class HostileClients(Case):
    """Some do everything that costs a server something, others ask as usual: these are answered inside their deadline."""

    DEADLINE_MS = 2000

    def hostile(self, port, stop):
        def crawl():
            with Client(port) as client:
                for byte in infer_request() * 100:
                    if stop.wait(0.05):
                        return
                    client.send(bytes([byte]))

        def stop_in_the_body():
            with Client(port) as client:
                client.send(infer_request()[:-5])
                stop.wait(1.5)

        def say_nothing():
            with contextlib.ExitStack() as crowd:
                for _ in range(40):
                    crowd.enter_context(Client(port))
                stop.wait(1.5)

        def vanish():
            client = Client(port)
            client.send(infer_request())
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()

        def garble():
            with Client(port) as client:
                client.send(os.urandom(4000))
                client.reply()

        def bomb():
            with Client(port) as client:
                body = gzip.compress(b" " * 50_000_000, 1)
                client.ask(http("POST", f"/v2/models/{MODEL}/infer", body[:60_000], ["Content-Encoding: gzip"]))

        def flood():
            with Client(port) as client:
                client.send(http("GET", "/v2/health/live") * 500)
                for _ in range(100):
                    client.reply()

        def never_read():
            with Client(port) as client:
                client.send(http("GET", "/metrics") * 300)
                stop.wait(1.5)

        return [crawl, stop_in_the_body, say_nothing, vanish, garble, bomb, flood, never_read]

    def test_others_are_answered_inside_their_deadline(self):
        folder = self.folder()
        door = folder.path / "rest"
        agent = self.agent(listen=["127.0.0.1:0", f"unix:{door}"], server={"connections_max": 128})
        agent.wait_serving()
        stop, counts = threading.Event(), {}

        def keep_doing(deed):
            while not stop.is_set():
                with contextlib.suppress(OSError):  # they are turned away, cut off and closed, as they should be
                    deed()
                counts[deed.__name__] = counts.get(deed.__name__, 0) + 1

        threads = [threading.Thread(target=keep_doing, args=(deed,), daemon=True)
                   for deed in self.hostile(agent.port, stop) for _ in range(2)]
        for thread in threads:
            thread.start()
        took = []
        try:
            end = time.monotonic() + 6
            while time.monotonic() < end:
                with Client(door) as client:
                    for _ in range(20):
                        reply = client.ask(infer_request(deadline_ms=self.DEADLINE_MS))
                        self.assertEqual(reply.status, 200, reply.body)
                        took.append(reply.took_s)
                        time.sleep(0.002)
        finally:
            stop.set()
            for thread in threads:
                thread.join(PATIENCE_S)
        self.assertGreater(len(took), 100)
        self.assertLess(max(took), self.DEADLINE_MS / 1000)
        self.assertEqual(set(counts), {deed.__name__ for deed in self.hostile(agent.port, stop)}, "each did its worst")
        took.sort()
        print(f"{len(took)} answers beside {sum(counts.values())} hostile deeds {counts}: "
              f"p50 {took[len(took) // 2] * 1e3:.2f} ms, p99 {took[len(took) * 99 // 100] * 1e3:.2f} ms, "
              f"max {took[-1] * 1e3:.2f} ms", file=sys.stderr)
        eventually(lambda: agent.ask().status == 200, "over TCP, too")
        eventually(lambda: agent.metric("lichen_rest_requests_open") == 0, "nothing is left open")
        self.assertEqual(agent.metric("lichen_rest_requests_unanswered_total"), 0)
        self.assertEqual(agent.metric("lichen_rest_answers_stray_total"), 0)


class LocalClient(Case):
    """The C++ client of include/lichen/client.hpp, as examples/ask.cpp uses it."""

    def start(self):
        folder = self.folder()
        door = folder.path / "rest"
        return self.agent(listen=["127.0.0.1:0", f"unix:{door}"], server={"unix_mode": '"0600"'}), door

    def ask(self, door):
        return subprocess.Popen([os.environ["LICHEN_ASK"], str(door), MODEL, "x", f"1x{FEATURES}"], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def check(self, process):
        out, errors = process.communicate(struct.pack(f"<{FEATURES}f", *devices.ZEROS), timeout=PATIENCE_S)
        self.assertEqual(process.returncode, 0, errors)
        rung, data = out.decode().splitlines()
        rung = rung.split()[0]
        values = [float(word) for word in data.split()[1:]]
        self.assertEqual(values.index(max(values)), FAVOURITES[rung])
        return rung

    def test_it_is_answered_over_the_unix_socket(self):
        agent, door = self.start()
        agent.wait_serving()
        self.assertEqual(os.stat(door).st_mode & 0o777, 0o600)
        self.assertEqual(self.check(self.ask(door)), "primary")

    def test_it_waits_for_a_device_that_was_killed_and_comes_again(self):
        agent, door = self.start()
        agent.process.kill()
        agent.process.wait()
        asking = self.ask(door)
        time.sleep(0.2)
        self.assertIsNone(asking.poll(), "it does not give up before its deadline")
        agent.start()
        self.check(asking)


METRICS = {
    "lichen_model_ready": "gauge", "lichen_open_requests": "gauge", "lichen_admitted_total": "counter",
    "lichen_refused_total": "counter", "lichen_answered_total": "counter", "lichen_hedges_total": "counter",
    "lichen_rescues_total": "counter", "lichen_rung_answers_total": "counter", "lichen_rung_serves": "gauge",
    "lichen_rung_healthy": "gauge", "lichen_rung_latency_seconds": "gauge", "lichen_worker_starts_total": "counter",
    "lichen_worker_failures_total": "counter",
    # docs/protocol.md
    "lichen_rest_requests_total": "counter", "lichen_rest_infer_duration_seconds": "histogram",
    "lichen_rest_requests_open": "gauge", "lichen_rest_connections": "gauge", "lichen_rest_connections_total": "counter",
    "lichen_rest_connections_turned_away_total": "counter", "lichen_rest_accept_errors_total": "counter",
    "lichen_rest_received_bytes_total": "counter", "lichen_rest_sent_bytes_total": "counter",
    "lichen_rest_timeouts_total": "counter", "lichen_rest_answers_late_total": "counter",
    "lichen_rest_answers_undelivered_total": "counter", "lichen_rest_answers_stray_total": "counter",
    "lichen_rest_requests_unanswered_total": "counter",
}
SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\n"])*",?)*)\})? (\S+)')


class Observing(SharedAgent):
    def setUp(self):
        self.assertEqual(self.device.ask().status, 200)

    def test_metrics_are_valid_prometheus_text(self):
        reply = self.device.get("/metrics")
        self.assertTrue(reply.headers["content-type"].startswith("text/plain"))
        text = reply.body.decode()
        self.assertTrue(text.endswith("\n"))
        kinds, helped, series = {}, set(), set()
        for line in text.splitlines():
            if line.startswith("# HELP "):
                name = line.split()[2]
                self.assertNotIn(name, helped, "HELP twice")
                helped.add(name)
            elif line.startswith("# TYPE "):
                name, kind = line.split()[2:]
                self.assertNotIn(name, kinds, "TYPE twice")
                kinds[name] = kind
            elif line and not line.startswith("#"):
                found = SAMPLE.fullmatch(line)
                self.assertIsNotNone(found, line)
                name, labels, value = found.groups()
                float(value)
                family = re.sub(r"_(bucket|sum|count)$", "", name) if name not in kinds else name
                self.assertIn(family, kinds, f"{line} before its TYPE")
                self.assertNotIn((name, labels), series, f"{line} twice")
                series.add((name, labels))
                if kinds[family] == "counter":
                    self.assertTrue(name.endswith("_total"), name)
                    self.assertGreaterEqual(float(value), 0)
        self.assertEqual({name: kinds.get(name) for name in METRICS}, METRICS)
        for name, kind in kinds.items():
            self.assertTrue(name.startswith("lichen_") or name.startswith("process_"), name)
            if kind == "histogram":
                self.check_histogram(name, text)

    def check_histogram(self, name, text):
        buckets = [float(v) for v in re.findall(rf'^{name}_bucket\{{.*\}} (\S+)$', text, re.M)]
        counts = [float(v) for v in re.findall(rf'^{name}_count\S* (\S+)$', text, re.M)]
        self.assertEqual(text.count(f"{name}_sum"), len(counts))
        self.assertIn('le="+Inf"', text)
        self.assertEqual(buckets, sorted(buckets))  # one model: one cumulative row
        self.assertEqual(buckets[-1], counts[0])

    def test_an_answer_is_counted_once_everywhere(self):
        before = self.device.metric("lichen_rung_answers_total", rung="primary")
        for _ in range(5):
            self.assertEqual(self.device.ask().status, 200)
        self.assertEqual(self.device.metric("lichen_rung_answers_total", rung="primary"), before + 5)
        self.assertEqual(self.device.metric("lichen_rest_infer_duration_seconds_count"), self.device.metric("lichen_admitted_total"))

    def test_health_and_metadata_are_there(self):
        for path in ("/v2/health/live", "/v2/health/ready", f"/v2/models/{MODEL}/ready"):
            self.assertEqual(self.device.get(path).status, 200, path)
        server = self.device.get("/v2").json()
        self.assertEqual(server["name"], "lichen")
        self.assertIn("binary_tensor_data", server["extensions"])
        model = self.device.get(f"/v2/models/{MODEL}").json()
        self.assertEqual(model["inputs"], [{"name": "x", "datatype": "FP32", "shape": [1, FEATURES]}])
        self.assertEqual(model["outputs"], [{"name": "y", "datatype": "FP32", "shape": [1, CLASSES]}])

    def test_status_shows_each_rung_as_it_is(self):
        status = self.device.status()
        self.assertEqual(status["schema"], "lichen.status.v1")
        self.assertIs(status["ready"], True)
        self.assertEqual(status["sandbox"], devices.SANDBOX)
        model = status["models"][0]
        self.assertEqual((model["name"], model["active_rung"]), (MODEL, "primary"))
        self.assertEqual([r["name"] for r in model["rungs"]], ["primary", "compact", "reflex"])
        self.assertEqual([r["kind"] for r in model["rungs"]], ["worker", "worker", "reflex"])
        for rung in model["rungs"][:2]:
            self.assertTrue(exists(rung["pid"]))
            self.assertIn(rung["pid"], descendants(self.device.process.pid))
        self.assertIsNone(model["rungs"][2]["pid"])

    @unittest.skipUnless(devices.SANDBOX == "required", "this build has no sandbox")
    def test_workers_run_as_nobody_without_privileges(self):
        pid = self.device.wait_serving()["pid"]
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        self.assertEqual(status["Seccomp"], "2")
        self.assertEqual(status["NoNewPrivs"], "1")
        self.assertEqual(int(status["CapEff"], 16), 0)
        if os.geteuid() == 0:
            self.assertEqual(status["Uid"].split()[0], "65534")


class WorkerTrouble(Case):
    def test_killing_the_primary_under_load_loses_nothing_and_nothing_is_late(self):
        agent = self.agent(rungs=[Rung("primary", str(MODELS / "heavy.tflite")), "compact", "reflex"])
        with Load(agent) as load:
            for _ in range(25):
                agent.kill_rung()
            agent.wait_serving()
        self.assertEqual(agent.rung("primary")["counters"]["deaths"], 25)
        self.assertEqual(load.lost, [])
        self.assertGreater(len(load.replies), 25)
        self.assertEqual({reply.status for reply in load.replies}, {200})
        for reply in load.replies:
            rung = reply.label("rung")
            self.assertEqual(reply.favourite(), FAVOURITES[rung])
            self.assertEqual(reply.label("degraded"), rung != "primary")
            self.assertIn(reply.label("reason"), REASONS)
            self.assertEqual(reply.label("reason") == "best", rung == "primary")
            self.assertLess(reply.label("latency_us"), 5_000_000)
        self.assertTrue({reply.label("rung") for reply in load.replies} - {"primary"}, "somebody took over")
        self.assertEqual(agent.metric("lichen_rest_answers_late_total"), 0)
        self.assertEqual(agent.metric("lichen_rest_answers_stray_total"), 0)
        self.assertEqual(agent.metric("lichen_rest_requests_unanswered_total"), 0)

    def test_a_stopped_primary_is_replaced_and_answers_go_on(self):
        agent = self.agent(rungs=[Rung("primary", hang_timeout_ms=400), "compact", "reflex"], ladder={"hedge_delay_min_ms": 1})
        pid = agent.stop_rung()
        first = agent.ask(deadline_ms=5000)
        self.assertEqual(first.status, 200, first.body)
        self.assertNotEqual(first.label("rung"), "primary")
        self.assertEqual(first.favourite(), FAVOURITES[first.label("rung")])
        with Load(agent) as load:
            eventually(lambda: agent.rung("primary")["counters"]["hangs"] == 1, "the hang is counted")
            eventually(lambda: not exists(pid), "the stopped worker is killed")
            self.assertNotEqual(agent.wait_serving()["pid"], pid)
        self.assertEqual((load.lost, {reply.status for reply in load.replies}), ([], {200}))
        self.assertIn("hung", agent.rung("primary")["last_trouble"])
        eventually(lambda: agent.ask().label("rung") == "primary", "the new primary answers")

    def test_when_all_workers_are_dead_the_reflex_answers(self):
        ladder = {"breaker_failures_max": 1, "breaker_open_ms": 60000, "breaker_open_max_ms": 60000}
        agent = self.agent(ladder=ladder)
        for rung in ("primary", "compact"):
            agent.kill_rung(rung)
            self.assertEqual(agent.rung(rung)["breaker"], "open")
        reply = agent.ask()
        self.assertEqual((reply.status, reply.label("rung"), reply.label("reason")), (200, REFLEX, "broken"))
        self.assertEqual(reply.favourite(), FAVOURITES[REFLEX])
        self.assertTrue(agent.ready())

    def test_when_nothing_can_answer_the_refusal_comes_at_once_and_readiness_says_so(self):
        ladder = {"breaker_failures_max": 1, "breaker_open_ms": 4000, "breaker_open_max_ms": 4000}
        agent = self.agent(rungs=["primary"], ladder=ladder)
        self.assertTrue(agent.ready())
        agent.kill_rung()
        self.assertFalse(agent.ready())
        reply = agent.ask(deadline_ms=30000)
        self.check_error(reply, 503, "unavailable")
        self.assertEqual(reply.json()["lichen"]["reason"], "no_rung_available")
        self.assertIn("retry-after", reply.headers)
        self.assertLess(reply.took_s, 10)  # of 30; in truth microseconds
        self.assertEqual(agent.get(f"/v2/models/{MODEL}/ready").status, 503)
        self.assertEqual(agent.get("/v2/health/live").status, 200)
        self.assertEqual(agent.metric("lichen_model_ready"), 0)
        agent.wait_ready()
        self.assertEqual(agent.ask().status, 200)

    def test_a_minimum_rung_that_is_away_is_an_honest_error(self):
        ladder = {"breaker_failures_max": 1, "breaker_open_ms": 60000, "breaker_open_max_ms": 60000}
        agent = self.agent(ladder=ladder)
        agent.kill_rung()
        reply = agent.ask(min_rung="primary", deadline_ms=30000)
        self.check_error(reply, 503, "unavailable")
        self.assertEqual(reply.json()["lichen"]["reason"], "min_rung_unavailable")
        reply = agent.ask(min_rung="compact", deadline_ms=30000)
        self.assertEqual((reply.status, reply.label("rung")), (200, "compact"))

    def test_the_breaker_opens_after_three_deaths_and_closes_again(self):
        ladder = {"breaker_failures_max": 3, "breaker_window_ms": 60000, "breaker_open_ms": 2000, "breaker_open_max_ms": 2000}
        agent = self.agent(ladder=ladder)
        for _ in range(3):
            agent.kill_rung()
        rung = agent.rung("primary")
        self.assertEqual((rung["breaker"], rung["serves"]), ("open", False))
        self.assertGreater(rung["restart_in_ms"], 0)
        self.assertNotEqual(agent.ask().label("rung"), "primary")
        agent.wait_serving()
        self.assertEqual(agent.rung("primary")["breaker"], "closed")
        reply = agent.ask()
        self.assertEqual((reply.label("rung"), reply.label("reason")), ("primary", "best"))

    def test_a_deadline_in_the_header_is_kept_when_the_only_worker_stands_still(self):
        agent = self.agent(rungs=[Rung("primary", hang_timeout_ms=60000)], server={"deadline_default_ms": 60000})
        pid = agent.stop_rung()
        reply = agent.ask(deadline_ms=300)
        self.check_error(reply, 504, "deadline_exceeded")
        self.assertLess(reply.took_s, 20)  # of 60
        os.kill(pid, signal.SIGCONT)
        eventually(lambda: agent.ask(deadline_ms=5000).status == 200, "the worker goes on")

    def test_trouble_of_one_model_does_not_touch_another(self):
        ladder = {"breaker_failures_max": 1, "breaker_open_ms": 60000, "breaker_open_max_ms": 60000}
        agent = self.agent(text=config_text(rungs=["primary"], ladder=ladder) + model_text(rungs=["compact"], name="other"))
        agent.kill_rung()
        reply = agent.ask(model="other")
        self.assertEqual((reply.status, reply.favourite()), (200, FAVOURITES["compact"]))
        self.assertEqual(agent.ask().status, 503)
        self.assertEqual(agent.get("/v2/models/other/ready").status, 200)
        self.assertFalse(agent.ready())  # of the device: every model

    @unittest.skipUnless(devices.SANDBOX == "required", "this build has no sandbox")
    def test_a_worker_that_needs_more_memory_than_it_may_have_is_a_failed_start(self):
        agent = self.agent(rungs=[Rung("primary", str(MODELS / "heavy.tflite"), memory_mb=2), "compact"])
        rung = eventually(lambda: (lambda r: r if r["last_trouble"] else None)(agent.rung("primary")), "the primary cannot start")
        self.assertFalse(rung["serves"])
        self.assertEqual(agent.ask().label("rung"), "compact")

    def test_a_killed_template_takes_its_workers_and_a_new_one_comes(self):
        agent = self.agent()
        workers = descendants(agent.process.pid)
        template = next(pid for pid in workers if descendants(pid))
        with Load(agent) as load:
            os.kill(template, signal.SIGKILL)
            eventually(lambda: not any(map(exists, workers)), "template and workers are gone")
            self.assertNotIn(agent.wait_serving()["pid"], workers)
        self.assertEqual((load.lost, {reply.status for reply in load.replies}), ([], {200}))


class Watching(Case):
    def test_status_and_metrics_tell_of_scrubbing_and_memory(self):
        agent = self.agent(worker={"scrub_period_ms": 50})
        def scrub():
            rung = agent.status()["models"][0]["rungs"][0]
            return rung["scrub"]["scrubbed"] > rung["scrub"]["blocks"] > 0 and rung["memory_bytes"]
        memory = eventually(scrub, "every block was summed again, and the memory was measured")
        self.assertGreater(memory, 50_000)
        self.assertLess(memory, 50_000_000)
        with Client(agent.port) as client:
            text = client.ask(http("GET", "/metrics")).body.decode()
        for name in ("lichen_scrubbed_blocks_total", "lichen_flips_mended_total", "lichen_damage_found_total",
                     "lichen_worker_memory_bytes"):
            self.assertIn(f'{name}{{model="{MODEL}",rung="primary"}}', text)

    def test_top_shows_rates_and_says_when_the_device_is_away(self):
        agent = self.agent()
        url = f"http://127.0.0.1:{agent.port}"
        for _ in range(5):
            self.assertEqual(agent.ask(deadline_ms=30000).status, 200)
        code, out, errors = run_program("lichen", "top", url, "--every-ms", 100, "--times", 2)
        self.assertEqual((code, errors), (0, ""))
        self.assertEqual(out.count("primary"), 4)  # each look names it as a rung, and as the one that answers
        self.assertIn("answers/s", out)
        agent.close()
        code, out, _ = run_program("lichen", "top", url, "--every-ms", 100, "--times", 1)
        self.assertEqual(code, 0)
        self.assertIn("cannot reach the device", out)


class Strategies(Case):
    def test_rungs_that_say_different_things_have_no_majority_and_nothing_is_answered(self):
        agent = self.agent(ladder={"strategy": '"vote"', "vote_rungs": 3})
        reply = agent.ask(deadline_ms=30000)  # to zeros, each rung says another class
        self.check_error(reply, 503, "unavailable", "agree")
        self.assertEqual(reply.json()["lichen"]["reason"], "no_majority")

    def test_two_equal_rungs_outvote_the_third_and_the_answer_says_so(self):
        copy = Rung("second", str(MODELS / "compact.tflite"))
        agent = self.agent(rungs=["primary", "compact", copy], ladder={"strategy": '"vote"', "vote_rungs": 3})
        for _ in range(20):
            reply = agent.ask(deadline_ms=30000)
            self.assertEqual(reply.status, 200, reply.body)
            self.assertEqual(reply.label("rung"), "compact")
            self.assertEqual(reply.favourite(), FAVOURITES["compact"])
            self.assertEqual(reply.label("votes"), 2)
        outvoted = agent.status()["models"][0]["rungs"][0]["counters"]["outvoted"]
        self.assertGreater(outvoted, 0)

    def test_a_vote_goes_on_while_voters_are_killed(self):
        rungs = ["primary"] + [Rung(name, str(MODELS / "primary.tflite")) for name in ("second", "third")]
        agent = self.agent(rungs=rungs, ladder={"strategy": '"vote"', "vote_rungs": 3})
        for i in range(60):
            if i % 10 == 5:
                agent.kill_rung()
            reply = agent.ask(deadline_ms=30000)
            self.assertEqual(reply.status, 200, reply.body)
            self.assertGreaterEqual(reply.label("votes"), 2)
            self.assertEqual(reply.favourite(), FAVOURITES["primary"])

    def test_a_cascade_gives_the_cheap_answer_that_is_sure_enough(self):
        agent = self.agent(rungs=["primary", "compact"], ladder={"strategy": '"cascade"', "cascade_confidence": 0.5})
        reply = agent.ask(deadline_ms=30000)
        self.assertEqual((reply.status, reply.label("rung"), reply.label("reason")), (200, "compact", "confident"))

    def test_a_cascade_climbs_while_the_answer_is_unsure_by_its_calibration(self):
        compact = Rung("compact", calibration="[[0.0, 0.1], [1.0, 0.2]]")
        agent = self.agent(rungs=["primary", compact], ladder={"strategy": '"cascade"', "cascade_confidence": 0.5})
        reply = agent.ask(deadline_ms=30000)
        self.assertEqual((reply.status, reply.label("rung"), reply.label("reason")), (200, "primary", "best"))
        self.assertEqual(agent.status()["models"][0]["counters"]["escalations"], 1)


class BadFiles(Case):
    def serve_with_bad_primary(self, source, *words):
        agent = self.agent(rungs=[Rung("primary", str(source)), "compact", "reflex"])
        rung = eventually(lambda: (lambda r: r if r["counters"]["start_failures"] else None)(agent.rung("primary")), "the start failed")
        for word in words:
            self.assertIn(word, rung["last_trouble"])
        agent.wait_serving("compact")
        reply = agent.ask()
        self.assertEqual((reply.status, reply.label("rung"), reply.label("reason")), (200, "compact", "broken"))
        self.assertEqual(reply.favourite(), FAVOURITES["compact"])
        self.assertFalse(agent.rung("primary")["serves"])
        self.assertTrue(agent.ready())

    def test_a_missing_model_is_named_and_the_next_rung_serves(self):
        self.serve_with_bad_primary("no_such_model.tflite", "no_such_model.tflite", "No such file")

    def test_garbage_is_named_and_the_next_rung_serves(self):
        path = self.folder().write("garbage.tflite", bytes(range(256)) * 20)
        self.serve_with_bad_primary(path, "garbage.tflite")

    def test_an_empty_model_is_named_and_the_next_rung_serves(self):
        self.serve_with_bad_primary(self.folder().write("empty.tflite", b""), "empty.tflite")

    def test_a_truncated_model_is_named_and_the_next_rung_serves(self):
        whole = (MODELS / "primary.tflite").read_bytes()
        self.serve_with_bad_primary(self.folder().write("half.tflite", whole[:len(whole) // 2]), "half.tflite")

    def test_a_model_for_another_input_says_what_does_not_fit(self):
        self.serve_with_bad_primary(MODELS / "wider.tflite", "5", "4")

    def test_a_folder_in_place_of_a_model_is_named_and_the_next_rung_serves(self):
        self.serve_with_bad_primary(self.folder().path, str(self.folder().path.parent))

    def test_when_no_rung_can_start_the_device_lives_and_says_that_it_is_not_ready(self):
        agent = self.agent(rungs=[Rung("primary", "nowhere.tflite")], wait=False)
        eventually(lambda: agent.rung("primary")["counters"]["start_failures"] > 0, "the start failed")
        self.assertFalse(agent.ready())
        self.assertEqual(agent.get("/v2/health/live").status, 200)
        reply = agent.ask(deadline_ms=30000)
        self.check_error(reply, 503, "unavailable")
        self.assertLess(reply.took_s, 10)

    def test_a_model_that_appears_later_is_served(self):
        folder = self.folder()
        agent = self.agent(rungs=[Rung("primary", str(folder.path / "late.tflite")), "compact"])
        eventually(lambda: agent.rung("primary")["counters"]["start_failures"] > 0, "the start failed")
        folder.write("late.tflite", (MODELS / "primary.tflite").read_bytes())
        agent.wait_serving()
        self.assertEqual(agent.ask().label("rung"), "primary")

    def test_a_reflex_table_that_is_missing_or_damaged_costs_its_own_rung_only(self):
        folder = self.folder()
        table = bytearray((MODELS / "table.reflex").read_bytes())
        table[-10] ^= 1
        damaged = folder.write("damaged.reflex", bytes(table))
        for source in (folder.path / "none.reflex", damaged):
            agent = self.agent(rungs=["primary", Rung(REFLEX, str(source))])
            self.assertEqual(agent.ask().label("rung"), "primary")
            rung = agent.rung(REFLEX)
            self.assertEqual((rung["state"], rung["serves"], rung["healthy"]), ("down", False, False))
            self.assertIn(source.name, rung["last_trouble"])


class Restarts(Case):
    def test_workers_and_template_die_with_lichend(self):
        agent = self.agent()
        children = descendants(agent.process.pid)
        self.assertEqual(len(children), 3)  # the template and two workers
        agent.process.kill()
        agent.process.wait()
        eventually(lambda: not any(map(exists, children)), "all its processes are gone", within_s=GONE_WITHIN_S)

    def test_stopped_workers_die_with_lichend_too(self):
        agent = self.agent()
        pid = agent.stop_rung()
        children = descendants(agent.process.pid)
        self.assertIn(pid, children)
        agent.process.kill()
        agent.process.wait()
        eventually(lambda: not any(map(exists, children)), "all its processes are gone", within_s=GONE_WITHIN_S)

    def test_sigterm_ends_with_0_and_leaves_no_process(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            agent = self.agent()
            children = descendants(agent.process.pid)
            agent.process.send_signal(number)
            self.assertEqual(agent.process.wait(PATIENCE_S), SIGTERM_EXIT)
            eventually(lambda c=children: not any(map(exists, c)), "all its processes are gone")

    def test_sigterm_lets_an_open_request_finish(self):
        agent = self.agent(rungs=[Rung("primary", hang_timeout_ms=60000)])
        with Client(agent.port) as client:
            worker = agent.stop_rung()
            self.addCleanup(lambda: exists(worker) and os.kill(worker, signal.SIGCONT))
            client.send(infer_request(deadline_ms=30000))
            eventually(lambda: agent.metric("lichen_open_requests") == 1, "the request is open")
            agent.process.send_signal(signal.SIGTERM)
            eventually(lambda: "finishing open requests" in agent.log.read_text(), "it is stopping")
            os.kill(worker, signal.SIGCONT)
            reply = client.reply()
        self.assertEqual((reply.status, reply.favourite()), (200, FAVOURITES["primary"]))
        self.assertEqual(agent.process.wait(PATIENCE_S), SIGTERM_EXIT)

    def test_sigterm_does_not_wait_for_ever_for_an_open_request(self):
        agent = self.agent(rungs=[Rung("primary", hang_timeout_ms=60000)])
        with Client(agent.port) as client:
            agent.stop_rung()
            client.send(infer_request(deadline_ms=60000))
            eventually(lambda: agent.metric("lichen_open_requests") == 1, "the request is open")
            self.assertEqual(agent.terminate(), SIGTERM_EXIT)
            with contextlib.suppress(ConnectionError):
                reply = client.reply()
                self.check_error(reply, 503, "unavailable")

    def test_the_boot_id_counts_up_over_stops_and_kills(self):
        agent = self.agent()
        for expected in range(1, 6):
            eventually(lambda: agent.status()["state"]["boot_id_durable"], "the boot id is on disk")
            self.assertEqual(agent.status()["state"]["boot_id"], expected)
            if expected % 2 == 0:
                agent.process.kill()
                agent.process.wait()
            else:
                self.assertEqual(agent.terminate(), SIGTERM_EXIT)
            agent.start()
            agent.wait_ready()

    def test_a_device_that_was_killed_starts_though_its_port_was_busy_a_moment_ago(self):
        agent = self.agent()
        port = agent.port
        with Client(port) as client:
            self.assertEqual(client.ask(infer_request()).status, 200)
            agent.process.kill()
            agent.process.wait()
            agent.config.write_text(config_text(listen=[f"127.0.0.1:{port}"]))
            agent.start()
            agent.wait_ready()
        self.assertEqual(agent.port, port)


    def test_a_unix_socket_is_served_and_taken_over_after_a_kill(self):
        folder = self.folder()
        path = folder.path / "door"
        agent = self.agent(listen=["127.0.0.1:0", f"unix:{path}"])
        for _ in range(2):
            with Client(path) as client:
                self.assertEqual(client.ask(infer_request()).status, 200)
            agent.process.kill()
            agent.process.wait()
            self.assertTrue(path.exists())
            agent.start()
            agent.wait_ready()


class Holding(Case):
    def lichend_of(self, agent):
        return next(iter(descendants(agent.process.pid)), None)

    def test_ten_kills_of_lichend_refuse_no_connection_and_are_answered_soon(self):
        agent = self.agent(held=True)
        seen = set()
        for _ in range(10):
            pid = eventually(lambda: self.lichend_of(agent), "lichend runs")
            self.assertNotIn(pid, seen)
            seen.add(pid)
            os.kill(pid, signal.SIGKILL)
            killed = time.monotonic()
            while True:
                try:  # a refused connect is no OSError that is forgiven
                    client = Client(agent.port)
                except ConnectionRefusedError:
                    self.fail("a connection was refused")
                with client, contextlib.suppress(ConnectionError):  # taken by the one that died: ask again
                    reply = client.ask(infer_request(deadline_ms=5000))
                    if reply.status == 200:
                        break
            self.assertLess(time.monotonic() - killed, 5)
        self.assertEqual(agent.terminate(), SIGTERM_EXIT)

    def test_the_holder_ends_lichend_and_its_workers(self):
        agent = self.agent(held=True)
        children = descendants(agent.process.pid)
        self.assertEqual(len(children), 4)  # lichend, the template and two workers
        self.assertEqual(agent.terminate(), SIGTERM_EXIT)
        eventually(lambda: not any(map(exists, children)), "all its processes are gone")

    def test_a_killed_holder_takes_everything_with_it(self):
        agent = self.agent(held=True)
        children = descendants(agent.process.pid)
        agent.process.kill()
        agent.process.wait()
        eventually(lambda: not any(map(exists, children)), "all its processes are gone", within_s=GONE_WITHIN_S)

    def test_a_holder_of_a_busy_port_says_so_on_one_line(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            code, _, errors = run_program("lichen-holder", "--listen", f"127.0.0.1:{port}", "--", "true")
        self.assertNotEqual(code, 0)
        self.check_one_line(errors, str(port))

    def test_a_holder_of_a_command_that_is_not_there_gives_up(self):
        code, _, errors = run_program("lichen-holder", "--listen", "127.0.0.1:0", "--", "/no/such/program")
        self.assertNotEqual(code, 0)
        self.assertIn("/no/such/program", errors)

    def test_wrong_usage_of_the_holder_exits_2(self):
        for words in ([], ["--listen"], ["--listen", "127.0.0.1:0"], ["--nonsense"]):
            self.assertEqual(run_program("lichen-holder", *words)[0], 2, words)


class StateCase(Case):
    def check_answers_without_state(self, directory, reason):
        agent = self.agent(state=directory)
        status = eventually(lambda: (lambda s: s if s["state"]["fault"] else None)(agent.status()), "status shows the fault")
        fault = status["state"]["fault"]
        self.assertIn(reason, json.dumps(fault))
        self.assertIs(status["state"]["boot_id_durable"], False)
        agent.wait_serving()
        reply = agent.ask()
        self.assertEqual((reply.status, reply.label("rung")), (200, "primary"))
        self.assertTrue(agent.ready())
        code, out, _ = run_program("lichen", "status", f"127.0.0.1:{agent.port}")
        self.assertEqual(code, 0)
        self.assertIn(reason, out)
        self.assertIn("not durable", out)
        self.assertEqual(agent.terminate(), SIGTERM_EXIT)


class State(StateCase):
    def test_a_state_directory_that_cannot_be_made_does_not_stop_the_answers(self):
        folder = self.folder()
        file = folder.write("not_a_directory", "")
        self.check_answers_without_state(file / "state", "Not a directory")

    def test_damaged_state_is_no_reason_not_to_answer(self):
        agent = self.agent()
        eventually(lambda: agent.status()["state"]["boot_id_durable"], "the boot id is on disk")
        agent.terminate()
        state = agent.folder.path / "state"
        files = [path for path in state.iterdir() if path.is_file()]
        self.assertTrue(files)
        for path in files:
            data = bytearray(path.read_bytes())
            path.write_bytes(bytes(byte ^ 0x55 for byte in data))
        agent.start()
        agent.wait_ready()
        self.assertEqual(agent.ask().status, 200)
        eventually(lambda: agent.status()["state"]["boot_id_durable"], "it counts again")


class Disks(StateCase):
    """Needs mounts, and so root; skipped elsewhere."""

    def tmpfs(self, options):
        if os.geteuid() != 0:
            self.skipTest("mounting needs root")
        folder = self.folder()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder.path], check=False, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            self.skipTest(f"no mounts here: {done.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", folder.path], check=False)
        return folder

    def test_a_full_disk_does_not_stop_the_answers(self):
        folder = self.tmpfs("size=16k")
        (folder.path / "state").mkdir()
        with contextlib.suppress(OSError), open(folder.path / "filler", "wb", buffering=0) as filler:
            while filler.write(bytes(4096)):
                pass
        self.check_answers_without_state(folder.path / "state", "No space left")

    def test_a_read_only_disk_does_not_stop_the_answers(self):
        folder = self.tmpfs("size=64k")
        (folder.path / "state").mkdir()
        subprocess.run(["mount", "-o", "remount,ro", folder.path], check=True)
        self.check_answers_without_state(folder.path / "state", "Read-only file system")


def toml_value(value):
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value)


def toml_table(section, table, is_list):
    head = f"[[{section}]]" if is_list else f"[{section}]"
    return head + "\n" + "".join(f"{key} = {toml_value(value)}\n" for key, value in table.items())


class CommandLine(Case):
    BASE = {"server": {}, "state": {}, "worker": {}, "model": {"name": "toy"},
            "model.input": {"name": "x", "shape": [1, 4]}, "model.output": {"name": "y", "shape": [1, 3]},
            "model.rung": {"name": "primary", "file": "primary.tflite"}, "model.ladder": {}}
    LISTS = {"model", "model.input", "model.output", "model.rung"}

    def check(self, text):
        return run_program("lichend", "--check", "--config", self.folder().write("device.toml", text))

    def test_check_says_good_of_a_good_config(self):
        code, out, errors = self.check(config_text())
        self.assertEqual((code, errors), (0, ""))
        self.assertIn("good", out)

    def test_check_starts_nothing_and_makes_nothing(self):
        folder = self.folder()
        self.assertEqual(run_program("lichend", "--check", "--config", folder.write("device.toml", config_text()))[0], 0)
        self.assertEqual([path.name for path in folder.path.iterdir()], ["device.toml"])

    def test_an_unknown_key_is_named_with_its_line_and_the_nearest_key(self):
        text = "[server]\nlissten = [\"127.0.0.1:0\"]\n"
        code, _, errors = self.check(text)
        self.assertEqual(code, 3)
        self.check_one_line(errors, "line 2", "lissten", "'listen'")
        code, _, errors = self.check(config_text() + "expectd_ms = 3\n")
        self.assertEqual(code, 3)
        self.check_one_line(errors, f"line {len(config_text().splitlines()) + 1}", "expectd_ms", "'expected_ms'")

    def test_what_is_no_toml_says_where(self):
        code, _, errors = self.check("[server\nlisten = 3\n")
        self.assertEqual(code, 3)
        self.check_one_line(errors, "line 1")

    def test_a_wrong_type_and_a_wrong_number_name_the_key(self):
        for line, key in (("deadline_default_ms = \"soon\"", "deadline_default_ms"), ("connections_max = 0", "connections_max"),
                          ("listen = [\"nowhere\"]", "listen"), ("listen = []", "listen"), ("listen = 8080", "listen")):
            code, _, errors = self.check("[server]\n" + line + "\n")
            self.assertEqual(code, 3, line)
            self.check_one_line(errors, key, "line 2")

    def test_a_config_that_cannot_serve_says_why(self):
        for text, word in (("", "model"), (config_text(rungs=[]), "rung"), (config_text(rungs=["reflex", "primary"]), "reflex"),
                           (config_text(rungs=["primary", "primary"]), "two rungs")):
            code, _, errors = self.check(text)
            self.assertEqual(code, 3, text)
            self.check_one_line(errors, word)

    def test_a_missing_config_is_named(self):
        code, _, errors = run_program("lichend", "--config", "/no/such/device.toml")
        self.assertEqual(code, 3)
        self.check_one_line(errors, "/no/such/device.toml", "No such file")

    def test_every_key_that_explain_config_shows_is_read(self):
        code, out, errors = run_program("lichend", "--explain-config")
        self.assertEqual((code, errors), (0, ""))
        tomllib.loads(out)
        section, keys = "", 0
        for line in out.splitlines():
            if found := re.fullmatch(r"\[\[?([a-z.]+)\]\]?", line):
                section = found.group(1)
            elif line and not line.startswith("#"):
                [(key, value)] = tomllib.loads(line).items()
                config = {name: dict(table) for name, table in self.BASE.items()}
                if key == "reflex":
                    del config[section]["file"]
                    config["model.rung"] |= {"name": REFLEX}
                config[section][key] = value
                text = "".join(toml_table(name, table, name in self.LISTS) for name, table in config.items())
                code, _, errors = self.check(text)
                if not (key == "reflex" and "worker" in errors):  # a table alone may need a worker rung above it
                    self.assertEqual((code, errors), (0, ""), text)
                keys += 1
        self.assertGreater(keys, 30)

    def test_help_and_version_go_to_stdout_with_exit_0(self):
        for name in ("lichend", "lichen-holder", "lichen-worker", "lichen"):
            code, out, errors = run_program(name, "--version")
            self.assertEqual((code, errors), (0, ""), name)
            self.assertRegex(out, rf"^{name} \d+\.\d+\.\d+\n$")
            code, out, errors = run_program(name, "--help")
            self.assertEqual((code, errors), (0, ""), name)
            self.assertIn("--version", out)

    def test_wrong_usage_exits_2(self):
        for words in ([], ["--nonsense"], ["--config"]):
            code, out, errors = run_program("lichend", *words)
            self.assertEqual((code, out), (2, ""), words)
            self.assertNotEqual(errors, "")

    def test_a_port_in_use_is_named_on_one_line(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            config = self.folder().write("device.toml", config_text(listen=[f"127.0.0.1:{port}"]))
            code, _, errors = run_program("lichend", "--quiet", "--config", config)
        self.assertEqual(code, 1)
        self.check_one_line(errors, str(port), "in use")

    def test_listen_on_the_command_line_wins(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            config = self.folder().write("device.toml", config_text(listen=["127.0.0.1:0"]))
            code, _, errors = run_program("lichend", "--quiet", "--config", config, "--listen", f"127.0.0.1:{port}")
        self.assertEqual(code, 1)
        self.check_one_line(errors, str(port))

    def test_an_address_that_is_none_is_named_by_check_too(self):
        config = self.folder().write("device.toml", config_text())
        for words in (["--check"], []):
            code, _, errors = run_program("lichend", *words, "--config", config, "--listen", "nonsense")
            self.assertEqual(code, 3)
            self.check_one_line(errors, "--listen", "nonsense", "HOST:PORT")

    def test_a_worker_program_that_is_not_there_is_named(self):
        folder = self.folder()
        text = config_text(worker={"program": "/no/such/lichen-worker"})
        code, _, errors = run_program("lichend", "--quiet", "--config", folder.write("device.toml", text))
        self.assertNotEqual(code, 0)
        self.check_one_line(errors, "/no/such/lichen-worker")


if __name__ == "__main__":
    sys.exit(devices.run_tests())
