"""How long does an installer wait for the shell client, whatever the server does?"""

import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bench.table import Line

CLIENT = Path(__file__).parent.parent / "clients" / "shell" / "telemetry.sh"
SHELLS = (("bash",), ("dash",), ("busybox", "ash"))
RUNS = 1_000
GOAL_MS = 50
LOG_BYTES = 1_000_000
CALLS = (
    f". {CLIENT}; telemetry_consent; telemetry_start jellyfin lxc; telemetry_set os_type debian; telemetry_progress validation;"
    "telemetry_progress configuring; telemetry_fail 100 12 'apt-get install x' install.log"
)


def run(_seconds: float, _rounds: int) -> Iterator[Line]:
    """A whole installation that fails: source the client, consent known, start, two pings, failure with a log of 1 MB."""
    shells = [shell for shell in SHELLS if shutil.which(shell[0])]
    with ExitStack() as stack, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        servers = {
            "answers": stack.enter_context(_answering(202)),
            "answers 503": stack.enter_context(_answering(503)),
            "never answers": stack.enter_context(_silent()),
            "refuses connections": "http://127.0.0.1:1",
            "has no address": "http://telemetry.invalid",
        }
        runs = RUNS // (len(shells) * len(servers)) + 1
        for shell in shells:
            nothing = [_timed(shell, ":", Path(directory), "") for _ in range(runs)]
            for what, url in servers.items():
                times = [_timed(shell, CALLS, Path(directory), url) for _ in range(runs)]
                added = sorted(1e3 * (seconds - statistics.median(nothing)) for seconds in times)
                middle, late = statistics.median(added), added[int(len(added) * 0.99) - 1]
                yield Line(
                    f"{' '.join(shell)}, server {what}", f"{middle:.1f} ms, p99 {late:.1f} ms of {runs} runs",
                    f"at most {GOAL_MS} ms", late <= GOAL_MS,
                )  # fmt: skip


def _timed(shell: tuple[str, ...], script: str, directory: Path, url: str) -> float:
    """Seconds until the shell has ended; what it left in the background is waited for outside of them."""
    log, traces = directory / "install.log", directory / "traces"
    if not log.exists():
        log.write_bytes(b"Setting up a package (1.2.3-4) ...\n" * (LOG_BYTES // 35))
    traces.mkdir(exist_ok=True)
    fields = next(line for line in CLIENT.read_text().splitlines() if line.startswith("_telemetry_fields=")).partition("'")[2]
    (traces / "consent").write_text(f"yes {url} 0 {fields.rstrip(chr(39))}\n")
    environment = {"PATH": os.environ["PATH"], "TELEMETRY_DIR": str(traces), "TELEMETRY_URL": url}
    begin = time.perf_counter()
    subprocess.run([*shell, "-c", script], cwd=directory, env=environment, stdin=subprocess.DEVNULL, check=True)
    seconds = time.perf_counter() - begin
    _let_the_background_end(traces, reports=script.count("telemetry_progress") + 2 if url else 0)
    shutil.rmtree(traces, ignore_errors=True)
    return seconds


def _let_the_background_end(traces: Path, reports: int) -> None:
    """Wait until every report is settled, or waits for the server: the next run is then the only one to use the processor."""
    deadline = time.monotonic() + 5.0
    settled = 0
    while settled < reports and time.monotonic() < deadline:
        time.sleep(0.02)
        history = traces / "history"
        done = history.read_text().count("\n") if history.exists() else 0
        settled = done or len(list(traces.glob("spool/*.sending")))
    time.sleep(0.05)


@contextmanager
def _answering(status: int) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def _silent() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
