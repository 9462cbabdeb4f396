"""Slices of time for small charts."""

from hypothesis import given
from hypothesis import strategies as st

from telemetry_service.core.period import doubled, month_of, period
from telemetry_service.core.reports.lines import DAYS_READ_BY_DAY, MAX_SLICES, MONTHS, slices

TODAY = 20_780


@given(st.integers(1, DAYS_READ_BY_DAY))
def test_slices_of_days_cover_the_period_up_to_its_last_day(days: int) -> None:
    found = slices(period(days, TODAY))
    assert not found.monthly
    assert 1 <= found.places <= MAX_SLICES
    assert found.last == TODAY
    assert found.first <= TODAY - days + 1 < found.first + found.width
    assert found.places * found.width == found.last - found.first + 1


def test_long_periods_are_cut_by_month() -> None:
    for days in (DAYS_READ_BY_DAY + 1, 365, 0):
        found = slices(period(days, TODAY))
        assert (found.monthly, found.places, found.last) == (True, MONTHS, month_of(TODAY))


@given(st.integers(1, 365))
def test_a_doubled_period_holds_as_many_days_before(days: int) -> None:
    wanted = period(days, TODAY)
    both = doubled(wanted)
    assert both is not None
    assert (both.days, both.last) == (2 * days, TODAY)


def test_nothing_is_before_all_time() -> None:
    assert doubled(period(0, TODAY)) is None
