"""A data directory of which the record is true, and copies of it that a test may break."""

import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from telemetry_service.core.audit import Audit, Finding
from telemetry_service.core.event import Erasure, Event, encode_event
from telemetry_service.core.identity import Identities
from telemetry_service.core.installation import MICROSECONDS_PER_DAY
from telemetry_service.core.scrub import Scrubber
from telemetry_service.jobs.audit import Mirrored, Place, audit
from telemetry_service.settings import from_environ
from telemetry_service.settings.declared import in_force
from telemetry_service.store import tokens
from telemetry_service.store.database import connect, transaction
from telemetry_service.store.directory import identities
from telemetry_service.store.inbox import Inbox, InboxReader
from telemetry_service.store.revisions import note_revision
from telemetry_service.store.runs import note_run
from telemetry_service.store.store import FILE_NAME, Position, Store, StoreOptions

DAY = MICROSECONDS_PER_DAY
HOUR = DAY // 24
NOW = 20_780 * DAY + DAY // 2
LOG = "telemetry-service-2026-11-23.log"
LOG_LINES = (
    "time='2026-11-23T00:00:01.000000Z' level='info' event='listening' address='http://192.0.2.7:8080'\n"
    "time='2026-11-23T00:05:02.000000Z' level='info' event='job.done' job='retention'\n"
    "time='2026-11-23T00:06:02.000000Z' level='error' event='server.error' logger='asyncio' where='server.py:80'\n"
)
ERRORS = (
    "curl: (6) Could not resolve host: github.com",
    "E: Unable to correct problems, you have held broken packages.",
    "bash: line 12: npm: command not found",
    "influxd-systemd-start.sh: line 12: ulimit: open files: cannot modify limit: Operation not permitted",
)
COLUMNS = frozenset({"id", "created", "nsapp", "status"})
MIRROR = Mirrored(COLUMNS, COLUMNS, "2026-01-01 00:00:00.000Z")


def event(number: int, **values: Any) -> Event:
    usual: dict[str, Any] = {
        "received_at": NOW - (number % 300) * DAY,
        "random_id": number.to_bytes(2, "big") * 8,
        "execution": number * 7919,
        "status": ("success", "failed")[number % 4 == 0],
        "type": "lxc",
        "nsapp": f"app-{number % 5}",
        "method": "mydefaults-cloudbox",
        "os_type": "debian",
        "os_version": "12",
        "pve_version": "8.4.1",
        "disk_size": 8,
        "repo_slug": "community-scripts/ProxmoxVE",
    }
    if number % 4 == 0:
        usual |= {"error": ERRORS[number // 4 % len(ERRORS)], "cause": f"{number // 4 % len(ERRORS):016x}", "exit_code": 1}
    return Event(**(usual | values))


def prepare(root: Path) -> Path:
    """A service's files below `root`, of which every claim that needs no running service is true."""
    data, logs = root / "data", root / "logs"
    for folder in (data, logs):
        folder.mkdir(mode=0o700)
    ids = identities(data)
    settings = from_environ(environ(root))
    options = StoreOptions(known_repos=settings.known_repos, publish_min_count=5, max_new_apps_per_day=1000, stuck_hours=24)
    store = Store(data, options, ids, now=NOW - 300 * DAY)
    generation = "fd64bbb2ba5f1b1f7a1b8ce1c2b65b21"  # as an inbox makes one: in it the scrubber would see an id
    store.fold([event(number) for number in range(1, 400)], Position(generation, 399), NOW)
    store.fold([Erasure(NOW - DAY, event(7).random_id)], None, NOW - DAY)
    note_revision(store.connection, in_force(settings), "0.1.0", NOW - 2 * DAY)
    with transaction(store.connection):
        for job, counts in (("retention", {"installations": 2, "left": 0}), ("cleanup", {"updated": 1})):
            note_run(store.connection, job, started_at=NOW - HOUR, ended_at=NOW - HOUR, counts=counts)
        note_run(store.connection, "vacuum", started_at=NOW - 3 * DAY, ended_at=NOW - 3 * DAY)
    store.close()
    tokens.create(data, ids, scope="read", name="grafana", now=NOW)
    inbox = Inbox(data, max_bytes=10**9, now=NOW)
    inbox.commit([encode_event(event(number, received_at=NOW)) for number in range(500, 510)], 0)
    inbox.close()
    (logs / LOG).write_text(LOG_LINES)
    (data / "lock").touch()
    for path in root.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return root


def environ(root: Path) -> dict[str, str]:
    return {
        "LISTEN_ADDR": "192.0.2.7:8080",
        "DATA_DIR": str(root / "data"),
        "LOG_DIR": str(root / "logs"),
        "POCKETBASE_URL": "http://127.0.0.1:8090",
        "POCKETBASE_TOKEN": "x",
    }


@dataclass
class Service:
    """A copy of what was prepared, and what a test changes about it before it is audited."""

    root: Path
    scrubber: Scrubber
    settings: dict[str, str] = field(default_factory=dict)
    address: tuple[str, int] | None = None
    mirror: Callable[[], Mirrored] = lambda: MIRROR
    now: int = NOW

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def identities(self) -> Identities:
        return Identities(bytes.fromhex((self.data / "secret.key").read_text()))

    def sql(self, statement: str, *values: Any, file: str = FILE_NAME) -> None:
        with closing(sqlite3.connect(self.data / file, isolation_level=None)) as connection:
            changed = connection.execute(statement, values).rowcount
            assert changed != 0, "nothing was broken"

    def wait(self, *bodies: bytes) -> None:
        """Put these into the inbox, in place of what is there."""
        inbox = Inbox(self.data, max_bytes=10**9, now=NOW)
        inbox.commit(list(bodies), inbox.last_seq())
        inbox.close()

    def audited(self) -> Audit:
        settings = from_environ(environ(self.root) | self.settings)
        inbox = InboxReader(self.data)
        with closing(connect(self.data / FILE_NAME, read_only=True)) as connection:
            place = Place(
                directory=self.data,
                backups=self.data / "backups",
                settings=settings,
                connection=connection,
                inbox=inbox,
                identities=self.identities,
                scrub=lambda text: self.scrubber.scrub(text).text,
                now=self.now,
                mirror=self.mirror,
                address=self.address,
            )
            found = audit(place, lambda: time.time_ns() // 1000)
        inbox.close()
        return found

    def finding(self, claim: str) -> Finding:
        return next(one for one in self.audited().findings if one.claim == claim)


def copied(prepared: Path, root: Path, scrubber: Scrubber) -> Service:
    shutil.copytree(prepared, root)
    return Service(root, scrubber)
