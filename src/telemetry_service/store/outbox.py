"""The outbox: what is to be told, noted once, and how far each message has come on each channel.

recorded -> claimed -> sent -> confirmed, each step a transaction of its own that is synced to disk. One process at a time works
on it (`held_outbox`), so what is found `claimed` or `sent` at the beginning was left by one that died: a claimed message had not
left and is taken up again; of a sent one nobody knows, which is counted in `unclear`.
"""

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from telemetry_service.core.messages import Message, Notice
from telemetry_service.store.database import UnusableData, connect, transaction, unavailable
from telemetry_service.store.directory import store_file

LOCK = "outbox.lock"
LOCK_LOOK_SECONDS = 0.1
MAX_UNCLEAR = 2  # one that may have arrived twice is not sent a third time
NOT_TOLD = 0  # the message of what is noted and told to nobody
_OPEN = "state IN ('recorded', 'claimed', 'sent')"
DIED = "the service stopped while it was on its way; it may have arrived"


class Busy(Exception):
    """Another process works on the outbox."""


class Delivery(msgspec.Struct, frozen=True):
    """A message on its way over one channel; `repeated` where an earlier attempt may have arrived."""

    id: int
    channel: str
    key: str
    kind: str
    message: Message
    attempts: int
    repeated: bool
    recorded_at: int


class Channel(msgspec.Struct, frozen=True):
    """How a channel stands; instants in microseconds since 1970 UTC."""

    channel: str
    waiting: int
    problem: str | None
    last_success_at: int | None


class Told(msgspec.Struct, frozen=True):
    """One thing that was noted, and what became of it by channel."""

    title: str
    lines: list[str]
    path: str
    noted_at: int
    deliveries: dict[str, str]


@contextmanager
def held_outbox(directory: Path, wait_seconds: float = 0.0) -> Iterator[sqlite3.Connection]:
    """Hold the outbox of a data directory, and a connection to its store.

    Raises `Busy` when another process still holds it after so many seconds, `UnusableData` without data.
    """
    path = store_file(directory)
    try:
        lock = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise UnusableData(f"nothing can be written to the data directory ({error.strerror})") from None
    try:
        _acquire(lock, wait_seconds)
        with closing(connect(path)) as connection:
            yield connection
    finally:
        os.close(lock)


def _acquire(lock: int, wait_seconds: float) -> None:
    until = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= until:
                raise Busy("another process is sending messages; try again in a minute") from None
            time.sleep(LOCK_LOOK_SECONDS)


def note(connection: sqlite3.Connection, notice: Notice, now: int) -> bool:
    """Note one thing to tell; whether it is new. Only inside a transaction."""
    lines = msgspec.json.encode(notice.lines).decode()
    found = connection.execute(
        "INSERT INTO notice (key, title, lines, path, noted_at, message) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (notice.key, notice.title, lines, notice.path, now, NOT_TOLD if notice.old else None),
    )
    return found.rowcount == 1


def waiting_notices(connection: sqlite3.Connection) -> list[tuple[int, Notice]]:
    """What is noted and in no message yet, with its number, the oldest first."""
    rows = connection.execute("SELECT id, key, title, lines, path FROM notice WHERE message IS NULL ORDER BY id")
    return [(id_, Notice(key, title, tuple(msgspec.json.decode(lines)), path)) for id_, key, title, lines, path in rows]


def record(
    connection: sqlite3.Connection,
    key: str,
    kind: str,
    message: Message,
    channels: Sequence[str],
    now: int,
    notices: Sequence[int] = (),
) -> int | None:
    """Record a message for some channels, and which notices it tells of; None if there is one of this key already.

    Only inside a transaction.
    """
    found = connection.execute(
        "INSERT INTO message (key, kind, subject, text, html, recorded_at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (key, kind, message.subject, message.text, message.html, now),
    )
    if found.rowcount != 1:
        return None
    number = int(found.lastrowid or 0)
    connection.executemany(
        "INSERT INTO delivery (message, channel, state, next_at, changed_at) VALUES (?, ?, 'recorded', ?, ?)",
        [(number, channel, now, now) for channel in channels],
    )
    connection.executemany("UPDATE notice SET message = ? WHERE id = ?", [(number, notice) for notice in notices])
    return number


def is_recorded(connection: sqlite3.Connection, key: str) -> bool:
    return connection.execute("SELECT 1 FROM message WHERE key = ?", (key,)).fetchone() is not None


def last_recorded_at(connection: sqlite3.Connection, kind: str) -> int | None:
    """When the newest message of a kind was recorded."""
    (at,) = connection.execute("SELECT max(recorded_at) FROM message WHERE kind = ?", (kind,)).fetchone()
    return None if at is None else int(at)


def recover(connection: sqlite3.Connection, now: int) -> None:
    """Take up what a process that died has left behind; only by who holds the outbox."""
    with transaction(connection):
        connection.execute("UPDATE delivery SET state = 'recorded', changed_at = ? WHERE state = 'claimed'", (now,))
        left = connection.execute("SELECT id FROM delivery WHERE state = 'sent'").fetchall()
        for (number,) in left:
            _unclear(connection, number, DIED, now, now)


