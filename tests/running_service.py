"""The real service as a process of its own, and a client for it."""

import contextlib
import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec

from telemetry_service.bootstrap.counting import recount
from telemetry_service.settings import from_environ

T = TypeVar("T")
COMMAND = str(Path(sys.executable).with_name("telemetry-service"))
PATIENCE_SECONDS = 30.0  # a loaded machine is slow, not wrong
COMMAND_SECONDS = 120.0
STOP_SECONDS = 10.0  # what the service promises after SIGTERM
POLL_SECONDS = 0.01
IDLE_SECONDS = 2.0  # the service closes a connection that is idle for longer than 5 s, maybe just while it is used
UNLIMITED = {"RATE_LIMIT_RPM": "0", "RATE_LIMIT_NEW_PER_HOUR": "0", "RATE_LIMIT_READ_RPM": "0", "RATE_LIMIT_PRIVACY_RPM": "0"}


def wait_until(condition: Callable[[], T], what: str, seconds: float = PATIENCE_SECONDS) -> T:
    """The first true value of a condition; fails with `what` was waited for."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(POLL_SECONDS)
    return value


def report(**fields: Any) -> dict[str, Any]:
    """A payload that is accepted, of an installation of its own unless `random_id` is given."""
    return {"random_id": str(uuid4()), "type": "lxc", "nsapp": "jellyfin", "status": "success"} | fields


class Answer(NamedTuple):
    """An answer; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Client:
    """One connection that is kept alive, from a loopback address of choice."""

    def __init__(self, address: tuple[str, int], source: str = "") -> None:
        origin = (source, 0) if source else None
        self._connection = http.client.HTTPConnection(*address, timeout=PATIENCE_SECONDS, source_address=origin)
        self._used_at = 0.0

    def send(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, **options: Any) -> Answer:
        """One request and its answer. Raises `OSError` or `http.client.HTTPException` when the connection fails."""
        if time.monotonic() - self._used_at > IDLE_SECONDS:
            self._connection.close()
        try:
            # Who is refused before the end of the body finds the answer although sending failed.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self._connection.request(method, path, body, dict(headers or {}), **options)
            response = self._connection.getresponse()
            answer = response.read()
            self._used_at = time.monotonic()
        except (OSError, http.client.HTTPException):
            self._connection.close()  # the next request opens it again
            raise
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, answer)

    def post(self, payload: Any, headers: Mapping[str, str] | None = None) -> Answer:
        """Post a report: bytes as they are, anything else as JSON."""
        body = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
        return self.send("POST", "/telemetry", body, headers)

    def close(self) -> None:
        self._connection.close()


