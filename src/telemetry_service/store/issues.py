"""Issues that were opened from here, so that they get a comment when the script is fixed."""

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from telemetry_service.store.database import connect, transaction
from telemetry_service.store.store import FILE_NAME


class KnownIssue(msgspec.Struct, frozen=True):
    """An issue; `app` is empty where it is about an error line of many. `created_at` is in microseconds since 1970 UTC."""

    fingerprint: str
    app: str
    repository: str
    number: int
    url: str
    created_at: int


def remember(directory: Path, issue: KnownIssue) -> None:
    """Keep an issue; one that is known stays as it is. Raises `StoreUnavailable`."""
    with closing(connect(directory / FILE_NAME)) as connection, transaction(connection):
        connection.execute(
            "INSERT INTO issue (fingerprint, app, repository, number, url, created_at) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            (issue.fingerprint, issue.app, issue.repository, issue.number, issue.url, issue.created_at),
        )


def issues_of(connection: sqlite3.Connection, repository: str) -> list[KnownIssue]:
    """The issues of a repository, the oldest first."""
    rows = connection.execute(
        "SELECT fingerprint, app, repository, number, url, created_at FROM issue WHERE repository = ? ORDER BY number",
        (repository,),
    )
    return [KnownIssue(*row) for row in rows]
