"""Erasing, sealing, giving up: whatever happens in whatever order, the counts agree with the installations that are left."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_strategies import MIDNIGHT, RANDOM_IDS, events
from stored import IDS, K, counted, dump, installations, opened, query, rows, table
from telemetry_service.core.event import Erasure, Event, decode_entry, decode_event, encode_event
from telemetry_service.core.installation import MICROSECONDS_PER_DAY, STUCK_CATEGORY, from_event, given_up, join
from telemetry_service.core.period import day_of, month_of
from telemetry_service.store.erasing import erased_day
from telemetry_service.store.retention import count_through, delete_sealed, seal
from telemetry_service.store.runs import KEPT_RUNS, last_run, note_run, past_runs
from telemetry_service.store.store import Position, Store
from telemetry_service.store.stuck import count_stuck, give_up_stuck
from telemetry_service.store.sweep import sweep_names

DAY = MIDNIGHT // MICROSECONDS_PER_DAY
HOUR = 3_600_000_000
NOW = MIDNIGHT + 40 * MICROSECONDS_PER_DAY
ME, OTHER = RANDOM_IDS[0], RANDOM_IDS[1]


def event(execution: int, status: str = "success", received_at: int = MIDNIGHT, **values: Any) -> Event:
    usual: dict[str, Any] = {"random_id": execution.to_bytes(16, "big"), "type": "lxc", "nsapp": "jellyfin"}
    return Event(execution=execution, status=status, received_at=received_at, **(usual | values))


def erasure(random_id: bytes = ME) -> Erasure:
    return Erasure(received_at=NOW, random_id=random_id)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path


def names(directory: Path, kind: str) -> set[str]:
    return {text for (text,) in query(directory, f"SELECT text FROM name WHERE kind = '{kind}'")}


def labels(directory: Path) -> set[str]:
    return {label for (label,) in query(directory, "SELECT label FROM name WHERE kind = 'cause'")}


def test_what_the_inbox_carries_is_told_apart() -> None:
    for entry in (erasure(), event(1), event(2, random_id=b"\x80" * 16, repo_slug="a/b", cpu_model="x", ram_speed="y")):
        assert decode_entry(encode_event(entry)) == entry
    with pytest.raises(msgspec.ValidationError):
        decode_event(encode_event(erasure()))


class TestErasing:
    def test_only_what_is_stored_under_the_id_goes(self, directory: Path) -> None:
        with opened(directory) as store:
            store.fold([event(n, random_id=ME if n % 2 else OTHER) for n in range(6)], None, NOW)
            assert store.fold([erasure()], None, NOW) == 1
            assert list(store.differences()) == []
        assert set(installations(directory)) == {0, 2, 4}
        assert table(directory, "count_day") == counted(installations(directory).values())
        assert table(directory, "count_month") == counted(installations(directory).values(), monthly=True)

    def test_the_place_among_the_events_decides(self, directory: Path) -> None:
        with opened(directory) as store:
            store.fold([event(1, random_id=ME), erasure(), event(2, random_id=ME), event(3)], None, NOW)
            assert set(installations(directory)) == {3}
            store.fold([event(4, random_id=ME), event(1, "failed", random_id=ME)], None, NOW)
            assert set(installations(directory)) == {3}
            assert list(store.differences()) == []

    def test_counts_of_a_batch_that_erases_its_own_events(self, directory: Path) -> None:
        with opened(directory) as store:
            store.fold([event(1, random_id=ME), event(2, "failed", random_id=ME), erasure()], None, NOW)
        assert table(directory, "count_day") == table(directory, "count_month") == {}
        assert [n for n in table(directory, "public_remainder").values() if n] == []

    def test_what_was_published_stays_and_the_remainder_goes_down(self, directory: Path) -> None:
        with opened(directory) as store:
            store.fold([event(n) for n in range(K)] + [event(100, random_id=ME)], None, NOW)
            published = table(directory, "public_count_day")
            assert set(published.values()) == {K}
            store.fold([erasure((1).to_bytes(16, "big"))], None, NOW)
            assert table(directory, "public_count_day") == published
            store.fold([event(200)], None, NOW)
            assert table(directory, "public_count_day") == published
            store.fold([event(n) for n in range(300, 300 + K - 1)], None, NOW)
            assert set(table(directory, "public_count_day").values()) == {2 * K}
            released = [row.installation for row in rows(directory) if row.released]
            assert len(released) == 2 * K  # one of the first is gone, and one came after: 3 - 1 + 1 + 1 + 2

    def test_again_and_of_nobody(self, directory: Path) -> None:
        with opened(directory) as store:
            store.fold([event(1)], None, NOW)
            for _ in range(2):
                store.fold([erasure(), erasure()], None, NOW)
            assert set(installations(directory)) == {1}
            assert list(store.differences()) == []
            assert erased_day(store.connection, IDS.erased(ME)) == day_of(NOW)
            assert erased_day(store.connection, IDS.erased(OTHER)) is None

    def test_folding_it_again_changes_nothing(self, directory: Path) -> None:
        entries = [event(1, random_id=ME), event(2), erasure(), event(3, random_id=ME)]
        with opened(directory) as store:
            store.fold(entries, Position("a", 4), NOW)
            before = dump(directory) | {"job_run": []}
            store.fold(entries, Position("a", 4), NOW)
            assert dump(directory) | {"job_run": []} == before

    def test_it_is_noted_with_counts_alone(self, directory: Path) -> None:
        with opened(directory) as store:
            store.fold([event(n, random_id=ME) for n in range(5)], None, NOW)
            store.fold([erasure(), erasure(OTHER)], None, NOW)
            run = last_run(store.connection, "erase")
        assert run is not None
        assert (run.started_at, run.outcome, run.counts) == (NOW, "done", {"requests": 2, "installations": 5})

    def test_the_id_is_kept_as_a_hash_and_for_its_time(self, directory: Path) -> None:
        with opened(directory) as store:
            store.fold([event(1, random_id=ME), erasure()], None, NOW)
            assert seal(store, day_of(NOW) - 1) == 0
            store.fold([event(1, random_id=ME, received_at=NOW)], None, NOW)
            assert installations(directory) == {}
            assert seal(store, day_of(NOW)) == 1
            store.fold([event(1, random_id=ME, received_at=NOW + MICROSECONDS_PER_DAY)], None, NOW + MICROSECONDS_PER_DAY)
            assert set(installations(directory)) == {1}

    def test_the_line_of_an_erased_failure_is_shown_no_more(self, directory: Path) -> None:
        def failure(n: int, error: str, cause: str) -> Event:
            return event(n, "failed", error=error, cause=cause, exit_code=1, fingerprint=1)

        with opened(directory) as store:
            store.fold([failure(1, "unit 4711 failed", "a" * 16), failure(2, "unit 7 failed", "a" * 16)], None, NOW)
            store.fold([failure(n, "disk 99 is full", "b" * 16) for n in range(10, 10 + K)], None, NOW)
            assert labels(directory) == {"unit 4711 failed", "disk 99 is full"}
            store.fold([erasure((2).to_bytes(16, "big")), erasure((10).to_bytes(16, "big"))], None, NOW)
            assert labels(directory) == {"unit 4711 failed", "disk 99 is full"}  # another's line, and one that is published
            store.fold([erasure((1).to_bytes(16, "big"))], None, NOW)
            assert labels(directory) == {"unit # failed", "disk 99 is full"}
            store.fold([failure(3, "unit 5 failed", "a" * 16)], None, NOW)
            assert list(store.differences()) == []


class TestSealing:
    def test_sealed_days_are_deleted_and_their_counts_stay(self, directory: Path) -> None:
        sent = [event(n, received_at=MIDNIGHT + n * MICROSECONDS_PER_DAY) for n in range(10)]
        with opened(directory) as store:
            store.fold(sent, None, NOW)
            before = table(directory, "count_day"), table(directory, "count_month"), table(directory, "public_count_day")
            seal(store, DAY + 3)
            assert count_through(store.connection, DAY + 3) == 4
            assert [delete_sealed(store, 3), delete_sealed(store, 3), delete_sealed(store, 3)] == [3, 1, 0]
            assert count_through(store.connection, DAY + 3) == 0
            assert set(installations(directory)) == {4, 5, 6, 7, 8, 9}
            assert list(store.differences()) == []
        assert before == (
            table(directory, "count_day"),
            table(directory, "count_month"),
            table(directory, "public_count_day"),
        )

    def test_a_day_stays_sealed(self, directory: Path) -> None:
        with opened(directory) as store:
            for day in (5, 3):
                seal(store, day)
                assert store.sealed_through() == 5

    def test_late_events_of_a_sealed_day_are_refused(self, directory: Path) -> None:
        with opened(directory) as store:
            store.fold([event(1)], None, NOW)
            seal(store, DAY)
            before = dump(directory)
            store.fold([event(1, "failed"), event(2), event(3, received_at=MIDNIGHT - 1)], None, NOW)
            assert dump(directory) == before

    @pytest.mark.parametrize("deleted", [False, True])
    def test_an_event_of_today_begins_anew(self, directory: Path, deleted: bool) -> None:
        later = MIDNIGHT + MICROSECONDS_PER_DAY
        with opened(directory) as store:
            store.fold([event(1, "installing", os_type="debian")], None, NOW)
            sealed_counts = table(directory, "count_day")
            seal(store, DAY)
            if deleted:
                delete_sealed(store, 10)
            store.fold([event(1, "success", later)], None, NOW)
            assert list(store.differences()) == []
        (installation,) = installations(directory).values()
        assert installation == from_event(event(1, "success", later))
        assert {key: n for key, n in table(directory, "count_day").items() if key.unit == DAY} == sealed_counts

    def test_what_is_left_of_a_sealed_day_is_erased_without_touching_its_counts(self, directory: Path) -> None:
        with opened(directory) as store:
            store.fold([event(1, random_id=ME)], None, NOW)
            before = table(directory, "count_day")
            seal(store, DAY)
            store.fold([erasure()], None, NOW)
            assert list(store.differences()) == []
        assert installations(directory) == {}
        assert table(directory, "count_day") == before

    def test_recounting_still_sees_a_wrong_month_of_sealed_days(self, directory: Path) -> None:
        with opened(directory) as store:
            store.fold([event(1)], None, NOW)
            seal(store, DAY)
            delete_sealed(store, 10)
            store.connection.execute("UPDATE count_month SET n = n + 1")
            assert {row[1] for row in store.differences()} == {-month_of(DAY)}


class TestGivingUp:
    def test_all_running_states_and_nothing_else(self, directory: Path) -> None:
        old, new = NOW - 25 * HOUR, NOW - 23 * HOUR
        states = ("installing", "validation", "configuring", "success", "failed", "aborted", "unknown")
        sent = [event(n, states[n], old) for n in range(7)] + [event(10 + n, states[n], new) for n in range(3)]
        with opened(directory) as store:
            store.fold(sent, None, NOW)
            assert count_stuck(store.connection, NOW, 24) == 3
            assert [give_up_stuck(store, NOW, 24, 2) for _ in range(3)] == [2, 1, 0]
            assert count_stuck(store.connection, NOW, 24) == 0
            assert list(store.differences()) == []
        found = installations(directory)
        for number in range(3):
            assert found[number].status == "unknown"
            assert found[number].outcome is not None
            assert found[number].outcome.error_category == STUCK_CATEGORY
            assert found[10 + number].status == states[number]
        assert [found[n].status for n in range(3, 7)] == list(states[3:])

    def test_what_is_left_on_a_sealed_day_stays_as_it_was_counted(self, directory: Path) -> None:
        with opened(directory) as store:
            store.fold([event(1, "installing"), event(2, "installing", MIDNIGHT + 24 * HOUR)], None, MIDNIGHT + 24 * HOUR)
            seal(store, DAY)
            assert count_stuck(store.connection, NOW, 24) == 1
            assert give_up_stuck(store, NOW, 24, 10) == 1
            assert list(store.differences()) == []
        assert {n: one.status for n, one in installations(directory).items()} == {1: "installing", 2: "unknown"}

    @pytest.mark.parametrize("status", ["success", "failed", "aborted", "unknown"])
    def test_any_later_result_wins(self, directory: Path, status: str) -> None:
        with opened(directory) as store:
            store.fold([event(1, "configuring", NOW - 25 * HOUR)], None, NOW)
            give_up_stuck(store, NOW, 24, 10)
            store.fold([event(1, status, NOW + HOUR, error_category="network")], None, NOW + HOUR)
            assert list(store.differences()) == []
        (found,) = installations(directory).values()
        assert found.status == status
        assert found.outcome is not None
        assert found.outcome.error_category == "network"

    def test_a_later_ping_does_not_wake_it_up(self, directory: Path) -> None:
        with opened(directory) as store:
            store.fold([event(1, "installing", NOW - 25 * HOUR)], None, NOW)
            give_up_stuck(store, NOW, 24, 10)
            store.fold([event(1, "configuring", NOW, disk_size=8)], None, NOW)
            assert list(store.differences()) == []
        (found,) = installations(directory).values()
        assert (found.status, found.value("disk_size")) == ("unknown", 8)

    def test_it_changes_no_field(self) -> None:
        before = from_event(event(1, "configuring", disk_size=4))
        after = given_up(before, NOW)
        assert (after.values, after.stamps) == (before.values, before.stamps)
        assert join(before, after) == after == join(after, after)


class TestNames:
    def test_names_of_erased_installations_alone_go(self, directory: Path) -> None:
        with opened(directory) as store:
            mine = event(1, random_id=ME, nsapp="canary", method="canary-method", os_type="debian", os_version="77")
            store.fold([mine, event(2, os_type="debian", os_version="12")], None, NOW)
            assert sweep_names(store) == 0
            assert {"canary", "jellyfin"} <= names(directory, "nsapp")
            store.fold([erasure()], None, NOW)
            assert sweep_names(store) == 5
            assert {"canary", "canary-method", "canary lxc", "77", "debian 77"}.isdisjoint(
                {text for (text,) in query(directory, "SELECT text FROM name")}
            )
            assert {"jellyfin lxc"} == names(directory, "script")
            store.fold([event(3, nsapp="canary"), event(4, nsapp="another")], None, NOW)
            assert list(store.differences()) == []
        assert table(directory, "count_day") == counted(installations(directory).values())

    def test_a_number_is_never_given_out_again(self, directory: Path) -> None:
        with opened(directory) as store:
            given: set[int] = set()
            for number in range(4):
                store.fold([event(number, random_id=ME[:15] + bytes([number]), nsapp=f"app-{number}")], None, NOW)
                found = dict(query(directory, "SELECT text, id FROM name WHERE kind IN ('nsapp', 'script')"))
                new = {found[f"app-{number}"], found[f"app-{number} lxc"]}
                assert new.isdisjoint(given)
                given |= new
                store.fold([erasure(ME[:15] + bytes([number]))], None, NOW)
                sweep_names(store)

    def test_another_writer_learns_what_went(self, directory: Path) -> None:
        with opened(directory) as fold, opened(directory) as job:
            fold.fold([event(1, random_id=ME, nsapp="canary"), erasure()], None, NOW)
            sweep_names(job)
            fold.fold([event(2, nsapp="canary"), event(3, nsapp="new")], None, NOW)
            job.fold([event(4, nsapp="new"), event(5, nsapp="newer")], None, NOW)
            fold.fold([event(6, nsapp="newer")], None, NOW)
            assert list(fold.differences()) == []
        assert table(directory, "count_day") == counted(installations(directory).values())
        assert {"canary", "new", "newer"} <= names(directory, "nsapp")

    def test_names_that_are_counted_or_published_stay(self, directory: Path) -> None:
        with opened(directory) as store:
            store.fold([event(n, nsapp="published", random_id=n.to_bytes(16, "big")) for n in range(K)], None, NOW)
            store.fold([event(20, nsapp="counted")], None, NOW)
            store.fold([erasure(n.to_bytes(16, "big")) for n in range(K)], None, NOW)
            seal(store, DAY)
            delete_sealed(store, 10)
            before = table(directory, "count_day"), table(directory, "public_count_day")
            sweep_names(store)
            assert (table(directory, "count_day"), table(directory, "public_count_day")) == before
        assert {"published lxc", "counted lxc"} == names(directory, "script")

    def test_the_line_of_a_cause_without_installations_loses_its_numbers(self, directory: Path) -> None:
        failing = [event(1, "failed", error="unit 4711 failed", cause="a" * 16, exit_code=1)]
        with opened(directory) as store:
            store.fold(failing, None, NOW)
            sweep_names(store)
            assert labels(directory) == {"unit 4711 failed"}
            seal(store, DAY)
            delete_sealed(store, 10)
            sweep_names(store)
            assert labels(directory) == {"unit # failed"}


class TestRuns:
    def test_the_newest_of_each_job(self, directory: Path) -> None:
        with opened(directory) as store:
            assert last_run(store.connection, "cleanup") is None
            with store.transaction():
                for number in range(5):
                    outcome: Any = "failed" if number == 4 else "done"
                    note_run(store.connection, "cleanup", started_at=number, ended_at=9, outcome=outcome, counts={"n": number})
                note_run(store.connection, "vacuum", started_at=99, ended_at=99)
            newest, done = last_run(store.connection, "cleanup"), last_run(store.connection, "cleanup", "done")
            assert newest is not None
            assert done is not None
            assert (newest.counts, newest.outcome, done.counts) == ({"n": 4}, "failed", {"n": 3})
            assert [run.started_at for run in past_runs(store.connection, "cleanup", 3)] == [4, 3, 2]

    def test_the_table_is_bounded(self, directory: Path) -> None:
        with opened(directory) as store, store.transaction():
            note_run(store.connection, "vacuum", started_at=0, ended_at=0)
            for number in range(KEPT_RUNS + 5):
                note_run(store.connection, "cleanup", started_at=number, ended_at=number)
            counts = dict(store.connection.execute("SELECT job, count(*) FROM job_run GROUP BY job").fetchall())
        assert counts == {"vacuum": 1, "cleanup": KEPT_RUNS}


Step = tuple[str, Any]
steps = st.lists(
    st.one_of(
        st.tuples(st.just("fold"), st.lists(events(st.integers(1, 8)), max_size=8)),
        st.tuples(st.just("erase"), st.sampled_from(RANDOM_IDS)),
        st.tuples(st.just("seal"), st.integers(-2, 2)),
        st.tuples(st.just("delete"), st.integers(1, 3)),
        st.tuples(st.just("give up"), st.integers(-30, 30)),
        st.tuples(st.just("sweep"), st.none()),
    ),
    max_size=12,
)


def do(store: Store, step: Step) -> None:
    what, how = step
    if what == "fold":
        store.fold(how, None, NOW)
    elif what == "erase":
        store.fold([erasure(how)], None, NOW)
    elif what == "seal":
        seal(store, DAY + how)
    elif what == "delete":
        delete_sealed(store, how)
    elif what == "give up":
        give_up_stuck(store, MIDNIGHT + how * 12 * HOUR, 24, 3)
    else:
        sweep_names(store)


@settings(max_examples=60)
@given(steps, st.booleans())
def test_any_interleaving_agrees_with_a_recount(done: Sequence[Step], two_writers: bool) -> None:
    """Counts agree with the installations, those of sealed days stay, public ones never go down, erased ids stay away."""
    with tempfile.TemporaryDirectory() as name, opened(Path(name)) as store, opened(Path(name)) as other:
        directory = Path(name)
        gone: set[bytes] = set()
        for number, step in enumerate(done):
            sealed, published = store.sealed_through(), table(directory, "public_count_day")
            before = {key: n for key, n in table(directory, "count_day").items() if (key.unit or 0) <= sealed}
            do(other if two_writers and number % 2 else store, step)
            if step[0] == "erase":
                gone.add(step[1])
            after = table(directory, "count_day")
            assert list(store.differences()) == []
            assert {key: n for key, n in after.items() if (key.unit or 0) <= sealed} == before
            open_days = [i for i in installations(directory).values() if i.day > store.sealed_through()]
            assert {key: n for key, n in after.items() if (key.unit or 0) > store.sealed_through()} == counted(open_days)
            public = table(directory, "public_count_day")
            assert all(public[key] >= n for key, n in published.items())
            assert all(n % K == 0 for n in public.values())
            left = Counter(i.value("random_id") for i in installations(directory).values())
            # Erased ids may come back only when their hash is let go of, which is when their days are sealed.
            assert not gone & left.keys()
