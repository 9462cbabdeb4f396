"""Adding to the stored counts, releasing them to the public ones, and proving them."""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping

from telemetry_service.core.counts import Dimension, Facet
from telemetry_service.core.period import month_of
from telemetry_service.core.publishing import release
from telemetry_service.store.cells import of_dimension, value_of

MONTH_OF_DAY = "CAST(strftime('%Y', day * 86400, 'unixepoch') AS INTEGER) * 12 + strftime('%m', day * 86400, 'unixepoch') - 1"
Counts = Mapping[int, Mapping[tuple[int, int], int]]  # by UTC day or month, then (subject, cell)


def add_exact(connection: sqlite3.Connection, changes: Counts) -> None:
    """Add differences to the counts of days and months."""
    months = _by_month(changes)
    _add(connection, "count_day", "day", changes)
    _add(connection, "count_month", "month", months)
    note_changed(connection, months)  # also where days changed that add up to nothing


def _by_month(days: Counts) -> Counts:
    months: defaultdict[int, Counter[tuple[int, int]]] = defaultdict(Counter)
    for day, counts in days.items():
        if counts:
            months[month_of(day)].update(counts)
    return months


def note_changed(connection: sqlite3.Connection, months: Iterable[int]) -> None:
    """Tell readers that counts of these months changed; month 0 stands for all."""
    connection.executemany(
        "INSERT INTO month_revision VALUES (?, 1) ON CONFLICT DO UPDATE SET n = n + 1", [(month,) for month in months]
    )


def _add(connection: sqlite3.Connection, table: str, period: str, changes: Counts) -> None:
    rows = sorted((subject, at, cell, n) for at, counts in changes.items() for (subject, cell), n in counts.items() if n)
    connection.executemany(f"INSERT INTO {table} VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n", rows)
    connection.executemany(
        f"DELETE FROM {table} WHERE subject = ? AND {period} = ? AND cell = ? AND n = 0", [row[:3] for row in rows if row[3] < 0]
    )


def release_public(connection: sqlite3.Connection, changes: Counts, k: int) -> None:
    """Add differences to what is unpublished, and publish what reaches k under the day of the change."""
    remainders = _remainders(connection, {key for counts in changes.values() for key, n in counts.items() if n})
    released: defaultdict[int, dict[tuple[int, int], int]] = defaultdict(dict)
    for day in sorted(changes):
        for key, n in changes[day].items():
            if n == 0:
                continue
            remainder, told, step = remainders.get(key, (0, 0, 0))
            remainder += n
            if due := release(remainder, k, told, step):
                released[day][key] = due
                told = step = 0
            remainders[key] = remainder - due, told, step
    connection.executemany(
        "INSERT INTO public_remainder (subject, cell, n, told, step) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
        " SET n = excluded.n, told = excluded.told, step = excluded.step",
        sorted([(*key, *state) for key, state in remainders.items()]),
    )
    months = _by_month(released)
    _add(connection, "public_count_day", "day", released)
    _add(connection, "public_count_month", "month", months)
    note_changed(connection, months)


def _remainders(connection: sqlite3.Connection, keys: Collection[tuple[int, int]]) -> dict[tuple[int, int], tuple[int, int, int]]:
    """(n, told, step) of those of these cells that have a remainder."""
    rows = connection.execute(
        "SELECT subject, cell, n, told, step FROM json_each(?) AS key CROSS JOIN public_remainder"
        " ON subject = key.value ->> 0 AND cell = key.value ->> 1",
        (json.dumps(list(keys)),),
    )
    return {(subject, cell): (n, told, step) for subject, cell, n, told, step in rows}


def day_differences(
    connection: sqlite3.Connection, expected: Counts, first_day: int, last_day: int
) -> list[tuple[int, int, int, int, int]]:
    """Rows of (subject, day, cell, stored, expected) that differ."""
    found = {(subject, day, cell): n for day, counts in expected.items() for (subject, cell), n in counts.items()}
    stored = {
        (subject, day, cell): n
        for subject, day, cell, n in connection.execute(
            "SELECT subject, day, cell, n FROM count_day WHERE day BETWEEN ? AND ?", (first_day, last_day)
        )
    }
    return [
        (*key, stored.get(key, 0), found.get(key, 0))
        for key in sorted(stored.keys() | found.keys())
        if stored.get(key, 0) != found.get(key, 0)
    ]


def month_differences(connection: sqlite3.Connection) -> list[tuple[int, int, int, int, int]]:
    """Rows of (subject, -month, cell, stored, sum of its days) that differ."""
    sums = f"SELECT subject, {MONTH_OF_DAY} AS month, cell, sum(n) AS n FROM count_day GROUP BY 1, 2, 3"
    stored = "SELECT subject, month, cell, n FROM count_month"
    return connection.execute(
        f"SELECT subject, -month, cell, sum(stored), sum(expected) FROM ("
        f" SELECT subject, month, cell, n AS stored, 0 AS expected FROM ({stored} EXCEPT {sums})"
        f" UNION ALL SELECT subject, month, cell, 0, n FROM ({sums} EXCEPT {stored})"
        ") GROUP BY subject, month, cell"
    ).fetchall()


def is_published(connection: sqlite3.Connection, cause: int) -> bool:
    """Whether failures of the cause of this number were ever released to the public counts."""
    mask, cells = of_dimension(Dimension.ERROR)
    row = connection.execute(
        f"SELECT 1 FROM public_count_month WHERE subject = {int(Facet.FAILURE)} AND cell & {mask} = {cells}"
        f" AND {value_of('cell')} = ? LIMIT 1",
        (cause,),
    ).fetchone()
    return row is not None
