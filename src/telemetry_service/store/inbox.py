"""The inbox: accepted events, on disk before they are acknowledged, until the fold has taken them.

Durability: `commit` returns after the events of the group are synced to disk (WAL with `synchronous=FULL`); a group is stored
whole or not at all. Order: events are numbered one after the other, and no number is given out twice in one generation. One
process writes an inbox; any number may read it.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from telemetry_service.core.event import Entry, Erasure, decode_entry
from telemetry_service.store.compact import truncate_wal
from telemetry_service.store.database import StoreUnavailable, connect, migrate, transaction

FILE_NAME = "inbox.sqlite"
DELETE_AT_ONCE = 64  # events: who waits for a commit waits for what it takes away, too
RESERVE_BYTES = 16 * 1024 * 1024  # deleting needs space too
RESERVE_SHARE = 16  # of a small disk no more than this part is reserved

APPEND = (
    "INSERT INTO event_group VALUES ((SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'event_group') + ?, ?, ?)"
)

_encode_bodies = msgspec.msgpack.Encoder().encode
_decode_bodies = msgspec.msgpack.Decoder(list[bytes]).decode


class Inbox:
    """The writing end of an inbox; one thread uses it at a time."""

    def __init__(self, directory: Path, *, max_bytes: int, now: int) -> None:
        """Open or create the inbox of a data directory; `now` is in microseconds since 1970."""
        self._directory = directory
        self._max_bytes = max_bytes
        self._connection = connect(directory / FILE_NAME, same_thread=False)
        migrate(self._connection, "inbox", now)
        (self.generation,) = self._connection.execute("SELECT id FROM generation").fetchone()
        self._taken_through = 0  # nothing up to this number is left to take away

    def start_new_generation(self) -> None:
        """Have the fold read everything here from the beginning, as the inbox that it now is."""
        with transaction(self._connection):
            self._connection.execute("UPDATE generation SET id = lower(hex(randomblob(16)))")
        (self.generation,) = self._connection.execute("SELECT id FROM generation").fetchone()

    def last_seq(self) -> int:
        """The highest number ever given out in this file."""
        row = self._connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'event_group'").fetchone()
        return int(row[0]) if row else 0

    def first_seq(self) -> int:
        """The lowest number of an event that is still here; of the next one, if none is."""
        (first,) = self._connection.execute("SELECT min(last_seq - size + 1) FROM event_group").fetchone()
        return self.last_seq() + 1 if first is None else int(first)

    def last_body(self) -> bytes | None:
        """The newest event, if one is still here."""
        row = self._connection.execute("SELECT size, bodies FROM event_group ORDER BY last_seq DESC LIMIT 1").fetchone()
        return _bodies(*row)[-1] if row else None

    def commit(self, bodies: Sequence[bytes], folded_through: int) -> bool:
        """Store a group of events, synced to disk, and take away some of those that the store has synced.

        Those are the ones up to `folded_through`; a group of which some are not folded stays whole. Returns whether there may
        be more to take away. Raises `StoreUnavailable`, with nothing stored.
        """
        if folded_through <= self._taken_through:
            self._append(bodies)
            return False
        with transaction(self._connection):
            self._append(bodies)
            taken = self._connection.execute(
                "DELETE FROM event_group WHERE last_seq <= min(?, (SELECT min(last_seq) FROM event_group) + ?)",
                (folded_through, max(DELETE_AT_ONCE, 2 * len(bodies))),
            )
        if taken.rowcount == 0:
            self._taken_through = folded_through
        return taken.rowcount > 0

    def _append(self, bodies: Sequence[bytes]) -> None:
        """Store a group by one statement, which is a transaction of its own outside of one."""
        if not bodies:
            return
        packed = bodies[0] if len(bodies) == 1 else _encode_bodies(bodies)
        try:
            self._connection.execute(APPEND, (len(bodies), len(bodies), packed))
        except sqlite3.Error as error:
            raise StoreUnavailable(str(error)) from error

    def truncate_wal(self) -> bool:
        """Empty the write-ahead log, which still holds what was taken away; False while the fold is reading. Never waits."""
        return truncate_wal(self._connection, wait_ms=0)

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
        found: list[tuple[int, bytes]] = []
        try:
            for last_seq, size, bodies in self._groups(after):
                first_seq = last_seq - size + 1
                events = list(enumerate(_bodies(size, bodies), first_seq))
                found += events[max(0, after + 1 - first_seq) :]
                if len(found) >= limit:
                    break
        except sqlite3.Error as error:
            raise StoreUnavailable(str(error)) from error
        return found[:limit]

    def _groups(self, after: int) -> Iterator[tuple[int, int, bytes]]:
        return self._connection.execute(
            "SELECT last_seq, size, bodies FROM event_group WHERE last_seq > ? ORDER BY last_seq", (after,)
        )

    def of_person(self, random_id: bytes) -> Iterator[tuple[int, Entry]]:
        """What is here of a random id, in order: events, and requests to erase them, with their numbers."""
        groups = self._connection.execute(
            "SELECT last_seq, size, bodies FROM event_group WHERE instr(bodies, ?) ORDER BY last_seq", (random_id,)
        )
        return ((seq, entry) for seq, entry in _entries(groups) if entry.random_id == random_id)

    def erasures(self) -> list[bytes]:
        """The random ids that requests to erase are here for."""
        return [entry.random_id for _, entry in _entries(self._groups(0)) if isinstance(entry, Erasure)]

    def close(self) -> None:
        self._connection.close()


def _bodies(size: int, bodies: bytes) -> list[bytes]:
    return [bodies] if size == 1 else _decode_bodies(bodies)


def _entries(groups: Iterable[tuple[int, int, bytes]]) -> Iterator[tuple[int, Entry]]:
    for last_seq, size, bodies in groups:
        for seq, body in enumerate(_bodies(size, bodies), last_seq - size + 1):
            yield seq, decode_entry(body)
