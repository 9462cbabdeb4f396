"""The service ends well also while its patterns are still being built."""

import os
import signal
import subprocess
import sys
from pathlib import Path

# What stands for building them: seconds of work inside RE2, with Python's lock let go.
SERVICE = """
import time, re2
from telemetry_service.core.intake import Intake
from telemetry_service.cli import app

def prepare(self):
    pattern, text, end = re2.compile("(x|y)+z"), "a b c " * 100_000, time.monotonic() + 3
    while time.monotonic() < end:
        pattern.search(text)

Intake.prepare = prepare
app(["serve"])
"""


def test_stopped_while_patterns_are_built(tmp_path: Path) -> None:
    env = os.environ | {"DATA_DIR": str(tmp_path / "data"), "LISTEN_ADDR": "127.0.0.1:0"}
    with subprocess.Popen([sys.executable, "-c", SERVICE], env=env, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while "listening" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        said = process.stderr.read()
        assert process.wait(60) == 0, said
