# SPDX-License-Identifier: Apache-2.0
"""Real lichend processes for tests: a folder and a configuration for each, a client, and ways to break things."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

BIN = pathlib.Path(os.environ["LICHEN_BIN"])
MODELS = pathlib.Path(os.environ["LICHEN_MODELS"])
SANDBOX = os.environ.get("LICHEN_SANDBOX", "required")  # "off" for builds with sanitizers
PATIENCE_S = 30.0  # how long anything may take on a busy machine before it counts as never
MODEL = "toy"
FEATURES = 4
CLASSES = 3
ZEROS = [0.0] * FEATURES
FAVOURITES = {"primary": 0, "compact": 1, "reflex": 2}  # what each rung says to zeros (make_models.cpp)


def run_tests():
    """The script's exit code: 77 if every test was skipped, so that ctest lists it."""
    result = unittest.main(module="__main__", verbosity=2, exit=False).result
    if not result.wasSuccessful() or result.testsRun == 0:
        return 1
    return 77 if len(result.skipped) == result.testsRun else 0


def program(name):
    return str(BIN / name)


def run_program(*words, **options):
    """A program that ends by itself: (exit code, stdout, stderr)."""
    done = subprocess.run([program(words[0]), *map(str, words[1:])], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=PATIENCE_S * 2, check=False, text=True, **options)
    return done.returncode, done.stdout, done.stderr


def eventually(condition, what, within_s=PATIENCE_S):
    """The first true value of `condition`, or a failure that says what never was."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"not within {within_s} s: {what}")


def exists(pid):
    """Whether the process runs (a zombie does not)."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] != "Z"


def descendants(pid):
    found = []
    with contextlib.suppress(OSError):
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                found += [child] + descendants(child)
    return found


class Reply:
    def __init__(self, status, headers, body, took_s):
        self.status = status
        self.headers = headers
        self.body = body
        self.took_s = took_s

    def json(self):
        length = int(self.headers.get("inference-header-content-length", len(self.body)))
        return json.loads(self.body[:length])

    def binary(self):
        return self.body[int(self.headers["inference-header-content-length"]):]

    def label(self, name):
        return self.json()["parameters"]["lichen_" + name]

    def favourite(self):
        """The class of the largest probability: who really answered."""
        data = self.json()["outputs"][0]["data"]
        return data.index(max(data))


class Client:
    """One keep-alive connection."""

    def __init__(self, at):
        """`at`: a port of 127.0.0.1, or the path of a Unix socket."""
        if isinstance(at, int):
            self.socket = socket.create_connection(("127.0.0.1", at), timeout=PATIENCE_S)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(PATIENCE_S)
            self.socket.connect(str(at))
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def ask(self, data):
        began = time.monotonic()
        self.send(data)
        return self.reply(began)

    def reply(self, began=None):
        began = time.monotonic() if began is None else began
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        length = int(headers.get("content-length", 0))
        while len(self.buffer) < length:
            self._more()
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return Reply(int(lines[0].split()[1]), headers, body, time.monotonic() - began)

    def _more(self):
        got = self.socket.recv(1 << 16)
        if not got:
            raise ConnectionError("the connection was closed")
        self.buffer += got


