"""Folding into a real SQLite file: the same installations and counts for any order, batches and repetition."""

import tempfile
from collections import Counter
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_strategies import KNOWN_REPOS, MIDNIGHT, RANDOM_IDS, batches_of, crowds, events
from stored import TERMINAL, K, counted, dump, installations, opened, query, rows, table, without_unit
from telemetry_service.core.counts import script_of
from telemetry_service.core.event import Event
from telemetry_service.core.installation import MICROSECONDS_PER_DAY, Installation, from_event, join
from telemetry_service.core.period import month_of
from telemetry_service.store.rows import day_of_id
from telemetry_service.store.store import Position, declared_sources

NOW = MIDNIGHT + 40 * MICROSECONDS_PER_DAY
many_events = st.lists(events(st.integers(-3, 6)), min_size=1, max_size=25)


def event(execution: int, status: str = "success", received_at: int = MIDNIGHT, **values: Any) -> Event:
    usual: dict[str, Any] = {"random_id": execution.to_bytes(16, "big"), "type": "lxc", "nsapp": "jellyfin"}
    return Event(execution=execution, status=status, received_at=received_at, **(usual | values))


def joined(sent: list[Event]) -> dict[int, Installation]:
    return {
        execution: reduce(join, [from_event(one) for one in sent if one.execution == execution])
        for execution in {one.execution for one in sent}
    }


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path


@settings(max_examples=60)
@given(st.data())
def test_any_order_repetition_and_batches_give_the_same(data: st.DataObject) -> None:
    sent = data.draw(many_events)
    expected = joined(sent)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        with opened(directory) as store:
            for batch in data.draw(batches_of(sent)):
                store.fold(batch, None, NOW)
            assert list(store.differences()) == []
        assert installations(directory) == expected
        assert table(directory, "count_day") == counted(expected.values())
        assert table(directory, "count_month") == counted(expected.values(), monthly=True)
        for row in rows(directory):
            assert day_of_id(row.id) == row.installation.day


@settings(max_examples=40)
@given(st.data())
def test_what_is_public_holds_at_any_moment(data: st.DataObject) -> None:
    """Multiples of k, growing only, days and months alike, one of a person a day, and nothing lost on the way."""
    sent = data.draw(crowds())
    with tempfile.TemporaryDirectory() as name, opened(Path(name)) as store:
        directory = Path(name)
        before: dict[Any, int] = {}
        for batch in data.draw(batches_of(sent)):
            store.fold(batch, None, NOW + data.draw(st.integers(0, 3)) * MICROSECONDS_PER_DAY)
            public = table(directory, "public_count_day")
            assert all(n > 0 and n % K == 0 for n in public.values())
            assert all(public[key] >= n for key, n in before.items())
            assert {key.status for key in public} <= set(TERMINAL)
            months: Counter[Any] = Counter()
            for key, n in public.items():
                months[key._replace(unit=month_of(key.unit or 0))] += n
            assert table(directory, "public_count_month") == months
            remainders = table(directory, "public_remainder")
            assert max(remainders.values(), default=0) < K
            released = [row.installation for row in rows(directory) if row.released]
            assert not any(installation.running for installation in released)
            assert without_unit(public | remainders) == without_unit(counted(released))
            people = Counter((i.value("random_id"), script_of(i), i.day) for i in released)
            assert max(people.values(), default=0) <= 1
            store.refresh_gauges(NOW)
            gauges = dict(query(directory, "SELECT name, n FROM public_gauge"))
            running = sum(row.installation.running for row in rows(directory))
            assert gauges["running"] == running // K * K
            assert 0 <= gauges["stuck"] <= gauges["running"]
            before = public


@settings(max_examples=30)
@given(many_events)
def test_folding_what_is_folded_changes_nothing(sent: list[Event]) -> None:
    with tempfile.TemporaryDirectory() as name, opened(Path(name)) as store:
        store.fold(sent, Position("a", 1), NOW)
        before = dump(Path(name))
        store.fold(sent, Position("a", 1), NOW)
        store.fold(sent[::-1], None, NOW)
        assert dump(Path(name)) == before


