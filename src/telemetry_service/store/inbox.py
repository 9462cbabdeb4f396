"""The inbox: accepted events, on disk before they are acknowledged, until the fold has taken them.

Durability: `commit` returns after the events of the group are synced to disk (WAL with `synchronous=FULL`); a group is stored
whole or not at all. Order: `seq` grows with every event and is never given out twice in one generation. One process writes
an inbox; any number may read it.
"""

import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from telemetry_service.store.database import StoreUnavailable, connect, migrate, roll_back, transaction

FILE_NAME = "inbox.sqlite"
DELETE_AT_ONCE = 1_000  # rows: bounds what taking folded events away adds to a commit
RESERVE_BYTES = 16 * 1024 * 1024  # deleting needs space too
RESERVE_SHARE = 16  # of a small disk no more than this part is reserved


class Inbox:
    """The writing end of an inbox. `append` and `commit` may be called from two threads, one after the other."""

    def __init__(self, directory: Path, *, max_bytes: int, now: int) -> None:
        """Open or create the inbox of a data directory; `now` is in microseconds since 1970."""
        self._directory = directory
        self._max_bytes = max_bytes
        self._connection = connect(directory / FILE_NAME, same_thread=False)
        migrate(self._connection, "inbox", now)
        (self.generation,) = self._connection.execute("SELECT id FROM generation").fetchone()

    def start_new_generation(self) -> None:
        """Have the fold read everything here from the beginning, as the inbox that it now is."""
        with transaction(self._connection):
            self._connection.execute("UPDATE generation SET id = lower(hex(randomblob(16)))")
        (self.generation,) = self._connection.execute("SELECT id FROM generation").fetchone()

    def last_seq(self) -> int:
        """The highest number ever given out in this file."""
        row = self._connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'event'").fetchone()
        return int(row[0]) if row else 0

    def first_seq(self) -> int:
        """The lowest number of an event that is still here; of the next one, if none is."""
        (first,) = self._connection.execute("SELECT min(seq) FROM event").fetchone()
        return self.last_seq() + 1 if first is None else int(first)

    def last_body(self) -> bytes | None:
        """The newest event, if one is still here."""
        row = self._connection.execute("SELECT body FROM event ORDER BY seq DESC LIMIT 1").fetchone()
        return bytes(row[0]) if row else None

    def append(self, bodies: Iterable[bytes]) -> None:
        """Begin a group with these events; nothing is stored before `commit`.

        Raises `StoreUnavailable`, with nothing stored.
        """
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT INTO event (body) VALUES (?)", [(body,) for body in bodies])
        except sqlite3.Error as error:
            roll_back(self._connection)
            raise StoreUnavailable(str(error)) from error
        except BaseException:
            roll_back(self._connection)
            raise

    def commit(self, folded_through: int) -> bool:
        """Sync the group to disk, and take away some of the events up to `folded_through`, which the store has synced.

        Returns whether there may be more of them. Raises `StoreUnavailable`, with nothing stored.
        """
        try:
            taken = self._connection.execute(
                "DELETE FROM event WHERE seq <= min(?, (SELECT min(seq) FROM event) + ?)",
                (folded_through, DELETE_AT_ONCE),
            )
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            roll_back(self._connection)
            raise StoreUnavailable(str(error)) from error
        except BaseException:
            roll_back(self._connection)
            raise
        return taken.rowcount > DELETE_AT_ONCE

    def refusal(self) -> str | None:
        """Why no more events can be taken now, or None: the inbox is over its bound, or the disk nearly full."""
        try:
            disk = os.statvfs(self._directory)
            used = self._used_bytes()
        except (OSError, sqlite3.Error):
            return "the disk does not answer"
        total, free = disk.f_blocks * disk.f_frsize, disk.f_bavail * disk.f_frsize
        if free < min(RESERVE_BYTES, total // RESERVE_SHARE):
            return "the disk is nearly full"
        if used > self._max_bytes:
            return "the inbox is over its bound"
        return None

    def _used_bytes(self) -> int:
        pragmas = ("page_count", "freelist_count", "page_size")
        pages, free, size = (self._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas)
        return int((pages - free) * size)

    def close(self) -> None:
        """Close the file; what was committed stays."""
        self._connection.close()


class InboxReader:
    """The reading end, for the fold."""

    def __init__(self, directory: Path) -> None:
        self._connection = connect(directory / FILE_NAME, read_only=True)

    def generation(self) -> str:
        """The generation that the numbers belong to now."""
        (generation,) = self._connection.execute("SELECT id FROM generation").fetchone()
        return str(generation)

    def read(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        """At most `limit` events behind number `after`, in order: (seq, body).

        Raises `StoreUnavailable`.
        """
        try:
            return self._connection.execute(
                "SELECT seq, body FROM event WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit)
            ).fetchall()
        except sqlite3.Error as error:
            raise StoreUnavailable(str(error)) from error

    def pending(self, after: int) -> int:
        """How many events lie behind number `after`."""
        (count,) = self._connection.execute("SELECT count(*) FROM event WHERE seq > ?", (after,)).fetchone()
        return int(count)

    def close(self) -> None:
        self._connection.close()
