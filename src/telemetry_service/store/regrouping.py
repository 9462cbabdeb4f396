"""What is public brought to steps of another k: an operator has changed `PUBLISH_MIN_COUNT`."""

import sqlite3
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from telemetry_service.core.publishing import coarse, regrouped
from telemetry_service.store.tallies import MONTH_OF_DAY, note_changed

_CELL = itemgetter(0, 1)


class _Cut(NamedTuple):
    """A published cell cut anew: its counts by day, and what is left over."""

    subject: int
    cell: int
    days: list[tuple[int, int]]
    over: int


def published_step(connection: sqlite3.Connection) -> int | None:
    """The k that everything public is in steps of; None while that was not decided."""
    (k,) = connection.execute("SELECT k FROM published_step").fetchone()
    return None if k is None else int(k)


def note_step(connection: sqlite3.Connection, k: int) -> None:
    connection.execute("UPDATE published_step SET k = ?", (k,))


def has_published(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM public_count_day LIMIT 1").fetchone() is not None


def regroup(connection: sqlite3.Connection, before: int, k: int) -> None:
    """Cut everything that is public, in steps of `before` so far, into multiples of k; inside the writer's transaction.

    Some ten seconds for a million installations, unless all counts are multiples of k already.
    """
    if connection.execute("SELECT 1 FROM public_count_day WHERE n % ? LIMIT 1", (k,)).fetchone():
        _cut(connection, before, k)
    if before > k:
        connection.execute(
            "INSERT INTO public_remainder (subject, cell, n, told, step)"
            " SELECT DISTINCT subject, cell, 0, 0, ? FROM public_count_month WHERE true"
            " ON CONFLICT DO UPDATE SET step = max(step, excluded.step)",
            (before,),
        )
    # Also of cells of which nothing is public any more since an earlier change.
    connection.execute("UPDATE public_remainder SET step = max(step, ?) WHERE step > 0", (k,))
    gauges = connection.execute("SELECT name, n FROM public_gauge").fetchall()
    connection.executemany("UPDATE public_gauge SET n = ? WHERE name = ?", [(coarse(n, k), name) for name, n in gauges])


def _cut(connection: sqlite3.Connection, before: int, k: int) -> None:
    connection.execute(
        "CREATE TEMP TABLE cut (subject INTEGER NOT NULL, day INTEGER NOT NULL, cell INTEGER NOT NULL, n INTEGER NOT NULL)"
    )
    for cut in _cuts(connection, k):
        connection.executemany("INSERT INTO cut VALUES (?, ?, ?, ?)", ((cut.subject, day, cut.cell, n) for day, n in cut.days))
        if cut.over:
            connection.execute(
                "INSERT INTO public_remainder (subject, cell, n, told, step) VALUES (?1, ?2, ?3, ?3, ?4) ON CONFLICT DO UPDATE"
                " SET n = n + excluded.n, told = told + excluded.told, step = max(step, excluded.step)",
                (cut.subject, cut.cell, cut.over, max(before, k)),
            )
    connection.execute("DELETE FROM public_count_day")
    connection.execute("DELETE FROM public_count_month")
    connection.execute("INSERT INTO public_count_day SELECT subject, day, cell, n FROM cut ORDER BY 1, 2, 3")
    connection.execute(
        f"INSERT INTO public_count_month SELECT subject, {MONTH_OF_DAY} AS month, cell, sum(n) FROM cut GROUP BY 1, 2, 3"
    )
    connection.execute("DROP TABLE cut")
    note_changed(connection, [0])


def _cuts(connection: sqlite3.Connection, k: int) -> Iterator[_Cut]:
    rows = connection.execute("SELECT subject, cell, day, n FROM public_count_day ORDER BY subject, cell, day")
    for (subject, cell), days in groupby(rows, _CELL):
        yield _Cut(subject, cell, *regrouped([(day, n) for _, _, day, n in days], k))
