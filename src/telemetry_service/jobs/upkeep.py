"""Clean-up, retention and VACUUM: what keeps installations no longer than is said. Each is noted in the table of past runs.

All work in small transactions and rest as long between two as one took, so that the fold gets its turn and the disk is left
to ingest half of the time.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from telemetry_service.core.event import decode_entry
from telemetry_service.core.period import day_of
from telemetry_service.jobs.schedule import JobFailed
from telemetry_service.store import compact, retention
from telemetry_service.store.database import StoreUnavailable, transaction
from telemetry_service.store.inbox import InboxReader
from telemetry_service.store.runs import last_run, note_run
from telemetry_service.store.store import Store
from telemetry_service.store.stuck import give_up_stuck
from telemetry_service.store.sweep import sweep_names

STUCK_AT_ONCE = 500  # some 40 ms
DELETED_AT_ONCE = 1_000
LONGEST_REST_SECONDS = 0.5
TRUNCATE_TRIES = 20
VACUUM_DAYS = 6  # a day is left to try again: within 7 nothing deleted is left in the bytes
MICROSECONDS_PER_DAY = 86_400_000_000

Clock = Callable[[], int]  # microseconds since 1970 UTC
Counts = dict[str, int]


@contextmanager
def noted(store: Store, job: str, now: Clock) -> Iterator[Counts]:
    """Note a run of a job with the counts that it fills in, also when it fails."""
    started_at = now()
    counts: Counts = {}
    try:
        yield counts
    except (StoreUnavailable, JobFailed):
        with suppress(StoreUnavailable), transaction(store.connection):
            note_run(store.connection, job, started_at=started_at, ended_at=now(), outcome="failed", counts=counts)
        raise
    with transaction(store.connection):
        note_run(store.connection, job, started_at=started_at, ended_at=now(), counts=counts)


def clean_up(store: Store, hours: int, now: Clock) -> int:
    """Let installations that are stuck for so many hours end as `unknown`; how many those were."""
    with noted(store, "cleanup", now) as counts:
        counts["updated"] = 0
        for updated in _batches(lambda: give_up_stuck(store, now(), hours, STUCK_AT_ONCE)):
            counts["updated"] += updated
    return counts["updated"]


def retain(store: Store, inbox: InboxReader | None, retention_days: int, now: Clock) -> Counts:
    """Seal and delete the days that are over, give their space back, and count what is left of them: nothing.

    Raises `JobFailed` if something is.
    """
    with noted(store, "retention", now) as counts:
        through = retention.last_day_over(day_of(now()), retention_days)
        counts["erased_ids"] = retention.seal(store, through)
        counts["installations"] = 0
        for deleted in _batches(lambda: retention.delete_sealed(store, DELETED_AT_ONCE)):
            counts["installations"] += deleted
        for _ in _resting(compact.give_back_pages(store.connection)):
            pass
        empty_log(store)
        counts["left"] = retention.count_through(store.connection, through)
        counts["left_in_inbox"] = events_through(inbox, through) if inbox else 0
        if counts["left"] or counts["left_in_inbox"]:
            left = f"{counts['left']} installations and {counts['left_in_inbox']} waiting events"
            raise JobFailed(f"{left} are older than {retention_days} days")
    return counts


def events_through(inbox: InboxReader, through_day: int) -> int:
    """How many events of the UTC days up to one are in the inbox, from its beginning on: they come in order."""
    after = found = 0
    while rows := inbox.read(after, DELETED_AT_ONCE):
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
    with noted(store, "vacuum", now) as counts:
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
    return _resting(iter(step, 0))


def _resting(steps: Iterator[int]) -> Iterator[int]:
    while True:
        began = time.monotonic()
        done = next(steps, None)
        if done is None:
            return
        yield done
        time.sleep(min(time.monotonic() - began, LONGEST_REST_SECONDS))
