"""Pages of single installations, for those with a token.

Pages are cut by value and id instead of by counting rows off, so that a late page costs what the first one does.
"""

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from telemetry_service.core.counts import Dimension, Facet, Sources
from telemetry_service.core.fields import BY_NAME, OPTIONAL_FIELDS, REPOSITORIES, STATUSES
from telemetry_service.core.identity import Identities
from telemetry_service.core.installation import JOINED, ORDER, STUCK, unpack_joins
from telemetry_service.core.period import Period, iso_instant
from telemetry_service.core.reports.view import split_script
from telemetry_service.store.cells import RUNNING_CODES, STATUS_CODE, of_dimension
from telemetry_service.store.names import kind_of
from telemetry_service.store.reading import EXACT, Reader
from telemetry_service.store.rows import OUTCOME_COLUMNS, id_range
from telemetry_service.store.store import sealed_through

GATHERING = 2  # times as long as walking over one installation takes gathering it
SORTS = ("created", "nsapp", "status", "os_type", "type", "method", "exit_code")
Record = dict[str, str | int | None]

_ENDING = tuple(name for name in OUTCOME_COLUMNS if name != "cause")
_SHOWN = (*_ENDING, *(name for name in JOINED[1:] if name not in OPTIONAL_FIELDS), *OPTIONAL_FIELDS)
_SELECT = f"SELECT id, execution, status, joins, {', '.join(_SHOWN)} FROM installation"
_KINDS = tuple(kind_of(name) for name in _SHOWN)


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


class Page(msgspec.Struct, frozen=True):
    """Records in order, how many there are in all, and where to go on, or None at the end."""

    records: list[Record]
    next: Place | None
    total: int


class _Filter(NamedTuple):
    """A part of a condition that the index of a column finds."""

    column: str
    sql: str
    parameters: tuple[Any, ...]


class _Condition(NamedTuple):
    """What installations must be."""

    sql: str
    parameters: list[Any]
    indexed: tuple[_Filter, ...] = ()

    def plus(self, sql: str, *parameters: Any) -> "_Condition":
        return self._replace(sql=f"{self.sql} AND {sql}", parameters=[*self.parameters, *parameters])

    def plus_indexed(self, column: str, sql: str, *parameters: Any) -> "_Condition":
        return self.plus(sql, *parameters)._replace(indexed=(*self.indexed, _Filter(column, sql, parameters)))


