"""What is asked of single installations, and the SQL that finds them: conditions, and groups of equal value in order."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from telemetry_service.core.counts import Sources
from telemetry_service.core.fields import REPOSITORIES, STATUSES
from telemetry_service.core.period import Period
from telemetry_service.store.cells import STATUS_CODE
from telemetry_service.store.names import Names
from telemetry_service.store.rows import id_range

SORTS = ("created", "nsapp", "status", "os_type", "type", "method", "exit_code")

# Each code once, by jumping from one to the next in an index.
_EXIT_CODES = """
WITH RECURSIVE code (value) AS (
  SELECT min(exit_code) FROM installation {index} WHERE {which}
  UNION ALL
  SELECT (SELECT min(exit_code) FROM installation {index} WHERE {which} AND exit_code > code.value)
  FROM code WHERE code.value IS NOT NULL
) SELECT value FROM code WHERE value IS NOT NULL AND value <> 0"""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which installations, in which order: filters by exact value (`search`: part of the app's name), None for any."""

    period: Period
    sources: tuple[str, ...]
    status: str | None = None
    app: str | None = None
    search: str | None = None
    os: str | None = None
    type: str | None = None
    sort: str = "created"
    descending: bool = True


class Place(NamedTuple):
    """Where a page ended: the value sorted by (None when sorting by time) and the id."""

    value: int | None
    id: int


class Filter(NamedTuple):
    """A part of a condition that an index finds (`installation_` and its name), in the order of time if it is for one value."""

    found_by: str
    sql: str
    parameters: tuple[Any, ...]
    is_for_one_value: bool


class Condition(NamedTuple):
    """What installations must be."""

    sql: str
    parameters: list[Any]
    indexed: tuple[Filter, ...] = ()

    def plus(self, sql: str, *parameters: Any) -> "Condition":
        return self._replace(sql=f"{self.sql} AND {sql}", parameters=[*self.parameters, *parameters])

    def plus_value(self, column: str, value: int) -> "Condition":
        return self.plus_filter(Filter(column, f"{column} = ?", (value,), True))

    def plus_values(self, column: str, values: Iterable[int]) -> "Condition":
        return self.plus_filter(Filter(column, f"{column} IN ({','.join(map(str, values))})", (), False))

    def plus_filter(self, one: Filter) -> "Condition":
        return self.plus(one.sql, *one.parameters)._replace(indexed=(*self.indexed, one))


