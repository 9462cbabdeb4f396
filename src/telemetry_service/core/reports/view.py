"""What a report is asked for, and the pieces all of them are made of."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from telemetry_service.core.counts import Dimension
from telemetry_service.core.fields import INSTALLATION_TYPES
from telemetry_service.core.period import Period, iso_day
from telemetry_service.core.tally import DayTally, Statuses, Tally, by_status

TOP = 20  # rows of a list that names the largest
ERRORS = ("failed", "aborted")


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A question to the counts: which days, which sources, and whether the asker may see exact numbers."""

    period: Period
    sources: tuple[str, ...]
    exact: bool


class DayStatuses(msgspec.Struct, frozen=True):
    """Installations of one UTC day by how they ended."""

    date: str
    success: int
    failed: int
    aborted: int
    unknown: int


def split_script(script: str) -> tuple[str, str]:
    """(app, type) of a script's name."""
    app, _, type_ = script.rpartition(" ")
    return app, type_


def two_parts(pair: str, absent: str) -> tuple[str, str]:
    """The two parts of a paired value, the second one `absent` when it is not there."""
    first, _, second = pair.partition(" ")
    return first, second or absent


def is_installation(type_: str | int) -> bool:
    return type_ in INSTALLATION_TYPES


def sums(tallies: Iterable[Tally], dimension: Dimension, statuses: Iterable[str] | None = None) -> dict[Any, int]:
    """Installations by value of one dimension, of some statuses or all."""
    wanted = None if statuses is None else set(statuses)
    found: defaultdict[Any, int] = defaultdict(int)
    for tally in tallies:
        if tally.dimension == dimension and (wanted is None or tally.status in wanted):
            found[tally.value] += tally.n
    return dict(found)


def statuses_by_value(tallies: Iterable[Tally], dimension: Dimension) -> dict[Any, Statuses]:
    """Installations by value of one dimension and by status."""
    found: defaultdict[Any, dict[str, int]] = defaultdict(dict)
    for tally in tallies:
        if tally.dimension == dimension:
            counts = found[tally.value]
            counts[tally.status] = counts.get(tally.status, 0) + tally.n
    return {value: by_status(counts.items()) for value, counts in found.items()}


def largest(counts: Mapping[Any, int], limit: int = TOP) -> list[tuple[Any, int]]:
    """The largest counts first, equal ones by name; what adds up to nothing is left out."""
    return sorted(((value, n) for value, n in counts.items() if n), key=lambda item: (-item[1], str(item[0])))[:limit]


def dense_days(daily: Iterable[DayTally], period: Period) -> list[DayStatuses]:
    """One entry for every day of a period, in order; all time begins with the first day that has any."""
    by_day: defaultdict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for tally in daily:
        by_day[tally.day][tally.status] += tally.n
    first = period.first if period.first is not None else min(by_day, default=period.last)
    return [
        DayStatuses(iso_day(day), *(by_day[day].get(status, 0) if day in by_day else 0 for status in _ENDED))
        for day in range(first, period.last + 1)
    ]


_ENDED = ("success", "failed", "aborted", "unknown")
