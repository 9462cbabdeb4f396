"""An operator changes PUBLISH_MIN_COUNT while counts are public already."""

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from event_strategies import MIDNIGHT, batches_of, crowds
from stored import counted, opened, query, rows, table, without_unit
from telemetry_service.core.event import Event
from telemetry_service.core.installation import MICROSECONDS_PER_DAY
from telemetry_service.core.period import month_of
from telemetry_service.store.sweep import sweep_names

NOW = MIDNIGHT + 40 * MICROSECONDS_PER_DAY


def several(n: int, first: int = 0) -> list[Event]:
    return [
        Event(execution=x, random_id=x.to_bytes(16, "big"), status="success", received_at=MIDNIGHT, type="lxc", nsapp="jellyfin")
        for x in range(first, first + n)
    ]


def jellyfin(directory: Path, name: str = "public_count_day") -> int:
    return sum(n for key, n in table(directory, name).items() if key.script == "jellyfin lxc" and key.facet == key.dimension == 0)


@settings(max_examples=25)
@given(st.data())
def test_everything_public_is_in_steps_of_the_k_in_force(data: st.DataObject) -> None:
    sent = data.draw(crowds())
    with tempfile.TemporaryDirectory() as name, opened(Path(name), publish_min_count=2) as store:
        directory, k = Path(name), 2
        for place, batch in enumerate(data.draw(batches_of(sent))):
            store.fold(batch, None, NOW + place * MICROSECONDS_PER_DAY)
            store.refresh_gauges(NOW)
            before = without_unit(table(directory, "public_count_day"))
            if data.draw(st.booleans()):
                k = data.draw(st.sampled_from([2, 3, 4, 6]))
                store.publish_in_steps_of(k)
            public = table(directory, "public_count_day")
            assert all(n > 0 and n % k == 0 for n in public.values())
            assert all(n % k == 0 for _, n in query(directory, "SELECT name, n FROM public_gauge"))
            # The cut follows from published counts alone, and what it leaves over is not lost.
            assert without_unit(public) == {key: n // k * k for key, n in before.items() if n >= k}
            months: Counter[Any] = Counter()
            for key, n in public.items():
                months[key._replace(unit=month_of(key.unit or 0))] += n
            assert table(directory, "public_count_month") == months
            released = counted(row.installation for row in rows(directory) if row.released)
            assert _sum(public, table(directory, "public_remainder")) == without_unit(released)


def _sum(*tables: dict[Any, int]) -> dict[Any, int]:
    found: Counter[Any] = Counter()
    for one in tables:
        for key, n in one.items():
            found[key._replace(unit=None)] += n
    return {key: n for key, n in found.items() if n}


def test_a_larger_k_takes_back_and_goes_on_beyond_what_was_told(tmp_path: Path) -> None:
    with opened(tmp_path, publish_min_count=5) as store:
        store.fold(several(18), None, NOW)
        assert jellyfin(tmp_path) == 15
        assert store.publish_in_steps_of(10) == 5
        assert (jellyfin(tmp_path), jellyfin(tmp_path, "public_remainder")) == (10, 8)
        store.fold(several(6, 18), None, NOW)
        assert jellyfin(tmp_path) == 10  # 20 would tell of 5 beyond the 15 that were public
        store.fold(several(6, 24), None, NOW)
        assert jellyfin(tmp_path) == 30
        store.fold(several(10, 30), None, NOW)
        assert jellyfin(tmp_path) == 40


def test_a_smaller_k_shows_no_difference_below_itself(tmp_path: Path) -> None:
    with opened(tmp_path, publish_min_count=5) as store:
        store.fold(several(9), None, NOW)
        assert jellyfin(tmp_path) == 5
        store.publish_in_steps_of(3)
        assert jellyfin(tmp_path) == 3
        shown = []
        for number in range(9, 21):
            store.fold(several(1, number), None, NOW)
            shown.append(jellyfin(tmp_path))
    assert shown == [3, 3, 12, 12, 12, 15, 15, 15, 18, 18, 18, 21]  # 10 at least: 5 more than the 5 that were told


def test_what_is_decided_is_remembered(tmp_path: Path) -> None:
    """A command that runs with other settings than the service releases nothing in other steps."""
    with opened(tmp_path, publish_min_count=5) as store:
        store.fold(several(4), None, NOW)
    with opened(tmp_path, publish_min_count=2) as store:
        assert store.k == 5
        store.fold(several(5, 4), None, NOW)
        assert jellyfin(tmp_path) == 5
        assert store.publish_in_steps_of(5) is None
        store.publish_in_steps_of(10)
        sweep_names(store)
        store.publish_in_steps_of(5)
        store.fold(several(5, 9), None, NOW)
        assert jellyfin(tmp_path) == 0  # 5 were told: the next release is 15 at least
        store.fold(several(1, 14), None, NOW)
        assert jellyfin(tmp_path) == 15


def test_counts_of_a_store_that_did_not_note_its_k(tmp_path: Path) -> None:
    with opened(tmp_path, publish_min_count=5) as store:
        store.fold(several(5), None, NOW)
        store.connection.execute("UPDATE published_step SET k = NULL")
    with opened(tmp_path, publish_min_count=10) as store:
        assert store.k == 10
        assert store.publish_in_steps_of(10) is None
        assert (jellyfin(tmp_path), jellyfin(tmp_path, "public_remainder")) == (0, 5)
