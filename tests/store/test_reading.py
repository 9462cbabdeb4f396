"""What reports read: sums over any period, source and script, and pages of installations, against plain sums and sorts."""

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_strategies import KNOWN_REPOS, MIDNIGHT, crowds, events
from stored import IDS, K, Key, counted, installations, opened, rows, table
from telemetry_service.core.counts import Dimension, Facet, Sources
from telemetry_service.core.event import Event
from telemetry_service.core.installation import MICROSECONDS_PER_DAY
from telemetry_service.core.period import Period, iso_instant, period
from telemetry_service.store import records as store_records
from telemetry_service.store.cells import of
from telemetry_service.store.reading import EXACT, PUBLIC, Reader
from telemetry_service.store.record_search import SORTS, Place, Wanted
from telemetry_service.store.records import Record, Records
from telemetry_service.store.retention import delete_sealed, seal
from telemetry_service.store.rows import Row
from telemetry_service.store.store import Position

TODAY = MIDNIGHT // MICROSECONDS_PER_DAY + 34
NOW = (TODAY + 1) * MICROSECONDS_PER_DAY - 1
SOURCES = Sources(KNOWN_REPOS)
ALL_SOURCES = SOURCES.of_repository("all")
SCRIPTS = [f"{app} {type_}" for app in ("unknown", "jellyfin", "immich") for type_ in ("lxc", "vm", "turnkey", "addon", "tool")]
many = st.lists(events(st.integers(1, 30)), min_size=1, max_size=40)
periods = st.builds(period, st.sampled_from([0, 1, 2, 3, 30, 34, 35, 36, 60, 74, 75, 200, 365]), st.just(TODAY))
some_sources = st.sampled_from([*((source,) for source in ALL_SOURCES), ALL_SOURCES, ()])


@contextmanager
def reading(sent: list[Event], sealed_through: int = -1) -> Iterator[tuple[Path, Reader]]:
    with tempfile.TemporaryDirectory() as name, opened(Path(name)) as store:
        store.fold(sent, Position("inbox", len(sent)), NOW)
        seal(store, sealed_through)
        delete_sealed(store, len(sent))
        reader = Reader(Path(name))
        try:
            yield Path(name), reader
        finally:
            reader.connection.close()


def inside(wanted: Period, day: int | None) -> bool:
    assert day is not None
    return (wanted.first is None or day >= wanted.first) and day <= wanted.last


def sums(counts: dict[Key, int], wanted: Period, sources: tuple[str, ...], fields: str) -> dict[Any, int]:
    found: Counter[Any] = Counter()
    for key, n in counts.items():
        if inside(wanted, key.unit) and key.source in sources:
            found[tuple(getattr(key, field) for field in fields.split())] += n
    return dict(found)


@settings(max_examples=40)
@given(many | crowds(), periods, some_sources)
def test_sums_over_a_period(sent: list[Event], wanted: Period, sources: tuple[str, ...]) -> None:
    with reading(sent) as (directory, reader):
        for tables in (EXACT, PUBLIC):
            counts = table(directory, f"{tables}_day")
            for script, facet in product(("", "jellyfin lxc", "unknown vm", "never seen"), Facet):
                of_one = {key: n for key, n in counts.items() if (key.script, key.facet) == (script, facet)}
                for by_source in (False, True):
                    tallies = reader.tallies(tables, (facet,), wanted, sources, script, by_source=by_source)
                    found = {(t.dimension, t.value, t.status, t.source): t.n for t in tallies}
                    assert len(found) == len(tallies)
                    expected = sums(of_one, wanted, sources, "dimension value status source")
                    if not by_source:
                        expected = {(*k, ""): n for k, n in sums(of_one, wanted, sources, "dimension value status").items()}
                    assert found == expected


@settings(max_examples=40)
@given(many, periods, some_sources)
def test_many_scripts_at_once(sent: list[Event], wanted: Period, sources: tuple[str, ...]) -> None:
    with reading(sent) as (directory, reader):
        counts = {key: n for key, n in table(directory, "count_day").items() if key.facet == Facet.FAILURE and key.script}
        tallies = reader.script_tallies(EXACT, Facet.FAILURE, wanted, sources, [*SCRIPTS, "never seen"])
        found = {(t.script, t.dimension, t.value, t.status): t.n for t in tallies}
        assert found == sums(counts, wanted, sources, "script dimension value status")
        only = reader.script_tallies(EXACT, Facet.FAILURE, wanted, sources, SCRIPTS, of(Dimension.ERROR, "failed"))
        assert {(t.script, t.dimension, t.value, t.status): t.n for t in only} == {
            key: n for key, n in found.items() if key[1] == Dimension.ERROR and key[3] == "failed"
        }