class _Expected(NamedTuple):
    """What the counts tell before any installation is looked at: how many there are, if they can, how many at most, and how
    many for each value sorted by, if they can."""

    total: int | None
    at_most: int
    sizes: dict[int | None, int] | None


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
        wanted = self._of_kept_days(wanted)
        condition = self._condition(wanted)
        expected = self._expected(wanted)
        if condition is None or not expected.at_most:
            return Page([], None, 0)
        skip = 0 if after else skip
        column = self._narrowest(wanted, condition, expected, skip + limit + 1)
        if column is not None:
            return self._gathered(wanted, condition, column, skip, limit, after)
        records, place = self._behind(wanted, skip, limit, after, expected.sizes)
        # Where no filter is narrow, looking at all in turn takes half the time of any index.
        return Page(records, place, self._counted(condition, "NOT INDEXED") if expected.total is None else expected.total)

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
        wanted = self._of_kept_days(wanted)
        condition = self._condition(wanted)
        found: list[tuple[Any, ...]] = []
        place = None
        for value, group in self._groups(wanted, condition, after) if condition else ():
            if after is not None:
                if value != after.value:
                    continue
                group = group.plus("id < ?" if _is_newest_first(wanted) else "id > ?", after.id)
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
        condition = _Condition("id BETWEEN ? AND ?", list(_ids(wanted)))
        for column, text in (("nsapp", wanted.app), ("os_type", wanted.os), ("type", wanted.type)):
            if text is not None:
                number = self._names.find(column, text)
                if number is None:
                    return None
                condition = condition.plus_indexed(column, f"{column} = ?", number)
        if wanted.status is not None:
            condition = condition.plus_indexed("status", "status = ?", STATUS_CODE[wanted.status])
        if wanted.search is not None:
            rows = self._connection.execute(
                "SELECT id FROM name WHERE kind = 'nsapp' AND instr(text, ?)", (wanted.search.lower(),)
            ).fetchall()
            if not rows:
                return None
            condition = condition.plus_indexed("nsapp", f"nsapp IN ({','.join(str(number) for (number,) in rows)})")
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

    def _groups(self, wanted: Wanted, condition: _Condition, after: Place | None) -> Iterator[tuple[int | None, _Condition]]:
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
                yield value, condition.plus(_of_exit_code(wanted, value))
            else:
                yield value, condition.plus(f"{column} IS ?", value)

    def _rows(self, wanted: Wanted, value: int | None, group: _Condition, skip: int, limit: int) -> list[tuple[Any, ...]]:
        order = "DESC" if _is_newest_first(wanted) else "ASC"
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

    def _of_kept_days(self, wanted: Wanted) -> Wanted:
        """The same without sealed days, whose installations still count."""
        sealed = sealed_through(self._connection)
        if sealed < (wanted.period.first or 0):
            return wanted
        return msgspec.structs.replace(wanted, period=wanted.period._replace(first=sealed + 1))

    def _expected(self, wanted: Wanted) -> _Expected:
        """What the counts tell of how many there are: by script or by operating system, and by both for those of one app."""
        asks_for_script = any(text is not None for text in (wanted.app, wanted.type, wanted.search))
        by_system = self._tallied(wanted, Dimension.SYSTEM) if wanted.os is not None else None
        by_script = self._tallied(wanted, Dimension.SCRIPT) if asks_for_script or by_system is None else None
        known = [groups for groups in (by_system, by_script) if groups is not None]
        at_most = min(groups.total() for groups in known)
        if len(known) > 1:
            total = self._of_app_and_system(wanted) if wanted.app is not None and at_most else None
            return _Expected(total, at_most if total is None else total, None)
        is_grouped = wanted.sort == "status" or (wanted.os is None and wanted.sort in ("nsapp", "type"))
        return _Expected(at_most, at_most, known[0] if is_grouped else None)

    def _of_app_and_system(self, wanted: Wanted) -> int:
        """How many there are of one app on one operating system: those that ended are counted by script, others are few."""
        types = BY_NAME["type"].values if wanted.type is None else (wanted.type,)
        scripts = [f"{wanted.app} {type_}" for type_ in types]
        only = of_dimension(Dimension.OS)
        tallies = self._reader.script_tallies(EXACT, Facet.SYSTEM, wanted.period, wanted.sources, scripts, only)
        ended = sum(
            tally.n
            for tally in tallies
            if wanted.status in (None, tally.status) and str(tally.value).partition(" ")[0] == wanted.os
        )
        condition = self._condition(wanted)
        assert condition is not None
        codes = ",".join(map(str, RUNNING_CODES))
        return ended + self._counted(condition.plus(f"status IN ({codes})"), "INDEXED BY installation_status")

    def _tallied(self, wanted: Wanted, dimension: Dimension) -> Counter[int | None]:
        """How many there are as far as one dimension tells, by the values sorted by where it knows them."""
        groups: Counter[int | None] = Counter()
        for tally in self._reader.tallies(EXACT, (Facet.SCRIPTS,), wanted.period, wanted.sources):
            if tally.dimension != dimension or wanted.status not in (None, tally.status):
                continue
            app, type_ = split_script(str(tally.value)) if dimension == Dimension.SCRIPT else ("", "")
            if not _is_script(wanted, app, type_) if dimension == Dimension.SCRIPT else tally.value != wanted.os:
                continue
            match wanted.sort:
                case "nsapp":
                    groups[self._names.find("nsapp", app)] += tally.n
                case "type":
                    groups[self._names.find("type", type_)] += tally.n
                case "status":
                    groups[STATUS_CODE[tally.status]] += tally.n
                case _:
                    groups[None] += tally.n
        return groups

    def _narrowest(self, wanted: Wanted, condition: _Condition, expected: _Expected, needed: int) -> str | None:
        """The column of a filter that so few pass that gathering them is quicker than walking over installations, in the order of
        the page, until as many as are needed were found; None where there is none."""
        every = sum(self._reader.script_totals(EXACT, wanted.period, self._sources.of_repository("all")).values())
        walked_by = "status" if wanted.sort == "exit_code" else wanted.sort
        for one in condition.indexed:
            if one.column == walked_by:
                every = self._passing(wanted, one, every)
        fewest = min(every * needed // expected.at_most, every) // GATHERING
        if expected.total is None:  # all must be looked at, if only to count them
            fewest = max(fewest, every // 2)
        found = None
        for one in condition.indexed:
            size = self._passing(wanted, one, fewest)
            if size < fewest:
                found, fewest = one.column, size
        return found

    def _passing(self, wanted: Wanted, one: _Filter, most: int) -> int:
        """How many of the period pass a filter, counted up to a bound."""
        condition = _Condition("id BETWEEN ? AND ?", list(_ids(wanted))).plus(one.sql, *one.parameters)
        return self._count_to(f"INDEXED BY installation_{one.column}", condition, most)

    def _gathered(self, wanted: Wanted, condition: _Condition, column: str, skip: int, limit: int, after: Place | None) -> Page:
        """A page cut from the places of all that there are, found by the index of one column and sorted here."""
        values = [value for value, _ in self._groups(wanted, condition, after)]
        rank = {value: number for number, value in enumerate(values)}
        sign = -1 if _is_newest_first(wanted) else 1
        value = "NULL" if wanted.sort == "created" else wanted.sort
        rows = self._connection.execute(
            f"SELECT {value}, id FROM installation INDEXED BY installation_{column} WHERE {condition.sql}", condition.parameters
        )
        places = sorted([(rank[value], sign * id_) for value, id_ in rows])
        if after is not None:
            skip = bisect_right(places, (rank[after.value], sign * after.id)) if after.value in rank else len(places)
        chosen = [Place(values[number], sign * id_) for number, id_ in places[skip : skip + limit]]
        return Page(self._shown(chosen), chosen[-1] if skip + limit < len(places) else None, len(places))

    def _shown(self, places: Sequence[Place]) -> list[Record]:
        ids = json.dumps([place.id for place in places])
        found = {
            row[0]: row for row in self._connection.execute(f"{_SELECT} WHERE id IN (SELECT value FROM json_each(?))", (ids,))
        }
        return [self._record(found[place.id]) for place in places]

    def _counted(self, condition: _Condition, index: str) -> int:
        (count,) = self._connection.execute(
            f"SELECT count(*) FROM installation {index} WHERE {condition.sql}", condition.parameters
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


def _ids(wanted: Wanted) -> tuple[int, int]:
    """The lowest and the highest id of a period."""
    return id_range(wanted.period.first or 0, wanted.period.last)


def _is_newest_first(wanted: Wanted) -> bool:
    """How those of equal value are sorted."""
    return wanted.descending or wanted.sort != "created"


def _index(wanted: Wanted, value: int | None) -> str:
    # Left alone, SQLite takes the index of a filter and walks all of it once per group.
    name = f"installation_{wanted.sort}"
    if wanted.sort == "created":
        name = ""
    elif wanted.sort == "exit_code" and value == 0:
        name = "" if wanted.status in (None, "success") else "installation_zero_exit_code"
    elif wanted.sort == "exit_code" and wanted.status is not None:
        name = "installation_status_exit_code"
    elif wanted.sort == "exit_code" and value is None:
        name = "installation_no_exit_code"
    if name:
        return f"INDEXED BY {name}"
    return "NOT INDEXED" if wanted.search is not None else ""  # else it would sort the installations of all apps found


def _of_exit_code(wanted: Wanted, value: int | None) -> str:
    # Written out, since a bound value cannot use a partial index.
    of_one = "exit_code IS NULL" if value is None else f"exit_code = {value:d}"
    if value == 0:
        return of_one if wanted.status in (None, "success") else f"{of_one} AND status <> {STATUS_CODE['success']}"
    if wanted.status is not None:
        return f"{of_one} AND exit_code IS NOT 0"
    return of_one if value is None else f"{of_one} AND exit_code <> 0"


def _of_exit_codes(wanted: Wanted) -> str:
    if wanted.status is None:
        return _EXIT_CODES.format(index="INDEXED BY installation_exit_code", which="exit_code <> 0")
    which = f"status = {STATUS_CODE[wanted.status]} AND exit_code IS NOT 0 AND exit_code NOTNULL"
    return _EXIT_CODES.format(index="INDEXED BY installation_status_exit_code", which=which)


def _is_script(wanted: Wanted, app: str, type_: str) -> bool:
    return wanted.app in (None, app) and wanted.type in (None, type_) and (wanted.search is None or wanted.search.lower() in app)


__all__ = ["SORTS", "Page", "Place", "Record", "Records", "Wanted"]
