"""The published counts as data files: one SQLite database for everybody, and CSV files made from its views."""

import csv
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from telemetry_service.core.counts import NUMERIC, Dimension
from telemetry_service.core.fields import TERMINAL
from telemetry_service.core.period import iso_day
from telemetry_service.core.public_data import DIMENSIONS, LICENCE, LICENCE_URL, VIEWS, View, statements
from telemetry_service.core.reports.view import split_script
from telemetry_service.store import store
from telemetry_service.store.cells import FACETS, STATUS_CODE, STATUS_MASK, dimension_of, source_of, value_of

PAGE_BYTES = 4096
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

_DIMENSION = dimension_of("cell")
_VALUE = (
    f"CASE WHEN {_DIMENSION} IN ({','.join(str(int(dimension)) for dimension in sorted(NUMERIC))}) THEN {value_of('cell')}"
    f" ELSE (SELECT new FROM temp.value_id WHERE old = {value_of('cell')}) END"
)
_REPOSITORY = f"(SELECT new FROM temp.repository_id WHERE old = {source_of('cell')})"
_STATUS = f"cell & {STATUS_MASK}"
_SCRIPT = f"(SELECT new FROM temp.script_id WHERE old = subject / {FACETS})"
# Two causes of failure may be shown by the same line: their counts are added up.
_COUNTS = (
    f"INSERT INTO day_count SELECT day, {_DIMENSION}, {_VALUE}, {_REPOSITORY}, {_STATUS}, sum(n) FROM copy.public_count_day"
    f" WHERE subject < {FACETS} AND {_DIMENSION} <> {int(Dimension.SCRIPT)} GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5",
    f"INSERT INTO script_day_count SELECT {_SCRIPT}, day, {_REPOSITORY}, {_STATUS}, n FROM copy.public_count_day"
    f" WHERE subject >= {FACETS} AND {_DIMENSION} = {int(Dimension.TYPE)} ORDER BY 1, 2, 3, 4",
    f"INSERT INTO script_month_count SELECT {_SCRIPT}, month, {_DIMENSION}, {_VALUE}, {_REPOSITORY}, {_STATUS}, sum(n)"
    f" FROM copy.public_count_month WHERE subject >= {FACETS} AND {_DIMENSION} <> {int(Dimension.TYPE)}"
    " GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6",
)


def write_database(copy: Path, path: Path, day: int, k: int) -> None:
    """Write the database of all that is published, from a copy that `copy_public` made.

    Equal counts give equal bytes (of one version of SQLite): rows go in in the order of their keys, and ids follow the
    alphabet. The store's own ids would tell in which order names were first seen, and how many are not published.
    """
    with closing(sqlite3.connect(path, isolation_level=None, uri=True)) as connection:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("ATTACH ? AS copy", (f"{(copy / store.FILE_NAME).absolute().as_uri()}?mode=ro",))
        connection.execute("BEGIN")
        for statement in statements():
            connection.execute(statement)
        _describe(connection, day, k)
        for statement in _COUNTS:
            connection.execute(statement)
        connection.execute("COMMIT")


def _describe(connection: sqlite3.Connection, day: int, k: int) -> None:
    about = {"day": iso_day(day), "k": str(k), "licence": LICENCE, "licence_url": LICENCE_URL, "made_by": "telemetry-service"}
    _insert(connection, "about", sorted(about.items()))
    _insert(connection, "running", connection.execute("SELECT name, n FROM copy.public_gauge ORDER BY name").fetchall())
    _insert(connection, "status", [(STATUS_CODE[name], name) for name in TERMINAL])
    _insert(
        connection,
        "dimension",
        [(int(dimension), name, int(dimension in NUMERIC), text) for dimension, (name, text) in sorted(DIMENSIONS.items())],
    )
    sources = connection.execute(
        f"SELECT id, slug FROM copy.source WHERE id IN (SELECT {source_of('cell')} FROM copy.public_count_day)"
    ).fetchall()
    scripts = connection.execute("SELECT id, text FROM copy.name WHERE kind = 'script'").fetchall()
    values = connection.execute("SELECT id, coalesce(label, text) FROM copy.name WHERE kind <> 'script'").fetchall()
    _insert(connection, "repository", _renumbered(connection, "repository_id", sources))
    _insert(connection, "value", _renumbered(connection, "value_id", values))
    _insert(connection, "script", [(new, *split_script(text)) for new, text in _renumbered(connection, "script_id", scripts)])


def _renumbered(connection: sqlite3.Connection, table: str, named: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    """(id, text) in the order of the alphabet; a temporary table says which old id became which new one."""
    rows = list(named)
    new = {text: number for number, text in enumerate(sorted({text for _, text in rows}), start=1)}
    connection.execute(f"CREATE TEMP TABLE {table} (old INTEGER PRIMARY KEY, new INTEGER NOT NULL)")
    connection.executemany(f"INSERT INTO {table} VALUES (?, ?)", [(old, new[text]) for old, text in rows])
    return [(number, text) for text, number in new.items()]


def _insert(connection: sqlite3.Connection, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        connection.executemany(f"INSERT INTO {table} VALUES ({','.join('?' * len(rows[0]))})", rows)


def write_csv_files(database: Path, folder: Path) -> None:
    """Write each CSV file that the data dictionary names, ordered by all its columns: RFC 4180, UTF-8, with a header."""
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        for view in VIEWS:
            if view.csv:
                _write_csv(connection, view, folder / view.csv)


def _write_csv(connection: sqlite3.Connection, view: View, path: Path) -> None:
    order = ", ".join(map(str, range(1, len(view.columns) + 1)))
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([column.name for column in view.columns])
        for row in connection.execute(f"SELECT * FROM {view.name} ORDER BY {order}"):
            writer.writerow([no_formula(cell) if isinstance(cell, str) else cell for cell in row])


def no_formula(text: str) -> str:
    """A text that no spreadsheet takes for a formula: those that could be one get an apostrophe in front (OWASP)."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
