"""Is a million installations audited within a minute, in memory that does not grow with them?"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.datasets import COMMAND, LARGE, SMALL, dataset
from bench.table import Line

GOAL_SECONDS = 60
GOAL_GROWTH = 1.3  # of memory, for ten times the installations


def run(_seconds: float, _rounds: int) -> Iterator[Line]:
    """The command on copies of both data sets; without a service, so that the claims about its answers cannot be told."""
    peaks = []
    for installations in (SMALL, LARGE):
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "data"
            shutil.copytree(dataset(installations), copy)
            began = time.monotonic()
            process = subprocess.Popen(
                [COMMAND, "audit", "--json"], env={**os.environ, "DATA_DIR": str(copy)}, stdout=subprocess.DEVNULL
            )
            _, _, used = os.wait4(process.pid, 0)
            process.returncode = 0
            took = time.monotonic() - began
        peaks.append(used.ru_maxrss)
        goal = f"<= {GOAL_SECONDS} s" if installations == LARGE else ""
        met = took <= GOAL_SECONDS if goal else None
        cpu = used.ru_utime + used.ru_stime
        yield Line(f"{installations:,} installations", f"{took:.1f} s, of which {cpu:.1f} s of computing", goal, met)
    growth = peaks[1] / peaks[0]
    yield Line("memory", f"{peaks[0] // 1024} MB, then {peaks[1] // 1024} MB", f"<= {GOAL_GROWTH} times", growth <= GOAL_GROWTH)