@settings(max_examples=40)
@given(many, periods, some_sources, st.sampled_from([("lxc", "vm"), ("tool",), ()]), st.sampled_from(["", "jellyfin lxc"]))
def test_days(sent: list[Event], wanted: Period, sources: tuple[str, ...], types: tuple[str, ...], script: str) -> None:
    with reading(sent) as (directory, reader):
        counts = {
            key: n
            for key, n in table(directory, "count_day").items()
            if (key.script, key.facet, key.dimension) == (script, Facet.OUTCOME, Dimension.TYPE) and key.value in types
        }
        tallies = reader.daily(EXACT, wanted, sources, types, script)
        assert {(t.day, t.status): t.n for t in tallies} == sums(counts, wanted, sources, "unit status")


@settings(max_examples=20)
@given(many)
def test_scripts_and_their_first_days(sent: list[Event]) -> None:
    with reading(sent) as (directory, reader):
        stored = installations(directory).values()
        first_days: dict[str, int] = {}
        for one in stored:
            script = f"{one.value('nsapp')} {one.value('type')}"
            first_days[script] = min(first_days.get(script, one.day), one.day)
        assert reader.first_days(EXACT, [*SCRIPTS, "never seen"]) == first_days
        for app in ("unknown", "jellyfin", "immich", "never"):
            types = {script.split()[1] for script in first_days if script.split()[0] == app}
            assert types <= set(reader.types_of(app))
        assert sum(t.n for t in reader.tallies(EXACT, (Facet.SCRIPTS,), period(0, TODAY), ALL_SOURCES)) == sum(
            n for key, n in counted(stored).items() if key.facet == Facet.SCRIPTS
        )


@settings(max_examples=25)
@given(crowds(), st.integers(1, 365))
def test_public_sums_and_their_differences_are_multiples_of_k(sent: list[Event], days: int) -> None:
    with reading(sent) as (_, reader):
        for source in ALL_SOURCES:
            for tally in reader.tallies(PUBLIC, tuple(Facet), period(days, TODAY), (source,)):
                assert tally.n > 0
                assert tally.n % K == 0
        for day in reader.daily(PUBLIC, period(days, TODAY), ALL_SOURCES, ("lxc", "vm", "turnkey")):
            assert day.n % K == 0


def test_position_and_when_it_was_folded() -> None:
    with reading([]) as (_, reader):
        assert (reader.position("inbox"), reader.folded_at("inbox")) == (0, NOW)
        assert (reader.position("another"), reader.folded_at("another")) == (0, 0)
        assert reader.gauge("running") == 0


# Pages of installations.

wanted_pages = st.builds(
    Wanted,
    period=periods,
    sources=some_sources,
    status=st.sampled_from([None, None, "success", "failed", "installing", "unknown"]),
    app=st.sampled_from([None, None, "jellyfin", "never"]),
    search=st.sampled_from([None, None, "ELLY", "i", "%", "never"]),
    os=st.sampled_from([None, None, "debian", "gentoo"]),
    type=st.sampled_from([None, None, "lxc", "tool"]),
    sort=st.sampled_from(SORTS),
    descending=st.booleans(),
)


def matches(wanted: Wanted, row: Row) -> bool:
    one = row.installation
    return (
        inside(wanted.period, one.day)
        and SOURCES.of(one.value("repo_source"), one.value("repo_slug")) in wanted.sources
        and wanted.status in (None, one.status)
        and wanted.app in (None, one.value("nsapp"))
        and (wanted.search is None or wanted.search.lower() in one.value("nsapp"))
        and wanted.os in (None, one.value("os_type"))
        and wanted.type in (None, one.value("type"))
    )