@settings(max_examples=20)
@given(many_events, many_events)
def test_a_store_that_was_closed_goes_on_where_it_was(first: list[Event], second: list[Event]) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        for batch in (first, second):
            with opened(Path(one)) as store:
                store.fold(batch, None, NOW)
        with opened(Path(two)) as store:
            store.fold(first, None, NOW)
            store.fold(second, None, NOW)
        assert dump(Path(one)) == {**dump(Path(two)), "schema_step": dump(Path(one))["schema_step"]}


class TestExtremes:
    def test_executions_at_the_ends_of_their_range(self, directory: Path) -> None:
        sent = [
            Event(received_at=MIDNIGHT, random_id=RANDOM_IDS[0], execution=e, status="success", type="lxc", nsapp="a")
            for e in (-(2**63), -1, 0, 1, 2**53 + 1, 2**63 - 1)
        ]
        with opened(directory) as store:
            store.fold(sent, None, NOW)
            store.fold(sent, None, NOW)
        assert set(installations(directory)) == {one.execution for one in sent}

    def test_an_empty_batch(self, directory: Path) -> None:
        with opened(directory) as store:
            store.fold([], Position("a", 7), NOW)
            assert store.position("a") == 7
            assert list(store.differences()) == []

    def test_the_position_of_an_inbox_never_goes_back(self, directory: Path) -> None:
        with opened(directory) as store:
            for seq in (7, 3):
                store.fold([event(seq)], Position("a", seq), NOW)
            store.fold([], Position("b", 2), NOW)
            assert (store.position("a"), store.position("b"), store.position("c")) == (7, 2, 0)

    def test_differences_see_every_wrong_cell(self, directory: Path) -> None:
        with opened(directory) as store:
            store.fold([event(n) for n in range(4)], None, NOW)
            cells = query(directory, "SELECT count(*) FROM count_day")[0][0]
            assert list(store.differences()) == []
            store.connection.execute("UPDATE count_day SET n = n + 1")
            assert len(list(store.differences())) == 2 * cells  # each day, and each month against its days
            store.connection.execute("UPDATE count_day SET n = n - 1")
            store.connection.execute("UPDATE count_month SET n = n + 1")
            assert len(list(store.differences())) == cells
            store.connection.execute("DELETE FROM count_month")
            assert len(list(store.differences())) == cells
            store.connection.execute("DELETE FROM count_day")
            assert len(list(store.differences())) == cells
            store.connection.execute("DELETE FROM installation")
            assert list(store.differences()) == []


