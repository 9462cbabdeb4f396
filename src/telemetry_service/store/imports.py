"""What an import brings, and how far it has come: both in one transaction, so that a killed import goes on where it stopped."""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from operator import attrgetter

import msgspec

from telemetry_service.core.exported_counts import Counted
from telemetry_service.core.installation import Installation
from telemetry_service.store.rows import first_id
from telemetry_service.store.runs import note_run
from telemetry_service.store.store import Store
from telemetry_service.store.watching import learn_anew

# Names that imports may bring in all, of apps, methods and versions each. An import is an act of the operator, and a year of
# a source at once: it must not be held to the new names of one day. A source that was flooded must not flood the store.
IMPORTED_NAMES = 10_000
NAMES_DAY = 0  # the day that they are noted under, so that they take nothing from the allowance of a real one
TAKEN, MERGED, READ = "taken", "merged", "read"
ERASED, SEALED = "left out: erased", "left out: its day is sealed"
COUNTED, COUNTED_BEFORE = "counts of sealed days restored", "left out: count of a day that has counts"


class Progress(msgspec.Struct, kw_only=True):
    """How far an import has come. `position` is the source's own; counts are of rows, by what became of them.

    `history_through` is the last UTC day of which only counts are to stay, or -1: the import began when none of those days
    was counted yet.
    """

    position: str = ""
    finished: bool = False
    history_through: int = -1
    counts: Counter[str] = msgspec.field(default_factory=Counter)


class Arrived(msgspec.Struct):
    """What is to be taken at once: installations, lines that people are shown for causes, and counts of sealed days."""

    installations: list[Installation] = []
    labels: list[tuple[str, str]] = []
    counted: list[Counted] = []

    def __len__(self) -> int:
        return len(self.installations) + len(self.labels) + len(self.counted)


def progress_of(connection: sqlite3.Connection, source: str) -> Progress:
    """How far the import from a source has come; a new one for a source that was never read, or was read to its end."""
    query = "SELECT position, history_through, counts FROM import WHERE source = ? AND NOT finished"
    row = connection.execute(query, (source,)).fetchone()
    if row is None:
        return Progress()
    return Progress(position=row[0], history_through=row[1], counts=Counter(msgspec.json.decode(row[2], type=dict[str, int])))


def is_blank(connection: sqlite3.Connection, through_day: int) -> bool:
    """Whether nothing was ever counted up to a UTC day."""
    (n,) = connection.execute(
        "SELECT (SELECT count(*) FROM count_day WHERE day <= ?1) + (SELECT count(*) FROM installation WHERE id < ?2)",
        (through_day, first_id(through_day + 1)),
    ).fetchone()
    return not n


def begin_history(store: Store, source: str, progress: Progress, through_day: int, now: int) -> None:
    """Open the days up to one for an import, which are blank. Raises `StoreUnavailable`."""
    with store.transaction():
        store.connection.execute("UPDATE sealed SET through_day = -1")
        progress.history_through = through_day
        _note(store.connection, source, progress, progress.counts, now)


def is_history_under_way(connection: sqlite3.Connection, since: int) -> bool:
    """Whether an import with history has brought something since an instant, in microseconds, and has not ended."""
    query = "SELECT 1 FROM import WHERE NOT finished AND history_through >= 0 AND changed_at >= ? LIMIT 1"
    return connection.execute(query, (since,)).fetchone() is not None


def take(store: Store, source: str, progress: Progress, arrived: Arrived, now: int) -> None:
    """Join what arrived into the store and note the progress, which is brought up to date; all or nothing.

    Each installation counts for its own UTC day, and is released to the public on that day: what is published are still
    multiples of k, and charts show when things happened. Erased ids and sealed days are left out. Raises `StoreUnavailable`,
    with the store not changed.
    """
    counts = Counter(progress.counts)
    with store.transaction():
        for cause, label in arrived.labels:
            store.name_cause(cause, label, NAMES_DAY)
        _count(store, progress, arrived.counted, counts)
        kept = _kept(store, arrived.installations, counts)
        kept.sort(key=attrgetter("started_at"))  # as rows lie
        if kept:  # else these are not among what is told
            new = store.join([store.with_bounded_names(one, NAMES_DAY) for one in kept])
            counts[TAKEN] += new
            counts[MERGED] += len(kept) - new
        store.ledger.settle(None, store.k)
        _note(store.connection, source, progress, counts, now)
    progress.counts = counts


def _kept(store: Store, arrived: Sequence[Installation], counts: Counter[str]) -> list[Installation]:
    sealed = store.sealed_through()
    erased = store.erased.among({one.values[0] for one in arrived})
    kept = []
    for one in arrived:
        if one.day <= sealed:
            counts[SEALED] += 1
        elif one.values[0] in erased:
            counts[ERASED] += 1
        else:
            kept.append(one)
    return kept


def _count(store: Store, progress: Progress, counted: Sequence[Counted], counts: Counter[str]) -> None:
    for day, cell, n in counted:
        if day <= progress.history_through:
            store.ledger.add(day, cell, n)
            counts[COUNTED] += 1
        else:
            counts[COUNTED_BEFORE] += 1


def finish(store: Store, source: str, progress: Progress, *, began_at: int, now: int) -> None:
    """Note that a source was read to its end: the next time it is read from its beginning. Seals the days of a history.

    The run is noted too; it began at an instant, in microseconds like `now`. The watch learns anew, since days that it was
    through with may hold more now. Raises `StoreUnavailable`.
    """
    progress.finished = True
    with store.transaction():
        store.connection.execute("UPDATE sealed SET through_day = max(through_day, ?)", (progress.history_through,))
        learn_anew(store.connection)
        _note(store.connection, source, progress, progress.counts, now)
        counts = {name: progress.counts[name] for name in (READ, TAKEN, MERGED)}
        note_run(store.connection, "import", started_at=began_at, ended_at=now, counts=counts)


def _note(connection: sqlite3.Connection, source: str, progress: Progress, counts: Counter[str], now: int) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO import VALUES (?, ?, ?, ?, ?, ?)",
        (
            *(source, progress.position, progress.finished, progress.history_through),
            *(msgspec.json.encode(counts).decode(), now),
        ),
    )
