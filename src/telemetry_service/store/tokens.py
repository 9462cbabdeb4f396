"""Access tokens: shown once, stored as a keyed hash, valid until a day or until revoked.

Of their use the last UTC day is kept and nothing else: not by whom, from where or how often.
"""

import hmac
import secrets
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from telemetry_service.core.identity import Identities
from telemetry_service.core.period import day_of
from telemetry_service.store import store
from telemetry_service.store.database import COMMAND_WAIT_SECONDS, connect, transaction, unavailable

SCOPES = ("ingest", "read", "admin")
TOKEN_BYTES = 32
NOTE_TIMEOUT_MS = 250  # how long noting the use of a token waits for the fold; it has time until the next attempt


class NameTaken(Exception):
    """A token with this name exists already."""


class Token(NamedTuple):
    """A token as it is stored, without its hash; days are UTC days since 1970."""

    id: int
    name: str
    scope: str
    created_day: int
    expires_day: int | None
    revoked_day: int | None
    last_used_day: int | None

    def valid(self, today: int) -> bool:
        return self.revoked_day is None and (self.expires_day is None or today < self.expires_day)


def create(directory: Path, identities: Identities, *, scope: str, name: str, now: int, expires_day: int | None = None) -> str:
    """Make a token and return its secret, which is stored nowhere; it ends with the beginning of `expires_day`.

    Works while the service runs. Raises `NameTaken`, `StoreUnavailable`.
    """
    secret = f"tel_{secrets.token_urlsafe(TOKEN_BYTES)}"
    with closing(connect(directory / store.FILE_NAME, wait_seconds=COMMAND_WAIT_SECONDS)) as connection, transaction(connection):
        if connection.execute("SELECT 1 FROM token WHERE name = ?", (name,)).fetchone():
            raise NameTaken(name)
        connection.execute(
            "INSERT INTO token (name, scope, hash, created_at, expires_day) VALUES (?, ?, ?, ?, ?)",
            (name, scope, identities.token(secret), now, expires_day),
        )
    return secret


def every(directory: Path) -> list[Token]:
    """All tokens, the oldest first, also those that are not valid any more."""
    with closing(connect(directory / store.FILE_NAME)) as connection:
        return [token for token, _ in _rows(connection)]


def revoke(directory: Path, name: str, *, now: int) -> bool:
    """End a token at once, for every request from now on; whether there is one of this name that was valid."""
    with closing(connect(directory / store.FILE_NAME, wait_seconds=COMMAND_WAIT_SECONDS)) as connection, transaction(connection):
        found = connection.execute("UPDATE token SET revoked_day = ? WHERE name = ? AND revoked_day IS NULL", (day_of(now), name))
        return found.rowcount == 1


def find(connection: sqlite3.Connection, token_hash: bytes, today: int) -> Token | None:
    """The valid token with this hash.

    Every token is compared, each in constant time, so that the time taken tells nothing about any of them.
    Raises `StoreUnavailable`.
    """
    found = None
    for token, stored in _rows(connection):
        if hmac.compare_digest(stored, token_hash):
            found = token
    return found if found is not None and found.valid(today) else None


def by_id(connection: sqlite3.Connection, number: int, today: int) -> Token | None:
    """The token of this number while it is valid.

    Raises `StoreUnavailable`.
    """
    return next((token for token, _ in _rows(connection) if token.id == number and token.valid(today)), None)


def note_used(directory: Path, used: Mapping[int, int]) -> None:
    """Keep the last UTC day of use by token; one short transaction.

    Raises `StoreUnavailable` when the fold is writing for longer than that is worth; nothing is changed then.
    """
    with closing(connect(directory / store.FILE_NAME)) as connection:
        connection.execute(f"PRAGMA busy_timeout = {NOTE_TIMEOUT_MS}")
        with transaction(connection):
            connection.executemany(
                "UPDATE token SET last_used_day = ?1 WHERE id = ?2 AND coalesce(last_used_day, -1) < ?1",
                [(day, number) for number, day in used.items()],
            )


def _rows(connection: sqlite3.Connection) -> list[tuple[Token, bytes]]:
    try:
        rows = connection.execute(
            "SELECT id, name, scope, created_at, expires_day, revoked_day, last_used_day, hash FROM token ORDER BY id"
        ).fetchall()
    except sqlite3.Error as error:
        raise unavailable(error) from error
    return [(Token(id_, name, scope, day_of(created_at), *days), stored) for id_, name, scope, created_at, *days, stored in rows]
