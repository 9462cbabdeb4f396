"""Access tokens: shown once, stored as a keyed hash."""

import secrets
import sqlite3
from pathlib import Path

from telemetry_service.core.identity import Identities
from telemetry_service.store import store
from telemetry_service.store.database import StoreUnavailable, connect, transaction

SCOPES = ("ingest", "read", "admin")
TOKEN_BYTES = 32


class NameTaken(Exception):
    """A token with this name exists already."""


def create(directory: Path, identities: Identities, *, scope: str, name: str, now: int) -> str:
    """Make a token and return its secret, which is stored nowhere.

    Works while the service runs. Raises `NameTaken`, `StoreUnavailable`.
    """
    secret = f"tel_{secrets.token_urlsafe(TOKEN_BYTES)}"
    connection = connect(directory / store.FILE_NAME)
    try:
        with transaction(connection):
            if connection.execute("SELECT 1 FROM token WHERE name = ?", (name,)).fetchone():
                raise NameTaken(name)
            connection.execute(
                "INSERT INTO token (name, scope, hash, created_at) VALUES (?, ?, ?, ?)",
                (name, scope, identities.token(secret), now),
            )
    finally:
        connection.close()
    return secret


def scope_of(connection: sqlite3.Connection, token_hash: bytes) -> str | None:
    """The scope of the token with this hash, or None."""
    try:
        row = connection.execute("SELECT scope FROM token WHERE hash = ?", (token_hash,)).fetchone()
    except sqlite3.Error as error:
        raise StoreUnavailable(str(error)) from error
    return str(row[0]) if row else None