class Search:
    """Finds the condition of a question, and its groups, in one store."""

    def __init__(self, connection: sqlite3.Connection, names: Names, sources: Sources) -> None:
        self._connection = connection
        self._names = names
        self._sources = sources

    def condition(self, wanted: Wanted) -> Condition | None:
        condition = Condition("id BETWEEN ? AND ?", list(ids_of(wanted)))
        for column, text in (("nsapp", wanted.app), ("os_type", wanted.os), ("type", wanted.type)):
            if text is not None:
                number = self._names.find(column, text)
                if number is None:
                    return None
                condition = condition.plus_value(column, number)
        if wanted.status is not None:
            condition = condition.plus_value("status", STATUS_CODE[wanted.status])
            if wanted.app is not None and STATUS_CODE[wanted.status] > STATUS_CODE["success"]:
                condition = self._with_problems_of(condition, wanted.app, wanted.status)
        if wanted.search is not None:
            rows = self._connection.execute(
                "SELECT id FROM name WHERE kind = 'nsapp' AND instr(text, ?)", (wanted.search.lower(),)
            ).fetchall()
            if not rows:
                return None
            condition = condition.plus_values("nsapp", [number for (number,) in rows])
        return self._with_sources(condition, wanted.sources)

    def _with_problems_of(self, condition: Condition, app: str, status: str) -> Condition:
        """The same by an index of what went wrong with one app; SQLite takes it if told what all in it have in common."""
        sql = f"nsapp = ? AND status = ? AND status > {STATUS_CODE['success']}"
        return condition.plus_filter(Filter("nsapp_problem", sql, (self._names.find("nsapp", app), STATUS_CODE[status]), True))

    def _with_sources(self, condition: Condition, wanted: Sequence[str]) -> Condition | None:
        repositories = [None, *(self._names.find("repo_source", name) for name in REPOSITORIES)]
        slugs = [None, *self._connection.execute("SELECT id FROM name WHERE kind = 'repo_slug'").fetchall()]
        chosen, left_out = [], 0
        for repository in repositories:
            for slug in slugs:
                number = slug[0] if slug else None
                source = self._sources.of(self._text(repository), self._text(number))
                if source in wanted:
                    chosen.append((repository, number))
                else:
                    left_out += 1
        if not left_out:
            return condition
        if not chosen:
            return None
        either = " OR ".join("(repo_source IS ? AND repo_slug IS ?)" for _ in chosen)
        return condition.plus(f"({either})", *(number for pair in chosen for number in pair))

    def _text(self, number: int | None) -> str | None:
        return None if number is None else self._names.text(number)

    def groups(self, wanted: Wanted, condition: Condition, after: Place | None) -> Iterator[tuple[int | None, Condition]]:
        """The filter cut by the values sorted by, in their order; NULL first, as SQLite sorts.

        The one that a page ended in is among them, also when the last installation with it is gone since.
        """
        if wanted.sort == "created":
            yield None, condition
            return
        column = wanted.sort
        values: list[int | None]
        if column == "status":
            values = [STATUS_CODE[status] for status in sorted(STATUSES)]
        elif column == "exit_code":
            codes = {0, *(code for (code,) in self._connection.execute(_of_exit_codes(wanted)))}
            if after is not None and after.value is not None:
                codes.add(after.value)
            values = [None, *sorted(codes)]
        else:
            rows = self._connection.execute("SELECT id FROM name WHERE kind = ? ORDER BY text", (column,)).fetchall()
            values = [None, *(number for (number,) in rows)]
        for value in reversed(values) if wanted.descending else values:
            if column == "exit_code":
                yield value, condition.plus(_by_exit_code(wanted, value)[1])
            else:
                yield value, condition.plus(f"{column} IS ?", value)


def ids_of(wanted: Wanted) -> tuple[int, int]:
    """The lowest and the highest id of a period."""
    return id_range(wanted.period.first or 0, wanted.period.last)


def is_newest_first(wanted: Wanted) -> bool:
    """How those of equal value are sorted."""
    return wanted.descending or wanted.sort != "created"


def index_of(wanted: Wanted, value: int | None) -> str:
    # Left alone, SQLite takes the index of a filter and walks all of it once per group.
    name = f"installation_{wanted.sort}"
    if wanted.sort == "created":
        name = ""
    elif wanted.sort == "exit_code":
        name, _ = _by_exit_code(wanted, value)
    if name:
        return f"INDEXED BY {name}"
    return "NOT INDEXED" if wanted.search is not None else ""  # else it would sort the installations of all apps found


def _by_exit_code(wanted: Wanted, value: int | None) -> tuple[str, str]:
    """The index for those of an exit code, empty for none, and their condition, which says that they are in it.

    The value is written out, since a bound one cannot use a partial index.
    """
    of_one = "exit_code IS NULL" if value is None else f"exit_code = {value:d}"
    if value == 0:
        if wanted.status in (None, "success"):
            return "", of_one
        return "installation_zero_exit_code", f"{of_one} AND status <> {STATUS_CODE['success']}"
    if wanted.status is not None:
        return "installation_status_exit_code", f"{of_one} AND exit_code IS NOT 0"
    if value is None:
        return "installation_no_exit_code", of_one
    return "installation_exit_code", f"{of_one} AND exit_code <> 0"


def _of_exit_codes(wanted: Wanted) -> str:
    if wanted.status is None:
        return _EXIT_CODES.format(index="INDEXED BY installation_exit_code", which="exit_code <> 0")
    which = f"status = {STATUS_CODE[wanted.status]} AND exit_code IS NOT 0 AND exit_code NOTNULL"
    return _EXIT_CODES.format(index="INDEXED BY installation_status_exit_code", which=which)