def http(method, path, body=b"", headers=()):
    lines = [f"{method} {path} HTTP/1.1", "Host: test", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def infer_body(values=ZEROS, **changes):
    tensor = {"name": "x", "shape": [1, FEATURES], "datatype": "FP32", "data": values}
    tensor.update(changes)
    return {"inputs": [tensor]}


def infer_request(body=None, model=MODEL, deadline_ms=None, headers=(), **parameters):
    body = dict(body if body is not None else infer_body())
    if parameters:
        body["parameters"] = {"lichen_" + name: value for name, value in parameters.items()}
    extra = list(headers)
    if deadline_ms is not None:
        extra.append(f"X-Lichen-Deadline-Ms: {deadline_ms}")
    return http("POST", f"/v2/models/{model}/infer", json.dumps(body).encode(), extra)


def binary_request(values=ZEROS, binary_output=True, data=None):
    data = struct.pack(f"<{len(values)}f", *values) if data is None else data
    head = json.dumps({"inputs": [{"name": "x", "shape": [1, FEATURES], "datatype": "FP32",
                                   "parameters": {"binary_data_size": len(data)}}],
                       "parameters": {"binary_data_output": binary_output}}).encode()
    return http("POST", f"/v2/models/{MODEL}/infer", head + data, [f"Inference-Header-Content-Length: {len(head)}"])


class Rung:
    """One [[model.rung]]: `source` is a model file, or a reflex table if it ends so; `keys` are more of its keys."""

    def __init__(self, name, source=None, **keys):
        default = {"primary": "primary.tflite", "compact": "compact.tflite", "reflex": "table.reflex"}.get(name)
        self.name = name
        self.source = source or str(MODELS / default)
        self.keys = keys

    def text(self):
        kind = "reflex" if self.source.endswith(".reflex") else "file"
        lines = ["[[model.rung]]", f'name = "{self.name}"', f'{kind} = "{self.source}"']
        lines += [f"{key} = {value}" for key, value in self.keys.items()]
        return "\n".join(lines) + "\n"


# Rungs come back quickly, and on a busy machine none is passed over because it seems slow.
LADDER = {"step_up_dwell_ms": 20, "backoff_ms": 5, "backoff_max_ms": 20, "breaker_failures_max": 16, "breaker_window_ms": 1,
          "breaker_open_ms": 50, "breaker_open_max_ms": 50, "hedge_delay_min_ms": 1000}


def config_text(rungs=("primary", "compact", "reflex"), ladder=None, server=None, state="state", listen=("127.0.0.1:0",), worker=None):
    text = f"[server]\nlisten = {json.dumps(list(listen))}\n"
    text += "".join(f"{key} = {value}\n" for key, value in (server or {}).items())
    text += "[worker]\n" + "".join(f'{key} = {json.dumps(value)}\n' for key, value in ({"sandbox": SANDBOX} | (worker or {})).items())
    return text + f'[state]\ndirectory = "{state}"\n' + model_text(rungs, ladder)


def model_text(rungs=("primary", "compact", "reflex"), ladder=None, name=MODEL):
    rungs = [Rung(r) if isinstance(r, str) else r for r in rungs]
    text = f'[[model]]\nname = "{name}"\nkind = "probabilities"\n'
    text += f'[[model.input]]\nname = "x"\ndtype = "FP32"\nshape = [1, {FEATURES}]\n'
    text += f'[[model.output]]\nname = "y"\ndtype = "FP32"\nshape = [1, {CLASSES}]\n'
    text += "[model.ladder]\n" + "".join(f"{key} = {value}\n" for key, value in (LADDER | (ladder or {})).items())
    return text + "".join(r.text() for r in rungs)


class Folder:
    """A temporary folder that goes away."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="lichen-test-"))

    def write(self, name, text):
        path = self.path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


class Agent:
    """A lichend with its own folder. With `held`, under a lichen-holder."""

    def __init__(self, text=None, held=False, wait=True, folder=None, **config):
        self.own_folder = folder is None
        self.folder = folder or Folder()
        self.port = None
        self.process = None
        try:
            self.config = self.folder.write("device.toml", text or config_text(**config))
            self.start(held)
            if wait:
                self.wait_ready()
        except BaseException:
            self.close()
            raise

    def start(self, held=False):
        command = [program("lichend"), "--config", str(self.config)]
        if held:
            command = [program("lichen-holder"), "--listen", "rest=127.0.0.1:0", "--"] + command
        self.log = self.folder.path / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        found = eventually(self._listening, "it listens")
        self.port = int(found.group(1))

    def _listening(self):
        text = self.log.read_text(errors="replace")
        if self.process.poll() is not None:
            raise AssertionError(f"it ended with {self.process.returncode}: {text}")
        return re.search(r"listening on 127\.0\.0\.1:(\d+)", text)

    def close(self):
        if self.process is not None and self.process.poll() is None:
            doomed = descendants(self.process.pid)
            self.process.kill()
            self.process.wait()
            for pid in doomed:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        if self.own_folder:
            self.folder.remove()

    def get(self, path):
        with Client(self.port) as client:
            return client.ask(http("GET", path))

    def ask(self, *arguments, **options):
        with Client(self.port) as client:
            return client.ask(infer_request(*arguments, **options))

    def status(self):
        return self.get("/lichen/v1/status").json()

    def rung(self, name):
        return next(r for r in self.status()["models"][0]["rungs"] if r["name"] == name)

    def ready(self):
        try:
            return self.get("/v2/health/ready").status == 200
        except OSError:
            return False

    def _first_starts_are_over(self):
        rungs = [r for model in self.status()["models"] for r in model["rungs"] if r["kind"] == "worker"]
        return not any(r["counters"]["starts"] == 1 and r["state"] == "starting" for r in rungs)

    def wait_ready(self):
        """Ready (a reflex table is at once), and each worker has come up or failed."""
        eventually(lambda: self.ready() and self._first_starts_are_over(), "it is ready")

    def wait_serving(self, name="primary"):
        def serving():
            rung = self.rung(name)
            return rung if rung["serves"] and rung["pid"] and rung["state"] == "ready" else None
        return eventually(serving, f"rung {name} serves")

    def kill_rung(self, name="primary"):
        """SIGKILL for the rung's worker once it serves; returns when the death was seen."""
        rung = self.wait_serving(name)
        os.kill(rung["pid"], signal.SIGKILL)
        eventually(lambda: self.rung(name)["counters"]["deaths"] > rung["counters"]["deaths"], "the death is counted")
        return rung["pid"]

    def stop_rung(self, name="primary"):
        pid = self.wait_serving(name)["pid"]
        os.kill(pid, signal.SIGSTOP)
        return pid

    def metric(self, name, **labels):
        total = 0.0
        for line in self.get("/metrics").body.decode().splitlines():
            if re.match(name + r"[ {]", line) and all(f'{key}="{value}"' in line for key, value in labels.items()):
                total += float(line.rpartition(" ")[2])
        return total

    def terminate(self):
        """SIGTERM; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)


class Load:
    """Clients that ask without pause until they are stopped; every outcome is kept."""

    def __init__(self, agent, clients=3, deadline_ms=5000):
        self.agent = agent
        self.request = infer_request(deadline_ms=deadline_ms)
        self.replies = []
        self.lost = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def _ask(self):
        try:
            with Client(self.agent.port) as client:
                while not self._stop.is_set():
                    self.replies.append(client.ask(self.request))
        except OSError as error:
            self.lost.append(error)
