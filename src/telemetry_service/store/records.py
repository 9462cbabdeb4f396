"""Pages of single installations, for those with a token.

Pages are cut by value and id instead of by counting rows off, so that a late page costs what the first one does.
"""

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from telemetry_service.core.counts import ALL, Dimension, Facet, Sources
from telemetry_service.core.fields import OPTIONAL_FIELDS, STATUSES
from telemetry_service.core.identity import Identities
from telemetry_service.core.installation import JOINED, ORDER, STUCK, unpack_joins
from telemetry_service.core.period import iso_instant
from telemetry_service.core.reports.view import split_script
from telemetry_service.core.tally import ScriptTally, Tally
from telemetry_service.store.cells import IS_RUNNING, STATUS_CODE
from telemetry_service.store.names import kind_of
from telemetry_service.store.reading import EXACT, Reader
from telemetry_service.store.record_search import Condition, Filter, Place, Search, Wanted, ids_of, index_of, is_newest_first
from telemetry_service.store.rows import OUTCOME_COLUMNS
from telemetry_service.store.store import sealed_through

GATHERING = 2  # times as long as walking over one installation takes gathering it
Record = dict[str, str | int | None]

_ENDING = tuple(name for name in OUTCOME_COLUMNS if name != "cause")
_SHOWN = (*_ENDING, *(name for name in JOINED[1:] if name not in OPTIONAL_FIELDS), *OPTIONAL_FIELDS)
_SELECT = f"SELECT id, execution, status, joins, {', '.join(_SHOWN)} FROM installation"
_KINDS = tuple(kind_of(name) for name in _SHOWN)


class Page(msgspec.Struct, frozen=True):
    """Records in order, how many there are in all, and where to go on, or None at the end."""

    records: list[Record]
    next: Place | None
    total: int


class _Expected(NamedTuple):
    """What the counts tell before any installation is looked at: how many there are, and how many for each value sorted by, if
    they can."""

    total: int
    sizes: Counter[int | None] | None


