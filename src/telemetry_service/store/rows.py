"""Installations as rows: the same state, with texts as numbers."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from operator import itemgetter
from typing import Any, cast

import msgspec

from telemetry_service.core.identity import Identities
from telemetry_service.core.installation import (
    JOINED,
    MICROSECONDS_PER_DAY,
    Installation,
    Outcome,
    pack_joins,
    unpack_joins,
)
from telemetry_service.store.cells import STATUS_CODE
from telemetry_service.store.names import Names, kind_of

IDS_PER_MILLISECOND = 64
IDS_PER_SECOND = 1000 * IDS_PER_MILLISECOND
OUTCOME_COLUMNS = ("exit_code", "error", "error_category", "install_duration", "fingerprint", "cause")
_KNOWN = (*OUTCOME_COLUMNS, *JOINED[1:])
_KINDS = {column: kind for column in _KNOWN if (kind := kind_of(column)) is not None}
_PLAIN = tuple(column for column in _KNOWN if column not in _KINDS)
# Names stand together, so that all of them are looked up without a branch for each.
COLUMNS = ("id", "execution", "person", "random_id", "status", "released", *_PLAIN, *_KINDS, "joins")
_FIRST_PLAIN, _FIRST_NAME = COLUMNS.index(_PLAIN[0]), COLUMNS.index(next(iter(_KINDS)))
_plain_of = itemgetter(*(_KNOWN.index(column) for column in _PLAIN))
_names_of = itemgetter(*(_KNOWN.index(column) for column in _KINDS))
_as_known = itemgetter(*((*_PLAIN, *_KINDS).index(column) for column in _KNOWN))
# Stored as NULL by SQLite, and bound at once, as bytearrays are: for None and bytes, sqlite3 looks for an adapter each time,
# which was a twelfth of a fold. It equals nothing but is itself, by which lists count.
_NULL = float("nan")
_find = cast(Callable[..., int | float], dict.get)
_NO_ENDING = (None,) * len(OUTCOME_COLUMNS)
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM installation"
_INSERT = f"INSERT INTO installation ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
_UPDATE = f"UPDATE installation SET {', '.join(f'{name} = ?' for name in COLUMNS[1:])} WHERE id = ?"

# The gaps of the index next to `base`: each search ends with the run of ids in use that begins there.
_FREE_ID = """
SELECT id FROM (
  SELECT :base AS id WHERE NOT EXISTS (SELECT 1 FROM installation WHERE id = :base)
  UNION ALL
  SELECT * FROM (SELECT id + 1 FROM installation AS used WHERE id >= :base AND id < :highest
                 AND NOT EXISTS (SELECT 1 FROM installation WHERE id = used.id + 1) ORDER BY id LIMIT 1)
  UNION ALL
  SELECT * FROM (SELECT id - 1 FROM installation AS used WHERE id <= :base AND id > :lowest
                 AND NOT EXISTS (SELECT 1 FROM installation WHERE id = used.id - 1) ORDER BY id DESC LIMIT 1)
) LIMIT 1"""


def id_range(first_day: int, last_day: int) -> tuple[int, int]:
    """The lowest and highest id of installations that began on these UTC days, both included."""
    return first_id(first_day), first_id(last_day + 1) - 1


def first_id(day: int) -> int:
    return day * (MICROSECONDS_PER_DAY // 1000) * IDS_PER_MILLISECOND


def day_of_id(id_: int) -> int:
    """The UTC day of an installation's id."""
    return id_ // IDS_PER_MILLISECOND // (MICROSECONDS_PER_DAY // 1000)


class Row:
    """An installation, where it is stored (0: not yet), and whether it is the released one of its person and day."""

    __slots__ = ("id", "installation", "released")

    def __init__(self, id_: int, installation: Installation, released: bool) -> None:
        self.id = id_
        self.installation = installation
        self.released = released


