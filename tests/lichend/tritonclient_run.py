#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs tests/doors/tritonclient_test.py against a real lichend, in a virtual environment made for it.

Usage: LICHEN_BIN=... LICHEN_MODELS=... tritonclient_run.py VENV-FOLDER

Makes the environment once, with pinned versions. Exit code 77: it could not be made (no network?), so nothing was tested.
"""

import pathlib
import shutil
import subprocess
import sys

from devices import MODEL, Agent

PINNED = ["tritonclient[http]==2.73.0", "numpy==2.4.6"]
SKIPPED = 77
INSTALL_PATIENCE_S = 240
TEST = pathlib.Path(__file__).resolve().parents[1] / "doors" / "tritonclient_test.py"


def make(venv):
    """The interpreter of the environment, or None if it cannot be had."""
    python, stamp = venv / "bin" / "python3", venv / "complete"
    pinned = "\n".join(PINNED)
    if stamp.exists() and stamp.read_text() == pinned:
        return python
    shutil.rmtree(venv, ignore_errors=True)
    try:
        subprocess.run(["/usr/bin/python3", "-m", "venv", venv], check=True, timeout=INSTALL_PATIENCE_S)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", *PINNED],
                       check=True, timeout=INSTALL_PATIENCE_S)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"SKIPPED: no {', '.join(PINNED)}: {error}", file=sys.stderr)
        return None
    stamp.write_text(pinned)
    return python


def main():
    python = make(pathlib.Path(sys.argv[1]))
    if python is None:
        return SKIPPED
    agent = Agent(server={"model_control": "true", "shared_memory": "true"})
    try:
        agent.wait_serving()
        return subprocess.run([python, TEST, f"127.0.0.1:{agent.port}", MODEL], timeout=120, check=False).returncode
    finally:
        agent.close()


if __name__ == "__main__":
    sys.exit(main())