def next_due(connection: sqlite3.Connection, now: int, message: int | None = None) -> Delivery | None:
    """The delivery that has waited longest of those that are due, of one message if asked."""
    row = connection.execute(
        "SELECT d.id, d.channel, m.key, m.kind, m.subject, m.text, m.html, d.attempts, d.unclear > 0, m.recorded_at"
        " FROM delivery AS d JOIN message AS m ON m.id = d.message"
        " WHERE d.state = 'recorded' AND d.next_at <= ? AND m.id = coalesce(?, m.id) ORDER BY d.next_at, d.id LIMIT 1",
        (now, message),
    ).fetchone()
    if row is None:
        return None
    number, channel, key, kind, subject, text, html, attempts, repeated, recorded_at = row
    return Delivery(number, channel, key, kind, Message(subject, text, html), attempts, bool(repeated), recorded_at)


def claim(connection: sqlite3.Connection, delivery: int, now: int) -> None:
    _set(connection, delivery, "claimed", now, "attempts = attempts + 1")


def mark_sent(connection: sqlite3.Connection, delivery: int, now: int) -> None:
    """From here on it may arrive."""
    _set(connection, delivery, "sent", now)


def confirm(connection: sqlite3.Connection, delivery: int, now: int) -> None:
    """The other side has taken it."""
    _set(connection, delivery, "confirmed", now, "problem = NULL")


def put_back(connection: sqlite3.Connection, delivery: int, problem: str, next_at: int, now: int, *, unclear: bool) -> None:
    """It was not taken, or nobody knows: it is due again later, unless it may have arrived too often."""
    with transaction(connection):
        if unclear:
            _unclear(connection, delivery, problem, next_at, now)
        else:
            connection.execute(
                "UPDATE delivery SET state = 'recorded', problem = ?, next_at = ?, changed_at = ? WHERE id = ?",
                (problem, next_at, now, delivery),
            )


def give_up(connection: sqlite3.Connection, delivery: int, problem: str, now: int) -> None:
    with transaction(connection):
        connection.execute(
            "UPDATE delivery SET state = 'given_up', problem = ?, changed_at = ? WHERE id = ?", (problem, now, delivery)
        )


def forget_texts(connection: sqlite3.Connection) -> None:
    """Let go of texts that no channel waits for."""
    with transaction(connection):
        connection.execute(
            "UPDATE message SET text = NULL, html = NULL WHERE text IS NOT NULL"
            f" AND NOT EXISTS (SELECT 1 FROM delivery WHERE message = message.id AND {_OPEN})"
        )


def is_due(connection: sqlite3.Connection, now: int) -> bool:
    """Whether a message waits whose time has come."""
    row = connection.execute(f"SELECT 1 FROM delivery WHERE {_OPEN} AND next_at <= ? LIMIT 1", (now,)).fetchone()
    return row is not None


def standing(connection: sqlite3.Connection) -> list[Channel]:
    """How each channel stands that ever had a message, by its name. Raises `StoreUnavailable`."""
    try:
        rows = connection.execute(
            f"SELECT channel, count(*) FILTER (WHERE {_OPEN}),"
            f" (SELECT problem FROM delivery AS one WHERE one.channel = d.channel ORDER BY changed_at DESC, id DESC LIMIT 1),"
            " max(changed_at) FILTER (WHERE state = 'confirmed') FROM delivery AS d GROUP BY channel ORDER BY channel"
        ).fetchall()
    except sqlite3.Error as error:
        raise unavailable(error) from error
    return [Channel(*row) for row in rows]


def results(connection: sqlite3.Connection, message: int) -> list[tuple[str, str, str | None]]:
    """(channel, state, problem) of one message."""
    return connection.execute("SELECT channel, state, problem FROM delivery WHERE message = ? ORDER BY id", (message,)).fetchall()


def history(connection: sqlite3.Connection, limit: int) -> list[Told]:
    """What was noted, the newest first."""
    rows = connection.execute(
        "SELECT title, lines, path, noted_at, (SELECT json_group_object(channel, state) FROM delivery"
        " WHERE message = notice.message) FROM notice ORDER BY id DESC LIMIT ?",
        (limit,),
    )
    return [Told(title, msgspec.json.decode(lines), path, at, msgspec.json.decode(told)) for title, lines, path, at, told in rows]


def _set(connection: sqlite3.Connection, delivery: int, state: str, now: int, more: str = "problem = problem") -> None:
    with transaction(connection):
        connection.execute(f"UPDATE delivery SET state = ?, changed_at = ?, {more} WHERE id = ?", (state, now, delivery))


def _unclear(connection: sqlite3.Connection, delivery: int, problem: str, next_at: int, now: int) -> None:
    connection.execute(
        "UPDATE delivery SET unclear = unclear + 1, state = iif(unclear + 1 > ?, 'given_up', 'recorded'), problem = ?,"
        " next_at = ?, changed_at = ? WHERE id = ?",
        (MAX_UNCLEAR, problem, next_at, now, delivery),
    )
