"""The join: wire.md section 2, against a naive reference and as an algebra."""

from collections.abc import Iterable
from functools import reduce
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import naive_reference
from event_strategies import INSTANTS, RANDOM_IDS, batches_of, events
from telemetry_service.core.event import Event, decode_event, encode_event
from telemetry_service.core.installation import (
    JOINED,
    ORDER,
    RANK,
    Installation,
    Stamp,
    from_event,
    join,
    pack_joins,
    unpack_joins,
)

one_run = st.lists(events(st.just(1)), min_size=1, max_size=12)
installations = one_run.map(lambda run: joined(run))
EARLY, LATE = INSTANTS[6], INSTANTS[11]


def joined(run: Iterable[Event]) -> Installation:
    return reduce(join, map(from_event, run))


def event(status: str, received_at: int = EARLY, **values: Any) -> Event:
    required: dict[str, Any] = {"random_id": RANDOM_IDS[0], "execution": 1, "type": "lxc", "nsapp": "jellyfin"}
    return Event(received_at=received_at, status=status, **(required | values))


def as_reference(installation: Installation) -> dict[str, Any]:
    outcome = installation.outcome
    state: dict[str, Any] = {name: installation.value(name) for name in JOINED}
    state["status"] = installation.status
    state["outcome"] = outcome and {
        "exit_code": outcome.exit_code,
        "error": outcome.error,
        "error_category": outcome.error_category,
        "install_duration": outcome.install_duration,
        "finished_at": outcome.stamp.received_at,
    }
    state["history"] = {ORDER[rank]: received_at for rank, received_at in installation.firsts.items()}
    state["started_at"] = installation.started_at
    return state


@given(events())
def test_an_event_survives_the_inbox(one: Event) -> None:
    assert decode_event(encode_event(one)) == one


@given(one_run)
def test_join_is_what_the_contract_says(run: list[Event]) -> None:
    installation = joined(run)
    assert as_reference(installation) == naive_reference.installation(run)
    assert installation.running == all(e.status in ("installing", "validation", "configuring") for e in run)


@given(installations, installations)
def test_commutative(a: Installation, b: Installation) -> None:
    assert join(a, b) == join(b, a)


@given(installations, installations, installations)
def test_associative(a: Installation, b: Installation, c: Installation) -> None:
    assert join(join(a, b), c) == join(a, join(b, c))


@given(installations, installations)
def test_idempotent(a: Installation, b: Installation) -> None:
    assert join(a, a) == a
    both = join(a, b)
    assert join(both, a) == join(both, b) == join(both, both) == both


@given(installations, installations)
def test_neither_side_is_changed(a: Installation, b: Installation) -> None:
    before = msgspec.msgpack.encode((a, b))
    join(a, b)
    assert msgspec.msgpack.encode((a, b)) == before


@given(st.data())
def test_any_order_repetition_and_split_of_many_runs_gives_the_same(data: st.DataObject) -> None:
    sent = data.draw(st.lists(events(), min_size=1, max_size=25))
    straight = {e: joined([x for x in sent if x.execution == e]) for e in {x.execution for x in sent}}
    state: dict[int, Installation] = {}
    for batch in data.draw(batches_of(sent)):
        partial: dict[int, Installation] = {}
        for one in batch:
            known = partial.get(one.execution)
            partial[one.execution] = join(known, from_event(one)) if known else from_event(one)
        for execution, part in partial.items():
            state[execution] = join(part, state[execution]) if execution in state else part
    assert state == straight


class TestPacking:
    @given(one_run)
    def test_round_trip(self, run: list[Event]) -> None:
        installation = joined(run)
        unpacked = unpack_joins(pack_joins(installation))
        assert unpacked.stamps == installation.stamps
        assert unpacked.firsts == installation.firsts
        assert unpacked.outcome_stamp == (installation.outcome.stamp if installation.outcome else None)

    @given(st.integers(1, len(JOINED)), st.sampled_from(ORDER))
    def test_round_trip_with_a_stamp_for_every_register(self, count: int, status: str) -> None:
        values = list(naive_reference.REGISTERS)
        run = [event(status, EARLY + n, **{values[n]: RANDOM_IDS[0] if n == 0 else "v"}) for n in range(count)]
        installation = joined(run)
        stamps = [Stamp(-RANK[status], EARLY + n) if n < count else None for n in range(len(JOINED))]
        installation = msgspec.structs.replace(installation, stamps=stamps)
        unpacked = unpack_joins(pack_joins(installation))
        assert (unpacked.stamps, unpacked.firsts) == (installation.stamps, installation.firsts)

    def test_a_usual_installation_is_small(self) -> None:
        run = [event("installing"), event("configuring", EARLY + 30_000_000), event("success", EARLY + 95_000_000)]
        assert len(pack_joins(joined(run))) < 50


class TestCases:
    def test_a_repair_that_ends_in_success(self) -> None:
        run = [event("failed", EARLY, exit_code=100, error="x"), event("success", LATE, exit_code=0)]
        installation = joined(run)
        assert installation.status == "success"
        assert installation.outcome is not None
        assert (installation.outcome.exit_code, installation.outcome.error) == (0, None)

    def test_of_equal_ends_the_first_counts(self) -> None:
        run = [event("failed", LATE, exit_code=2), event("failed", EARLY, exit_code=1)]
        outcome = joined(run).outcome
        assert outcome is not None
        assert outcome.exit_code == 1

    def test_the_outcome_is_taken_whole(self) -> None:
        run = [event("failed", EARLY, exit_code=1, error="x", install_duration=9), event("success", LATE)]
        outcome = joined(run).outcome
        assert outcome is not None
        assert (outcome.exit_code, outcome.error, outcome.install_duration) == (None, None, None)

    @pytest.mark.parametrize("late", ["success", "failed", "aborted", "unknown"])
    def test_a_late_result_replaces_the_clean_ups(self, late: str) -> None:
        run = [event("installing", EARLY), event("stuck", EARLY + 1), event(late, LATE, exit_code=1)]
        installation = joined(run)
        assert installation.status == late
        assert installation.outcome is not None
        assert installation.outcome.stamp.received_at == LATE
        assert joined(run[:2]).status == "unknown"

    def test_unknown_of_the_client_gives_way_to_a_failure(self) -> None:
        assert joined([event("unknown", EARLY), event("failed", LATE)]).status == "failed"

    def test_zeros_and_unknown_of_later_pings_replace_nothing(self) -> None:
        run = [event("installing", EARLY, disk_size=8, os_type="debian"), event("configuring", LATE)]
        installation = joined(run)
        assert (installation.value("disk_size"), installation.value("os_type")) == (8, "debian")

    def test_the_further_event_knows_better(self) -> None:
        run = [event("installing", EARLY, disk_size=8), event("configuring", LATE, disk_size=10)]
        assert joined(run).value("disk_size") == 10

    def test_pings_from_inside_a_container(self) -> None:
        host = event("installing", LATE, type="turnkey", nsapp="nextcloud")
        ping = event("configuring", EARLY, type="lxc", nsapp="unknown")
        assert (joined([host, ping]).value("type"), joined([host, ping]).value("nsapp")) == ("turnkey", "nextcloud")
        assert (joined([ping]).value("type"), joined([ping]).value("nsapp")) == ("lxc", "unknown")

    def test_the_day_is_that_of_the_first_receipt(self) -> None:
        installation = joined([event("success", EARLY), event("installing", EARLY - 1)])
        assert installation.started_at == EARLY - 1
        assert installation.day == joined([event("success", EARLY)]).day - 1
