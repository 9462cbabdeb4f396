"""Error lines over time: when each was seen, and how it develops."""

from typing import NamedTuple

import msgspec

from telemetry_service.core.period import Period, month_of

MAX_SLICES = 15
DAYS_READ_BY_DAY = 92
MONTHS = 12


class Seen(NamedTuple):
    """The first and the last UTC day (2026-03-14), or the month alone (2026-03) where that is long ago."""

    first: str
    last: str


class Slices(NamedTuple):
    """Slices of time of equal width, from `first` to `last` in days or months."""

    monthly: bool
    first: int
    last: int
    width: int

    @property
    def places(self) -> int:
        return -(-(self.last - self.first + 1) // self.width)


class ErrorLine(msgspec.Struct, frozen=True, kw_only=True):
    """One error line: failed installations, the apps it occurs in, when it was seen, and a count for each slice of time."""

    pattern: str
    count: int
    unique_apps: int
    apps: list[str]
    first_seen: str
    last_seen: str
    trend: list[int]


def slices(period: Period) -> Slices:
    """A period cut for a small chart: days or runs of days, and for more than a quarter the last twelve months."""
    if period.days is None or period.days > DAYS_READ_BY_DAY:
        month = month_of(period.last)
        return Slices(True, month - MONTHS + 1, month, 1)
    width = -(-period.days // MAX_SLICES)
    count = -(-period.days // width)
    return Slices(False, period.last - count * width + 1, period.last, width)
