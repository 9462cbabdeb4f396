"""A real PocketBase on a free port, with a data directory of its own."""

import http.client
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

POCKETBASE = str(Path(sys.executable).with_name("pocketbase"))
EMAIL, PASSWORD = "mirror@example.com", "a long password"
COLLECTION = "telemetry"
PATIENCE_SECONDS = 30.0
Item = dict[str, Any]


def template(folder: Path) -> Path:
    """A data directory with a superuser."""
    command = (POCKETBASE, "superuser", "upsert", EMAIL, PASSWORD, "--dir", str(folder), "--migrationsDir", str(folder / "none"))
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_SECONDS)
    return folder


class PocketBaseServer:
    """`pocketbase serve`; it keeps its port over restarts."""

    def __init__(self, folder: Path, prepared: Path, prefix: tuple[str, ...] = ()) -> None:
        self.folder = folder
        shutil.copytree(prepared, folder)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port: int = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self._prefix = prefix
        self._token = ""

    def start(self, served: Path | None = None) -> "PocketBaseServer":
        place = str(served or self.folder)
        self.process = subprocess.Popen(
            [
                *(*self._prefix, POCKETBASE, "serve", "--http", f"127.0.0.1:{self.port}", "--dir", place),
                *("--migrationsDir", f"{place}/none", "--automigrate=0"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                self.ask("GET", "/api/health", token="")
            except OSError:
                assert time.monotonic() < deadline
                assert self.process.poll() is None
                time.sleep(0.01)
                continue
            return self

    def kill(self) -> None:
        """End it as a power cut would; what it answered is in its files."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(PATIENCE_SECONDS)
            self.process = None

    def ask(self, method: str, path: str, body: object = None, token: str | None = None) -> tuple[int, Any]:
        """One request as a superuser: status and decoded body."""
        if token is None:
            self._token = self._token or self.login()
            token = self._token
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            headers = {"content-type": "application/json"} | ({"authorization": token} if token else {})
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            data = answer.read()
            return answer.status, json.loads(data) if data else None
        finally:
            connection.close()

    def good(self, method: str, path: str, body: object = None) -> Any:
        """The same, for what must work."""
        status, found = self.ask(method, path, body)
        assert status < 300, found
        return found

    def login(self) -> str:
        body = {"identity": EMAIL, "password": PASSWORD}
        status, found = self.ask("POST", "/api/collections/_superusers/auth-with-password", body, token="")
        assert status == 200
        return str(found["token"])

    def records(self, collection: str = COLLECTION) -> list[Item]:
        """Every record, by id."""
        found: list[Item] = []
        after = ""
        while True:
            query = f"perPage=500&skipTotal=1&sort=id&filter={quote(f'id > {after!r}')}"
            page = self.good("GET", f"/api/collections/{collection}/records?{query}")["items"]
            if not page:
                return found
            found += page
            after = page[-1]["id"]

    def collection(self, name: str = COLLECTION) -> Item:
        found = self.good("GET", f"/api/collections/{name}")
        assert isinstance(found, dict)
        return found

    def change_fields(self, **changes: Item | None) -> None:
        """Change columns by hand, or remove those that are None."""
        fields = []
        for field in self.collection()["fields"]:
            change = changes.get(field["name"], {})
            if change is not None:
                fields.append(field | change)
        self.good("PATCH", f"/api/collections/{COLLECTION}", {"fields": fields})

    def allow_batches(self, most: int = 50) -> None:
        self.good("PATCH", "/api/settings", {"batch": {"enabled": True, "maxRequests": most, "timeout": 30}})

    def expire_tokens(self) -> None:
        """Make every token that was given out invalid."""
        secret = {"authToken": {"secret": "another secret, which is long enough for PocketBase", "duration": 600}}
        self.good("PATCH", "/api/collections/_superusers", secret)
        self._token = ""


NewPocketBase = Callable[..., PocketBaseServer]


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return template(tmp_path_factory.mktemp("pocketbase") / "prepared")


@pytest.fixture
def new_pocketbase(tmp_path: Path, prepared: Path) -> Iterator[NewPocketBase]:
    """Makes servers, not started yet."""
    servers: list[PocketBaseServer] = []

    def make(prefix: tuple[str, ...] = ()) -> PocketBaseServer:
        servers.append(PocketBaseServer(tmp_path / f"pocketbase{len(servers)}", prepared, prefix))
        return servers[-1]

    yield make
    for server in servers:
        server.kill()


@pytest.fixture
def pocketbase(new_pocketbase: NewPocketBase) -> PocketBaseServer:
    """A running one."""
    return new_pocketbase().start()
