"""Sources to import from, and imports in this process."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from explaining import EXPLAIN
from stored import IDS, options
from telemetry_service.core.foreign import ROW_NAMES
from telemetry_service.core.intake import Intake, Policy
from telemetry_service.jobs.importing import Import, Parcel, Reader
from telemetry_service.mirrors.data_file import DataFile
from telemetry_service.mirrors.source import Source
from telemetry_service.store import imports
from telemetry_service.store.store import Store

DAY = 86_400_000_000
TODAY = 20_000  # 2024-10-04
NOW = TODAY * DAY + DAY // 2
KEPT_DAYS = 30
KNOWN_REPOS = options().known_repos
NUMBERS = ("disk_size", "core_count", "ram_size", "exit_code", "install_duration", "ct_type")
TEXTS = ("execution_id", "random_id", "type", "nsapp", "status", "os_type", "os_version", "error", "created", "updated", "a_note")


def row(number: int, status: str = "success", day: int = TODAY - 1, **values: Any) -> dict[str, Any]:
    """A row of its own execution, created on a day at as many seconds as its number."""
    usual = {
        "id": f"r{number:014d}",
        "random_id": f"{number:08x}-0000-4000-8000-000000000000",
        "execution_id": f"{number:08x}-0000-4000-9000-000000000000",
        "type": "lxc",
        "nsapp": "jellyfin",
        "status": status,
        "os_type": "debian",
        "created": instant(day, number),
        "updated": instant(day, number),
    }
    return usual | values


def instant(day: int, seconds: int) -> str:
    with closing(sqlite3.connect(":memory:")) as connection:
        query = "SELECT strftime('%Y-%m-%d %H:%M:%fZ', ?, 'unixepoch')"
        return str(connection.execute(query, (day * 86_400 + seconds,)).fetchone()[0])


def data_file(path: Path, rows: Iterable[Mapping[str, Any]], collection: str = "telemetry") -> Path:
    """A data.db with a collection, in the columns that PocketBase makes."""
    columns = [f"`{name}` TEXT DEFAULT '' NOT NULL" for name in TEXTS] + [
        f"`{name}` NUMERIC DEFAULT 0 NOT NULL" for name in NUMBERS
    ]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS _collections (id TEXT PRIMARY KEY)")
        connection.execute(f"CREATE TABLE IF NOT EXISTS {collection} (`id` TEXT PRIMARY KEY NOT NULL, {', '.join(columns)})")
        for one in rows:
            names = ", ".join(one)
            connection.execute(f"INSERT INTO {collection} ({names}) VALUES ({', '.join('?' * len(one))})", tuple(one.values()))
    return path


def bring_in(store: Store, source: Source, *, parcels: int | None = None, key: str = "source") -> Counter[str]:
    """Import a source as the commands do, or so many parcels of it and then stop as a kill does."""
    progress = imports.progress_of(store.connection, key)
    reader = Reader(
        Intake(Policy(known_repos=KNOWN_REPOS), IDS, EXPLAIN), IDS, KNOWN_REPOS, first_day=TODAY - KEPT_DAYS + 1, now=NOW
    )
    bringing = Import(store, key, progress, lambda: NOW)
    some = _killed_after(reader.parcels(source, progress.position), parcels)
    with suppress(Killed), closing(source):
        bringing.take(some, lambda _done: None, resting=False)
        bringing.finish()
    return +progress.counts


class Killed(Exception):
    pass


def _killed_after(parcels: Iterator[Parcel], limit: int | None) -> Iterator[Parcel]:
    for number, parcel in enumerate(parcels):
        if number == limit:
            raise Killed
        yield parcel


def opened_file(path: Path, collection: str = "telemetry") -> DataFile:
    return DataFile(path, collection, ROW_NAMES)
