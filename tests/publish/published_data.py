"""Data directories whose published counts are known: reports go through the real intake and fold."""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from explaining import EXPLAIN
from telemetry_service.core.counts import Sources
from telemetry_service.core.event import Event
from telemetry_service.core.identity import Identities
from telemetry_service.core.intake import Intake, Policy
from telemetry_service.settings import from_environ
from telemetry_service.settings.declared import in_force
from telemetry_service.store.database import connect
from telemetry_service.store.directory import KEY_FILE
from telemetry_service.store.reading import Reader
from telemetry_service.store.reports import Reports
from telemetry_service.store.revisions import note_revision
from telemetry_service.store.store import FILE_NAME, Store, StoreOptions

K = 5
KNOWN_REPOS = ("community-scripts/ProxmoxVE", "community-scripts/ProxmoxVED")
SOURCES = Sources(KNOWN_REPOS)
DAY = 20_000  # 2024-10-04
DAY_MICROSECONDS = 86_400_000_000
KEY = b"k" * 32
IDS = Identities(KEY)
USUAL: dict[str, Any] = {
    "os_type": "debian",
    "os_version": "12",
    "pve_version": "8.4.1",
    "method": "default",
    "disk_size": 8,
    "core_count": 2,
    "ram_size": 2048,
    "cpu_vendor": "intel",
    "arch": "amd64",
    "repo_source": "ProxmoxVE",
    "type": "lxc",
}
FAILURE = {
    "exit_code": 100,
    "error": "exit_code=100\n---\nE: Unable to correct problems, you have held broken packages.",
}


class Reporter:
    """Makes events; every installation has ids of its own."""

    def __init__(self) -> None:
        self._intake = Intake(Policy(known_repos=KNOWN_REPOS, extended_fields=frozenset()), IDS, EXPLAIN)
        self._number = 0

    def installations(self, app: str, status: str, n: int, day: int = DAY, **fields: Any) -> list[Event]:
        ended = {"exit_code": 0, "install_duration": 100} if status == "success" else FAILURE if status == "failed" else {}
        events = []
        for _ in range(n):
            self._number += 1
            ids = {"random_id": str(UUID(int=self._number)), "execution_id": str(UUID(int=self._number + (1 << 64)))}
            body = msgspec.json.encode({**USUAL, **ended, **ids, "nsapp": app, "status": status, **fields})
            events.append(self._intake.accept(body, day * DAY_MICROSECONDS + self._number).event)
        return events


def usual_events(reporter: Reporter) -> list[Event]:
    """Two scripts with plenty of installations over two days, one of another repository, an add-on."""
    return [
        *reporter.installations("jellyfin", "success", 70, DAY - 1),
        *reporter.installations("jellyfin", "success", 41),
        *reporter.installations("jellyfin", "failed", 13),
        *reporter.installations("adguard", "success", 7),
        *reporter.installations("adguard", "aborted", 6),
        *reporter.installations("newcomer", "success", 10, repo_source="ProxmoxVED"),
        *reporter.installations("netdata", "success", 5, type="addon"),
    ]


def fold(directory: Path, events: Iterable[Event], *, batch: int = 1000, today: int = DAY) -> None:
    """Fold events into the store of a data directory, which is made if it is new."""
    directory.mkdir(exist_ok=True)
    (directory / KEY_FILE).write_text(KEY.hex())
    options = StoreOptions(known_repos=KNOWN_REPOS, publish_min_count=K, max_new_apps_per_day=1_000_000, stuck_hours=24)
    store = Store(directory, options, IDS, now=0)
    waiting = list(events)
    for start in range(0, len(waiting), batch):
        store.fold(waiting[start : start + batch], None, today * DAY_MICROSECONDS)
    store.refresh_gauges(today * DAY_MICROSECONDS)
    store.close()


def note_record(directory: Path, **settings: str) -> None:
    """Note the record of processing in a store, as a service with these settings does when it starts."""
    with closing(connect(directory / FILE_NAME)) as connection:
        note_revision(connection, in_force(from_environ(environ(directory, **settings))), "0.1", DAY * DAY_MICROSECONDS)


def environ(directory: Path, **settings: str) -> dict[str, str]:
    return {"DATA_DIR": str(directory), **settings}


def reports_of(reader: Reader, day: int = DAY) -> Reports:
    return Reports(reader, SOURCES, IDS, step=K, stuck_hours=24, now=day * DAY_MICROSECONDS)


def query(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


__all__ = [
    "FILE_NAME",
    "Reporter",
    "Sequence",
    "contents",
    "environ",
    "fold",
    "note_record",
    "query",
    "reports_of",
    "usual_events",
]