def in_order(wanted: Wanted, found: list[Row]) -> list[Row]:
    if wanted.sort == "created":
        return sorted(found, key=lambda row: row.id, reverse=wanted.descending)

    def value(row: Row) -> tuple[bool, Any]:
        one = row.installation
        value: Any = one.status if wanted.sort == "status" else None
        if wanted.sort == "exit_code":
            value = one.outcome.exit_code if one.outcome else None
        elif wanted.sort != "status":
            value = one.value(wanted.sort)
        return value is not None, value or 0

    # Of equal values the newest comes first, in either direction.
    by_age = sorted(found, key=lambda row: row.id, reverse=not wanted.descending)
    ascending = sorted(by_age, key=value)
    return ascending[::-1] if wanted.descending else ascending


@settings(max_examples=120)
@given(many, wanted_pages, st.integers(1, 7), st.sampled_from([0.001, 1, 1_000]), st.sampled_from([-1, TODAY - 30, TODAY]))
def test_pages_are_slices_of_the_sorted_whole(
    sent: list[Event], wanted: Wanted, limit: int, gathering: float, sealed_through: int
) -> None:
    """Whether those of a filter are gathered or walked over, and whether or not some were deleted that count still."""
    with reading(sent, sealed_through) as (directory, reader), patch.object(store_records, "GATHERING", gathering):
        records = Records(reader, SOURCES, IDS)
        expected = [
            IDS.handle(row.installation.execution)
            for row in in_order(wanted, [row for row in rows(directory) if matches(wanted, row)])
        ]
        assert ids(records.all(wanted, batch=limit)) == expected
        assert ids(records.first(wanted, limit)) == expected[:limit]
        after = None
        for skip in range(0, len(expected) + limit, limit):
            page = records.page(wanted, skip=skip, limit=limit)
            assert ids(page.records) == expected[skip : skip + limit]
            assert page.total == len(expected)
            assert (page.next is None) == (skip + limit >= len(expected))
            if after is not None:
                assert records.page(wanted, skip=0, limit=limit, after=after) == page
            after = page.next


@pytest.mark.parametrize("gathering", [0.001, 1_000])
def test_pages_of_many_under_every_filter(gathering: float) -> None:
    """What is generated above seldom has more than a page of one filter; here all have."""
    chance = Random(1)
    sent = [
        Event(
            received_at=MIDNIGHT + n * 1_000_000, random_id=b"a" * 16, execution=n,
            nsapp=chance.choice(("jellyfin", "jelly", "plex")), type=chance.choice(("lxc", "vm")),
            status=chance.choice(("success", "failed", "aborted", "installing")), exit_code=chance.choice((None, 0, 1, 9)),
            os_type=chance.choice(("debian", "alpine")), method=chance.choice((None, "default")),
        )
        for n in range(1, 151)
    ]  # fmt: skip
    filters = product(
        (None, "success", "failed", "installing"), (None, "jellyfin"), (None, "JELL"), (None, "debian"), (None, "lxc")
    )
    with reading(sent) as (directory, reader), patch.object(store_records, "GATHERING", gathering):
        records, all_rows = Records(reader, SOURCES, IDS), rows(directory)
        for (status, app, search, os, type_), sort, descending in product(filters, SORTS, (False, True)):
            wanted = Wanted(
                period=period(0, TODAY), sources=ALL_SOURCES, status=status, app=app, search=search, os=os, type=type_,
                sort=sort, descending=descending,
            )  # fmt: skip
            found = in_order(wanted, [row for row in all_rows if matches(wanted, row)])
            expected = [IDS.handle(row.installation.execution) for row in found]
            limit = len(expected) // 3 + 1
            pages = [records.page(wanted, skip=0, limit=limit)]
            while (after := pages[-1].next) is not None:
                pages.append(records.page(wanted, skip=0, limit=limit, after=after))
            assert [ids(page.records) for page in pages] == [
                expected[n : n + limit] for n in range(0, max(len(expected), 1), limit)
            ]
            assert {page.total for page in pages} == {len(expected)}
            assert ids(records.page(wanted, skip=limit, limit=limit).records) == expected[limit : 2 * limit]


