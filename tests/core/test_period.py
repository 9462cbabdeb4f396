"""Periods, and the spans that add up to them."""

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry_service.core.period import (
    EPOCH,
    Period,
    day_of,
    first_day_of,
    iso_day,
    iso_instant,
    month_of,
    period,
    spans,
)

FIRST_DAY = (date(2024, 1, 1) - EPOCH).days  # a leap year
LAST_DAY = FIRST_DAY + 3 * 366


def through_spans(wanted: Period, counts: Counter[int]) -> int:
    months: Counter[int] = Counter()
    for day, n in counts.items():
        months[month_of(day)] += n
    total = 0
    for span in spans(wanted):
        source = months if span.monthly else counts
        total += span.sign * sum(n for unit, n in source.items() if span.first <= unit <= span.last)
    return total


def naive(wanted: Period, counts: Counter[int]) -> int:
    return sum(n for day, n in counts.items() if (wanted.first is None or day >= wanted.first) and day <= wanted.last)


@settings(max_examples=400)
@given(
    st.integers(FIRST_DAY + 366, LAST_DAY),
    st.integers(0, 365),
    st.dictionaries(st.integers(FIRST_DAY, LAST_DAY), st.integers(1, 1000), max_size=60),
)
def test_spans_add_up_to_the_days(today: int, days: int, counts: dict[int, int]) -> None:
    known = Counter({day: n for day, n in counts.items() if day <= today})
    wanted = period(days, today)
    assert through_spans(wanted, known) == naive(wanted, known)


def test_spans_of_every_length_ending_on_every_day_of_a_year() -> None:
    counts = Counter(dict.fromkeys(range(FIRST_DAY, LAST_DAY), 1))
    for today in range(FIRST_DAY + 366, FIRST_DAY + 2 * 366, 7):
        known = Counter({day: n for day, n in counts.items() if day <= today})
        for days in (1, 2, 3, 7, 14, 15, 16, 27, 28, 29, 30, 31, 32, 45, 59, 60, 61, 90, 364, 365):
            assert through_spans(period(days, today), known) == days


@given(st.integers(FIRST_DAY + 366, LAST_DAY), st.integers(1, 365))
def test_spans_are_few(today: int, days: int) -> None:
    found = spans(period(days, today))
    assert len(found) <= 2
    rows = sum(span.last - span.first + 1 for span in found)
    assert rows <= 13 + 16  # of the first month the shorter part


@given(st.integers(-(10**6), 10**6))
def test_days_are_clamped(days: int) -> None:
    wanted = period(days, 20_000)
    assert wanted.last == 20_000
    assert wanted.days == (None if days <= 0 else min(days, 365))


@given(st.dates(date(1970, 1, 1), date(2200, 1, 1)))
def test_months(day: date) -> None:
    number = (day - EPOCH).days
    assert month_of(number) == day.year * 12 + day.month - 1
    assert first_day_of(month_of(number)) == (day.replace(day=1) - EPOCH).days
    assert iso_day(number) == day.isoformat()


@given(st.integers(0, 4_102_444_800_000_000))
def test_instants(microseconds: int) -> None:
    assert iso_instant(microseconds)[:10] == iso_day(day_of(microseconds))


@pytest.mark.parametrize(("microseconds", "text"), [(0, "1970-01-01T00:00:00Z"), (1_767_225_599_999_999, "2025-12-31T23:59:59Z")])
def test_iso_instant(microseconds: int, text: str) -> None:
    assert iso_instant(microseconds) == text


def test_today_is_one_day() -> None:
    assert period(1, 100) == Period(100, 100)
    assert EPOCH + timedelta(days=period(365, 20_454).first or 0) == date(2025, 1, 2)
