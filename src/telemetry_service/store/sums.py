"""Stored counts summed up over a period: whole months and the days at its edges, in few rows and without needless sorting."""

import sqlite3
import threading
from collections import defaultdict
from collections.abc import Sequence

from telemetry_service.core.period import MAX_DAYS, Period, Span, spans
from telemetry_service.store.cells import (
    BELOW_DIMENSION,
    STATUS_MASK,
    WITHOUT_SOURCE,
    Only,
    only_filter,
    source_filter,
)

MAX_SETTLED_ROWS = 40_000  # some 150 bytes each
LONGEST_LIST = 100  # days or months that are listed one by one in a statement
Rows = list[tuple[int, int, int]]  # (subject, cell, n)


class Settled:
    """Sums of months that are over, for as long as nothing is added to them or taken off; shared by threads.

    A year of the errors of all scripts is 40,000 rows that nearly never change, and one month of them that always does.
    """

    def __init__(self, max_rows: int = MAX_SETTLED_ROWS) -> None:
        self._max_rows = max_rows
        self._kept: dict[str, tuple[int, Rows]] = {}  # the last used ones last
        self._rows = 0
        self._lock = threading.Lock()

    def find(self, question: str, revision: int) -> Rows | None:
        """What was kept for a question, unless the months it is about were changed since."""
        with self._lock:
            kept = self._kept.pop(question, None)
            if kept is None:
                return None
            if kept[0] != revision:
                self._rows -= len(kept[1])
                return None
            self._kept[question] = kept
            return kept[1]

    def keep(self, question: str, revision: int, rows: Rows) -> None:
        with self._lock:
            self._rows += len(rows) - len(self._kept.pop(question, (0, []))[1])
            self._kept[question] = revision, rows
            while self._rows > self._max_rows:
                _, oldest = self._kept.pop(next(iter(self._kept)))
                self._rows -= len(oldest)


class Sums:
    """Reads sums over one connection."""

    def __init__(self, connection: sqlite3.Connection, all_sources: int, settled: Settled) -> None:
        self._connection = connection
        self._all_sources = all_sources
        self._settled = settled

    def of(
        self,
        tables: str,
        subjects: Sequence[int],
        period: Period,
        source_ids: list[int],
        *,
        by_source: bool = False,
        only: Only | None = None,
        by_status: bool = True,
    ) -> Rows:
        """(subject, cell, n) over a period; `tables` is `count` or `public_count`.

        Sources are summed up unless asked for one by one: what a cell says of its source is then without meaning. So are
        statuses if they are not asked for.
        """
        if not subjects or not source_ids:
            return []
        conditions = [_is_in("subject", subjects)]
        if len(source_ids) < self._all_sources:
            conditions.append(source_filter("cell", source_ids))
        if only is not None:
            conditions.append(only_filter("cell", only))
        kept = -1 if by_source or len(source_ids) == 1 else WITHOUT_SOURCE
        kept = kept if by_status else kept & ~STATUS_MASK
        cell = "cell" if kept == -1 else f"cell & {kept} AS cell"
        # One subject needs no sorting by it. Grouping by an expression of the name of a column must not mean the column.
        group = "2" if len(subjects) == 1 else "1, 2"
        parts = [part for span in spans(period) for part in _settled_apart(span)]
        found = [
            self._read(
                f"SELECT subject, {cell}, sum(n) AS total FROM {tables}_{unit}"
                f" WHERE {' AND '.join(conditions)} AND {self._within(tables, unit, span) if only else _between(unit, span)}"
                f" GROUP BY {group} HAVING total <> 0",
                span,
            )
            for span in parts
            for unit in ("month" if span.monthly else "day",)
        ]
        return found[0] if len(parts) == 1 and parts[0].sign > 0 else _added(found, parts)

    def daily(self, tables: str, subject: int, period: Period, source_ids: list[int], values: Sequence[int]) -> Rows:
        """(day, status, n) of some values, given as cells without source and status, as far as days are stored."""
        if not source_ids or not values:
            return []
        first = -1 if period.first is None else period.first
        found = self._connection.execute(
            f"SELECT day, cell & {STATUS_MASK}, sum(n) FROM {tables}_day"
            f" WHERE subject = {subject} AND {_in_days(first, period.last)}"
            f" AND cell BETWEEN {min(values)} AND {max(values) + BELOW_DIMENSION}"
            f" AND cell & {~BELOW_DIMENSION} IN ({','.join(map(str, values))}) AND {source_filter('cell', source_ids)}"
            " GROUP BY 1, 2"
        )
        return found.fetchall()

    def _read(self, question: str, span: Span) -> Rows:
        if not span.monthly or span.first == span.last:
            return self._connection.execute(question).fetchall()
        (revision,) = self._connection.execute(
            "SELECT coalesce(sum(n), 0) FROM month_revision WHERE month = 0 OR month BETWEEN ? AND ?", (span.first, span.last)
        ).fetchone()
        rows = self._settled.find(question, revision)
        if rows is None:
            rows = self._connection.execute(question).fetchall()
            self._settled.keep(question, revision, rows)
        return rows

    def _within(self, tables: str, unit: str, span: Span) -> str:
        """A span day by day or month by month: the key goes on with the cell, so that each is found instead of searched."""
        first = span.first
        if span.monthly:
            (earliest,) = self._connection.execute(f"SELECT min(month) FROM {tables}_month WHERE subject = 0").fetchone()
            first = max(first, earliest or first)
        return _between(unit, span) if span.last - first > LONGEST_LIST else _one_by_one(unit, first, span.last)


def _settled_apart(span: Span) -> list[Span]:
    """The last month of a run apart from those before it, which are over."""
    if not span.monthly or span.first == span.last:
        return [span]
    return [span._replace(last=span.last - 1), span._replace(first=span.last)]


def _added(found: Sequence[Rows], parts: Sequence[Span]) -> Rows:
    totals: defaultdict[tuple[int, int], int] = defaultdict(int)
    for rows, span in zip(found, parts, strict=True):
        for subject, cell, n in rows:
            totals[subject, cell] += span.sign * n
    return [(*key, n) for key, n in totals.items() if n]


def _is_in(column: str, values: Sequence[int]) -> str:
    return f"{column} = {values[0]}" if len(values) == 1 else f"{column} IN ({','.join(map(str, values))})"


def _between(unit: str, span: Span) -> str:
    return f"{unit} BETWEEN {span.first} AND {span.last}"


def _one_by_one(unit: str, first: int, last: int) -> str:
    return f"{unit} IN ({','.join(map(str, range(first, last + 1)))})"


def _in_days(first: int, last: int) -> str:
    """Day by day for a year at most, so that in each the cells that are wanted are found instead of searched."""
    return _one_by_one("day", first, last) if last - first <= MAX_DAYS else f"day BETWEEN {first} AND {last}"
