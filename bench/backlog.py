"""What lies in the inbox and is not folded yet, read from the two files beside a running service."""

import sqlite3
import time
from pathlib import Path

DRAIN_SECONDS = 600.0


def stored(data: Path) -> int:
    """How many events were ever stored."""
    row = _read(data / "inbox.sqlite", "SELECT seq FROM sqlite_sequence WHERE name = 'event_group'")
    return row or 0


def folded(data: Path) -> int:
    """How many of them are folded."""
    return _read(data / "store.sqlite", "SELECT max(seq) FROM fold_position") or 0


def installations(data: Path) -> int:
    """How many installations are in the store."""
    return _read(data / "store.sqlite", "SELECT count(*) FROM installation") or 0


def drained(data: Path, events: int) -> float:
    """Wait until so many events are folded; the seconds that took.

    Raises `TimeoutError`.
    """
    start = time.perf_counter()
    while folded(data) < events:
        if time.perf_counter() - start > DRAIN_SECONDS:
            raise TimeoutError("the fold does not drain the inbox")
        time.sleep(0.2)
    return time.perf_counter() - start


def _read(path: Path, query: str) -> int | None:
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=10)
    try:
        row = connection.execute(query).fetchone()
    finally:
        connection.close()
    return row[0] if row else None
