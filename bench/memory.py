"""How much memory do all processes hold after a million events, and how long is it from start to the first answer?"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.backlog import drained
from bench.load import Connections
from bench.payloads import requests
from bench.processes import Server, service
from bench.reads import read_all
from bench.table import Line

EVENTS = 1_000_000
STARTS = 5
GOAL_MB = 150
KB_PER_MB = 1024


def run(_seconds: float, _rounds: int) -> Iterator[Line]:
    """A million reports of as many installations, folded, and everything public read; then restarts on that data."""
    with tempfile.TemporaryDirectory() as directory:
        data = Path(directory)
        with service(data) as server:
            empty = _sum_mb(server, "Rss")
            connections = Connections(server.port)
            connections.send_exactly(requests(), EVENTS)
            connections.close()
            drained(data, EVENTS)
            read_all(server)
            rss, pss = _sum_mb(server, "Rss"), _sum_mb(server, "Pss")
        yield Line("resident after start", f"{empty:.0f} MB")
        yield Line(f"resident after {EVENTS:,} events (pages shared by processes counted once)", f"{pss:.0f} MB")
        yield Line(f"resident after {EVENTS:,} events", f"{rss:.0f} MB", f"< {GOAL_MB} MB", rss < GOAL_MB)
        starts = []
        for _ in range(STARTS):
            with service(data) as server:
                starts.append(server.seconds_to_first_answer)
    yield Line("start to first answer, median", f"{median(starts):.2f} s", "< 1 s", median(starts) < 1)


def _sum_mb(server: Server, name: str) -> float:
    """A figure of /proc/PID/smaps_rollup, over all processes."""
    kilobytes = 0
    for pid in server.pids():
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines():
            if line.startswith(f"{name}:"):
                kilobytes += int(line.split()[1])
    return kilobytes / KB_PER_MB