def test_what_retention_deleted_counts_and_is_on_no_page() -> None:
    days = [MIDNIGHT + day * MICROSECONDS_PER_DAY for day in (0, 0, 5, 5, 5)]
    sent = [
        Event(received_at=at, random_id=b"a" * 16, execution=n, status="success", type="lxc", nsapp="jellyfin")
        for n, at in enumerate(days, 1)
    ]
    with reading(sent, sealed_through=MIDNIGHT // MICROSECONDS_PER_DAY) as (_, reader):
        records = Records(reader, SOURCES, IDS)
        for days_asked in (0, 365):
            page = records.page(Wanted(period=period(days_asked, TODAY), sources=ALL_SOURCES), skip=0, limit=10)
            assert (len(page.records), page.total) == (3, 3)
        assert reader.script_totals(EXACT, period(0, TODAY), ALL_SOURCES) == {"jellyfin lxc": 5}


def test_what_is_sealed_and_not_deleted_yet_is_shown_nowhere() -> None:
    with reading([failed_with(1, day=0), failed_with(2, day=5)]) as (directory, reader):
        with opened(directory) as store:
            seal(store, MIDNIGHT // MICROSECONDS_PER_DAY)
        records = Records(reader, SOURCES, IDS)
        wanted = Wanted(period=period(0, TODAY), sources=ALL_SOURCES)
        page = records.page(wanted, skip=0, limit=10)
        assert [record["exit_code"] for record in page.records] == [2]
        assert records.first(wanted, 10) == [*records.all(wanted)] == page.records


@pytest.mark.parametrize("gathering", [0.001, 1_000])
@pytest.mark.parametrize(("descending", "behind"), [(False, [5, 9]), (True, [1])])
def test_a_page_goes_on_where_the_exit_code_it_ended_in_is_gone(gathering: float, descending: bool, behind: list[int]) -> None:
    sent = [failed_with(code) for code in (1, 5, 9)]
    wanted = Wanted(period=period(0, TODAY), sources=ALL_SOURCES, app="jellyfin", sort="exit_code", descending=descending)
    with reading(sent) as (_, reader), patch.object(store_records, "GATHERING", gathering):
        records, gone = Records(reader, SOURCES, IDS), Place(3, 1)
        page = records.page(wanted, skip=0, limit=10, after=gone)
        assert [record["exit_code"] for record in page.records] == behind
        assert records.batch(wanted, gone, 10) == (page.records, None)


def failed_with(exit_code: int, day: int = 0) -> Event:
    return Event(
        received_at=MIDNIGHT + day * MICROSECONDS_PER_DAY, random_id=b"a" * 16, execution=exit_code,
        status="failed", type="lxc", nsapp="jellyfin", exit_code=exit_code,
    )  # fmt: skip


def ids(records: Any) -> list[Any]:
    return [record["id"] for record in records]


def test_a_record_shows_everything_but_ids() -> None:
    secret = b"\xaa" * 16
    steps = {"installing": MIDNIGHT + 5, "configuring": MIDNIGHT + 7_000_000, "failed": MIDNIGHT + 9_000_000}
    sent = [
        Event(
            received_at=at, random_id=secret, execution=77, status=status, type="lxc", nsapp="jellyfin",
            exit_code=7 if status == "failed" else None, os_type="debian", disk_size=8,
        )
        for status, at in steps.items()
    ]  # fmt: skip
    with reading(sent) as (_, reader):
        (record,) = Records(reader, SOURCES, IDS).all(Wanted(period=period(0, TODAY), sources=ALL_SOURCES))
    assert (record["id"], record["created"], record["status"]) == (IDS.handle(77), iso_instant(MIDNIGHT), "failed")
    assert (record["exit_code"], record["os_type"], record["disk_size"], record["method"]) == (7, "debian", 8, None)
    assert json.loads(str(record["pipeline"])) == [{"s": s, "t": iso_instant(at)} for s, at in steps.items()]
    assert_no_ids(record)


def assert_no_ids(record: Record) -> None:
    text = json.dumps(record)
    assert "aaaaaaaa" not in text
    assert "random_id" not in record
    assert "execution" not in record
    assert "cpu_model" not in record


@pytest.mark.parametrize("hours", [0, 1, 100])
def test_stuck(hours: int) -> None:
    sent = [
        Event(received_at=MIDNIGHT + n * 3_600_000_000, random_id=bytes(16), execution=n, status=status, type="lxc", nsapp="a")
        for n, status in enumerate(["installing", "validation", "configuring", "success", "failed"] * 3)
    ]
    before = MIDNIGHT + hours * 3_600_000_000
    with reading(sent) as (directory, reader):
        expected = sum(row.installation.running and row.installation.started_at < before for row in rows(directory))
        assert Records(reader, SOURCES, IDS).stuck(before // 1000 * 64) == expected
