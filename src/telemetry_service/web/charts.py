"""Where the shapes of a chart lie. The templates draw them; scales are chosen here, so that ticks fall on round numbers."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from telemetry_service.core.counts import bucket_seconds
from telemetry_service.core.reports.changes import Change
from telemetry_service.core.reports.rates import Rate
from telemetry_service.core.reports.view import DayStatuses
from telemetry_service.web.formats import seconds

WIDTH, HEIGHT = 1000, 180
LONGEST_BY_DAY, LONGEST_BY_WEEK = 92, 800
STACK = ("failed", "aborted", "unknown", "success")  # from the base line up: what matters most can be read off the axis
GAP_SHARE = 0.18
WIDEST = 120  # of a bar: one day alone is no wall


class Bar(NamedTuple):
    """One run of days: its place, its numbers, and how many days up to today it begins."""

    x: float
    width: float
    first: str
    last: str
    counts: dict[str, int]
    days: int

    @property
    def total(self) -> int:
        return sum(self.counts.values())


class TimeChart(NamedTuple):
    """Stacked bars over time: one SVG path per status, y ticks from the top down, and x labels at equal distances."""

    unit: str
    bars: list[Bar]
    paths: dict[str, str]
    ticks: list[int]
    labels: list[str]
    statuses: tuple[str, ...]


def time_chart(days: Sequence[DayStatuses], statuses: tuple[str, ...] = STACK) -> TimeChart:
    """Bars for days, or for weeks or runs of 30 days where those are too many."""
    width = 1 if len(days) <= LONGEST_BY_DAY else 7 if len(days) <= LONGEST_BY_WEEK else 30
    runs = _runs(days, width)
    pitch = WIDTH / max(1, len(runs))
    bars = [
        Bar(
            x=round(place * pitch, 1),
            width=round(pitch, 1),
            first=run[0].date,
            last=run[-1].date,
            counts={status: sum(getattr(day, status) for day in run) for status in statuses},
            days=(date.fromisoformat(days[-1].date) - date.fromisoformat(run[0].date)).days + 1,
        )
        for place, run in enumerate(runs)
    ]
    ticks = nice_ticks(max((bar.total for bar in bars), default=0))
    return TimeChart(
        unit={1: "Day", 7: "Week", 30: "30 days"}[width],
        bars=bars,
        paths=_paths(bars, statuses, ticks[0]),
        ticks=ticks,
        labels=_labels(bars),
        statuses=statuses,
    )


def _runs(days: Sequence[DayStatuses], width: int) -> list[Sequence[DayStatuses]]:
    """Runs of equal length that end today; the first one may be longer by a few days, so that none looks too small."""
    rest = len(days) % width
    starts = list(range(rest, len(days), width))
    if rest:
        starts[0:1] = [0] if rest <= width // 2 and starts else [0, *starts[:1]]
    return [days[start:end] for start, end in zip(starts, [*starts[1:], len(days)], strict=True)]


def _paths(bars: Sequence[Bar], statuses: Sequence[str], top: int) -> dict[str, str]:
    paths: dict[str, list[str]] = {status: [] for status in statuses}
    for bar in bars:
        across = min(bar.width * (1 - GAP_SHARE), WIDEST)
        left = bar.x + (bar.width - across) / 2
        base = 0
        for status in statuses:
            n = bar.counts[status]
            if n:
                y, height = HEIGHT * (1 - (base + n) / top), HEIGHT * n / top
                paths[status].append(f"M{left:.1f} {y:.1f}h{across:.1f}v{height:.1f}h-{across:.1f}z")
            base += n
    return {status: "".join(parts) for status, parts in paths.items()}


def nice_ticks(most: int) -> list[int]:
    """Three or four equally spaced whole numbers from a round one not below `most` down to 0."""
    if most <= 0:
        return [1, 0]
    for steps in (2, 3):
        size = _round_up(most / steps)
        if steps * size < 1.25 * most or steps == 3:
            return [size * place for place in range(steps, -1, -1)]
    raise AssertionError("unreachable")


def _round_up(size: float) -> int:
    power: int = 10 ** max(0, math.floor(math.log10(max(size, 1))))
    rounds = (math.ceil(factor * power) for factor in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10))
    return next(found for found in rounds if found >= size)


def _labels(bars: Sequence[Bar]) -> list[str]:
    if len(bars) < 3:
        return [bar.first for bar in bars]
    return [bars[0].first, bars[len(bars) // 2].first, bars[-1].last]


class Stretch(NamedTuple):
    """A steady success rate from `x` on; `low` and `high` bound its interval. In units of the chart."""

    x: float
    width: float
    y: float
    low: float
    high: float
    first: str
    rate: Rate
    change: Change | None


def stretches(days: Sequence[DayStatuses], changes: Sequence[Change], overall: Rate) -> list[Stretch]:
    """The success rate as steps that change where the script did; nothing when there is no rate to show."""
    if not days or overall.percent is None:
        return []
    first = date.fromisoformat(days[0].date)
    starts = [0, *((date.fromisoformat(change.date) - first).days for change in changes)]
    rates = [changes[0].before if changes else overall, *(change.after for change in changes)]
    ends = [*starts[1:], len(days)]
    marks: list[Change | None] = [None, *changes]
    scale: Callable[[float | None], float] = lambda share: round(HEIGHT * (1 - (share or 0) / 100), 1)  # noqa: E731
    return [
        Stretch(
            round(WIDTH * start / len(days), 1),
            round(WIDTH * (end - start) / len(days), 1),
            *(scale(found.percent), scale(found.low), scale(found.high)),
            days[start].date,
            found,
            mark,
        )
        for start, end, found, mark in zip(starts, ends, rates, marks, strict=True)
    ]


def sparkline(counts: Sequence[int], width: int = 60, height: int = 16) -> str:
    """The path of a small line, its highest point at the top; empty where there is nothing to compare."""
    if len(counts) < 2 or not any(counts):
        return ""
    top = max(counts)
    points = (
        f"{width * place / (len(counts) - 1):.1f} {1 + (height - 2) * (1 - max(n, 0) / top):.1f}"
        for place, n in enumerate(counts)
    )
    return "M" + "L".join(points)


def duration_bars(buckets: Mapping[int, int]) -> list[tuple[str, int]]:
    """(about how long, installations) for every bucket from the first to the last that holds any."""
    filled = [bucket for bucket, n in buckets.items() if n]
    if not filled:
        return []
    return [(seconds(bucket_seconds(bucket)), buckets.get(bucket, 0)) for bucket in range(min(filled), max(filled) + 1)]


def scale_end(highs: Iterable[float | None]) -> int:
    """The end of a scale in percent that begins at 0 and holds these, a multiple of 5."""
    return 5 * math.ceil(max((high for high in highs if high is not None), default=100) / 5) or 5


def scale_start(lows: Iterable[float | None]) -> int:
    """The beginning of a scale in percent that ends at 100 and holds these, a multiple of 10 below 100."""
    return min(90, 10 * math.floor(min((low for low in lows if low is not None), default=0) / 10))
