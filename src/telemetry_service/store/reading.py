"""Reading the store: counts for reports, installations for those with a token. Never writes."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from telemetry_service.core.counts import NUMERIC, Dimension, Facet
from telemetry_service.core.fields import STATUSES, TYPES
from telemetry_service.core.period import Period
from telemetry_service.core.tally import DayTally, ScriptTally, Tally
from telemetry_service.store import store
from telemetry_service.store.cells import (
    DIMENSION_SHIFT,
    FACETS,
    NAME_KINDS,
    STATUS_MASK,
    Only,
    dimension_and_value,
    of_any_status,
    of_dimension,
    of_value,
    source_number,
)
from telemetry_service.store.database import StoreUnavailable, connect, unavailable
from telemetry_service.store.names import Names
from telemetry_service.store.sums import Rows, Settled, Sums

MAX_WAITING = 64  # reads of one pool; more would be answered too late to be of use
T = TypeVar("T")
EXACT, PUBLIC = "count", "public_count"


class Reader:
    """A read-only view of the store, for one thread."""

    def __init__(self, directory: Path, settled: Settled | None = None) -> None:
        self.connection = connect(directory / store.FILE_NAME, read_only=True, same_thread=False)  # closed by another one
        self.names = Names(self.connection)
        self._sources = dict(self.connection.execute("SELECT id, slug FROM source").fetchall())
        self._sums = Sums(self.connection, len(self._sources), settled or Settled())

    def source_ids(self, sources: Sequence[str]) -> list[int]:
        """The numbers of sources; those never declared have none."""
        return [number for number, slug in self._sources.items() if slug in sources]

    def tallies(
        self,
        tables: str,
        facets: Sequence[Facet],
        period: Period,
        sources: Sequence[str],
        script: str = "",
        *,
        by_source: bool = False,
        only: Only | None = None,
    ) -> list[Tally]:
        """The counts of one script, or of all, over a period; `tables` is `EXACT` or `PUBLIC`."""
        number = self.names.find("script", script) if script else 0
        if number is None:
            return []
        subjects = [number * FACETS + facet for facet in facets]
        rows = self._sums.of(tables, subjects, period, self.source_ids(sources), by_source=by_source, only=only)
        shown = self._shown(rows)
        return [
            Tally(
                *shown[cell >> DIMENSION_SHIFT],
                status=STATUSES[cell & STATUS_MASK],
                source=self._sources[source_number(cell)] if by_source else "",
                n=n,
            )
            for _, cell, n in rows
        ]

    def script_tallies(
        self,
        tables: str,
        facet: Facet,
        period: Period,
        sources: Sequence[str],
        scripts: Sequence[str],
        only: Only | None = None,
    ) -> list[ScriptTally]:
        """One facet of many scripts over a period, or `only` some cells of it."""
        numbers = {self.names.find("script", script): script for script in scripts}
        subjects = [number * FACETS + facet for number in numbers if number is not None]
        rows = self._sums.of(tables, subjects, period, self.source_ids(sources), only=only)
        shown = self._shown(rows)
        return [
            ScriptTally(*shown[cell >> DIMENSION_SHIFT], STATUSES[cell & STATUS_MASK], n, numbers[subject // FACETS])
            for subject, cell, n in rows
        ]

    def _shown(self, rows: Rows) -> dict[int, tuple[int, str | int]]:
        """The dimension and value, as people are shown it, of every cell; by what a cell has above its source and status."""
        found = {}
        for kind in {cell >> DIMENSION_SHIFT for _, cell, _ in rows}:
            dimension, value = dimension_and_value(kind)
            found[kind] = dimension, value if dimension in NUMERIC else self.names.label(value)
        return found

    def daily(
        self, tables: str, period: Period, sources: Sequence[str], types: Sequence[str], script: str = ""
    ) -> list[DayTally]:
        """Installations of some types per day and status; for all time, as far as days are stored."""
        number = self.names.find("script", script) if script else 0
        numbers = [self.names.find("type", type_) for type_ in types]
        if number is None:
            return []
        wanted = [of_value(Dimension.TYPE, value) for value in numbers if value is not None]
        return self._daily(tables, number * FACETS + Facet.OUTCOME, period, sources, wanted)

    def daily_of(
        self, tables: str, facet: Facet, period: Period, sources: Sequence[str], dimension: Dimension, value: str
    ) -> list[DayTally]:
        """Installations with one value of a dimension, of all scripts, per day and status."""
        number = self.value_number(dimension, value)
        if number is None:
            return []
        return self._daily(tables, facet, period, sources, [of_value(dimension, number)])

    def _daily(self, tables: str, subject: int, period: Period, sources: Sequence[str], values: Sequence[int]) -> list[DayTally]:
        rows = self._sums.daily(tables, subject, period, self.source_ids(sources), values)
        return [DayTally(day, STATUSES[status], n) for day, status, n in rows]

    def script_totals(self, tables: str, period: Period, sources: Sequence[str]) -> dict[str, int]:
        """Installations by script over a period, whatever became of them."""
        rows = self._sums.of(
            tables,
            [Facet.SCRIPTS],
            period,
            self.source_ids(sources),
            only=of_dimension(Dimension.SCRIPT),
            by_status=False,
        )
        return {self.names.label(dimension_and_value(cell >> DIMENSION_SHIFT)[1]): n for _, cell, n in rows}

    def value_number(self, dimension: Dimension, value: str) -> int | None:
        """The number that a value has in the cells of its dimension; None for one that was never counted."""
        if dimension in NUMERIC:
            return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else None
        if dimension == Dimension.ERROR:
            return self.names.find_label(value)
        return self.names.find(NAME_KINDS[dimension], value)

    def only_value(self, dimension: Dimension, value: str) -> Only | None:
        """The cells of one value of a dimension; None for one that was never counted."""
        number = self.value_number(dimension, value)
        return None if number is None else of_any_status(dimension, number)

    def first_days(self, tables: str, scripts: Sequence[str]) -> dict[str, int]:
        """The first UTC day on which each script is counted."""
        found = {}
        for script in scripts:
            number = self.names.find("script", script)
            if number is None:
                continue
            (day,) = self.connection.execute(
                f"SELECT min(day) FROM {tables}_day WHERE subject = ?",
                (number * FACETS + Facet.OUTCOME,),
            ).fetchone()
            if day is not None:
                found[script] = day
        return found

    def scripts(self) -> list[str]:
        """Every script that was ever reported."""
        return self.names.all_of("script")

    def types_of(self, app: str) -> list[str]:
        """The types an app was ever reported with."""
        return [type_ for type_ in TYPES if self.names.find("script", f"{app} {type_}") is not None]

    def newest_day(self, tables: str) -> int | None:
        """The last UTC day on which anything is counted."""
        (day,) = self.connection.execute(f"SELECT max(day) FROM {tables}_day").fetchone()
        return None if day is None else int(day)

    def oldest_day(self, tables: str) -> int | None:
        """The first UTC day on which anything is counted."""
        (day,) = self.connection.execute(f"SELECT min(day) FROM {tables}_day WHERE subject = ?", (int(Facet.OUTCOME),)).fetchone()
        return None if day is None else int(day)

    def gauge(self, name: str) -> int:
        """A published figure that is no sum of counts: `running` or `stuck`."""
        row = self.connection.execute("SELECT n FROM public_gauge WHERE name = ?", (name,)).fetchone()
        return int(row[0]) if row else 0

    def position(self, generation: str) -> int:
        """How far an inbox has been folded."""
        row = self.connection.execute("SELECT seq FROM fold_position WHERE generation = ?", (generation,)).fetchone()
        return int(row[0]) if row else 0

    def folded_at(self, generation: str) -> int:
        """When something of an inbox was last folded, in microseconds since 1970; 0 for never."""
        row = self.connection.execute("SELECT folded_at FROM fold_position WHERE generation = ?", (generation,)).fetchone()
        return int(row[0]) if row else 0


class Readers:
    """A few threads, each with a view of its own, so that a long report blocks neither intake nor the next report."""

    def __init__(self, directory: Path, threads: int = 2) -> None:
        self._directory = directory
        self._local = threading.local()
        self._settled = Settled()
        self._open: list[Reader] = []
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="reader")
        self._waiting = 0

    async def run(self, read: Callable[[Reader], T]) -> T:
        """Run a function of a reader in one of the threads; for one event loop.

        Raises `StoreUnavailable` when the store does not answer, or too many wait for it already.
        """
        if self._waiting >= MAX_WAITING:
            raise StoreUnavailable("too many reads are waiting")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._read, read)
        finally:
            self._waiting -= 1

    def run_here(self, read: Callable[[Reader], T]) -> T:
        """Run a function of a reader in the thread that asks; its view of the store is gone after it, the sums it made are kept.

        Raises `StoreUnavailable`.
        """
        try:
            reader = Reader(self._directory, self._settled)
            try:
                return _read_by(reader, read)
            finally:
                reader.connection.close()
        except sqlite3.Error as error:
            raise unavailable(error) from error

    def _read(self, read: Callable[[Reader], T]) -> T:
        try:
            reader: Reader | None = getattr(self._local, "reader", None)
            if reader is None:
                reader = self._local.reader = Reader(self._directory, self._settled)
                self._open.append(reader)
            return _read_by(reader, read)
        except sqlite3.Error as error:
            raise unavailable(error) from error

    def close(self) -> None:
        """Finish what is being read, and close the views."""
        self._pool.shutdown()
        for reader in self._open:
            reader.connection.close()


def _read_by(reader: Reader, read: Callable[[Reader], T]) -> T:
    reader.connection.execute("BEGIN")  # one report, one state of the store
    try:
        reader.names.catch_up()
        return read(reader)
    finally:
        reader.connection.execute("ROLLBACK")
