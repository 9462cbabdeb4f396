"""Opening SQLite files: the same pragmas everywhere, and errors that say what to do."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import resources
from pathlib import Path

BUSY_TIMEOUT_SECONDS = 10
COMMAND_WAIT_SECONDS = 60  # a command has time: for a VACUUM of a large store, or a fold that catches up and hardly rests
# What a write-ahead log is cut back to after a checkpoint: a transaction of retention. Written into space that it has already,
# one of those is synced in half the time (docs/performance.md).
JOURNAL_BYTES = 64 * 1024 * 1024


class StoreUnavailable(Exception):
    """The database cannot be read or written now: disk full, input or output error, locked for too long."""


class UnusableData(Exception):
    """The data directory cannot be used as it is; the text says why and what to do."""


_DAMAGED = "the file is damaged: put a backup in its place (telemetry-service restore --replace)"
_NOT_OURS = "run this as the user that owns DATA_DIR, on a disk that can be written"
_NEXT_STEPS = {
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_CANTOPEN: _NOT_OURS,
    sqlite3.SQLITE_READONLY: _NOT_OURS,
    sqlite3.SQLITE_PERM: _NOT_OURS,
    sqlite3.SQLITE_BUSY: "the fold or another command holds it for long; try again later",
    sqlite3.SQLITE_FULL: "make room on the disk",
    # A disk without room for the index of the log is one of these, too.
    sqlite3.SQLITE_IOERR: "make room on the disk; if there is room, ask the kernel's log what is wrong with it",
}


def unavailable(error: sqlite3.Error, file: str = "") -> StoreUnavailable:
    """What SQLite could not do, and what to do about it."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # without what only SQLite tells apart
    next_step = _NEXT_STEPS.get(code, "")
    return StoreUnavailable(f"{file}: {error}; {next_step}".removeprefix(": ").removesuffix("; "))


def connect(
    path: Path, *, read_only: bool = False, cache_mb: int = 2, same_thread: bool = True, wait_seconds: int = BUSY_TIMEOUT_SECONDS
) -> sqlite3.Connection:
    """Open a database file; `read_only` never creates nor writes it. Who finds it locked waits for `wait_seconds`.

    Raises `StoreUnavailable` when it cannot be opened.
    """
    mode = "ro" if read_only else "rwc"
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}",
            uri=True,
            isolation_level=None,
            timeout=wait_seconds,
            check_same_thread=same_thread,
        )
        if not read_only:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute(f"PRAGMA journal_size_limit = {JOURNAL_BYTES}")
        connection.execute(f"PRAGMA cache_size = -{cache_mb * 1024}")
    except sqlite3.Error as error:
        raise unavailable(error, path.name) from error
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing: commits at the end, rolls back on any exception.

    Raises `StoreUnavailable` for what SQLite could not do.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        roll_back(connection)  # one that could not be rolled back before would stay open for good
        raise unavailable(error) from error
    try:
        yield
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        roll_back(connection)
        raise unavailable(error) from error
    except BaseException:
        roll_back(connection)
        raise


def roll_back(connection: sqlite3.Connection) -> None:
    """Leave the transaction that is open, if one still is; SQLite ends some by itself.

    A disk that fails even this leaves it open: the next attempt ends here again and rolls back then.
    """
    if connection.in_transaction:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")


def migrate(connection: sqlite3.Connection, kind: str, now: int) -> None:
    """Bring a database of one kind (`store` or `inbox`) to the newest schema, each step in one transaction with its record.

    Raises `UnusableData` for a file that a newer version of the service wrote.
    """
    steps = _steps(kind)
    with transaction(connection):
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_step"
            " (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT"
        )
    version = schema_version(connection)
    if version > len(steps):
        raise UnusableData(
            f"the {kind} was written by a newer version of this service (schema {version}, this one knows {len(steps)}); "
            "install that version again, or restore a backup made before the update"
        )
    for number, (name, sql) in enumerate(steps, start=1):
        if number <= version:
            continue
        with transaction(connection):
            for statement in _statements(sql):
                connection.execute(statement)
            connection.execute("INSERT INTO schema_step VALUES (?, ?, ?)", (number, name, now))


def schema_version(connection: sqlite3.Connection) -> int:
    """The number of the last schema step applied."""
    (version,) = connection.execute("SELECT coalesce(max(version), 0) FROM schema_step").fetchone()
    return int(version)


def known_version(kind: str) -> int:
    """The newest schema of a kind of database that this version of the service knows."""
    return len(_steps(kind))


def has_tables(connection: sqlite3.Connection, *names: str) -> bool:
    """Whether all these tables are there; a file that this version has not opened for writing yet may lack some."""
    (found,) = connection.execute(
        f"SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ({','.join('?' * len(names))})", names
    ).fetchone()
    return int(found) == len(names)


def _steps(kind: str) -> list[tuple[str, str]]:
    folder = resources.files("telemetry_service.store").joinpath("sql")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.startswith(f"{kind}_"))
    return [(name, folder.joinpath(name).read_text("utf-8")) for name in names]


def _statements(sql: str) -> Iterator[str]:
    statement = ""
    for line in sql.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
