"""Installations and the counts they add up to, changed together inside the writer's transaction."""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from telemetry_service.core.counts import Cell, Detail, Dimension, Facet, Group, Sources, contributions, script_of
from telemetry_service.core.installation import Installation
from telemetry_service.store import tallies
from telemetry_service.store.cells import Packer
from telemetry_service.store.rows import Row, Rows

Counts = defaultdict[int, Counter[tuple[int, int]]]  # by UTC day, then (subject, cell)
# The details of installations that begin (+1) or cease (-1) to count, released to the public or not.
_Found = Mapping[tuple[int, bool], list[Detail]]
Changes = defaultdict[int, defaultdict[Group, defaultdict[tuple[int, bool], list[Detail]]]]  # by UTC day and group


class Ledger:
    """Saves and removes installations, and adds the difference to the counts when it is settled."""

    def __init__(self, connection: sqlite3.Connection, rows: Rows, packer: Packer, sources: Sources) -> None:
        self._connection = connection
        self._rows = rows
        self._packer = packer
        self._sources = sources
        self._changes = _no_changes()
        self._gone: Counts = defaultdict(Counter)

    def forget(self) -> None:
        """Drop what a transaction that broke did not settle."""
        self._changes.clear()
        self._gone.clear()

    def replace(self, stored: Row | None, installation: Installation) -> None:
        """Save an installation in place of what is stored of it."""
        if stored is not None and stored.installation == installation:
            return
        row = Row(stored.id if stored else 0, installation, stored.released if stored else False)
        row.released = self._is_released(stored, row)
        if stored is not None:
            self._sum_up(self._changes, -1, stored)
        self._sum_up(self._changes, +1, row)
        self._rows.save(row)

    def remove(self, rows: Sequence[Row], sealed_through: int) -> None:
        """Delete installations and take them off the counts, but for those of sealed days, which stay as they are."""
        for row in rows:
            if row.installation.day > sealed_through:
                self._sum_up(self._changes, -1, row)
        self._rows.delete([row.id for row in rows])

    def add(self, day: int, cell: Cell, n: int) -> None:
        """Count so many installations that are gone, on a day on which nothing was counted. None of it is released."""
        group, detail = Group(cell.script, cell.source, cell.status), ((Facet(cell.facet), Dimension(cell.dimension)), cell.value)
        self._gone[day][self._packer.pack(group, (detail,), day)[0]] += n

    def settle(self, today: int | None, k: int) -> None:
        """Insert what was saved, and bring the counts up to date.

        What is released, in steps of k, is released on the UTC day `today`; without one, each installation on its own day.
        What was published stays: who is taken off lowers the remainder.
        """
        self._rows.insert_saved()
        exact, public = self._packed(self._changes)
        if today is not None:
            public = _all_on(today, public)
        for day, counts in self._gone.items():
            exact[day].update(counts)
        self.forget()
        tallies.add_exact(self._connection, exact)
        tallies.release_public(self._connection, public, k)

    def recounted(self, rows: Iterable[Row]) -> Counts:
        """What these installations, in the order of their days, add up to."""
        expected: Counts = defaultdict(Counter)
        for _, of_day in groupby(rows, lambda row: row.installation.day):
            changes = _no_changes()
            for row in of_day:
                self._sum_up(changes, +1, row)
            for day, counts in self._packed(changes)[0].items():
                expected[day].update(counts)
        return expected

    def _sum_up(self, changes: Changes, sign: int, row: Row) -> None:
        of_day = changes[row.installation.day]
        for group, details in contributions(row.installation, self._sources):
            of_day[group][sign, row.released] += details

    def _is_released(self, stored: Row | None, row: Row) -> bool:
        if row.installation.running:
            return False
        if stored is not None and stored.released and _same_release(stored.installation, row.installation):
            return True
        return not self._rows.other_released(row)

    def _packed(self, changes: Changes) -> tuple[Counts, Counts]:
        """The changes as the tables have them, and those of them that are released."""
        exact: Counts = defaultdict(Counter)
        public: Counts = defaultdict(Counter)
        for day, groups in changes.items():
            for group, found in groups.items():  # no two groups share a cell
                packed = self._pack(group, found, day)
                dict.update(exact[day], packed)
                released = {change: details for change, details in found.items() if change[1]}
                if len(released) < len(found):
                    packed = self._pack(group, released, day)
                dict.update(public[day], packed)
        return exact, public

    def _pack(self, group: Group, found: _Found, day: int) -> dict[tuple[int, int], int]:
        details = _summed_up(found)  # before they are packed: most occur many times in a batch
        return dict(zip(self._packer.pack(group, details, day), details.values(), strict=True))


def _no_changes() -> Changes:
    return defaultdict(lambda: defaultdict(lambda: defaultdict(list)))


def _summed_up(found: _Found) -> Mapping[Detail, int]:
    """How often each detail counts more than before, or less; without those that count as often."""
    sums: Counter[Detail] = Counter()
    for (sign, _), details in found.items():
        if sign > 0:
            sums.update(details)
        else:
            sums.subtract(details)
    return {detail: n for detail, n in sums.items() if n} if any(sign < 0 for sign, _ in found) else sums


def _all_on(day: int, counts: Counts) -> Counts:
    """The counts of all days as those of one."""
    sums: Counts = defaultdict(Counter)
    for of_day in counts.values():
        sums[day].update(of_day)
    return sums


def _same_release(a: Installation, b: Installation) -> bool:
    return (a.day, script_of(a), a.value("random_id")) == (b.day, script_of(b), b.value("random_id"))
