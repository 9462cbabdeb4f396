"""Deleted means deleted: giving back pages, emptying write-ahead logs, and writing a database anew."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from telemetry_service.store.database import StoreUnavailable, unavailable

PAGES_AT_ONCE = 500  # given back in one transaction
TRUNCATE_WAIT_MS = 200  # for readers of an older state; a report takes some 50 ms
# A VACUUM writes the whole database into a temporary file, and from there into the write-ahead log.
VACUUM_COPIES = 2
SPARE_BYTES = 64 * 1024 * 1024  # left to the inbox meanwhile


def give_back_pages(connection: sqlite3.Connection) -> Iterator[int]:
    """Return free pages to the file system, some at once, each time in a transaction of its own; the number of free ones left.

    Raises `StoreUnavailable`.
    """
    while free := _pragma(connection, "freelist_count"):
        try:
            connection.execute(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})").fetchall()
        except sqlite3.Error as error:
            raise unavailable(error) from error
        left = _pragma(connection, "freelist_count")
        yield left
        if left >= free:  # a database that was made without incremental vacuum; VACUUM takes them
            return


def truncate_wal(connection: sqlite3.Connection, *, wait_ms: int = TRUNCATE_WAIT_MS) -> bool:
    """Write everything to the database file and empty its write-ahead log; False while a reader or writer is in the way."""
    try:
        usual_ms = _pragma(connection, "busy_timeout")
        connection.execute(f"PRAGMA busy_timeout = {wait_ms}")
        try:
            (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            connection.execute(f"PRAGMA busy_timeout = {usual_ms}")
    except sqlite3.Error:
        return False  # locked; the log is emptied another time
    return not busy


def vacuum(connection: sqlite3.Connection, directory: Path) -> None:
    """Write a database anew, so that nothing deleted is left inside its pages. Readers go on, writers wait.

    The temporary file lies in `directory`, which belongs to the service alone. Raises `StoreUnavailable`; checks for space
    first, with nothing changed.
    """
    needed = VACUUM_COPIES * used_bytes(connection) + SPARE_BYTES
    free = free_bytes(directory)
    if free < needed:
        raise StoreUnavailable(
            f"{needed // 2**20 + 1} MB of free space are needed to write it anew, {free // 2**20} MB are there"
        )
    try:
        # Deprecated, and the only way to say it once SQLite is loaded; where it is compiled out, TMPDIR says where.
        connection.execute(f"PRAGMA temp_store_directory = {_quoted(str(directory.absolute()))}")
        connection.execute("VACUUM")
    except sqlite3.Error as error:
        raise unavailable(error) from error


def used_bytes(connection: sqlite3.Connection) -> int:
    """The size of what is in a database, without its free pages."""
    pages, free, size = (_pragma(connection, name) for name in ("page_count", "freelist_count", "page_size"))
    return (pages - free) * size


def free_bytes(directory: Path) -> int:
    """The free space that this process may use there."""
    disk = os.statvfs(directory)
    return disk.f_bavail * disk.f_frsize


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
