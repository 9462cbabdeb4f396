"""Does the mirror keep up with what PocketBase itself takes, one record a request over 8 connections, and with batches?"""

import asyncio
import http.client
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from bench.payloads import requests
from bench.processes import START_SECONDS, free_port
from bench.table import Line
from telemetry_service.core.identity import KEY_BYTES, Identities
from telemetry_service.core.intake import Explainer, Intake, Policy
from telemetry_service.core.scrub import Scrubber
from telemetry_service.http_client import Connection
from telemetry_service.jobs.mirror import Mirror
from telemetry_service.mirrors.collection import columns, new_collection
from telemetry_service.mirrors.pocketbase import Login, PocketBase
from telemetry_service.store.changes import Changes, follow
from telemetry_service.store.store import Store, StoreOptions

CONNECTIONS = 8
RECORDS = 2_000  # a round; some seconds
GOAL = 0.8
BATCH_REQUESTS = 100
EMAIL, PASSWORD = "bench@example.org", "a long password"
KNOWN_REPOS = ("community-scripts/ProxmoxVE", "community-scripts/ProxmoxVED")
IDS = Identities(b"\0" * KEY_BYTES)
COLUMNS = columns(include_random_id=False, extended_fields=frozenset())
NOW = 1_700_000_000_000_000


def run(_seconds: float, rounds: int) -> Iterator[Line]:
    """The same records in turn: created by a client that does nothing else, by the mirror, and by the mirror in batches."""
    with tempfile.TemporaryDirectory() as directory, _pocketbase(Path(directory) / "pb") as (url, token):
        followed = _Followed(Path(directory), url)
        bodies = followed.bodies()
        direct, single, batched = [], [], []
        for number in range(rounds):
            _set_up(url, token, f"direct{number}", batches=False)
            direct.append(_rate(lambda name=f"direct{number}": asyncio.run(_create(url, token, name, bodies))))
            single.append(_rate(lambda name=f"single{number}": followed.mirror_to(name)))
            _set_up(url, token, "", batches=True)
            batched.append(_rate(lambda name=f"batched{number}": followed.mirror_to(name)))
    yield Line("single creates over 8 connections, nothing else", f"{median(direct):,.0f} /s")
    yield Line("mirrored, one record a request", f"{median(single):,.0f} /s")
    ratio = median(a / b for a, b in zip(single, direct, strict=True))
    yield Line("of the rate of single creates", f"{ratio:.2f}", f">= {GOAL}", ratio >= GOAL)
    yield Line("mirrored, in batches", f"{median(batched):,.0f} /s")
    more = median(a / b for a, b in zip(batched, single, strict=True))
    yield Line("batches, of one record a request", f"{more:.2f}", "> 1", more > 1)


def _rate(work: Any) -> float:
    began = time.monotonic()
    work()
    return RECORDS / (time.monotonic() - began)


class _Followed:
    """A store with installations that ended, followed from its beginning by each mirror."""

    def __init__(self, directory: Path, url: str) -> None:
        self._directory = directory
        self._url = url
        options = StoreOptions(known_repos=KNOWN_REPOS, publish_min_count=5, max_new_apps_per_day=10_000, stuck_hours=24)
        intake = Intake(Policy(known_repos=KNOWN_REPOS), IDS, Explainer(Scrubber, 120))
        payloads = (request.partition(b"\r\n\r\n")[2] for request in requests())
        events = [intake.accept(next(payloads), NOW + number * 1_000).event for number in range(RECORDS)]
        with closing(Store(directory, options, IDS, now=NOW)) as store:
            store.fold(events, None, NOW)
            follow(store.connection, wanted=True)

    def bodies(self) -> list[bytes]:
        """The records as the mirror would send them, with ids that are not its own."""
        mirror, changes, pocketbase = self._open("none")
        while changes.seed(RECORDS, 0):
            pass
        operations = mirror._operations(changes.next(RECORDS))
        pocketbase.close()
        changes.close()
        return [msgspec.json.encode({"id": operation.id, **(operation.content or {})}) for operation in operations]

    def mirror_to(self, collection: str) -> None:
        asyncio.run(self._drain(collection))

    async def _drain(self, collection: str) -> None:
        mirror, changes, pocketbase = self._open(collection)
        while await mirror.step():
            pass
        pocketbase.close()
        changes.close()

    def _open(self, collection: str) -> tuple[Mirror, Changes, PocketBase]:
        pocketbase = PocketBase(self._url, collection, Login(EMAIL, PASSWORD, ""), CONNECTIONS)
        changes = Changes(self._directory)
        mirror = Mirror(
            changes, IDS, pocketbase, place=collection, include_random_id=False, extended_fields=frozenset(), now=lambda: NOW
        )
        return mirror, changes, pocketbase


async def _create(url: str, token: str, collection: str, bodies: list[bytes]) -> None:
    waiting = iter(bodies)

    async def work() -> None:
        connection = Connection(url, START_SECONDS)
        for body in waiting:
            answer = await connection.request("POST", f"/api/collections/{collection}/records?fields=id", body, token)
            assert answer.status == 200
        connection.close()

    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))


def _set_up(url: str, token: str, collection: str, *, batches: bool) -> None:
    if collection:
        _ask(url, "POST", "/api/collections", new_collection(collection, COLUMNS), token)
    _ask(url, "PATCH", "/api/settings", {"batch": {"enabled": batches, "maxRequests": BATCH_REQUESTS, "timeout": 30}}, token)


@contextmanager
def _pocketbase(folder: Path) -> Iterator[tuple[str, str]]:
    """A new PocketBase: its address, and a superuser's token."""
    program = str(Path(sys.executable).with_name("pocketbase"))
    places = ("--dir", str(folder), "--migrationsDir", str(folder / secrets.token_hex(4)))
    subprocess.run((program, "superuser", "upsert", EMAIL, PASSWORD, *places), check=True, stdout=subprocess.DEVNULL)
    address = f"127.0.0.1:{free_port()}"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen((program, "serve", "--http", address, *places), env=dict(os.environ), **quiet) as process:
        try:
            deadline = time.monotonic() + START_SECONDS
            while True:
                try:
                    found = _ask(f"http://{address}", "POST", "/api/collections/_superusers/auth-with-password", _LOGIN, "")
                    break
                except OSError:
                    assert time.monotonic() < deadline
                    time.sleep(0.02)
            yield f"http://{address}", found["token"]
        finally:
            process.kill()


_LOGIN = {"identity": EMAIL, "password": PASSWORD}


def _ask(url: str, method: str, path: str, body: object, token: str) -> Any:
    with closing(http.client.HTTPConnection(url.removeprefix("http://"), timeout=START_SECONDS)) as connection:
        connection.request(method, path, json.dumps(body), {"content-type": "application/json", "authorization": token})
        answer = connection.getresponse()
        found = json.loads(answer.read())
        assert answer.status == 200, found
        return found
