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
from telemetry_service.core.period import Period, Span, spans
from telemetry_service.core.tally import DayTally, ScriptTally, Tally
from telemetry_service.store import store
from telemetry_service.store.cells import (
    FACETS,
    NAME_KINDS,
    STATUS_MASK,
    WITHOUT_SOURCE,
    Only,
    of_any_status,
    of_dimension,
    of_value,
    only_filter,
    source_filter,
    unpack,
)
from telemetry_service.store.database import StoreUnavailable, connect
from telemetry_service.store.names import Names

MAX_WAITING = 64  # reads of one pool; more would be answered too late to be of use
T = TypeVar("T")
EXACT, PUBLIC = "count", "public_count"
LONGEST_LIST = 100  # days or months that are listed one by one in a statement


class Reader:
    """A read-only view of the store, for one thread."""

    def __init__(self, directory: Path) -> None:
        self.connection = connect(directory / store.FILE_NAME, read_only=True, same_thread=False)  # closed by another one
        self.names = Names(self.connection)
        self._sources = dict(self.connection.execute("SELECT id, slug FROM source").fetchall())

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
        return [
            Tally(
                dimension,
                self._sources[source] if by_source else "",
                value if dimension in NUMERIC else self.names.label(value),
                STATUSES[status],
                n,
            )
            for _, cell, n in self._sums(tables, subjects, period, sources, by_source=by_source, only=only)
            for dimension, source, value, status in (unpack(cell),)
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
        return [
            ScriptTally(
                numbers[subject // FACETS],
                dimension,
                value if dimension in NUMERIC else self.names.label(value),
                STATUSES[status],
                n,
            )
            for subject, cell, n in self._sums(tables, subjects, period, sources, only=only)
            for dimension, _, value, status in (unpack(cell),)
        ]

    def daily(
        self, tables: str, period: Period, sources: Sequence[str], types: Sequence[str], script: str = ""
    ) -> list[DayTally]:
        """Installations of some types per day and status; for all time, as far as days are stored."""
        number = self.names.find("script", script) if script else 0
        numbers = [self.names.find("type", type_) for type_ in types]
        if number is None:
            return []
        first = -1 if period.first is None else period.first
        wanted = ",".join(str(of_value(Dimension.TYPE, value)) for value in numbers if value is not None)
        return self._daily(tables, number * FACETS + Facet.OUTCOME, Period(first, period.last), sources, wanted)

    def daily_of(
        self, tables: str, facet: Facet, period: Period, sources: Sequence[str], dimension: Dimension, value: str
    ) -> list[DayTally]:
        """Installations with one value of a dimension, of all scripts, per day and status."""
        number = self.value_number(dimension, value)
        if number is None:
            return []
        first = -1 if period.first is None else period.first
        return self._daily(tables, facet, Period(first, period.last), sources, str(of_value(dimension, number)))

    def _daily(self, tables: str, subject: int, period: Period, sources: Sequence[str], cells: str) -> list[DayTally]:
        rows = self.connection.execute(
            f"SELECT day, cell & {STATUS_MASK}, sum(n) FROM {tables}_day"
            f" WHERE subject = ? AND day BETWEEN ? AND ? AND cell & {~STATUS_MASK & WITHOUT_SOURCE} IN ({cells})"
            f" AND {source_filter('cell', self.source_ids(sources))} GROUP BY 1, 2",
            (subject, period.first, period.last),
        )
        return [DayTally(day, STATUSES[status], n) for day, status, n in rows]

    def script_totals(self, tables: str, period: Period, sources: Sequence[str]) -> dict[str, int]:
        """Installations by script over a period, whatever became of them."""
        mask, wanted = of_dimension(Dimension.SCRIPT)
        totals: dict[str, int] = {}
        for _, cell, n in self._sums(tables, [Facet.SCRIPTS], period, sources, only=(mask, wanted), kept=~STATUS_MASK):
            totals[self.names.label(unpack(cell)[2])] = n
        return totals

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

    def _sums(
        self,
        tables: str,
        subjects: Sequence[int],
        period: Period,
        sources: Sequence[str],
        *,
        by_source: bool = False,
        only: Only | None = None,
        kept: int = -1,
    ) -> list[tuple[int, int, int]]:
        """(subject, cell, n) over a period.

        The sources of a cell are summed up unless asked for one by one, and so is what the mask `kept` leaves out.
        """
        source_ids = self.source_ids(sources)
        if not subjects or not source_ids:
            return []
        conditions = [f"subject IN ({','.join(map(str, subjects))})"]
        if len(source_ids) < len(self._sources):
            conditions.append(source_filter("cell", source_ids))
        if only is not None:
            conditions.append(only_filter("cell", only))
        cell = f"cell & {kept if by_source else kept & WITHOUT_SOURCE}"
        parts = [
            f"SELECT subject, {cell} AS cell, {span.sign} * n AS n FROM {tables}_{unit}"
            f" WHERE {' AND '.join(conditions)} AND {self._within(tables, unit, span) if only else _between(unit, span)}"
            for span in spans(period)
            for unit in ("month" if span.monthly else "day",)
        ]
        return self.connection.execute(
            f"SELECT subject, cell, sum(n) AS total FROM ({' UNION ALL '.join(parts)}) GROUP BY subject, cell HAVING total <> 0"
        ).fetchall()

    def _within(self, tables: str, unit: str, span: Span) -> str:
        """A span day by day or month by month: the key goes on with the cell, so that each is found instead of searched."""
        first = span.first
        if span.monthly:
            (earliest,) = self.connection.execute(f"SELECT min(month) FROM {tables}_month WHERE subject = 0").fetchone()
            first = max(first, earliest or first)
        if span.last - first > LONGEST_LIST:
            return _between(unit, span)
        return f"{unit} IN ({','.join(map(str, range(first, span.last + 1)))})"


def _between(unit: str, span: Span) -> str:
    return f"{unit} BETWEEN {span.first} AND {span.last}"


class Readers:
    """A few threads, each with a view of its own, so that a long report blocks neither intake nor the next report."""

    def __init__(self, directory: Path, threads: int = 2) -> None:
        self._directory = directory
        self._local = threading.local()
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

    def _read(self, read: Callable[[Reader], T]) -> T:
        try:
            reader: Reader | None = getattr(self._local, "reader", None)
            if reader is None:
                reader = self._local.reader = Reader(self._directory)
                self._open.append(reader)
            reader.connection.execute("BEGIN")  # one report, one state of the store
            try:
                reader.names.catch_up()
                return read(reader)
            finally:
                reader.connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise StoreUnavailable(str(error)) from error

    def close(self) -> None:
        """Finish what is being read, and close the views."""
        self._pool.shutdown()
        for reader in self._open:
            reader.connection.close()
