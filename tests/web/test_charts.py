"""Where the shapes of charts lie."""

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from telemetry_service.core.period import iso_day
from telemetry_service.core.reports.changes import Change
from telemetry_service.core.reports.rates import Rate
from telemetry_service.core.reports.view import DayStatuses
from telemetry_service.web.charts import (
    HEIGHT,
    WIDTH,
    duration_bars,
    nice_ticks,
    scale_end,
    scale_start,
    sparkline,
    stretches,
    time_chart,
)

few = st.integers(0, 500)
series = st.lists(st.tuples(few, few, few, few), min_size=1, max_size=1200)


def days(outcomes: list[tuple[int, int, int, int]]) -> list[DayStatuses]:
    return [DayStatuses(iso_day(19_000 + place), *counts) for place, counts in enumerate(outcomes)]


@given(series)
def test_bars_hold_every_day_once_and_lie_inside(outcomes: list[tuple[int, int, int, int]]) -> None:
    chart = time_chart(days(outcomes))
    assert sum(bar.total for bar in chart.bars) == sum(map(sum, outcomes))
    for place, status in enumerate(("success", "failed", "aborted", "unknown")):
        assert sum(bar.counts[status] for bar in chart.bars) == sum(counts[place] for counts in outcomes)
    assert max(bar.total for bar in chart.bars) <= chart.ticks[0]
    assert len(chart.bars) <= 116
    assert chart.bars[0].first == iso_day(19_000)
    assert chart.bars[-1].last == iso_day(19_000 + len(outcomes) - 1)
    assert chart.bars[0].days == len(outcomes)
    for path in chart.paths.values():
        for x, y, across, height in re.findall(r"M([\d.]+) ([\d.]+)h([\d.]+)v([\d.]+)h-[\d.]+z", path):
            assert float(x) + float(across) <= WIDTH + 1
            assert float(y) + float(height) <= HEIGHT + 0.2


@given(st.integers(0, 10**9))
def test_ticks_are_equally_spaced_from_zero_to_at_least_the_largest(most: int) -> None:
    ticks = nice_ticks(most)
    assert ticks[-1] == 0
    assert ticks[0] >= most
    assert len({above - below for above, below in pairwise(ticks)}) == 1
    assert most < 10 or ticks[0] <= 2 * most


@given(st.lists(st.floats(0, 100) | st.none()))
def test_scales_of_rates_hold_them(rates: list[float | None]) -> None:
    for share in rates:
        assert share is None or scale_start(rates) <= share <= scale_end(rates) or share < scale_start(rates) == 90
    assert 0 <= scale_start(rates) < 100 >= scale_end(rates) > 0


def test_stretches_meet_at_the_changes() -> None:
    rates = [Rate(90.0, 85.0, 94.0), Rate(20.0, 15.0, 26.0)]
    found = stretches(days([(9, 1, 0, 0)] * 10), [Change(iso_day(19_004), False, *rates)], Rate(50.0, 40.0, 60.0))
    assert [(step.x, step.width) for step in found] == [(0, 400), (400, 600)]
    assert [step.rate for step in found] == rates
    assert found[0].y < found[1].y
    assert all(step.high <= step.y <= step.low for step in found)


def test_no_rate_no_stretches() -> None:
    assert stretches(days([(1, 0, 0, 0)]), [], Rate(None, None, None)) == []


def test_sparkline() -> None:
    assert sparkline([]) == sparkline([3]) == sparkline([0, 0]) == ""
    assert sparkline([0, 4, 2]) == "M0.0 15.0L30.0 1.0L60.0 8.0"


def test_durations_leave_no_bucket_out_between_the_first_and_the_last() -> None:
    assert duration_bars({}) == []
    assert [n for _, n in duration_bars({10: 1, 13: 2, 20: 0})] == [1, 0, 0, 2]
