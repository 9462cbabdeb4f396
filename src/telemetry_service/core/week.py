"""Weeks of ISO 8601, which begin on Monday; days are UTC days since 1970."""

import re
from datetime import date, timedelta

from telemetry_service.core.period import EPOCH, Period

DAYS = 7
_NAME = re.compile(r"(\d{4})-W(\d{2})", re.ASCII)


def first_day(day: int) -> int:
    """The Monday of the week of a day."""
    return day - (EPOCH + timedelta(days=day)).weekday()


def name_of(day: int) -> str:
    """The week of a day, as 2026-W47."""
    year, week, _ = (EPOCH + timedelta(days=day)).isocalendar()
    return f"{year:04d}-W{week:02d}"


def week(name: str) -> Period | None:
    """The days of a week given as 2026-W47; None for what is no week."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    try:
        first = (date.fromisocalendar(int(found[1]), int(found[2]), 1) - EPOCH).days
    except ValueError:
        return None
    return Period(first, first + DAYS - 1, ended=True)


def before(period: Period, weeks: int = 1) -> Period:
    """So many weeks earlier."""
    assert period.first is not None
    return Period(period.first - weeks * DAYS, period.last - weeks * DAYS, ended=True)
