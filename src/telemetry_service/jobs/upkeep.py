"""Clean-up, retention, VACUUM and backups: what keeps installations as long as is said. Each is noted in the table of past runs.

All work in small transactions and rest as long between two as one took, so that the fold gets its turn and the disk is left
to ingest half of the time.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, TypeVar

from telemetry_service.core.event import decode_entry
from telemetry_service.core.period import day_of
from telemetry_service.jobs.schedule import JobFailed
from telemetry_service.store import backup, compact, retention
from telemetry_service.store.changes import deletions_overdue
from telemetry_service.store.database import StoreUnavailable, UnusableData, transaction
from telemetry_service.store.imports import is_history_under_way
from telemetry_service.store.inbox import InboxReader
from telemetry_service.store.runs import last_run, note_run
from telemetry_service.store.store import Store
from telemetry_service.store.stuck import give_up_stuck
from telemetry_service.store.sweep import sweep_names

STUCK_AT_ONCE = 500  # some 40 ms
# Rows of one time lie all over two indexes, so a transaction writes most of their pages, however few rows it deletes: by ten
# thousand twice as much is written for a million as by thirty thousand. By more the fold waits for seconds.
DELETED_AT_ONCE = 30_000
# The installations of a night are few: by the hundred, what is synced at once holds up reports less (docs/performance.md).
OF_A_NIGHT, GENTLY_AT_ONCE = 20_000, 100
READ_AT_ONCE = 1_000
LONGEST_REST_SECONDS = 0.5
TRUNCATE_TRIES = 20
VACUUM_DAYS = 6  # a day is left to try again: within 7 nothing deleted is left in the bytes
MIRROR_SECONDS = 86_400  # as long as a mirror may be away before somebody should know
MICROSECONDS_PER_DAY = 86_400_000_000

Clock = Callable[[], int]  # microseconds since 1970 UTC
Counts = dict[str, int]
T = TypeVar("T")


class Backups(NamedTuple):
    """Where this service puts its backups, and for how many UTC days they are kept."""

    folder: Path
    keep_days: int


@contextmanager
def noted(connection: sqlite3.Connection, job: str, now: Clock) -> Iterator[Counts]:
    """Note a run of a job with the counts that it fills in, also when it fails."""
    started_at = now()
    counts: Counts = {}
    try:
        yield counts
    except (StoreUnavailable, UnusableData, JobFailed):
        with suppress(StoreUnavailable), transaction(connection):
            note_run(connection, job, started_at=started_at, ended_at=now(), outcome="failed", counts=counts)
        raise
    with transaction(connection):
        note_run(connection, job, started_at=started_at, ended_at=now(), counts=counts)


def clean_up(store: Store, hours: int, now: Clock) -> int:
    """Let installations that are stuck for so many hours end as `unknown`; how many those were."""
    with noted(store.connection, "cleanup", now) as counts:
        counts["updated"] = 0
        for updated in _batches(lambda: give_up_stuck(store, now(), hours, STUCK_AT_ONCE)):
            counts["updated"] += updated
    return counts["updated"]


def retain(store: Store, inbox: InboxReader | None, retention_days: int, now: Clock, backups: Backups | None = None) -> Counts:
    """Seal and delete the days that are over, give their space back, delete the backups that are too old, and count what is
    left of all that, in the store, the inbox, the mirror and the backups: nothing.

    The mirror has a day to follow. Raises `JobFailed` if something is left.
    """
    with noted(store.connection, "retention", now) as counts:
        if is_history_under_way(store.connection, now() - MICROSECONDS_PER_DAY):
            raise JobFailed("an import with --history is under way; if it was killed, run it again: it is waited for a day")
        through = retention.last_day_over(day_of(now()), retention_days)
        counts["erased_ids"] = retention.seal(store, through)
        counts["installations"] = 0
        is_night = retention.count_through(store.connection, through) <= OF_A_NIGHT
        at_once = GENTLY_AT_ONCE if is_night else DELETED_AT_ONCE
        for deleted in _batches(lambda: retention.delete_sealed(store, at_once)):
            counts["installations"] += deleted
        for _ in resting(compact.give_back_pages(store.connection)):
            pass
        empty_log(store)
        counts["left"] = retention.count_through(store.connection, through)
        counts["left_in_inbox"] = events_through(inbox, through) if inbox else 0
        counts["left_in_mirror"] = deletions_overdue(store.connection, now() // 1_000_000 - MIRROR_SECONDS)
        counts["backups"], counts["left_in_backups"] = _delete_expired(backups, day_of(now())) if backups else (0, 0)
        told = {
            "left": f"{counts['left']} installations are older than {retention_days} days",
            "left_in_inbox": f"{counts['left_in_inbox']} waiting events are older than {retention_days} days",
            "left_in_mirror": f"the mirror has not confirmed {counts['left_in_mirror']} deletions for a day: see mirror status",
            "left_in_backups": f"{counts['left_in_backups']} backups are too old and cannot be deleted: delete them by hand",
        }
        if problems := [text for name, text in told.items() if counts[name]]:
            raise JobFailed("; ".join(problems))
    return counts


def _delete_expired(backups: Backups, today: int) -> tuple[int, int]:
    """Delete the backups that are too old; how many those were, and how many are left of them."""
    found = backup.expired(backups.folder, today, backups.keep_days)
    for path in found:
        with suppress(StoreUnavailable):
            backup.delete(path)
    left = len(backup.expired(backups.folder, today, backups.keep_days))
    return len(found) - left, left


def back_up(connection: sqlite3.Connection, directory: Path, folder: Path, now: Clock) -> tuple[Path, backup.Manifest]:
    """Back up a data directory into a new directory in `folder`; `connection` is to its store, for the note of the run.

    Raises `StoreUnavailable` and `UnusableData`.
    """
    with noted(connection, "backup", now) as counts:
        path, manifest = backup.make(directory, folder, now())
        counts["bytes"] = sum(file.stat().st_size for file in path.iterdir())
        counts["installations"] = manifest.installations
        counts["waiting_reports"] = manifest.waiting_reports
        counts["has_key"] = int(manifest.has_key)
    return path, manifest


def events_through(inbox: InboxReader, through_day: int) -> int:
    """How many events of the UTC days up to one are in the inbox, from its beginning on: they come in order."""
    after = found = 0
    while rows := inbox.read(after, READ_AT_ONCE):
        for seq, body in rows:
            if day_of(decode_entry(body).received_at) > through_day:
                return found
            found += 1
            after = seq
    return found


def vacuum_is_due(store: Store, now: int) -> bool:
    """Whether something was deleted since the last VACUUM, and that is long enough ago."""
    last = last_run(store.connection, "vacuum", "done")
    since = last.started_at if last else 0
    deleted = store.connection.execute(
        "SELECT 1 FROM job_run WHERE ended_at >= ? AND (job = 'erase' OR job = 'retention' AND counts ->> 'installations' > 0)",
        (since,),
    ).fetchone()
    return deleted is not None and now - since >= VACUUM_DAYS * MICROSECONDS_PER_DAY


def vacuum(store: Store, directory: Path, now: Clock) -> Counts:
    """Delete names that nothing refers to, then write the store anew. Ingest goes on; the fold waits and catches up after it.

    Raises `StoreUnavailable`, also when there is too little space.
    """
    with noted(store.connection, "vacuum", now) as counts:
        counts["bytes_before"] = compact.used_bytes(store.connection)
        counts["names"] = sweep_names(store)
        compact.vacuum(store.connection, directory)
        empty_log(store)
        counts["bytes_after"] = compact.used_bytes(store.connection)
    return counts


def empty_log(store: Store) -> None:
    """Empty the write-ahead log, between the reads of others. Raises `JobFailed` when there is no gap."""
    for _ in range(TRUNCATE_TRIES):
        if store.truncate_wal():
            return
        time.sleep(LONGEST_REST_SECONDS)
    raise JobFailed("the write-ahead log could not be emptied: somebody reads all the time")


def _batches(step: Callable[[], int]) -> Iterator[int]:
    """Step after step until one finds nothing to do, with rests."""
    return resting(iter(step, 0))


def resting(steps: Iterator[T]) -> Iterator[T]:
    """Steps with rests between them, each as long as the step before it took."""
    while True:
        began = time.monotonic()
        done = next(steps, None)
        if done is None:
            return
        yield done
        time.sleep(min(time.monotonic() - began, LONGEST_REST_SECONDS))
