"""The static site read by the attacker: JSON, pages, badges, CSV files and the database of public counts."""

import csv
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from scripts.attacker import told
from scripts.attacker.told import Told

# Columns of whole numbers that count nothing: keys, days and what a value means.
NO_COUNT_COLUMNS = {"id", "day", "month", "dimension", "value", "repository", "status", "script", "is_number"}
COUNT_COLUMNS = {"n", "installations"}


def in_site(folder: Path) -> Iterator[Told]:
    """Every count in a folder that `publish` wrote."""
    for path in sorted(folder.rglob("*")):
        where = str(path.relative_to(folder))
        if path.suffix == ".json" and where not in ("site.json", "api/exit-codes.json", "api/privacy/record.json"):
            yield from _in(where, told.in_json(json.loads(path.read_bytes())))
        elif path.suffix == ".html":
            yield from _in(where, told.in_page(path.read_text("utf-8")))
        elif path.suffix == ".svg":
            yield from _in(where, told.in_badge(path.read_text("utf-8")))
        elif path.suffix == ".csv":
            yield from _in(where, _in_csv(path))
        elif path.suffix == ".sqlite":
            yield from _in(where, _in_database(path))


def unexplained_in_site(folder: Path) -> Iterator[str]:
    """Fractions in its JSON that do not follow from counts."""
    for path in sorted(folder.rglob("*.json")):
        for found in told.unexplained(json.loads(path.read_bytes())):
            yield f"{path.relative_to(folder)}: {found}"


def _in(where: str, numbers: Iterator[Told]) -> Iterator[Told]:
    return (Told(f"{where}: {one.where}", one.n) for one in numbers)


def _in_csv(path: Path) -> Iterator[Told]:
    with path.open(encoding="utf-8", newline="") as file:
        for place, row in enumerate(csv.DictReader(file)):
            for name in COUNT_COLUMNS & row.keys():
                yield Told(f"row {place}, {name}", int(row[name]))


def _in_database(path: Path) -> Iterator[Told]:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')").fetchall()
        for (table,) in names:
            rows = connection.execute(f"SELECT * FROM {table}")
            columns = [column[0] for column in rows.description]
            for row in rows:
                for column, value in zip(columns, row, strict=True):
                    if isinstance(value, int) and column not in NO_COUNT_COLUMNS:
                        yield Told(f"{table}.{column}", value)
