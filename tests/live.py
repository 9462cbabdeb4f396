"""A running service with a token, for tests that look at what it answers to whoever reads."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from running_service import UNLIMITED, Answer, Client, Service, wait_until


class Live:
    """A running service and a token to read exact numbers with."""

    def __init__(self, service: Service, token: str) -> None:
        self.directory = service.data
        self.url = "http://{}:{}".format(*service.address)
        self.service = service
        self.token = token

    def get(self, path: str, headers: Mapping[str, str] | None = None, *, exact: bool = False, method: str = "GET") -> Answer:
        extra = {"authorization": f"Bearer {self.token}"} if exact else {}
        return self._send(method, path, None, {"accept": "text/html", **extra, **(headers or {})})

    def post(self, payload: object) -> int:
        return self._send("POST", "/telemetry", msgspec.json.encode(payload), {}).status

    def ask(self, path: str, asked: object) -> dict[str, Any]:
        """What a question that is posted is answered with."""
        return dict(msgspec.json.decode(self._send("POST", path, msgspec.json.encode(asked), {}).body))

    def wait_until_counted(self, n: int, path: str = "/api/dashboard?days=1&repo=all") -> None:
        """Wait until exactly `n` installations of today are in the exact counts."""
        wait_until(lambda: msgspec.json.decode(self.get(path, exact=True).body)["total_installs"] == n, f"{n} to be counted")

    def _send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        client = Client(self.service.address)
        try:
            return client.send(method, path, body, headers)
        finally:
            client.close()


@contextmanager
def running(root: Path, demo: tuple[str, ...] = (), **settings: str) -> Iterator[Live]:
    """A service with an empty store, or with demo data made by these options of the command."""
    service = Service(root, **UNLIMITED, **settings)
    if demo:
        made = service.command("demo", *demo)
        assert made.returncode == 0, made.stderr
    token = service.command("token", "create", "--scope", "read", "--name", "tests").stdout.splitlines()[-1]
    service.start()
    try:
        yield Live(service, token)
        assert service.stop() == 0
    finally:
        service.end()
