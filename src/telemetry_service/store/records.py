"""Pages of single installations, for those with a token.

Pages are cut by value and id instead of by counting rows off, so that a late page costs what the first one does.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from telemetry_service.core.counts import Dimension, Facet, Sources
from telemetry_service.core.fields import OPTIONAL_FIELDS, REPOSITORIES, STATUSES
from telemetry_service.core.identity import Identities
from telemetry_service.core.installation import JOINED, ORDER, STUCK, unpack_joins
from telemetry_service.core.period import Period, iso_instant
from telemetry_service.core.reports.view import split_script
from telemetry_service.store.cells import STATUS_CODE
from telemetry_service.store.names import kind_of
from telemetry_service.store.reading import EXACT, Reader
from telemetry_service.store.rows import OUTCOME_COLUMNS, id_range

SORTS = ("created", "nsapp", "status", "os_type", "type", "method", "exit_code")
Record = dict[str, str | int | None]

_ENDING = tuple(name for name in OUTCOME_COLUMNS if name != "cause")
_SHOWN = (*_ENDING, *(name for name in JOINED[1:] if name not in OPTIONAL_FIELDS), *OPTIONAL_FIELDS)
_SELECT = f"SELECT id, execution, status, joins, {', '.join(_SHOWN)} FROM installation"
_KINDS = tuple(kind_of(name) for name in _SHOWN)


# Each code once, by jumping from one to the next in the index.
_EXIT_CODES = """
WITH RECURSIVE code (value) AS (
  SELECT min(exit_code) FROM installation WHERE exit_code <> 0
  UNION ALL
  SELECT (SELECT min(exit_code) FROM installation WHERE exit_code <> 0 AND exit_code > code.value)
  FROM code WHERE code.value IS NOT NULL
) SELECT value FROM code WHERE value IS NOT NULL"""


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


class Page(msgspec.Struct, frozen=True):
    """Records in order, how many there are in all, and where to go on, or None at the end."""

    records: list[Record]
    total: int
    next: Place | None


class _Condition(NamedTuple):
    sql: str
    parameters: list[Any]

    def plus(self, sql: str, *parameters: Any) -> "_Condition":
        return _Condition(f"{self.sql} AND {sql}", [*self.parameters, *parameters])


class Records:
    """Finds installations and shows them without their ids."""

    def __init__(self, reader: Reader, sources: Sources, identities: Identities) -> None:
        self._reader = reader
        self._connection = reader.connection
        self._names = reader.names
        self._sources = sources
        self._identities = identities

    def page(self, wanted: Wanted, *, skip: int, limit: int, after: Place | None = None) -> Page:
        """The records behind `after`, or behind the first `skip` ones, and how many there are in all."""
        total, sizes = self._sizes(wanted)
        records, place = self._behind(wanted, 0 if after else skip, limit, after, sizes)
        return Page(records, total, place)

    def first(self, wanted: Wanted, limit: int) -> list[Record]:
        """The first records."""
        return self._behind(wanted, 0, limit, None, None)[0]

    def all(self, wanted: Wanted, batch: int = 1000) -> Iterator[Record]:
        """Every record, in order, read in batches."""
        after: Place | None = None
        while True:
            records, after = self._behind(wanted, 0, batch, after, None)
            yield from records
            if after is None:
                return

    def batch(self, wanted: Wanted, after: Place | None, limit: int) -> tuple[list[Record], Place | None]:
        """Records behind a place, and the place behind which there are more, if there are."""
        return self._behind(wanted, 0, limit, after, None)

    def stuck(self, before_id: int) -> int:
        """Installations under way that began before an id."""
        (count,) = self._connection.execute(
            "SELECT count(*) FROM installation WHERE status IN (0, 1, 2) AND id < ?", (before_id,)
        ).fetchone()
        return int(count)

    def _behind(
        self, wanted: Wanted, skip: int, limit: int, after: Place | None, sizes: dict[int | None, int] | None
    ) -> tuple[list[Record], Place | None]:
        """Records in order, and the place behind which there are more, if there are; `sizes` of the groups, if known."""
        condition = self._condition(wanted)
        found: list[tuple[Any, ...]] = []
        place = None
        for value, group in self._groups(wanted, condition) if condition else ():
            if after is not None:
                if value != after.value:
                    continue
                newest_first = wanted.descending or wanted.sort != "created"
                group = group.plus("id < ?" if newest_first else "id > ?", after.id)
                after = None
            elif sizes is not None and value not in sizes:
                continue
            elif skip:
                size = self._count_to(_index(wanted, value), group, skip + 1) if sizes is None else sizes.get(value, 0)
                if size <= skip:
                    skip -= size
                    continue
            for row in self._rows(wanted, value, group, skip, limit + 1 - len(found)):
                if len(found) == limit:
                    return [self._record(row) for row in found], place
                found.append(row)
                place = Place(value, row[0])
            skip = 0
        return [self._record(row) for row in found], None

    def _condition(self, wanted: Wanted) -> _Condition | None:
        first = -1 if wanted.period.first is None else wanted.period.first
        condition = _Condition("id BETWEEN ? AND ?", list(id_range(max(first, 0), wanted.period.last)))
        for column, text in (("nsapp", wanted.app), ("os_type", wanted.os), ("type", wanted.type)):
            if text is not None:
                number = self._names.find(column, text)
                if number is None:
                    return None
                condition = condition.plus(f"{column} = ?", number)
        if wanted.status is not None:
            condition = condition.plus("status = ?", STATUS_CODE[wanted.status])
        if wanted.search is not None:
            rows = self._connection.execute(
                "SELECT id FROM name WHERE kind = 'nsapp' AND instr(text, ?)", (wanted.search.lower(),)
            ).fetchall()
            if not rows:
                return None
            condition = condition.plus(f"nsapp IN ({','.join(str(number) for (number,) in rows)})")
        return self._with_sources(condition, wanted.sources)

    def _with_sources(self, condition: _Condition, wanted: Sequence[str]) -> _Condition | None:
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

    def _groups(self, wanted: Wanted, condition: _Condition) -> Iterator[tuple[int | None, _Condition]]:
        """The filter cut by the values sorted by, in their order; NULL first, as SQLite sorts."""
        if wanted.sort == "created":
            yield None, condition
            return
        column = wanted.sort
        values: list[int | None]
        if column == "status":
            values = [STATUS_CODE[status] for status in sorted(STATUSES)]
        elif column == "exit_code":
            values = [None, 0, *(code for (code,) in self._connection.execute(_EXIT_CODES))]
        else:
            rows = self._connection.execute("SELECT id FROM name WHERE kind = ? ORDER BY text", (column,)).fetchall()
            values = [None, *(number for (number,) in rows)]
        for value in reversed(values) if wanted.descending else values:
            if column == "exit_code":
                yield value, condition.plus(_of_exit_code(wanted, value))
            else:
                yield value, condition.plus(f"{column} IS ?", value)

    def _rows(self, wanted: Wanted, value: int | None, group: _Condition, skip: int, limit: int) -> list[tuple[Any, ...]]:
        order = "DESC" if wanted.descending or wanted.sort != "created" else "ASC"
        return self._connection.execute(
            f"{_SELECT} {_index(wanted, value)} WHERE {group.sql} ORDER BY id {order} LIMIT ? OFFSET ?",
            (*group.parameters, limit, skip),
        ).fetchall()

    def _count_to(self, index: str, group: _Condition, most: int) -> int:
        (count,) = self._connection.execute(
            f"SELECT count(*) FROM (SELECT 1 FROM installation {index} WHERE {group.sql} LIMIT ?)",
            (*group.parameters, most),
        ).fetchone()
        return int(count)

    def _sizes(self, wanted: Wanted) -> tuple[int, dict[int | None, int] | None]:
        """How many installations there are, and how many in each group where the counts tell it."""
        if wanted.os is not None and not wanted.app is wanted.type is wanted.search is None:
            return self._counted_total(wanted), None
        dimension = Dimension.SCRIPT if wanted.os is None else Dimension.SYSTEM
        groups: Counter[int | None] = Counter()
        for tally in self._reader.tallies(EXACT, (Facet.SCRIPTS,), wanted.period, wanted.sources):
            if tally.dimension != dimension or wanted.status not in (None, tally.status):
                continue
            app, type_ = split_script(str(tally.value)) if dimension == Dimension.SCRIPT else ("", "")
            if tally.value != wanted.os if wanted.os else not _is_script(wanted, app, type_):
                continue
            match wanted.sort:
                case "nsapp" if wanted.os is None:
                    groups[self._names.find("nsapp", app)] += tally.n
                case "type" if wanted.os is None:
                    groups[self._names.find("type", type_)] += tally.n
                case "status":
                    groups[STATUS_CODE[tally.status]] += tally.n
                case _:
                    groups[None] += tally.n
        is_grouped = wanted.sort == "status" or (wanted.os is None and wanted.sort in ("nsapp", "type"))
        return groups.total(), groups if is_grouped else None

    def _counted_total(self, wanted: Wanted) -> int:
        condition = self._condition(wanted)
        if condition is None:
            return 0
        (count,) = self._connection.execute(
            f"SELECT count(*) FROM installation WHERE {condition.sql}", condition.parameters
        ).fetchone()
        return int(count)

    def _record(self, row: tuple[Any, ...]) -> Record:
        _, execution, status, joins, *values = row
        firsts = unpack_joins(joins).firsts
        record: Record = {
            "id": self._identities.handle(execution),
            "created": iso_instant(min(firsts.values())),
            "status": STATUSES[status],
        }
        for name, kind, value in zip(_SHOWN, _KINDS, values, strict=True):
            record[name] = value if kind is None or value is None else self._names.text(value)
        fingerprint = record["fingerprint"]
        record["fingerprint"] = None if fingerprint is None else f"{fingerprint:016x}"
        for name in OPTIONAL_FIELDS:
            if record[name] is None:
                del record[name]
        steps = sorted((received_at, rank) for rank, received_at in firsts.items())
        record["pipeline"] = json.dumps(
            [{"s": "unknown" if ORDER[rank] == STUCK else ORDER[rank], "t": iso_instant(at)} for at, rank in steps]
        )
        return record


def _index(wanted: Wanted, value: int | None) -> str:
    # Left alone, SQLite takes the index of a filter and walks all of it once per group.
    if wanted.sort == "created":
        return ""
    if wanted.sort == "exit_code":
        index = _index_of_exit_code(wanted, value)
        return f"INDEXED BY {index}" if index else ""
    return f"INDEXED BY installation_{wanted.sort}"


def _index_of_exit_code(wanted: Wanted, value: int | None) -> str | None:
    """The index that holds few others than those; what has none is most of the table, or soon found in it."""
    if value:
        return "installation_exit_code"
    if wanted.status is None:
        return None
    if value is None:
        return "installation_no_exit_code"
    return None if wanted.status == "success" else "installation_zero_exit_code"


def _of_exit_code(wanted: Wanted, value: int | None) -> str:
    # Written out, since a bound value cannot use a partial index.
    if value is None:
        return "exit_code IS NULL"
    if value:
        return f"exit_code = {value:d} AND exit_code <> 0"
    return "exit_code = 0" if wanted.status in (None, "success") else f"exit_code = 0 AND status <> {STATUS_CODE['success']}"


def _is_script(wanted: Wanted, app: str, type_: str) -> bool:
    return wanted.app in (None, app) and wanted.type in (None, type_) and (wanted.search is None or wanted.search.lower() in app)


__all__ = ["SORTS", "Page", "Place", "Record", "Records", "Wanted"]