class TestIds:
    """Rows lie in the order of time, and a day is a range of ids."""

    def test_many_that_began_in_one_millisecond(self, directory: Path) -> None:
        with opened(directory) as store:
            for start in range(0, 300, 100):
                store.fold([event(n) for n in range(start, start + 100)], None, NOW)
            assert list(store.differences()) == []
        assert len(rows(directory)) == 300
        assert {day_of_id(row.id) for row in rows(directory)} == {MIDNIGHT // MICROSECONDS_PER_DAY}

    def test_many_in_the_last_millisecond_of_a_day(self, directory: Path) -> None:
        with opened(directory) as store:
            store.fold([event(n, received_at=MIDNIGHT) for n in range(100)], None, NOW)
            store.fold([event(n, received_at=MIDNIGHT - 1) for n in range(100, 300)], None, NOW)
            assert list(store.differences()) == []
        for row in rows(directory):
            assert day_of_id(row.id) == row.installation.day

    def test_a_later_one_folded_first_does_not_push_an_earlier_one_into_its_day(self, directory: Path) -> None:
        with opened(directory) as store:
            store.fold([event(1, received_at=MIDNIGHT + 200_000)], None, NOW)
            store.fold([event(2, received_at=MIDNIGHT - 400_000)], None, NOW)
        ids = {row.installation.execution: row.id for row in rows(directory)}
        assert day_of_id(ids[2]) == MIDNIGHT // MICROSECONDS_PER_DAY - 1
        assert ids[2] // 64 == (MIDNIGHT - 400_000) // 1000

    def test_a_beginning_that_moves_to_an_earlier_day(self, directory: Path) -> None:
        with opened(directory) as store:
            store.fold([event(1, received_at=MIDNIGHT + 5)], None, NOW)
            first = rows(directory)[0].id
            store.fold([event(1, "installing", MIDNIGHT - 2)], None, NOW)
            assert list(store.differences()) == []
        (row,) = rows(directory)
        assert row.id < first
        assert row.installation.day == MIDNIGHT // MICROSECONDS_PER_DAY - 1
        assert {key.unit for key in table(directory, "count_day")} == {row.installation.day}

    def test_a_beginning_that_moves_within_its_day_keeps_its_row(self, directory: Path) -> None:
        with opened(directory) as store:
            store.fold([event(1, received_at=MIDNIGHT + 5_000_000)], None, NOW)
            first = rows(directory)[0].id
            store.fold([event(1, "installing", MIDNIGHT + 1)], None, NOW)
            assert list(store.differences()) == []
        assert rows(directory)[0].id == first


class TestReleases:
    def public(self, directory: Path) -> dict[Any, int]:
        return {
            (key.script, key.status): n
            for key, n in without_unit(table(directory, "public_count_day")).items()
            if key.dimension == 0 and key.facet == 0
        }

    def test_one_person_counts_once_per_script_and_day(self, directory: Path) -> None:
        flood = [event(n, random_id=RANDOM_IDS[0]) for n in range(50)]
        with opened(directory) as store:
            store.fold(flood, None, NOW)
            assert self.public(directory) == {}
            store.fold([event(n, random_id=RANDOM_IDS[0], nsapp="immich") for n in range(50, 60)], None, NOW)
            assert self.public(directory) == {}
            later = [event(n, "success", MIDNIGHT + n * MICROSECONDS_PER_DAY, random_id=RANDOM_IDS[0]) for n in (60, 61)]
            store.fold(later, None, NOW)
            assert self.public(directory) == {("", "success"): 3, ("jellyfin lxc", "success"): 3}

    def test_below_k_nothing_is_published_and_at_k_it_is(self, directory: Path) -> None:
        with opened(directory) as store:
            store.fold([event(1), event(2)], None, NOW)
            assert self.public(directory) == {}
            store.fold([event(3)], None, NOW)
            assert self.public(directory) == {("", "success"): 3, ("jellyfin lxc", "success"): 3}
            store.fold([event(4), event(5)], None, NOW)
            assert self.public(directory)["", "success"] == 3

    def test_a_correction_lowers_the_remainder_and_no_published_row(self, directory: Path) -> None:
        with opened(directory) as store:
            store.fold([event(n, "failed", exit_code=1) for n in range(3)], None, NOW)
            assert self.public(directory)["", "failed"] == 3
            store.fold([event(n, "success", MIDNIGHT + 1) for n in range(3)], None, NOW)
            assert self.public(directory) == {
                ("", "failed"): 3,
                ("", "success"): 3,
                ("jellyfin lxc", "failed"): 3,
                ("jellyfin lxc", "success"): 3,
            }
            # Three more failures only make good what was taken back.
            store.fold([event(n, "failed", exit_code=1) for n in range(10, 13)], None, NOW)
            assert self.public(directory)["", "failed"] == 3
            store.fold([event(n, "failed", exit_code=1) for n in range(20, 23)], None, NOW)
            assert self.public(directory)["", "failed"] == 6

    def test_it_is_published_on_the_day_it_reaches_k(self, directory: Path) -> None:
        with opened(directory) as store:
            store.fold([event(1), event(2)], None, NOW)
            store.fold([event(3)], None, NOW + 9 * MICROSECONDS_PER_DAY)
        assert {key.unit for key in table(directory, "public_count_day")} == {NOW // MICROSECONDS_PER_DAY + 9}

    def test_months_of_public_counts_are_those_of_their_days(self, directory: Path) -> None:
        with opened(directory) as store:
            for day in (0, 1, 45):
                store.fold([event(day * 3 + n) for n in range(3)], None, MIDNIGHT + day * MICROSECONDS_PER_DAY)
        days, months = table(directory, "public_count_day"), table(directory, "public_count_month")
        for cell in {key._replace(unit=None) for key in days}:
            units = {key.unit: n for key, n in months.items() if key._replace(unit=None) == cell}
            assert units == {2026 * 12: 6, 2026 * 12 + 1: 3}
            first = MIDNIGHT // MICROSECONDS_PER_DAY
            units = {key.unit: n for key, n in days.items() if key._replace(unit=None) == cell}
            assert units == {first: 3, first + 1: 3, first + 45: 3}

    @pytest.mark.parametrize("order", [(0, 1), (1, 0)])
    def test_one_that_turns_out_to_be_of_another_script_is_released_only_if_there_is_room(
        self, directory: Path, order: tuple[int, int]
    ) -> None:
        same = [event(1, random_id=RANDOM_IDS[0]), event(2, "failed", random_id=RANDOM_IDS[0], nsapp="unknown")]
        with opened(directory) as store:
            for index in order:
                store.fold([same[index]], None, NOW)
            assert sorted(row.released for row in rows(directory)) == [True, True]
            store.fold([event(2, "installing", random_id=RANDOM_IDS[0])], None, NOW)
        assert {row.installation.execution: row.released for row in rows(directory)} == {1: True, 2: False}
        total = without_unit(table(directory, "public_remainder"))
        assert sum(n for key, n in total.items() if (key.script, key.facet, key.dimension) == ("", 0, 0)) == 1

    def test_one_that_moves_to_another_day_is_released_only_if_there_is_room(self, directory: Path) -> None:
        with opened(directory) as store:
            store.fold([event(1, received_at=MIDNIGHT, random_id=RANDOM_IDS[0])], None, NOW)
            store.fold([event(2, received_at=MIDNIGHT - 9, random_id=RANDOM_IDS[0])], None, NOW)
            store.fold([event(1, "installing", MIDNIGHT - 5, random_id=RANDOM_IDS[0])], None, NOW)
        assert {row.installation.execution: row.released for row in rows(directory)} == {1: False, 2: True}

    def test_running_and_stuck_are_shown_in_steps(self, directory: Path) -> None:
        hour = 3_600_000_000

        def gauges() -> dict[str, int]:
            return dict(query(directory, "SELECT name, n FROM public_gauge"))

        with opened(directory) as store:
            store.fold([event(n, "installing", NOW - 25 * hour) for n in range(4)], None, NOW)
            store.fold([event(n, "configuring", NOW - hour) for n in range(4, 8)], None, NOW)
            store.refresh_gauges(NOW)
            assert gauges() == {"running": 6, "stuck": 3}
            store.refresh_gauges(NOW + 24 * hour)
            assert gauges() == {"running": 6, "stuck": 6}
            store.fold([event(n, "success", NOW) for n in range(8)], None, NOW)
            store.refresh_gauges(NOW)
            assert gauges() == {"running": 0, "stuck": 0}


class TestKnownRepositoriesThatChange:
    """A stored count stays where it is when an operator changes KNOWN_REPOS."""

    @pytest.mark.parametrize(
        "after", [KNOWN_REPOS[::-1], KNOWN_REPOS[:1], (), ("x/y", *KNOWN_REPOS), ("my/ProxmoxVE", *KNOWN_REPOS)]
    )
    def test_counts_still_agree(self, directory: Path, after: tuple[str, ...]) -> None:
        def fill(first: int, status: str) -> list[Event]:
            repos = [(None, None), ("ProxmoxVE", KNOWN_REPOS[0]), ("ProxmoxVED", KNOWN_REPOS[1]), ("external", None)]
            return [event(first + n, status, repo_source=source, repo_slug=slug) for n, (source, slug) in enumerate(repos)]

        with opened(directory) as store:
            store.fold(fill(0, "installing"), None, NOW)
        with opened(directory, known_repos=after) as store:
            assert list(store.differences()) == []
            store.fold(fill(0, "success") + fill(10, "failed"), None, NOW)
            assert list(store.differences()) == []
            sources = declared_sources(directory)
            assert {*KNOWN_REPOS, *after, "external"} == set(sources.of_repository("all"))
            assert set(KNOWN_REPOS[:1]) <= set(sources.of_repository("ProxmoxVE"))
        assert min(table(directory, "count_day").values()) > 0
        with opened(directory) as store:
            assert list(store.differences()) == []
