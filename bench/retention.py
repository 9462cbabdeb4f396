"""How long do retention and VACUUM of many installations take, and do those who send and read notice?"""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

from bench.backlog import drained, folded, stored
from bench.datasets import dataset
from bench.datasets import run as run_command
from bench.load import Connections, Result
from bench.payloads import requests
from bench.processes import Server, service
from bench.table import Line

INSTALLATIONS = 1_000_000
PER_SECOND = 100  # well below what one processor does, so that what is added by a job is seen
WINDOW_SECONDS = 2.0
READ_EVERY_SECONDS = 0.25
READ_PATH = "/api/dashboard?days=1&repo=all"
COMMAND = ["nice", "-n", "10", sys.executable, "-m", "telemetry_service"]


@dataclass
class During:
    """What was seen while a command ran: reports, reads in milliseconds, the largest backlog; its own time in seconds."""

    seconds: float = 0.0
    processor_seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    sent: int = 0
    reads_ms: list[float] = field(default_factory=list)
    most_waiting: int = 0


def run(seconds: float, _rounds: int, installations: int = INSTALLATIONS) -> Iterator[Line]:
    """Demo data of a year, of which all but today is deleted and then written anew, under a steady load."""
    with tempfile.TemporaryDirectory() as root:
        data = Path(root) / "data"
        shutil.copytree(dataset(installations), data)
        run_command(data, "retention")  # deletes nothing of a year, and the service need not make up for it
        with service(data, CLEANUP_ENABLED="false") as server:
            connections = Connections(server.port)
            connections.run_open(requests(), PER_SECOND, 2.0)
            quiet = _quiet(server, connections, data, seconds)
            retained = _during(server, connections, data, "retention", RETENTION_DAYS="1")
            emptied = _during(server, connections, data, "vacuum")
            acknowledged = stored(data)
            caught_up = drained(data, acknowledged)
            # Before and after, because others may use the machine, too.
            quiet += _quiet(server, connections, data, seconds)
            connections.close()
    yield Line(f"p99 of reports before and after, at {PER_SECOND}/s", f"{_p99(quiet):.1f} ms, slowest {max(quiet):.0f} ms")
    yield from _lines(f"retention of {installations:,}", retained, quiet)
    yield Line(
        "retention",
        f"{retained.seconds:.1f} s, {retained.processor_seconds:.1f} s of a processor",
        "< 60 s",
        retained.seconds < 60,
    )
    yield from _lines("vacuum after it", emptied, quiet)
    yield Line("vacuum", f"{emptied.seconds:.1f} s, {emptied.processor_seconds:.1f} s of a processor")
    yield Line("all folded after it", f"{caught_up:.1f} s")
    lost = sum(one.sent - len(one.latencies_ms) for one in (retained, emptied))
    yield Line("reports not taken meanwhile", str(lost), "0", lost == 0)


def _p99(latencies_ms: list[float]) -> float:
    return Result(1.0, latencies_ms).percentile_ms(99)


def _lines(what: str, during: During, quiet: list[float]) -> Iterator[Line]:
    p99 = _p99(during.latencies_ms)
    ratio = p99 / _p99(quiet)
    yield Line(f"p99 of reports during {what}", f"{p99:.1f} ms, {ratio:.2f} times that", "< 2", ratio < 2)
    yield Line(f"slowest report during {what}", f"{max(during.latencies_ms):.0f} ms")
    yield Line(f"slowest of {len(during.reads_ms)} reads during {what}", f"{max(during.reads_ms):.0f} ms")
    yield Line(f"most reports waiting for the fold during {what}", f"{during.most_waiting:,}")


def _quiet(server: Server, connections: Connections, data: Path, seconds: float) -> list[float]:
    """Latencies in milliseconds while nothing but the same reports and reads goes on."""
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(over.is_set, server.port, data, During()))
    watcher.start()
    latencies_ms = connections.run_open(requests(), PER_SECOND, seconds).latencies_ms
    over.set()
    watcher.join()
    return latencies_ms


def _during(server: Server, connections: Connections, data: Path, command: str, **settings: str) -> During:
    """Run a command beside the service as its schedule does, while reports and reads go on."""
    seen, environment = During(), {**os.environ, "DATA_DIR": str(data), **settings}
    began, before = time.perf_counter(), os.times()
    process = subprocess.Popen([*COMMAND, command], env=environment, stdout=subprocess.DEVNULL)
    watcher = threading.Thread(target=_watch, args=(lambda: process.poll() is not None, server.port, data, seen))
    watcher.start()
    while process.poll() is None:
        window = connections.run_open(requests(), PER_SECOND, WINDOW_SECONDS)
        seen.sent += int(PER_SECOND * WINDOW_SECONDS)
        seen.latencies_ms += window.latencies_ms
    watcher.join()
    after = os.times()
    seen.processor_seconds = after.children_user + after.children_system - before.children_user - before.children_system
    if process.returncode:
        raise RuntimeError(f"{command} ended with status {process.returncode}")
    seen.seconds = min(seen.seconds, time.perf_counter() - began)
    return seen


def _watch(is_over: Callable[[], bool], port: int, data: Path, seen: During) -> None:
    """Read as a dashboard does, and look at the backlog, until it is over."""
    began = time.perf_counter()
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    number = 0
    while not is_over():
        asked = time.perf_counter()
        number += 1
        connection.request("GET", f"{READ_PATH}&slug=nobody/{number}")  # a question that nobody has asked before
        connection.getresponse().read()
        seen.reads_ms.append((time.perf_counter() - asked) * 1e3)
        seen.most_waiting = max(seen.most_waiting, stored(data) - folded(data))
        time.sleep(READ_EVERY_SECONDS)
    seen.seconds = time.perf_counter() - began
    connection.close()
