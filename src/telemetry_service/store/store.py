"""The store: installations and counts, and how far the inbox was folded into them.

Durability: `fold` returns after its transaction is synced to disk. Exactly once: the events, the counts they change and the
position in the inbox are one transaction, and joining an event twice changes nothing. One process folds.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from telemetry_service.core.counts import Sources
from telemetry_service.core.event import Entry, Erasure, Event
from telemetry_service.core.identity import Identities
from telemetry_service.core.installation import INDEX, Installation, from_event, join
from telemetry_service.core.period import day_of
from telemetry_service.core.publishing import coarse
from telemetry_service.store import tallies
from telemetry_service.store.cells import IS_RUNNING, Packer
from telemetry_service.store.compact import truncate_wal
from telemetry_service.store.database import BUSY_TIMEOUT_SECONDS, StoreUnavailable, connect, migrate, roll_back, transaction
from telemetry_service.store.erasing import Erased
from telemetry_service.store.ledger import Ledger
from telemetry_service.store.names import OPEN_KINDS, Names, NewNames
from telemetry_service.store.regrouping import has_published, note_step, published_step, regroup
from telemetry_service.store.rows import IDS_PER_MILLISECOND, Row, Rows, day_of_id
from telemetry_service.store.runs import note_run

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


class Store:
    """The writing end of the store. One process folds; the jobs of others wait for it, and it for them.

    Modules beside this one work on `connection`, `names`, `rows`, `ledger` and `erased`, inside `transaction` alone.
    """

    def __init__(
        self,
        directory: Path,
        options: StoreOptions,
        identities: Identities,
        *,
        now: int,
        cache_mb: int = CACHE_MB,
        wait_seconds: int = BUSY_TIMEOUT_SECONDS,
    ) -> None:
        """Open or create the store of a data directory; `now` is in microseconds since 1970."""
        self._options = options
        self.connection = connect(directory / FILE_NAME, cache_mb=cache_mb, wait_seconds=wait_seconds)
        migrate(self.connection, "store", now)
        with transaction(self.connection):
            self.names = Names(self.connection)
            self.names.declare_enums()
            source_ids = _declare_sources(self.connection, options.known_repos)
            if published_step(self.connection) is None and not has_published(self.connection):
                note_step(self.connection, options.publish_min_count)
        self._packer = Packer(self.names, source_ids)
        self._open_registers = [(kind, INDEX[kind], self.names.of_kind(kind)) for kind in OPEN_KINDS if kind in INDEX]
        self._new_names = NewNames(self.names, self.connection, options.max_new_apps_per_day)
        self._is_stale = False
        self._version = -1
        self.erased = Erased(self.connection, identities)
        self.rows = Rows(self.connection, self.names, identities)
        self.ledger = Ledger(self.connection, self.rows, self._packer, _sources(self.connection))

    def position(self, generation: str) -> int:
        """The number of the last event of this inbox that is folded; 0 for an inbox never seen."""
        row = self.connection.execute("SELECT seq FROM fold_position WHERE generation = ?", (generation,)).fetchone()
        return int(row[0]) if row else 0

    def fold(self, entries: Sequence[Entry], position: Position | None, now: int) -> int:
        """Join events into installations, change the counts by the difference, and remember the position: all or nothing.

        Requests to erase take effect where they stand among the events. `now` is the instant of folding in microseconds since
        1970; what is released is released on its UTC day. Returns how many requests to erase there were.
        Raises `StoreUnavailable`, with nothing changed.
        """
        with self.transaction():
            erasures = self._fold(entries, now)
            if position is not None:
                self.connection.execute(
                    "INSERT INTO fold_position VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq),"
                    " folded_at = excluded.folded_at",
                    (position.generation, position.seq, now),
                )
        return erasures

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """A transaction that may give names numbers; what was learnt in one that broke is forgotten in the next."""
        try:
            with transaction(self.connection):
                self._catch_up()
                yield
        except BaseException:
            self._is_stale = True
            raise

    def learn_anew(self) -> None:
        """Have the next transaction forget all that was learnt of names."""
        self._is_stale = True

    def _catch_up(self) -> None:
        """Forget what a broken transaction taught, and learn what other connections have committed since."""
        (version,) = self.connection.execute("PRAGMA data_version").fetchone()
        if version != self._version or self._is_stale:
            self.rows.forget()
            if self.names.catch_up() or self._is_stale:
                self.names.forget()
                self._new_names.forget()
                self._packer.forget()
                self.ledger.forget()
        self._version = version
        self._is_stale = False

    @property
    def k(self) -> int:
        """What everything public is in steps of: decided once and stored, whatever the options say since."""
        return published_step(self.connection) or self._options.publish_min_count

    def publish_in_steps_of(self, k: int) -> int | None:
        """Bring everything public to steps of k, now and from now on; what they were before, None if that is no change.

        For those who decide, `serve` and `demo`: another command, run without the settings of the service, must not.
        Raises `StoreUnavailable`, with nothing changed.
        """
        with transaction(self.connection):
            before = published_step(self.connection)
            if before == k:
                return None
            regroup(self.connection, before or k, k)
            note_step(self.connection, k)
        return before

    def sealed_through(self) -> int:
        """The last UTC day that is sealed: nothing is added to it any more; -1 for none."""
        return sealed_through(self.connection)

    def refresh_gauges(self, now: int) -> None:
        """Publish how many installations are under way at an instant, and how many of them for too long."""
        with transaction(self.connection):
            self._publish_gauges(now)

    def _fold(self, entries: Sequence[Entry], now: int) -> int:
        today = day_of(now)
        events: list[Event] = []
        erasures = erased = 0
        for entry in entries:
            if isinstance(entry, Erasure):
                self._join(events)
                events = []
                erasures += 1
                erased += self._erase(entry.random_id, today)
            else:
                events.append(entry)
        self._join(events)
        self.ledger.settle(today, self.k)
        if erasures:
            counts = {"requests": erasures, "installations": erased}
            note_run(self.connection, "erase", started_at=now, ended_at=now, counts=counts)
        return erasures

    def _join(self, arrived: Sequence[Event]) -> None:
        """Join events into their installations, but for those of erased ids and of sealed days, which are refused."""
        sealed = self.sealed_through()
        events = [event for event in self.erased.without(arrived) if day_of(event.received_at) > sealed]
        self.join([self.with_bounded_names(from_event(event), day_of(event.received_at)) for event in events])

    def join(self, arrived: Sequence[Installation]) -> int:
        """Join what is known of installations into what is stored of them; how many were not stored before.

        Inside a transaction; `settle` of the ledger inserts what is new and brings the counts up to date. Days that are sealed
        must not be among them.
        """
        sealed = self.sealed_through()
        before = self.rows.load({one.execution for one in arrived})
        # What is left on a sealed day is about to be deleted; an event of today begins anew.
        over = [execution for execution, row in before.items() if row.installation.day <= sealed]
        self.ledger.remove([before.pop(execution) for execution in over], sealed)
        after: dict[int, Installation] = {}
        for one in arrived:
            known = after.get(one.execution)
            if known is None and one.execution in before:
                known = before[one.execution].installation
            after[one.execution] = one if known is None else join(known, one)
        self.rows.expect(after.values())
        for execution, installation in after.items():
            self.ledger.replace(before.get(execution), installation)
        return len(after) - len(before)

    def _erase(self, random_id: bytes, today: int) -> int:
        """Delete everything of a random id and keep it out from now on; how many installations those were."""
        found = self.rows.of_person(random_id)
        self.ledger.remove(found, self.sealed_through())
        self._generalise_labels(found)
        self.erased.note(random_id, today)
        return len(found)

    def _generalise_labels(self, removed: Sequence[Row]) -> None:
        """Where what people are shown of a cause is the line of a removed installation, and not public yet: its numbers go."""
        for outcome in (row.installation.outcome for row in removed):
            number = self.names.find("cause", outcome.cause) if outcome and outcome.cause else None
            if number is not None and outcome and outcome.error:
                is_its_line = self.names.label(number).startswith(outcome.error)
                if is_its_line and not tallies.is_published(self.connection, number):
                    self.names.generalise(number)

    def with_bounded_names(self, one: Installation, day: int) -> Installation:
        """What is known of an installation, with names that the day has no room for replaced; `one` itself is changed."""
        for kind, index, known in self._open_registers:
            text = one.values[index]
            if text is not None and text not in known:
                admitted = one.values[index] = self._new_names.admit(kind, text, day)
                if admitted is None:
                    one.stamps[index] = None
        outcome = one.outcome
        if outcome is not None and outcome.cause is not None:
            admitted = self._new_names.admit("cause", outcome.cause, day, outcome.error)
            if admitted is None:
                one.outcome = msgspec.structs.replace(outcome, cause=None)
        return one

    def name_cause(self, cause: str, label: str, day: int) -> None:
        """Have people shown a line for a cause of failure that the store does not know yet; inside a transaction."""
        self._new_names.admit("cause", cause, day, label)

    def _publish_gauges(self, now: int) -> None:
        oldest_id = (now // 1000 - self._options.stuck_hours * 3_600_000) * IDS_PER_MILLISECOND
        running, stuck = self.connection.execute(
            f"SELECT count(*), coalesce(sum(id < ?), 0) FROM installation WHERE {IS_RUNNING}",
            (oldest_id,),
        ).fetchone()
        k = self.k
        self.connection.executemany(
            "INSERT INTO public_gauge VALUES (?, ?) ON CONFLICT DO UPDATE SET n = excluded.n",
            [("running", coarse(running, k)), ("stuck", coarse(stuck, k))],
        )

    def differences(self) -> Iterator[tuple[int, int, int, int, int]]:
        """Where the stored counts differ from what the installations add up to; nothing, if the counts are proven.

        Rows of (subject, day, cell, stored, recounted); a month is compared with the sum of its days, under -month. Of sealed
        days only that sum can be proven: their installations are gone.
        """
        days = self.connection.execute("SELECT min(day), max(day) FROM count_day").fetchone()
        ids = self.connection.execute("SELECT min(id), max(id) FROM installation").fetchone()
        bounds = [day for day in days if day is not None] + [day_of_id(id_) for id_ in ids if id_ is not None]
        if bounds:
            for first in range(min(bounds), max(bounds) + 1, RECOUNT_DAYS):
                with self.transaction():
                    found = self._day_differences(first, first + RECOUNT_DAYS - 1)
                yield from found
        yield from tallies.month_differences(self.connection)

    def _day_differences(self, first_day: int, last_day: int) -> list[tuple[int, int, int, int, int]]:
        first_day = max(first_day, self.sealed_through() + 1)
        expected = self.ledger.recounted(self.rows.between(first_day, last_day))
        return tallies.day_differences(self.connection, expected, first_day, last_day)

    def truncate_wal(self) -> bool:
        """Write everything to the database file itself and empty the write-ahead log; False while somebody is in the way."""
        return truncate_wal(self.connection)

    def close(self) -> None:
        roll_back(self.connection)
        self.connection.close()


def sealed_through(connection: sqlite3.Connection) -> int:
    """The last UTC day of a store that is sealed; -1 for none."""
    (day,) = connection.execute("SELECT through_day FROM sealed").fetchone()
    return int(day)


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


__all__ = ["FILE_NAME", "Position", "Store", "StoreOptions", "StoreUnavailable", "declared_sources", "sealed_through"]
