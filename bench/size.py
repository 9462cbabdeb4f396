"""How many bytes on disk does an installation take, counts and indexes included, and where do they go?"""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.datasets import LARGE, dataset
from bench.table import Line

GOAL_BYTES = 400


def run(_seconds: float, _rounds: int) -> Iterator[Line]:
    """On a copy of the large data set, with its write-ahead log written back."""
    with tempfile.TemporaryDirectory() as copy:
        path = Path(copy) / "store.sqlite"
        shutil.copy(dataset(LARGE) / "store.sqlite", path)
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (installations,) = connection.execute("SELECT count(*) FROM installation").fetchone()
        total = path.stat().st_size
        for name, size, unused, rows in _parts(connection):
            if size >= total / 1000:
                yield Line(name, f"{size / installations:.1f} bytes ({unused / size:.0%} unused), {rows:,} rows")
        yield Line("events per day and month", _density(connection))
        connection.execute("VACUUM")
        connection.close()
        each = total / installations
        yield Line("after VACUUM", f"{path.stat().st_size / installations:.1f} bytes")
    yield Line("all", f"{each:.1f} bytes", f"<= {GOAL_BYTES}", each <= GOAL_BYTES)


def _parts(connection: sqlite3.Connection) -> list[tuple[str, int, int, int]]:
    """(name, bytes, unused bytes, entries) of every table and index, the largest first."""
    return connection.execute(
        "SELECT name, sum(pgsize) AS size, sum(unused), sum(CASE WHEN pagetype = 'leaf' THEN ncell ELSE 0 END)"
        " FROM dbstat GROUP BY name ORDER BY size DESC"
    ).fetchall()


def _density(connection: sqlite3.Connection) -> str:
    (days,), (months,) = (connection.execute(f"SELECT count(*) FROM count_{unit}").fetchone() for unit in ("day", "month"))
    return f"{days:,} cells by day, {months:,} by month"
