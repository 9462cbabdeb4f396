"""Stored counts summed up over a period: whole months and the days at its edges, in few rows and without needless sorting."""

import sqlite3
import threading
from collections.abc import Sequence

from telemetry_service.core.period import MAX_DAYS, Period, Span, first_day_of, month_of, spans
from telemetry_service.store.cells import (
    BELOW_DIMENSION,
    STATUS_MASK,
    WITHOUT_SOURCE,
    Only,
    only_filter,
    source_filter,
)

MAX_SETTLED_ROWS = 40_000  # some 170 bytes each
LONGEST_LIST = 100  # days or months that are listed one by one in a statement
Rows = list[tuple[int, int, int]]  # (subject, cell, n), or (day, status, n)
Totals = dict[tuple[int, int], int]


class Settled:
    """Sums of months that are over, for as long as nothing is added to them or taken off; shared by threads.

    A year of the errors of all scripts is 40,000 rows that nearly never change, and one month of them that always does. What is
    kept is handed out as it is: nobody may change it.
    """

    def __init__(self, max_rows: int = MAX_SETTLED_ROWS) -> None:
        self._max_rows = max_rows
        self._kept: dict[str, tuple[int, Totals]] = {}  # the last used ones last
        self._rows = 0
        self._lock = threading.Lock()

    def find(self, question: str, revision: int) -> Totals | None:
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

    def keep(self, question: str, revision: int, totals: Totals) -> None:
        with self._lock:
            self._rows += len(totals) - len(self._kept.pop(question, (0, {}))[1])
            self._kept[question] = revision, totals
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
        asked = [
            (
                span,
                f"SELECT subject, {cell}, sum(n) AS total FROM {tables}_{unit}"
                f" WHERE {' AND '.join(conditions)} AND {self._within(tables, unit, span) if only else _between(unit, span)}"
                f" GROUP BY {group} HAVING total <> 0",
            )
            for whole in spans(period)
            for span in _last_month_apart(whole)
            for unit in ("month" if span.monthly else "day",)
        ]
        return self._sum(asked, period.last)

    def daily(self, tables: str, subject: int, period: Period, source_ids: list[int], values: Sequence[int]) -> Rows:
        """(day, status, n) of some values, given as cells without source and status, as far as days are stored."""
        if not source_ids or not values:
            return []
        first = -1 if period.first is None else period.first
        month_began = max(first, first_day_of(month_of(period.last)))
        days = [Span(False, first, month_began - 1, 1), Span(False, month_began, period.last, 1)]
        asked = [
            (
                span,
                f"SELECT day, cell & {STATUS_MASK}, sum(n) FROM {tables}_day"
                f" WHERE subject = {subject} AND {_in_days(span.first, span.last)}"
                f" AND cell BETWEEN {min(values)} AND {max(values) + BELOW_DIMENSION}"
                f" AND cell & {~BELOW_DIMENSION} IN ({','.join(map(str, values))}) AND {source_filter('cell', source_ids)}"
                " GROUP BY 1, 2",
            )
            for span in days
            if span.first <= span.last
        ]
        return self._sum(asked, period.last)

    def _sum(self, asked: Sequence[tuple[Span, str]], last_day: int) -> Rows:
        """The answers to questions about spans added up; those about months before the last day's are kept."""
        month = month_of(last_day)
        over = [one for one in asked if _months(one[0])[1] < month]
        others = [one for one in asked if _months(one[0])[1] >= month]
        if not over and [span.sign for span, _ in others] == [1]:
            return self._connection.execute(others[0][1]).fetchall()
        totals = self._settled_totals(over).copy() if over else {}
        self._add(totals, others)
        return [(*key, n) for key, n in totals.items() if n]

    def _settled_totals(self, asked: Sequence[tuple[Span, str]]) -> Totals:
        months = [month for span, _ in asked for month in _months(span)]
        (revision,) = self._connection.execute(
            "SELECT coalesce(sum(n), 0) FROM month_revision WHERE month = 0 OR month BETWEEN ? AND ?", (min(months), max(months))
        ).fetchone()
        question = "".join(f"{span.sign:+} {question}" for span, question in asked)
        totals = self._settled.find(question, revision)
        if totals is None:
            totals = {}
            self._add(totals, asked)
            totals = {key: n for key, n in totals.items() if n}
            self._settled.keep(question, revision, totals)
        return totals

    def _add(self, totals: Totals, asked: Sequence[tuple[Span, str]]) -> None:
        for span, question in asked:
            for first, second, n in self._connection.execute(question):
                key = first, second
                totals[key] = totals.get(key, 0) + span.sign * n

    def _within(self, tables: str, unit: str, span: Span) -> str:
        """A span day by day or month by month: the key goes on with the cell, so that each is found instead of searched."""
        first = span.first
        if span.monthly:
            (earliest,) = self._connection.execute(f"SELECT min(month) FROM {tables}_month WHERE subject = 0").fetchone()
            first = max(first, earliest or first)
        return _between(unit, span) if span.last - first > LONGEST_LIST else _one_by_one(unit, first, span.last)


def _last_month_apart(span: Span) -> list[Span]:
    """The last month of a run apart from those before it, which are over."""
    if not span.monthly or span.first == span.last:
        return [span]
    return [span._replace(last=span.last - 1), span._replace(first=span.last)]


def _months(span: Span) -> tuple[int, int]:
    """The first and the last month that a span has a part in."""
    return (span.first, span.last) if span.monthly else (month_of(span.first), month_of(span.last))


def _is_in(column: str, values: Sequence[int]) -> str:
    return f"{column} = {values[0]}" if len(values) == 1 else f"{column} IN ({','.join(map(str, values))})"


def _between(unit: str, span: Span) -> str:
    return f"{unit} BETWEEN {span.first} AND {span.last}"


def _one_by_one(unit: str, first: int, last: int) -> str:
    return f"{unit} IN ({','.join(map(str, range(first, last + 1)))})"


def _in_days(first: int, last: int) -> str:
    """Day by day for a year at most, so that in each the cells that are wanted are found instead of searched."""
    return _one_by_one("day", first, last) if last - first <= MAX_DAYS else f"day BETWEEN {first} AND {last}"
