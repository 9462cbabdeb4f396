"""PocketBase's own file, `pb_data/data.db`: the rows of a collection, read beside a running PocketBase or without one."""

import sqlite3
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from telemetry_service.mirrors.source import Rows, UnusableSource

ROWS_AT_ONCE = 200  # an old error text may be 128 KiB


class DataFile:
    """One collection of a data.db. It is never written to, and each read is short, so that nobody waits for it."""

    def __init__(self, path: Path, collection: str, names: Collection[str]) -> None:
        """Raises `UnusableSource`."""
        self._connection = _opened(path)
        try:
            self._columns = self._found(collection, names)
            self._table = _quoted(collection)
            (self._last,) = self._connection.execute(f"SELECT max(rowid) FROM {self._table}").fetchone()
        except sqlite3.Error as error:
            raise UnusableSource(f"{path.name} cannot be read as a data.db of PocketBase ({error})") from None

    @property
    def total(self) -> int | None:
        """About how far `done` will come."""
        return self._last or 0

    def read(self, position: str) -> Iterator[Rows]:
        """In the order in which they were created; see `Source`."""
        after, id_ = msgspec.json.decode(position, type=tuple[int, str]) if position else (0, "")
        try:
            if after and self._connection.execute(f"SELECT id FROM {self._table} WHERE rowid = ?", (after,)).fetchone() != (id_,):
                after = 0
            columns = ", ".join(map(_quoted, self._columns.values()))
            query = f"SELECT rowid, id, {columns} FROM {self._table} WHERE rowid > ? ORDER BY rowid LIMIT {ROWS_AT_ONCE}"
            keys = tuple(self._columns)
            while found := self._connection.execute(query, (after,)).fetchall():
                rows: list[Mapping[str, Any] | bytes] = [dict(zip(keys, row[2:], strict=True)) for row in found]
                after = found[-1][0]
                yield Rows(rows, msgspec.json.encode((after, found[-1][1])).decode(), after)
        except sqlite3.Error as error:
            raise UnusableSource(f"data.db cannot be read any more ({error}); run the command again to go on") from None

    def close(self) -> None:
        self._connection.close()

    def _found(self, collection: str, names: Collection[str]) -> dict[str, str]:
        """The columns to be read, by lower-case name."""
        query = (
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'"
        )
        tables = sorted(name for (name,) in self._connection.execute(query))
        if collection not in tables:
            raise UnusableSource(
                f"there is no collection {collection} in it; name one with --collection: {', '.join(tables) or 'it has none'}"
            )
        columns = self._connection.execute(f"PRAGMA table_info({_quoted(collection)})").fetchall()
        found = {str(column[1]).lower(): str(column[1]) for column in columns if str(column[1]).lower() in names}
        if missing := [name for name in ("id", "created") if name not in found]:
            raise UnusableSource(f"the collection {collection} has no column {' and no column '.join(missing)}")
        return found


def _opened(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise UnusableSource(f"there is no file {path}; name the data.db in the directory pb_data of PocketBase")
    address = path.absolute().as_uri()
    for how in ("mode=ro", "mode=ro&immutable=1"):  # the second for a copy in a directory that cannot be written to
        connection = None
        try:
            connection = sqlite3.connect(f"{address}?{how}", uri=True, isolation_level=None)
            connection.text_factory = _text
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            return connection
        except sqlite3.OperationalError:
            if connection is not None:
                connection.close()
            if path.with_name(f"{path.name}-wal").exists():
                break
        except sqlite3.DatabaseError:
            break
    raise UnusableSource(f"{path} cannot be read as a data.db of PocketBase; is it one, and may this user read it?")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