class Rows:
    """Reads and writes rows on the writer's connection, inside its transaction."""

    def __init__(self, connection: sqlite3.Connection, names: Names, identities: Identities) -> None:
        self._connection = connection
        self._names = names
        self._identities = identities
        self._numbers = [names.of_kind(kind) for kind in _KINDS.values()]
        self._persons: dict[bytes, int] = {}
        self._met: set[int] = set()
        self._new: list[Sequence[Any]] = []
        self._highest_id = 0
        self.forget()

    def forget(self) -> None:
        """Drop what was learnt inside a transaction that did not commit."""
        self._new.clear()
        (highest,) = self._connection.execute("SELECT max(id) FROM installation").fetchone()
        self._highest_id = highest or 0

    def insert_saved(self) -> None:
        """Insert the new rows that were saved. Whatever reads or changes rows here does that first."""
        self._connection.executemany(_INSERT, self._new)
        self._new.clear()

    def _execute(self, sql: str, values: Sequence[Any] | Mapping[str, Any]) -> sqlite3.Cursor:
        if self._new:
            self.insert_saved()
        return self._connection.execute(sql, values)

    def expect(self, installations: Iterable[Installation]) -> None:
        """Find out for all that are about to be saved, in one query, whose other installations are stored."""
        self._persons = {values[0]: self._identities.person(values[0]) for values in (one.values for one in installations)}
        found = self._execute(
            "SELECT person FROM installation INDEXED BY installation_person WHERE person IN (SELECT value FROM json_each(?))",
            (json.dumps(list(self._persons.values())),),
        )
        self._met = {person for (person,) in found}

    def _person(self, random_id: bytes) -> int:
        person = self._persons.get(random_id)
        return self._identities.person(random_id) if person is None else person

    def load(self, executions: Iterable[int]) -> dict[int, Row]:
        """The stored rows of these executions."""
        cursor = self._execute(f"{_SELECT} WHERE execution IN (SELECT value FROM json_each(?))", (json.dumps(list(executions)),))
        return {row[1]: self._decode(row) for row in cursor}

    def of_person(self, random_id: bytes) -> list[Row]:
        """All rows of a random id."""
        cursor = self._execute(
            f"{_SELECT} INDEXED BY installation_person WHERE person = ? AND random_id = ?",
            (self._identities.person(random_id), random_id),
        )
        return list(map(self._decode, cursor))

    def by_id(self, ids: Sequence[int]) -> list[Row]:
        """The rows of these ids, in any order."""
        cursor = self._execute(f"{_SELECT} WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(ids),))
        return list(map(self._decode, cursor))

    def delete(self, ids: Sequence[int]) -> None:
        """Delete installations: the one place where that is done, for retention and erasure alike."""
        self._execute("DELETE FROM installation WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(ids),))

    def between(self, first_day: int, last_day: int) -> Iterable[Row]:
        """All rows of some UTC days, in order of id."""
        return map(self._decode, self._execute(f"{_SELECT} WHERE id BETWEEN ? AND ?", id_range(first_day, last_day)))

    def other_released(self, row: Row) -> bool:
        """Whether another installation of the same person, script and UTC day is released already."""
        installation = row.installation
        random_id = installation.values[0]
        person = self._person(random_id)
        if random_id in self._persons and person not in self._met:
            return False
        nsapp = self._names.find("nsapp", installation.value("nsapp"))
        type_ = self._names.find("type", installation.value("type"))
        found = self._execute(
            "SELECT 1 FROM installation INDEXED BY installation_person"
            " WHERE person = ? AND random_id = ? AND released AND nsapp = ? AND type = ?"
            " AND id BETWEEN ? AND ? AND id <> ? LIMIT 1",
            (
                *(person, random_id, nsapp, type_),
                *id_range(installation.day, installation.day),
                row.id,
            ),
        )
        return found.fetchone() is not None

    def save(self, row: Row) -> None:
        """Insert or update a row; one whose beginning moved to another day gets a new id.

        New ones wait for `insert_saved`, so that SQLite takes many at once.
        """
        if row.id and first_id(row.installation.day) <= row.id < first_id(row.installation.day + 1):
            values = self._encode(row)
            self._execute(_UPDATE, (*values, row.id))
            return
        if row.id:
            self._execute("DELETE FROM installation WHERE id = ?", (row.id,))
        row.id = self._free_id(row.installation)
        self._highest_id = max(self._highest_id, row.id)
        values = self._encode(row)
        self._met.add(values[1])
        self._new.append((row.id, *values))

    def _free_id(self, installation: Installation) -> int:
        """A free id from the millisecond of the beginning on, or the last before it: always of its UTC day."""
        started_at = installation.started_at
        base = started_at // 1000 * IDS_PER_MILLISECOND
        day = started_at // MICROSECONDS_PER_DAY
        next_id = max(base, self._highest_id + 1)
        if next_id < base + IDS_PER_SECOND and day_of_id(next_id) == day:  # as a rule, since reports come in order
            return next_id
        lowest, highest = id_range(day, day)
        row = self._execute(_FREE_ID, {"base": base, "lowest": lowest, "highest": highest}).fetchone()
        return int(row[0])

    def _decode(self, row: tuple[Any, ...]) -> Row:
        text = self._names.text
        joins = unpack_joins(row[-1])
        names = [None if number is None else text(number) for number in row[_FIRST_NAME:-1]]
        known = _as_known((*row[_FIRST_PLAIN:_FIRST_NAME], *names))
        outcome = None if joins.outcome_stamp is None else Outcome(joins.outcome_stamp, *known[: len(OUTCOME_COLUMNS)])
        values = [row[3], *known[len(OUTCOME_COLUMNS) :]]
        return Row(row[0], Installation(row[1], values, joins.stamps, joins.firsts, outcome), bool(row[5]))

    def _encode(self, row: Row) -> Sequence[Any]:
        installation = row.installation
        random_id = installation.values[0]
        outcome = installation.outcome
        known = (*(_NO_ENDING if outcome is None else msgspec.structs.astuple(outcome)[1:]), *installation.values[1:])
        return (
            installation.execution,
            self._person(random_id),
            bytearray(random_id),
            STATUS_CODE[installation.status],
            int(row.released),
            *[_NULL if value is None else value for value in _plain_of(known)],
            *self._numbered(_names_of(known), installation),
            bytearray(pack_joins(installation)),
        )

    def _numbered(self, names: Sequence[str | None], installation: Installation) -> list[int | float]:
        """Names as numbers, which are given out where they are new."""
        found = list(map(_find, self._numbers, names, repeat(_NULL)))
        if found.count(_NULL) > names.count(None):
            day = installation.day
            for index, kind in enumerate(_KINDS.values()):
                if (name := names[index]) is not None:
                    found[index] = self._names.intern(kind, name, day)
        return found
