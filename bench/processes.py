"""Servers under test: started on loopback in a directory of their own, and stopped."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 20.0


@dataclass
class Server:
    """A running server."""

    process: subprocess.Popen[bytes]
    port: int
    seconds_to_first_answer: float

    def pids(self) -> list[int]:
        """The process and those it started."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text("ascii").split()
        return [self.process.pid, *map(int, children)]


@contextmanager
def service(data: Path, **settings: str) -> Iterator[Server]:
    """The whole service with its worker, as `make serve` runs it; the rate limiter counts, but never refuses."""
    environment = {
        "DATA_DIR": str(data),
        "RATE_LIMIT_RPM": "10000000",
        "RATE_LIMIT_NEW_PER_HOUR": "0",
        "RATE_BURST": "1000000",
        "MAX_NEW_APPS_PER_DAY": "1000",
        **settings,
    }
    with _running([str(Path(sys.executable).with_name("telemetry-service")), "serve"], environment) as server:
        yield server


@contextmanager
def noop() -> Iterator[Server]:
    """The server that answers 202 and does nothing."""
    with _running([sys.executable, "-m", "bench.noop"], {}) as server:
        yield server


@contextmanager
def _running(command: list[str], environment: dict[str, str]) -> Iterator[Server]:
    port = free_port()
    environment = {**os.environ, "LISTEN_ADDR": f"127.0.0.1:{port}", **environment}
    arguments = [*command, str(port)] if command[-1] == "bench.noop" else command
    started = time.perf_counter()
    process = subprocess.Popen(arguments, env=environment, stderr=subprocess.DEVNULL)
    try:
        yield Server(process, port, _first_answer(process, port) - started)
    finally:
        process.terminate()
        process.wait(30)


def _first_answer(process: subprocess.Popen[bytes], port: int) -> float:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("POST", "/telemetry", b"{}")
            connection.getresponse().read()
            connection.close()
        except OSError:
            time.sleep(0.005)
            continue
        return time.perf_counter()
    raise RuntimeError(f"the server did not answer (exit status {process.poll()})")


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
