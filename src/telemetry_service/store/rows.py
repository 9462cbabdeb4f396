"""Installations as rows: the same state, with texts as numbers."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

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
COLUMNS = ("id", "execution", "person", "random_id", "status", "released", *OUTCOME_COLUMNS, *JOINED[1:], "joins")
_FIRST_OUTCOME = COLUMNS.index("exit_code")
_FIRST_REGISTER = COLUMNS.index(JOINED[1])
_REGISTER_KINDS = tuple(kind_of(column) for column in JOINED[1:])
_NO_ENDING = (None,) * len(OUTCOME_COLUMNS)
_NAME_KINDS = (*(kind_of(column) for column in OUTCOME_COLUMNS), *_REGISTER_KINDS)
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
        self._numbers = [None if kind is None else names.of_kind(kind) for kind in _NAME_KINDS]
        self._persons: dict[bytes, int] = {}
        self._met: set[int] = set()
        self._highest_id = 0
        self.forget()

    def forget(self) -> None:
        """Drop what was learnt inside a transaction that did not commit."""
        (highest,) = self._connection.execute("SELECT max(id) FROM installation").fetchone()
        self._highest_id = highest or 0

    def expect(self, installations: Iterable[Installation]) -> None:
        """Find out for all that are about to be saved, in one query, whose other installations are stored."""
        self._persons = {values[0]: self._identities.person(values[0]) for values in (one.values for one in installations)}
        found = self._connection.execute(
            "SELECT person FROM installation INDEXED BY installation_person WHERE person IN (SELECT value FROM json_each(?))",
            (json.dumps(list(self._persons.values())),),
        )
        self._met = {person for (person,) in found}

    def _person(self, random_id: bytes) -> int:
        person = self._persons.get(random_id)
        return self._identities.person(random_id) if person is None else person

    def load(self, executions: Iterable[int]) -> dict[int, Row]:
        """The stored rows of these executions."""
        cursor = self._connection.execute(
            f"{_SELECT} WHERE execution IN (SELECT value FROM json_each(?))", (json.dumps(list(executions)),)
        )
        return {row[1]: self._decode(row) for row in cursor}

    def of_person(self, random_id: bytes) -> list[Row]:
        """All rows of a random id."""
        cursor = self._connection.execute(
            f"{_SELECT} INDEXED BY installation_person WHERE person = ? AND random_id = ?",
            (self._identities.person(random_id), random_id),
        )
        return list(map(self._decode, cursor))

    def by_id(self, ids: Sequence[int]) -> list[Row]:
        """The rows of these ids, in any order."""
        cursor = self._connection.execute(f"{_SELECT} WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(ids),))
        return list(map(self._decode, cursor))

    def delete(self, ids: Sequence[int]) -> None:
        """Delete installations: the one place where that is done, for retention and erasure alike."""
        self._connection.execute("DELETE FROM installation WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(ids),))

    def between(self, first_day: int, last_day: int) -> Iterable[Row]:
        """All rows of some UTC days, in order of id."""
        return map(self._decode, self._connection.execute(f"{_SELECT} WHERE id BETWEEN ? AND ?", id_range(first_day, last_day)))

    def other_released(self, row: Row) -> bool:
        """Whether another installation of the same person, script and UTC day is released already."""
        installation = row.installation
        random_id = installation.values[0]
        person = self._person(random_id)
        if random_id in self._persons and person not in self._met:
            return False
        nsapp = self._names.find("nsapp", installation.value("nsapp"))
        type_ = self._names.find("type", installation.value("type"))
        found = self._connection.execute(
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
        """Insert or update a row; one whose beginning moved to another day gets a new id."""
        if row.id and first_id(row.installation.day) <= row.id < first_id(row.installation.day + 1):
            values = self._encode(row)
            self._connection.execute(_UPDATE, (*values, row.id))
            return
        if row.id:
            self._connection.execute("DELETE FROM installation WHERE id = ?", (row.id,))
        row.id = self._free_id(row.installation)
        self._highest_id = max(self._highest_id, row.id)
        values = self._encode(row)
        self._met.add(values[1])
        self._connection.execute(_INSERT, (row.id, *values))

    def _free_id(self, installation: Installation) -> int:
        """A free id from the millisecond of the beginning on, or the last before it: always of its UTC day."""
        started_at = installation.started_at
        base = started_at // 1000 * IDS_PER_MILLISECOND
        day = started_at // MICROSECONDS_PER_DAY
        lowest, highest = id_range(day, day)
        next_id = max(base, self._highest_id + 1)
        if next_id < min(base + IDS_PER_SECOND, highest):  # as a rule, since reports come in order
            return next_id
        row = self._connection.execute(_FREE_ID, {"base": base, "lowest": lowest, "highest": highest}).fetchone()
        return int(row[0])

    def _decode(self, row: tuple[Any, ...]) -> Row:
        text = self._names.text
        joins = unpack_joins(row[-1])
        values = [
            row[3],
            *(
                value if kind is None or value is None else text(value)
                for kind, value in zip(_REGISTER_KINDS, row[_FIRST_REGISTER:-1], strict=True)
            ),
        ]
        outcome = None
        if joins.outcome_stamp is not None:
            exit_code, error, category, duration, fingerprint, cause = row[_FIRST_OUTCOME:_FIRST_REGISTER]
            outcome = Outcome(
                joins.outcome_stamp,
                exit_code,
                error,
                None if category is None else text(category),
                duration,
                fingerprint,
                None if cause is None else text(cause),
            )
        return Row(row[0], Installation(row[1], values, joins.stamps, joins.firsts, outcome), bool(row[5]))

    def _encode(self, row: Row) -> list[Any]:
        installation = row.installation
        random_id = installation.values[0]
        outcome = installation.outcome
        ending = _NO_ENDING if outcome is None else msgspec.structs.astuple(outcome)[1:]
        return [
            installation.execution,
            self._person(random_id),
            random_id,
            STATUS_CODE[installation.status],
            int(row.released),
            *self._numbered((*ending, *installation.values[1:]), installation),
            pack_joins(installation),
        ]

    def _numbered(self, values: Sequence[Any], installation: Installation) -> list[Any]:
        """The values of the columns from the outcome on, with names as numbers."""
        found = [
            value if numbers is None or value is None else numbers.get(value)
            for numbers, value in zip(self._numbers, values, strict=True)
        ]
        if found.count(None) > values.count(None):
            day = installation.day
            for index, kind in enumerate(_NAME_KINDS):
                if kind is not None and values[index] is not None:
                    found[index] = self._names.intern(kind, values[index], day)
        return found
