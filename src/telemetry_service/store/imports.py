"""What an import brings, and how far it has come: both in one transaction, so that a killed import goes on where it stopped."""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from itertools import groupby

import msgspec

from telemetry_service.core.installation import Installation
from telemetry_service.store.store import Store

# Names that imports may bring in all, of apps, methods and versions each. An import is an act of the operator, and a year of
# a source at once: it must not be held to the new names of one day. A source that was flooded must not flood the store.
IMPORTED_NAMES = 10_000
NAMES_DAY = 0  # the day that they are noted under, so that they take nothing from the allowance of a real one
TAKEN, MERGED, READ = "taken", "merged", "read"
ERASED, SEALED = "left out: erased", "left out: its day is sealed"


class Progress(msgspec.Struct, kw_only=True):
    """How far an import has come. `position` is the source's own; counts are of rows, by what became of them."""

    position: str = ""
    finished: bool = False
    history: bool = False
    counts: Counter[str] = msgspec.field(default_factory=Counter)


def progress_of(connection: sqlite3.Connection, source: str) -> Progress:
    """How far the import from a source has come; a new one for a source that was never read, or was read to its end."""
    row = connection.execute(
        "SELECT position, history, counts FROM import WHERE source = ? AND NOT finished", (source,)
    ).fetchone()
    if row is None:
        return Progress()
    return Progress(position=row[0], history=bool(row[1]), counts=Counter(msgspec.json.decode(row[2], type=dict[str, int])))


def take(store: Store, source: str, progress: Progress, arrived: Sequence[Installation], now: int) -> None:
    """Join installations into the store and note the progress, which is brought up to date; all or nothing.

    Each counts for its own UTC day, and is released to the public on that day: what is published are still multiples of k,
    and charts show when things happened. Erased ids and sealed days are left out. Raises `StoreUnavailable`, with the store
    not changed.
    """
    counts = Counter(progress.counts)
    with store.transaction():
        sealed = store.sealed_through()
        erased = store.erased.among({one.values[0] for one in arrived})
        kept = []
        for one in arrived:
            if one.day <= sealed:
                counts[SEALED] += 1
            elif one.values[0] in erased:
                counts[ERASED] += 1
            else:
                kept.append(store.with_bounded_names(one, NAMES_DAY))
        kept.sort(key=_day)
        k = store.k
        for day, of_day in groupby(kept, key=_day):
            ones = list(of_day)
            new = store.join(ones)
            counts[TAKEN] += new
            counts[MERGED] += len(ones) - new
            store.ledger.settle(day, k)
        _note(store.connection, source, progress, counts, now)
    progress.counts = counts


def finish(store: Store, source: str, progress: Progress, now: int) -> None:
    """Note that a source was read to its end: the next time it is read from its beginning. Raises `StoreUnavailable`."""
    progress.finished = True
    with store.transaction():
        _note(store.connection, source, progress, progress.counts, now)


def _note(connection: sqlite3.Connection, source: str, progress: Progress, counts: Counter[str], now: int) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO import VALUES (?, ?, ?, ?, ?, ?)",
        (
            *(source, progress.position, progress.finished, progress.history),
            *(msgspec.json.encode(counts).decode(), now),
        ),
    )


def _day(one: Installation) -> int:
    return one.day
