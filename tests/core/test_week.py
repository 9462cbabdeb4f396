"""ISO weeks, and what the weekly report says of differences."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_service.core.period import EPOCH, spans
from telemetry_service.core.reports.rates import wilson
from telemetry_service.core.reports.weekly import NO_DIFFERENCE, Z_NEWS, difference, ratio
from telemetry_service.core.week import before, first_day, name_of, week

days = st.integers(0, 40_000)


@given(days)
def test_a_week_is_found_again_by_its_name(day: int) -> None:
    found = week(name_of(day))
    assert found is not None
    assert found.first == first_day(day)
    assert found.first <= day <= found.last == found.first + 6
    assert (EPOCH + timedelta(days=found.first)).weekday() == 0
    assert before(found).last == found.first - 1
    assert [(span.first, span.last, span.sign) for span in spans(found)] == [(found.first, found.last, 1)]


@pytest.mark.parametrize("name", ["", "2026-W00", "2026-W54", "2025-W53", "2026W47", "0000-W01", "2026-W47 ", "٢٠٢٦-W47"])
def test_what_is_no_week(name: str) -> None:
    assert week(name) is None


def test_the_first_days_of_a_year_may_belong_to_the_one_before() -> None:
    assert name_of((date(2027, 1, 1) - EPOCH).days) == "2026-W53"


@given(st.data())
def test_a_difference_lies_in_its_interval_and_a_wider_one_holds_it(data: st.DataObject) -> None:
    whole, whole_before = data.draw(st.integers(1, 5000)), data.draw(st.integers(1, 5000))
    part, part_before = data.draw(st.integers(0, whole)), data.draw(st.integers(0, whole_before))
    value, low, high = difference(part, whole, part_before, whole_before)
    assert low + 1e-9 >= -1
    assert low - 1e-9 <= value <= high + 1e-9
    assert high <= 1 + 1e-9
    _, lower, higher = difference(part, whole, part_before, whole_before, Z_NEWS)
    assert lower - 1e-9 <= low
    assert high <= higher + 1e-9
    back, back_low, back_high = difference(part_before, whole_before, part, whole)
    assert (back, back_low, back_high) == pytest.approx((-value, -high, -low))


def test_differences_of_the_literature() -> None:
    # Newcombe 1998, table II, method 10: 56/70 - 48/80
    assert difference(56, 70, 48, 80) == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)


@given(st.integers(0, 10_000), st.integers(1, 10_000))
def test_a_change_of_counts_lies_in_its_interval(now: int, then: int) -> None:
    found = ratio(now, then)
    assert found.value is not None
    assert found.low is not None
    assert found.low - 0.1 <= found.value
    assert found.high is None or found.value <= found.high + 0.1
    assert ratio(now, 0) == NO_DIFFERENCE
    assert wilson(now, now + then)[0] < 1
