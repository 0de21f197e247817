# SPDX-License-Identifier: Apache-2.0
"""Engines as processes that take turns (worker.hpp says what they are told)."""

import json
import os
import selectors
import statistics
import subprocess
import time

READY_PATIENCE_S = 120.0
ANSWER_PATIENCE_S = 60.0
# Before everything else that the machine does, where we may: all engines alike.
NICENESS = -15
# A peer's threads may spin on for a while after its turn: let them go to sleep first.
BETWEEN_TURNS_S = 0.03


class Refused(Exception):
    """The engine does not run this model here; the text says why."""


def cpus_for(threads):
    """The last CPUs that we may use: the first ones tend to serve interrupts. None where there are too few."""
    allowed = sorted(os.sched_getaffinity(0))
    return set(allowed[-threads:]) if len(allowed) >= threads else None


def placed(cpus):
    """In the new process: onto its CPUs and, with the right to do so, first in line. Where Linux groups processes by
    session (autogroup), niceness counts within a session only, and the session's own niceness between them."""
    os.setsid()
    os.sched_setaffinity(0, cpus)
    try:
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
        with open("/proc/self/autogroup", "w") as file:
            file.write(str(NICENESS))
    except OSError:
        pass


class Worker:
    def __init__(self, command, threads):
        cpus = cpus_for(threads)
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        env={**os.environ, "OMP_NUM_THREADS": str(threads)},
                                        preexec_fn=lambda: placed(cpus))
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)
        self.buffer = b""

    def line(self, patience_s):
        end = time.monotonic() + patience_s
        while b"\n" not in self.buffer:
            if not self.selector.select(max(0.0, end - time.monotonic())):
                raise Refused(f"no answer within {patience_s:.0f} s")
            got = os.read(self.process.stdout.fileno(), 1 << 16)
            if not got:
                raise Refused(f"ended with status {self.process.wait()}")
            self.buffer += got
        text, _, self.buffer = self.buffer.partition(b"\n")
        row = json.loads(text)
        if "error" in row:
            raise Refused(row["error"])
        return row

    def ready(self):
        self.started = self.line(READY_PATIENCE_S)
        return self.started

    def ask(self, command, patience_s=ANSWER_PATIENCE_S):
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()
        return self.line(patience_s)

    def close(self):
        try:
            self.process.stdin.close()
            self.process.wait(2)
        except (OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.selector.close()


def started(commands, threads):
    """Starts a worker a name, all at once. Returns (workers, refusals), both by name."""
    workers = {name: Worker(command, threads) for name, command in commands.items()}
    refusals = {}
    for name, worker in list(workers.items()):
        try:
            worker.ready()
        except Refused as refused:
            refusals[name] = str(refused)
            workers.pop(name).close()
    return workers, refusals


def take_turns(commands, threads, takes, rounds, seconds):
    """Interleaved rounds of all engines: name -> {"median_us": median over rounds of the medians, "min_us"}, and refusals.
    A take starts the processes anew, so that one unlucky placement in memory does not decide."""
    medians, mins, refusals = {}, {}, {}
    for _ in range(takes):
        workers, refused = started(commands, threads)
        refusals.update(refused)
        for worker in workers.values():
            worker.ask(f"time {seconds / 4}")
        for _ in range(rounds):
            for name, worker in workers.items():
                time.sleep(BETWEEN_TURNS_S)
                row = worker.ask(f"time {seconds}")
                medians.setdefault(name, []).append(row["median_us"])
                mins.setdefault(name, []).append(row["min_us"])
        for worker in workers.values():
            worker.close()
    return {name: {"median_us": statistics.median(medians[name]), "min_us": min(mins[name])} for name in medians}, refusals
