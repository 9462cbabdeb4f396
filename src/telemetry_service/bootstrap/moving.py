"""Installations brought in from other stores."""

import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from telemetry_service.bootstrap.assembly import intake, now, store_options
from telemetry_service.bootstrap.mirroring import pocketbase
from telemetry_service.core.foreign import ROW_NAMES
from telemetry_service.core.identity import Identities
from telemetry_service.core.period import day_of
from telemetry_service.jobs.importing import Import, Reader
from telemetry_service.mirrors.data_file import DataFile
from telemetry_service.mirrors.json_lines import JsonLines
from telemetry_service.mirrors.records import Records
from telemetry_service.mirrors.source import Source, UnusableSource
from telemetry_service.settings import Settings
from telemetry_service.store import imports, retention
from telemetry_service.store.directory import held_if_free, identities
from telemetry_service.store.imports import READ
from telemetry_service.store.store import Store

PROGRESS_COLUMNS = (
    *(TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[rate]} rows/s")),
    *(TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()),
)


def import_data_file(settings: Settings, path: Path, collection: str) -> Counter[str]:
    """Import a collection of a PocketBase from its data.db; what became of the rows."""
    with closing(DataFile(path, collection, ROW_NAMES)) as source:
        return _bring_in(settings, source, f"data.db {path.resolve()} {collection}")


def import_records(settings: Settings, url: str, collection: str) -> Counter[str]:
    """Import a collection of a PocketBase over its API, as the superuser of the settings; what became of the rows."""
    if not (settings.pocketbase_token or (settings.pocketbase_email and settings.pocketbase_password)):
        raise UnusableSource("set POCKETBASE_EMAIL and POCKETBASE_PASSWORD (or _FILE) of a superuser, or POCKETBASE_TOKEN")
    there = msgspec.structs.replace(settings, pocketbase_url=url)
    with closing(Records(pocketbase(there, collection), collection, ROW_NAMES)) as source:
        return _bring_in(settings, source, f"records {url} {collection}")


def import_lines(settings: Settings, path: Path | None) -> Counter[str]:
    """Import a file of JSON lines, or standard input; what became of the rows."""
    ids = _identities(settings)
    with closing(JsonLines(path, sys.stdin.buffer, ids.source)) as source:
        return _bring_in(settings, source, f"lines {path.resolve() if path else '-'}")


def _identities(settings: Settings) -> Identities:
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    return identities(settings.data_dir)


def _bring_in(settings: Settings, source: Source, place: str) -> Counter[str]:
    with held_if_free(settings.data_dir) as alone:
        ids = identities(settings.data_dir)
        options = msgspec.structs.replace(store_options(settings), max_new_apps_per_day=imports.IMPORTED_NAMES)
        with closing(Store(settings.data_dir, options, ids, now=now())) as store:
            key = ids.source(place.encode("utf-8", "replace"))
            progress = imports.progress_of(store.connection, key)
            first_day = retention.last_day_over(day_of(now()), settings.retention_days) + 1
            reader = Reader(intake(settings, ids), ids, first_day=first_day, now=now())
            with Progress(*PROGRESS_COLUMNS, console=Console(stderr=True)) as bar:
                shown = _Shown(bar, bar.add_task("importing", total=source.total, rate="-"), progress)
                parcels = reader.parcels(source, progress.position)
                Import(store, key, progress, now).take(parcels, shown, resting=not alone)
            store.truncate_wal()
    return progress.counts


class _Shown:
    """The progress bar; its rate is that of rows since the start of this command."""

    def __init__(self, bar: Progress, task: TaskID, progress: imports.Progress) -> None:
        self._bar = bar
        self._task = task
        self._progress = progress
        self._read_before = progress.counts[READ]

    def __call__(self, done: int) -> None:
        seconds = self._bar.tasks[0].elapsed or 1e-9
        rate = (self._progress.counts[READ] - self._read_before) / seconds
        self._bar.update(self._task, completed=done, rate=f"{rate:,.0f}")
