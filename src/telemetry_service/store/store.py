"""The store: installations and counts, and how far the inbox was folded into them.

Durability: `fold` returns after its transaction is synced to disk. Exactly once: the events, the counts they change and the
position in the inbox are one transaction, and joining an event twice changes nothing. One process folds.
"""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from telemetry_service.core.counts import Cell, Sources, contributions, script_of
from telemetry_service.core.event import Event
from telemetry_service.core.identity import Identities
from telemetry_service.core.installation import MICROSECONDS_PER_DAY, Installation, from_event, join
from telemetry_service.core.publishing import coarse
from telemetry_service.store import tallies
from telemetry_service.store.cells import RUNNING_CODES, Packer
from telemetry_service.store.database import StoreUnavailable, connect, migrate, roll_back, transaction
from telemetry_service.store.names import OPEN_KINDS, Names, NewNames
from telemetry_service.store.rows import IDS_PER_MILLISECOND, Row, Rows, day_of_id

FILE_NAME = "store.sqlite"
RECOUNT_DAYS = 30  # at once: bounds memory and how long the fold has to wait
CACHE_MB = 24  # holds the inner pages of the indexes of some millions of installations


class StoreOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator decides about counting."""

    known_repos: tuple[str, ...]
    publish_min_count: int
    max_new_apps_per_day: int
    stuck_hours: int


class Position(msgspec.Struct, frozen=True):
    """How far an inbox has been folded: all events up to and including `seq` of one generation."""

    generation: str
    seq: int


class _Change(NamedTuple):
    """Installations that begin (+1) or cease (-1) to count on a UTC day, released to the public or not."""

    sign: int
    day: int
    released: bool


Changes = defaultdict[_Change, Counter[Cell]]


class Store:
    """The writing end of the store, for one process."""

    def __init__(self, directory: Path, options: StoreOptions, identities: Identities, *, now: int) -> None:
        """Open or create the store of a data directory; `now` is in microseconds since 1970."""
        self._options = options
        self._connection = connect(directory / FILE_NAME, cache_mb=CACHE_MB)
        migrate(self._connection, "store", now)
        with transaction(self._connection):
            self._names = Names(self._connection)
            self._names.declare_enums()
            source_ids = _declare_sources(self._connection, options.known_repos)
        self._sources = _sources(self._connection)
        self._packer = Packer(self._names, source_ids)
        self._new_names = NewNames(self._names, self._connection, options.max_new_apps_per_day)
        self._is_stale = False
        self._rows = Rows(self._connection, self._names, identities)

    def position(self, generation: str) -> int:
        """The number of the last event of this inbox that is folded; 0 for an inbox never seen."""
        row = self._connection.execute("SELECT seq FROM fold_position WHERE generation = ?", (generation,)).fetchone()
        return int(row[0]) if row else 0

    def fold(self, events: Sequence[Event], position: Position | None, now: int) -> None:
        """Join events into installations, change the counts by the difference, and remember the position: all or nothing.

        `now` is the instant of folding in microseconds since 1970; what is released is released on its UTC day.
        Raises `StoreUnavailable`, with nothing changed.
        """
        with self._transaction():
            self._fold(events, now)
            if position is not None:
                self._connection.execute(
                    "INSERT INTO fold_position VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq),"
                    " folded_at = excluded.folded_at",
                    (position.generation, position.seq, now),
                )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """A transaction that may give names numbers; what was learnt in one that broke is forgotten in the next."""
        try:
            with transaction(self._connection):
                if self._is_stale:
                    self._names.forget()
                    self._new_names.forget()
                    self._packer.forget()
                    self._rows.forget()
                    self._is_stale = False
                yield
        except BaseException:
            self._is_stale = True
            raise

    def refresh_gauges(self, now: int) -> None:
        """Publish how many installations are under way at an instant, and how many of them for too long."""
        with transaction(self._connection):
            self._publish_gauges(now)

    def _fold(self, events: Sequence[Event], now: int) -> None:
        before = self._rows.load({event.execution for event in events})
        after: dict[int, Installation] = {}
        for event in events:
            arrived = from_event(self._with_bounded_names(event))
            known = after.get(event.execution)
            if known is None and event.execution in before:
                known = before[event.execution].installation
            after[event.execution] = arrived if known is None else join(known, arrived)
        changes: Changes = defaultdict(Counter)
        self._rows.expect(after.values())
        for execution, installation in after.items():
            self._replace(before.get(execution), installation, changes)
        exact, public = self._packed(changes)
        today = now // MICROSECONDS_PER_DAY
        tallies.add_exact(self._connection, exact)
        tallies.release_public(self._connection, public, self._options.publish_min_count, today)

    def _with_bounded_names(self, event: Event) -> Event:
        day = event.received_at // MICROSECONDS_PER_DAY
        changes = {}
        for kind in OPEN_KINDS:
            text = getattr(event, kind)
            if text is not None:
                admitted = self._new_names.admit(kind, text, day, event.error if kind == "cause" else None)
                if admitted != text:
                    changes[kind] = admitted
        return msgspec.structs.replace(event, **changes) if changes else event

    def _replace(self, stored: Row | None, installation: Installation, changes: Changes) -> None:
        if stored is not None and stored.installation == installation:
            return
        row = Row(stored.id if stored else 0, installation, stored.released if stored else False)
        row.released = self._is_released(stored, row)
        for sign, one in ((-1, stored), (+1, row)):
            if one is not None:
                # Cells are summed up before they are packed: most occur many times in a batch.
                key = _Change(sign, one.installation.day, one.released)
                changes[key].update(contributions(one.installation, self._sources))
        self._rows.save(row)

    def _is_released(self, stored: Row | None, row: Row) -> bool:
        if row.installation.running:
            return False
        if stored is not None and stored.released and _same_release(stored.installation, row.installation):
            return True
        return not self._rows.other_released(row)

    def _packed(self, changes: Changes) -> tuple[Counter[tuple[int, int, int]], Counter[tuple[int, int]]]:
        """The same changes as the tables have them: by (subject, day, cell), and by (subject, cell) where released."""
        exact: Counter[tuple[int, int, int]] = Counter()
        public: Counter[tuple[int, int]] = Counter()
        for (sign, day, released), cells in changes.items():
            for cell, n in cells.items():
                subject, packed = self._packer.pack(cell, day)
                exact[subject, day, packed] += sign * n
                if released:
                    public[subject, packed] += sign * n
        return exact, public

    def _publish_gauges(self, now: int) -> None:
        oldest_id = (now // 1000 - self._options.stuck_hours * 3_600_000) * IDS_PER_MILLISECOND
        codes = ",".join(map(str, RUNNING_CODES))
        running, stuck = self._connection.execute(
            f"SELECT count(*), coalesce(sum(id < ?), 0) FROM installation WHERE status IN ({codes})",
            (oldest_id,),
        ).fetchone()
        k = self._options.publish_min_count
        self._connection.executemany(
            "INSERT INTO public_gauge VALUES (?, ?) ON CONFLICT DO UPDATE SET n = excluded.n",
            [("running", coarse(running, k)), ("stuck", coarse(stuck, k))],
        )

    def differences(self) -> Iterator[tuple[int, int, int, int, int]]:
        """Where the stored counts differ from what the installations add up to; nothing, if the counts are proven.

        Rows of (subject, day, cell, stored, recounted); a month is compared with the sum of its days, under -month.
        """
        days = self._connection.execute("SELECT min(day), max(day) FROM count_day").fetchone()
        ids = self._connection.execute("SELECT min(id), max(id) FROM installation").fetchone()
        bounds = [day for day in days if day is not None] + [day_of_id(id_) for id_ in ids if id_ is not None]
        if bounds:
            for first in range(min(bounds), max(bounds) + 1, RECOUNT_DAYS):
                with self._transaction():
                    found = self._day_differences(first, first + RECOUNT_DAYS - 1)
                yield from found
        yield from tallies.month_differences(self._connection)

    def _day_differences(self, first_day: int, last_day: int) -> list[tuple[int, int, int, int, int]]:
        cells: Changes = defaultdict(Counter)
        for row in self._rows.between(first_day, last_day):
            cells[_Change(+1, row.installation.day, False)].update(contributions(row.installation, self._sources))
        expected, _ = self._packed(cells)
        return tallies.day_differences(self._connection, expected, first_day, last_day)

    def truncate_wal(self) -> None:
        """Write everything to the database file itself and empty the write-ahead log."""
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        roll_back(self._connection)
        self._connection.close()


def _same_release(a: Installation, b: Installation) -> bool:
    return (a.day, script_of(a), a.value("random_id")) == (b.day, script_of(b), b.value("random_id"))


def declared_sources(directory: Path) -> Sources:
    """The sources by which a store counts.

    Raises `StoreUnavailable`.
    """
    with closing(connect(directory / FILE_NAME, read_only=True)) as connection:
        try:
            return _sources(connection)
        except sqlite3.Error as error:
            raise StoreUnavailable(str(error)) from error


def _sources(connection: sqlite3.Connection) -> Sources:
    # All ever declared, oldest first, not only those of today's settings: what is stored stays counted where it is.
    return Sources(slug for (slug,) in connection.execute("SELECT slug FROM source WHERE id > 0 ORDER BY id"))


def _declare_sources(connection: sqlite3.Connection, slugs: Iterable[str]) -> dict[str, int]:
    for slug in slugs:
        connection.execute(
            "INSERT INTO source (id, slug) SELECT (SELECT max(id) + 1 FROM source), ?1"
            " WHERE NOT EXISTS (SELECT 1 FROM source WHERE slug = ?1)",
            (slug,),
        )
    return {slug: number for number, slug in connection.execute("SELECT id, slug FROM source")}


__all__ = ["FILE_NAME", "Position", "Store", "StoreOptions", "StoreUnavailable", "declared_sources"]
