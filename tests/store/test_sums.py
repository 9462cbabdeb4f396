"""Sums over periods: those of months that are over are kept, and none that was kept is ever old."""

import tempfile
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from event_strategies import KNOWN_REPOS, MIDNIGHT, batches_of, events
from stored import opened
from telemetry_service.core.counts import Facet, Sources
from telemetry_service.core.event import Event
from telemetry_service.core.fields import TYPES
from telemetry_service.core.installation import MICROSECONDS_PER_DAY
from telemetry_service.core.period import Period, day_of, first_day_of, month_of
from telemetry_service.store.reading import EXACT, PUBLIC, Reader
from telemetry_service.store.sums import Settled, Totals

DAYS = (-100, 100)
TODAY = day_of(MIDNIGHT) + DAYS[1]
PERIODS = [Period(first, TODAY) for first in (None, TODAY - 364, TODAY - 150, TODAY - 40, TODAY)]
SOURCES = Sources(KNOWN_REPOS)


def everything(reader: Reader) -> list[object]:
    reader.names.catch_up()
    found: list[object] = []
    for tables in (EXACT, PUBLIC):
        for period in PERIODS:
            for sources in map(SOURCES.of_repository, ("all", "ProxmoxVE")):
                for facet in Facet:
                    found.append(
                        {(t.dimension, t.value, t.status): t.n for t in reader.tallies(tables, (facet,), period, sources)}
                    )
                rows = reader.script_tallies(tables, Facet.FAILURE, period, sources, reader.scripts())
                found.append({(t.script, t.dimension, t.value, t.status): t.n for t in rows})
                found.append(reader.script_totals(tables, period, sources))
                found.append({(t.day, t.status): t.n for t in reader.daily(tables, period, sources, TYPES)})
    return found


@settings(max_examples=15)
@given(st.data())
def test_what_is_kept_is_what_is_read(data: st.DataObject) -> None:
    sent = data.draw(st.lists(events(st.integers(*DAYS)), min_size=1, max_size=30))
    with tempfile.TemporaryDirectory() as name, opened(Path(name), publish_min_count=1) as store:
        directory = Path(name)
        settled = Settled(data.draw(st.sampled_from([0, 40, 10_000])))
        kept = Reader(directory, settled)
        for batch in data.draw(batches_of(sent)):
            store.fold(batch, None, (TODAY - data.draw(st.integers(0, 70))) * MICROSECONDS_PER_DAY)
            if data.draw(st.integers(0, 4)) == 0:
                store.publish_in_steps_of(data.draw(st.integers(1, 2)))
            anew = Reader(directory)
            assert everything(kept) == everything(anew)
            assert everything(kept) == everything(anew)
            anew.connection.close()
        kept.connection.close()


def test_as_many_rows_are_kept_as_may_be() -> None:
    settled = Settled(max_rows=5)

    def rows(count: int) -> Totals:
        return {(number, 2): 3 for number in range(count)}

    settled.keep("a", 1, rows(3))
    settled.keep("b", 1, rows(2))
    assert settled.find("a", 1) == rows(3)
    settled.keep("c", 1, rows(1))  # the one that was not asked for longest goes
    assert settled.find("b", 1) is None
    assert settled.find("a", 2) is None  # changed since
    assert settled.find("a", 1) is None
    settled.keep("c", 2, rows(5))
    assert settled.find("c", 2) == rows(5)
    settled.keep("d", 1, rows(6))
    assert settled.find("d", 1) is None


def test_what_moves_within_a_month_is_read_anew() -> None:
    month_began = first_day_of(month_of(TODAY)) - 20
    success = Event(random_id=bytes(16), execution=7, type="lxc", nsapp="jellyfin", status="success", received_at=0)
    with tempfile.TemporaryDirectory() as name, opened(Path(name)) as store:
        reader = Reader(Path(name))
        for day, status in ((month_began + 1, "success"), (month_began, "installing")):
            event = msgspec.structs.replace(success, received_at=day * MICROSECONDS_PER_DAY, status=status)
            store.fold([event], None, TODAY * MICROSECONDS_PER_DAY)
            reader.names.catch_up()
            period = Period(TODAY - 364, TODAY)
            (tally,) = reader.daily(EXACT, period, SOURCES.of_repository("all"), TYPES)
            assert (tally.day, tally.n) == (day, 1)
        reader.connection.close()
