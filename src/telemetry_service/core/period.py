"""Periods of UTC days, and how to read them from counts per day and month with few rows."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

EPOCH = date(1970, 1, 1)
MAX_DAYS = 365


class Period(NamedTuple):
    """UTC days from `first` to `last`, both included, as days since 1970; `first` is None for all time.

    `ended`: something may be counted after `last`, as it is not with a period that ends today.
    """

    first: int | None
    last: int
    ended: bool = False

    @property
    def days(self) -> int | None:
        return None if self.first is None else self.last - self.first + 1


class Span(NamedTuple):
    """A run of days or months, both ends included, to be added (+1) or taken off (-1)."""

    monthly: bool
    first: int
    last: int
    sign: int


def period(days: int, today: int) -> Period:
    """The period of a `days` parameter: 1 is today, 0 all time; out of 0..365 it is clamped."""
    days = min(max(days, 0), MAX_DAYS)
    return Period(None if days == 0 else today - days + 1, today)


def doubled(wanted: Period) -> Period | None:
    """A period together with as many days before it; None for all time, which has nothing before it.

    The days before are read as this less the period itself, because `spans` takes the last month whole.
    """
    return None if wanted.first is None else Period(2 * wanted.first - wanted.last - 1, wanted.last)


def day_of(microseconds: int) -> int:
    """The UTC day of an instant."""
    return microseconds // 86_400_000_000


def iso_day(day: int) -> str:
    return (EPOCH + timedelta(days=day)).isoformat()


def iso_month(month: int) -> str:
    """A month (12 * year + month - 1) as 2026-03."""
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def iso_instant(microseconds: int) -> str:
    """An instant as RFC 3339, to the second, in UTC."""
    return datetime.fromtimestamp(microseconds // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@lru_cache(maxsize=4096)  # asked for each cell of a count
def month_of(day: int) -> int:
    """The month of a day: 12 * year + month - 1."""
    when = EPOCH + timedelta(days=day)
    return when.year * 12 + when.month - 1


def first_day_of(month: int) -> int:
    return (date(month // 12, month % 12 + 1, 1) - EPOCH).days


def spans(wanted: Period) -> list[Span]:
    """The fewest runs that add up to a period; of one that ended, its days.

    The last month is taken whole; of the first, either the days inside are added or those outside taken off.
    """
    last_month = month_of(wanted.last)
    if wanted.ended and wanted.first is not None:
        return [Span(False, wanted.first, wanted.last, 1)]
    if wanted.first is None:
        return [Span(True, 0, last_month, 1)]
    first_month = month_of(wanted.first)
    inside = first_day_of(first_month + 1) - wanted.first
    outside = wanted.first - first_day_of(first_month)
    if first_month == last_month and wanted.last - wanted.first < 2:
        return [Span(False, wanted.first, wanted.last, 1)]
    if outside <= inside:
        runs = [Span(True, first_month, last_month, 1)]
        if outside:
            runs.append(Span(False, first_day_of(first_month), wanted.first - 1, -1))
        return runs
    if first_month == last_month:
        return [Span(False, wanted.first, wanted.last, 1)]
    return [Span(True, first_month + 1, last_month, 1), Span(False, wanted.first, first_day_of(first_month + 1) - 1, 1)]


def iso_microseconds(microseconds: int) -> str:
    """An instant as RFC 3339, to the microsecond, in UTC."""
    seconds, fraction = divmod(microseconds, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:06d}Z"