class Service:
    """`telemetry-service serve` in a directory of its own: data, home, temporary files and logs are all below `root`."""

    def __init__(self, root: Path, **settings: str) -> None:
        self.root = root
        self.data = Path(settings.get("DATA_DIR", root / "data"))
        self.stdout, self.stderr = root / "stdout.log", root / "stderr.log"
        self.may_fail = False  # whether errors of the service in its log are expected
        self._settings = {"LISTEN_ADDR": "127.0.0.1:0", "DATA_DIR": str(self.data)} | settings
        self._process: subprocess.Popen[bytes] | None = None
        self._logged_before = 0
        self.behind: tuple[str, ...] = ()  # a command that runs it
        self._clients: list[Client] = []
        self.address = ("", 0)
        root.mkdir(parents=True, exist_ok=True)

    @property
    def environment(self) -> dict[str, str]:
        passed_on = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        own = {"HOME": str(self.root), "TMPDIR": str(self.root), "PYTHONWARNINGS": "error"}
        return passed_on | own | self._settings

    def start(self) -> "Service":
        """Start it and wait until it listens."""
        self.spawn()
        wait_until(lambda: self._listening() or self.ended, "the service to listen")
        assert not self.ended, f"the service ended: {self.new_log}"
        return self

    def spawn(self) -> None:
        """Start it without waiting for anything."""
        assert self.ended
        self._logged_before = self.stderr.stat().st_size if self.stderr.exists() else 0
        with self.stdout.open("ab") as stdout, self.stderr.open("ab") as stderr:
            self._process = subprocess.Popen(
                [*self.behind, COMMAND, "serve"],
                cwd=self.root,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
            )

    def _listening(self) -> bool:
        found = re.search(r"event='listening' address='([^']+)'", self.new_log)
        if found:
            url = urlsplit(found[1])
            self.address = (str(url.hostname), int(url.port or 0))
        return found is not None

    @property
    def new_log(self) -> str:
        """What it has logged since the last start."""
        return self.log[self._logged_before :]

    @property
    def log(self) -> str:
        return self.stderr.read_text("utf-8", "replace") if self.stderr.exists() else ""

    @property
    def log_besides_jobs(self) -> list[str]:
        """Its lines, but for those that say that a job is done: a service that lives for half a minute has some."""
        return [line for line in self.log.splitlines() if "event='job.done'" not in line]

    @property
    def ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def worker_pid(self) -> int:
        """The background process, waited for if it is being restarted."""
        return wait_until(lambda: self.find_worker(), "a worker process")

    def find_worker(self) -> int | None:
        return next((pid for pid in _children(self.pid) if b"telemetry_service.worker" in _command(pid)), None)

    def client(self, source: str = "") -> Client:
        """A new connection, closed at the end of the test."""
        self._clients.append(Client(self.address, source))
        return self._clients[-1]

    def close_clients(self) -> None:
        for client in self._clients:
            client.close()

    def wait(self, seconds: float = PATIENCE_SECONDS) -> int:
        """Wait for its end; the exit status."""
        assert self._process is not None
        return self._process.wait(seconds)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it by a signal, within the time it promises; the exit status."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(STOP_SECONDS)

    def kill(self, *, web: bool = True, worker: bool = True, worker_first: bool = False) -> None:
        """SIGKILL to the web process, the worker, or both; returns when they are gone. A worker left over ends by itself."""
        found = self.find_worker()
        doomed = ([self.pid] if web else []) + ([found] if worker and found else [])
        for pid in reversed(doomed) if worker_first else doomed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if web:
            self.wait()
        if worker and found:
            wait_until(lambda: not is_alive(found), "the killed worker to be gone")

    def end(self) -> None:
        """Kill it if it still runs; an error that it logged and the test did not expect fails the test."""
        self.close_clients()
        if not self.ended:
            self.kill()
        if not self.may_fail:
            assert "Traceback" not in self.log, self.log
            assert "server.error" not in self.log, self.log

    def pause_worker(self) -> None:
        """Hold the fold where it is: events stay in the inbox."""
        os.kill(self.worker_pid, signal.SIGSTOP)

    def resume_worker(self) -> None:
        os.kill(self.worker_pid, signal.SIGCONT)

    def recount(self) -> list[tuple[int, int, int, int, int]]:
        """What the command `recount` finds, in this process: it is asked for often."""
        return recount(from_environ(self.environment))

    def command(self, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
        """Run another command of the service on the same data."""
        finished = subprocess.run(
            [COMMAND, *arguments],
            cwd=self.root,
            env=self.environment,
            input=stdin,
            capture_output=True,
            timeout=COMMAND_SECONDS,
        )
        return subprocess.CompletedProcess(finished.args, finished.returncode, finished.stdout.decode(), finished.stderr.decode())


def post_all(service: Service, payloads: Iterable[Any], connections: int = 8) -> list[Answer]:
    """Post reports over several connections at once; the answers in the order of the reports."""
    clients = Queue[Client]()
    for _ in range(connections):
        clients.put(service.client())

    def post(payload: Any) -> Answer:
        client = clients.get()
        try:
            return client.post(payload)
        finally:
            clients.put(client)

    with ThreadPoolExecutor(connections) as pool:
        return list(pool.map(post, payloads))


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not fetched by its parent does not."""
    return _state(pid)[0] not in ("", "Z", "X")


def _state(pid: int) -> tuple[str, int]:
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "", 0
    return after_name[0], int(after_name[1])


def _children(pid: int) -> list[int]:
    return [
        child
        for child in (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
        if _state(child)[1] == pid and is_alive(child)
    ]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def resident_bytes(pid: int) -> int:
    """Memory of a process that is in RAM."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
