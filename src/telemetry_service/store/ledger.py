"""Installations and the counts they add up to, changed together inside the writer's transaction."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from telemetry_service.core.counts import Cell, Detail, Group, Sources, cells, contributions, script_of
from telemetry_service.core.installation import Installation
from telemetry_service.store import tallies
from telemetry_service.store.cells import Packer
from telemetry_service.store.rows import Row, Rows

Exact = Counter[tuple[int, int, int]]  # by (subject, day, cell)
Public = Counter[tuple[int, int]]  # by (subject, cell)


class _Change(NamedTuple):
    """Installations that begin (+1) or cease (-1) to count on a UTC day, released to the public or not."""

    sign: int
    day: int
    released: bool


class Ledger:
    """Saves and removes installations, and adds the difference to the counts when it is settled."""

    def __init__(self, connection: sqlite3.Connection, rows: Rows, packer: Packer, sources: Sources) -> None:
        self._connection = connection
        self._rows = rows
        self._packer = packer
        self._sources = sources
        # Summed up before cells are made and packed: most occur many times in a batch.
        self._changes: defaultdict[tuple[_Change, Group], Counter[Detail]] = defaultdict(Counter)
        self._exact: Exact = Counter()
        self._public: defaultdict[int, Public] = defaultdict(Counter)

    def forget(self) -> None:
        """Drop what a transaction that broke did not settle."""
        self._changes.clear()
        self._exact.clear()
        self._public.clear()

    def replace(self, stored: Row | None, installation: Installation) -> None:
        """Save an installation in place of what is stored of it."""
        if stored is not None and stored.installation == installation:
            return
        row = Row(stored.id if stored else 0, installation, stored.released if stored else False)
        row.released = self._is_released(stored, row)
        if stored is not None:
            self._count(-1, stored)
        self._count(+1, row)
        self._rows.save(row)

    def remove(self, rows: Sequence[Row], sealed_through: int) -> None:
        """Delete installations and take them off the counts, but for those of sealed days, which stay as they are."""
        for row in rows:
            if row.installation.day > sealed_through:
                self._count(-1, row)
        self._rows.delete([row.id for row in rows])

    def add(self, day: int, cell: Cell, n: int) -> None:
        """Count so many installations that are gone, on a day on which nothing was counted. None of it is released."""
        subject, packed = self._packer.pack(cell, day)
        self._exact[subject, day, packed] += n

    def settle(self, today: int, k: int) -> None:
        """Bring the counts up to date; what is released, in steps of k, is released on the UTC day `today`.

        What was published stays: who is taken off lowers the remainder.
        """
        self.end_day(today)
        tallies.add_exact(self._connection, self._exact)
        tallies.release_public(self._connection, self._public, k)
        self._exact.clear()
        self._public.clear()

    def end_day(self, today: int) -> None:
        """What has changed until now is released on the UTC day `today` when it is settled; what comes is of a later one."""
        exact, public = self._packed()
        self._changes.clear()
        self._exact.update(exact)
        self._public[today].update(public)

    def recounted(self, rows: Iterable[Row]) -> Exact:
        """What these installations add up to."""
        self._changes.clear()
        for row in rows:
            self._sum_up(_Change(+1, row.installation.day, False), row.installation)
        expected, _ = self._packed()
        self._changes.clear()
        return expected

    def _count(self, sign: int, row: Row) -> None:
        self._sum_up(_Change(sign, row.installation.day, row.released), row.installation)

    def _sum_up(self, change: _Change, installation: Installation) -> None:
        for group, details in contributions(installation, self._sources):
            self._changes[change, group].update(details)

    def _is_released(self, stored: Row | None, row: Row) -> bool:
        if row.installation.running:
            return False
        if stored is not None and stored.released and _same_release(stored.installation, row.installation):
            return True
        return not self._rows.other_released(row)

    def _packed(self) -> tuple[Exact, Public]:
        """The changes as the tables have them, and those of them that are released."""
        exact: Exact = Counter()
        public: Public = Counter()
        for ((sign, day, released), group), details in self._changes.items():
            for cell, n in zip(cells(group, details), details.values(), strict=True):
                subject, packed = self._packer.pack(cell, day)
                exact[subject, day, packed] += sign * n
                if released:
                    public[subject, packed] += sign * n
        return exact, public


def _same_release(a: Installation, b: Installation) -> bool:
    return (a.day, script_of(a), a.value("random_id")) == (b.day, script_of(b), b.value("random_id"))