class Records:
    """Finds installations and shows them without their ids."""

    def __init__(self, reader: Reader, sources: Sources, identities: Identities) -> None:
        self._reader = reader
        self._connection = reader.connection
        self._names = reader.names
        self._sources = sources
        self._identities = identities
        self._search = Search(reader.connection, reader.names, sources)

    def page(self, wanted: Wanted, *, skip: int, limit: int, after: Place | None = None) -> Page:
        """The records behind `after`, or behind the first `skip` ones, and how many there are in all."""
        wanted = self._of_kept_days(wanted)
        condition = self._search.condition(wanted)
        if condition is None:
            return Page([], None, 0)
        expected = self._expected(wanted, condition)
        if not expected.total:
            return Page([], None, 0)
        skip = 0 if after else skip
        index = self._narrowest(wanted, condition, expected.total, skip + limit + 1)
        if index is not None and wanted.sort != "created":
            return self._gathered(wanted, condition, index, skip, limit, after)
        by = "" if index is None else f"INDEXED BY installation_{index}"
        return Page(*self._walked(wanted, condition, skip, limit, after, expected.sizes, by), expected.total)

    def first(self, wanted: Wanted, limit: int) -> list[Record]:
        """The first records."""
        return self._behind(wanted, limit, None)[0]

    def all(self, wanted: Wanted, batch: int = 1000) -> Iterator[Record]:
        """Every record, in order, read in batches."""
        after: Place | None = None
        while True:
            records, after = self._behind(wanted, batch, after)
            yield from records
            if after is None:
                return

    def batch(self, wanted: Wanted, after: Place | None, limit: int) -> tuple[list[Record], Place | None]:
        """Records behind a place, and the place behind which there are more, if there are."""
        return self._behind(wanted, limit, after)

    def stuck(self, before_id: int) -> int:
        """Installations under way that began before an id."""
        (count,) = self._connection.execute(
            f"SELECT count(*) FROM installation WHERE {IS_RUNNING} AND id < ?", (before_id,)
        ).fetchone()
        return int(count)

    def _behind(self, wanted: Wanted, limit: int, after: Place | None) -> tuple[list[Record], Place | None]:
        """Records in order, and the place behind which there are more, if there are."""
        wanted = self._of_kept_days(wanted)
        condition = self._search.condition(wanted)
        return self._walked(wanted, condition, 0, limit, after, None) if condition else ([], None)

    def _walked(
        self,
        wanted: Wanted,
        condition: Condition,
        skip: int,
        limit: int,
        after: Place | None,
        sizes: Mapping[int | None, int] | None,
        by: str = "",
    ) -> tuple[list[Record], Place | None]:
        """The same behind the first `skip`, by one index or by that of each group; `sizes` of the groups, if known."""
        found: list[tuple[Any, ...]] = []
        place = None
        for value, group in self._search.groups(wanted, condition, after):
            index = by or index_of(wanted, value)
            if after is not None:
                if value != after.value:
                    continue
                group = group.plus("id < ?" if is_newest_first(wanted) else "id > ?", after.id)
                after = None
            elif sizes is not None and value not in sizes:
                continue
            elif skip:
                size = self._count_to(index, group, skip + 1) if sizes is None else sizes.get(value, 0)
                if size <= skip:
                    skip -= size
                    continue
            for row in self._rows(wanted, index, group, skip, limit + 1 - len(found)):
                if len(found) == limit:
                    return [self._record(row) for row in found], place
                found.append(row)
                place = Place(value, row[0])
            skip = 0
        return [self._record(row) for row in found], None

    def _rows(self, wanted: Wanted, index: str, group: Condition, skip: int, limit: int) -> list[tuple[Any, ...]]:
        order = "DESC" if is_newest_first(wanted) else "ASC"
        return self._connection.execute(
            f"{_SELECT} {index} WHERE {group.sql} ORDER BY id {order} LIMIT ? OFFSET ?",
            (*group.parameters, limit, skip),
        ).fetchall()

    def _count_to(self, index: str, group: Condition, most: int) -> int:
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

    def _expected(self, wanted: Wanted, condition: Condition) -> _Expected:
        asks_for_script = any(text is not None for text in (wanted.app, wanted.type, wanted.search))
        is_sorted_by_script = wanted.sort in ("nsapp", "type")
        if wanted.os is None:
            groups = self._grouped(wanted, self._of_scripts(wanted))
        elif asks_for_script or is_sorted_by_script:
            # Those under way are counted by script alone, but they are few.
            groups = self._grouped(wanted, self._of_scripts_on_system(wanted)) + self._running(wanted, condition)
        else:
            groups = self._grouped(wanted, self._of_system(wanted))
        return _Expected(groups.total(), groups if is_sorted_by_script or wanted.sort == "status" else None)

    def _grouped(self, wanted: Wanted, counted: Iterable[tuple[str, Tally | ScriptTally]]) -> Counter[int | None]:
        """Counts of scripts, by the values sorted by; all under None where these are of neither script nor status."""
        groups: Counter[int | None] = Counter()
        for script, tally in counted:
            if wanted.status not in (None, tally.status):
                continue
            app, type_ = split_script(script)
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

    def _of_scripts(self, wanted: Wanted) -> Iterator[tuple[str, Tally]]:
        for tally in self._reader.tallies(EXACT, (Facet.SCRIPTS,), wanted.period, wanted.sources):
            if tally.dimension == Dimension.SCRIPT and _is_script(wanted, str(tally.value)):
                yield str(tally.value), tally

    def _of_system(self, wanted: Wanted) -> Iterator[tuple[str, Tally]]:
        for tally in self._reader.tallies(EXACT, (Facet.SCRIPTS,), wanted.period, wanted.sources):
            if tally.dimension == Dimension.SYSTEM and tally.value == wanted.os:
                yield ALL, tally

    def _of_scripts_on_system(self, wanted: Wanted) -> Iterator[tuple[str, ScriptTally]]:
        """Those that ended."""
        scripts = [script for script in self._reader.scripts() if _is_script(wanted, script)]
        for system in self._names.all_of("os"):
            only = self._reader.only_value(Dimension.OS, system) if system.partition(" ")[0] == wanted.os else None
            if only is not None:
                for tally in self._reader.script_tallies(EXACT, Facet.SYSTEM, wanted.period, wanted.sources, scripts, only):
                    yield tally.script, tally

    def _running(self, wanted: Wanted, condition: Condition) -> Counter[int | None]:
        value = wanted.sort if wanted.sort in ("nsapp", "type", "status") else "NULL"
        rows = self._connection.execute(
            f"SELECT {value}, count(*) FROM installation INDEXED BY installation_status"
            f" WHERE {condition.sql} AND {IS_RUNNING} GROUP BY 1",
            condition.parameters,
        )
        return Counter(dict(rows.fetchall()))

    def _narrowest(self, wanted: Wanted, condition: Condition, total: int, needed: int) -> str | None:
        """The index of a filter that so few pass that looking at them is quicker than walking over installations, in the order
        of the page, until as many as are needed were found; None where there is none."""
        if not condition.indexed:
            return None
        every = sum(self._reader.script_totals(EXACT, wanted.period, self._sources.of_repository("all")).values())
        fewest = min(every * needed // total, every) // GATHERING
        found = None
        for one in reversed(condition.indexed):  # the narrowest comes last
            if wanted.sort == "created" and not one.is_for_one_value:
                continue  # walked over by its index it would not be in order
            size = self._passing(wanted, one, fewest)
            if size < fewest:
                found, fewest = one.found_by, size
        return None if found is None or self._is_walked_quicker(wanted, condition, fewest, needed / total) else found

    def _is_walked_quicker(self, wanted: Wanted, condition: Condition, gathered: int, share: float) -> bool:
        """Whether walking over a share of those that pass a filter by the column sorted by is quicker than gathering so many."""
        walked_by = "status" if wanted.sort == "exit_code" else wanted.sort
        as_long = int(gathered * GATHERING / min(share, 1.0)) + 1
        return any(one.found_by == walked_by and self._passing(wanted, one, as_long) < as_long for one in condition.indexed)

    def _passing(self, wanted: Wanted, one: Filter, most: int) -> int:
        """How many of the period pass a filter, counted up to a bound."""
        condition = Condition("id BETWEEN ? AND ?", list(ids_of(wanted))).plus(one.sql, *one.parameters)
        return self._count_to(f"INDEXED BY installation_{one.found_by}", condition, most)

    def _gathered(self, wanted: Wanted, condition: Condition, index: str, skip: int, limit: int, after: Place | None) -> Page:
        """A page cut from the places of all that there are, found by one index and sorted here."""
        values = [value for value, _ in self._search.groups(wanted, condition, after)]
        rank = {value: number for number, value in enumerate(values)}
        sign = -1 if is_newest_first(wanted) else 1
        value = "NULL" if wanted.sort == "created" else wanted.sort
        rows = self._connection.execute(
            f"SELECT {value}, id FROM installation INDEXED BY installation_{index} WHERE {condition.sql}", condition.parameters
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


def _is_script(wanted: Wanted, script: str) -> bool:
    app, type_ = split_script(script)
    return wanted.app in (None, app) and wanted.type in (None, type_) and (wanted.search is None or wanted.search.lower() in app)
