"""The service as a process of its own, for tests that talk to it over HTTP or with a browser."""

import http.client
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

COMMAND = str(Path(sys.executable).with_name("telemetry-service"))
PATIENCE_SECONDS = 30.0  # a loaded machine is slow, not wrong


class Answer(NamedTuple):
    """An answer; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Live:
    """A running service and a token to read exact numbers with."""

    def __init__(self, directory: Path, address: tuple[str, int], token: str) -> None:
        self.directory = directory
        self.address = address
        self.token = token
        self.url = f"http://{address[0]}:{address[1]}"

    def get(self, path: str, headers: Mapping[str, str] | None = None, *, exact: bool = False) -> Answer:
        extra = {"authorization": f"Bearer {self.token}"} if exact else {}
        return self._send("GET", path, None, {"accept": "text/html", **extra, **(headers or {})})

    def post(self, payload: object) -> int:
        return self._send("POST", "/telemetry", msgspec.json.encode(payload), {}).status

    def ask(self, path: str, asked: object) -> dict[str, Any]:
        """What a question that is posted is answered with."""
        return dict(msgspec.json.decode(self._send("POST", path, msgspec.json.encode(asked), {}).body))

    def wait_until_counted(self, n: int, path: str = "/api/dashboard?days=1&repo=all") -> None:
        """Wait until exactly `n` installations of today are in the exact counts."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (found := msgspec.json.decode(self.get(path, exact=True).body)["total_installs"]) != n:
            assert time.monotonic() < deadline, f"{found} counted instead of {n}"
            time.sleep(0.02)

    def _send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        connection = http.client.HTTPConnection(*self.address, timeout=PATIENCE_SECONDS)
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
        finally:
            connection.close()


@contextmanager
def running(root: Path, demo: tuple[str, ...] = ()) -> Iterator[Live]:
    """A service with an empty store, or with demo data made by these options of the command."""
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ} | {
        "HOME": str(root),
        "DATA_DIR": str(root / "data"),
        "LISTEN_ADDR": "127.0.0.1:0",
        "RATE_LIMIT_RPM": "0",
        "RATE_LIMIT_NEW_PER_HOUR": "0",
        "RATE_LIMIT_READ_RPM": "0",
        "RATE_LIMIT_PRIVACY_RPM": "0",
        "PYTHONWARNINGS": "error",
    }

    def command(*arguments: str) -> str:
        done = subprocess.run([COMMAND, *arguments], env=environment, capture_output=True, check=True, timeout=120)
        return done.stdout.decode().strip()

    if demo:
        command("demo", *demo)
    token = command("token", "create", "--scope", "read", "--name", "tests").splitlines()[-1]
    log = root / "stderr.log"
    with log.open("wb") as stderr:
        process = subprocess.Popen([COMMAND, "serve"], env=environment, stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr)
    try:
        yield Live(root / "data", _address(process, log), token)
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)
    assert "Traceback" not in log.read_text(), log.read_text()
    assert "server.error" not in log.read_text(), log.read_text()


def _address(process: subprocess.Popen[bytes], log: Path) -> tuple[str, int]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := re.search(r"event='listening' address='http://([^:']+):(\d+)'", log.read_text())):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found[1], int(found[2])
