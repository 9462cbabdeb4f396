"""The weekly report: how a week differs from the one before, and what is news about scripts."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from telemetry_service.core.counts import Dimension
from telemetry_service.core.period import iso_day
from telemetry_service.core.reports.dashboard import FailedApp, failed_apps, installations
from telemetry_service.core.reports.rates import NO_RATE, Z_95, Rate, rate, wilson
from telemetry_service.core.reports.view import (
    DayStatuses,
    View,
    dense_days,
    is_installation,
    largest,
    split_script,
    statuses_by_value,
    sums,
)
from telemetry_service.core.tally import DayTally, Statuses, Tally, by_status
from telemetry_service.core.week import DAYS, first_day, name_of

TREND_WEEKS = 8
TOP = 10
Z_NEWS = 3.29  # 99.9 %: of 450 scripts one in two weeks is named by chance
MIN_POINTS = 5.0  # less is no news, however certain


class Difference(msgspec.Struct, frozen=True):
    """What changed, with its 95 % interval; all None where that cannot be said. In percent of before, or in points."""

    value: float | None
    low: float | None
    high: float | None


NO_DIFFERENCE = Difference(None, None, None)


class Total(msgspec.Struct, frozen=True):
    """How many of one kind, and in the week before; `change` is in percent."""

    name: str
    count: int
    before: int
    change: Difference


class RateChange(msgspec.Struct, frozen=True):
    """A rate, the one before, and the difference in points of percent."""

    now: Rate
    before: Rate
    difference: Difference


class WeekRow(msgspec.Struct, frozen=True):
    """A week from its `first` to its `last` UTC day; `total` counts those that still run, too."""

    week: str
    first: str
    last: str
    total: int
    success: int
    failed: int
    success_rate: Rate


class MovedScript(msgspec.Struct, frozen=True):
    """A script whose success rate differs from the week before beyond chance."""

    app: str
    type: str
    success: RateChange


class ScriptWeek(msgspec.Struct, frozen=True):
    app: str
    type: str
    total: int
    before: int
    success_rate: Rate


class LineWeek(msgspec.Struct, frozen=True):
    pattern: str
    count: int
    before: int


class AlertWords(msgspec.Struct, frozen=True):
    """An alert as it is told."""

    title: str
    lines: list[str]
    path: str


class Weekly(msgspec.Struct, frozen=True, kw_only=True):
    """A week of containers and virtual machines, beside the week before."""

    exact: bool
    step: int
    week: str
    first: str
    last: str
    complete: bool
    totals: list[Total]
    success_rate: RateChange
    daily_stats: list[DayStatuses]
    trend: list[WeekRow]
    broke: list[AlertWords]
    fixed: list[AlertWords]
    worse: list[MovedScript]
    better: list[MovedScript]
    new_scripts: list[ScriptWeek]
    top: list[ScriptWeek]
    bottom: list[FailedApp]
    error_lines: list[LineWeek]


class WeeklyCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What the report is computed from: the week and the one before, and the days of `TREND_WEEKS` weeks up to it.

    `first_days` holds the first UTC day of each script of the week; `broke` and `fixed` are alerts that opened and closed in it.
    """

    outcome: Sequence[Tally]
    outcome_before: Sequence[Tally]
    scripts: Sequence[Tally]
    scripts_before: Sequence[Tally]
    failure: Sequence[Tally]
    failure_before: Sequence[Tally]
    first_days: Mapping[str, int]
    daily: Sequence[DayTally]
    broke: Sequence[AlertWords]
    fixed: Sequence[AlertWords]


def weekly(view: View, counts: WeeklyCounts, *, today: int, step: int) -> Weekly:
    """Compute the report of the week that is the view's period."""
    period = view.period
    assert period.first is not None
    now, before = installations(counts.outcome), installations(counts.outcome_before)
    scripts = _installed(counts.scripts)
    scripts_before = _installed(counts.scripts_before)
    moved = _moved(scripts, scripts_before, view)
    rows = [_script_week(script, found, scripts_before, view) for script, found in scripts.items()]
    rows.sort(key=lambda row: (-row.total, row.app, row.type))
    new = {script for script, day in counts.first_days.items() if period.first <= day <= period.last}
    lines_before = sums(counts.failure_before, Dimension.ERROR, ("failed",))
    return Weekly(
        exact=view.exact,
        step=1 if view.exact else step,
        week=name_of(period.first),
        first=iso_day(period.first),
        last=iso_day(period.last),
        complete=period.last < today,
        totals=[
            Total(name, getattr(now, field), getattr(before, field), ratio(getattr(now, field), getattr(before, field)))
            for name, field in _TOTALS
        ],
        success_rate=rate_change(now, before, view),
        daily_stats=dense_days([tally for tally in counts.daily if period.first <= tally.day <= period.last], period),
        trend=week_rows(counts.daily, period.last, exact=view.exact),
        broke=list(counts.broke),
        fixed=list(counts.fixed),
        worse=[script for script in moved if (script.success.difference.value or 0) < 0][:TOP],
        better=[script for script in reversed(moved) if (script.success.difference.value or 0) > 0][:TOP],
        new_scripts=[row for row in rows if f"{row.app} {row.type}" in new][: 2 * TOP],
        top=[row for row in rows if row.total][:TOP],
        bottom=failed_apps(scripts, view, TOP),
        error_lines=[
            LineWeek(line, n, lines_before.get(line, 0))
            for line, n in largest(sums(counts.failure, Dimension.ERROR, ("failed",)), TOP)
        ],
    )


_TOTALS = (
    ("Installations", "total"),
    ("Succeeded", "success"),
    ("Failed", "failed"),
    ("Aborted", "aborted"),
    ("Unknown", "unknown"),
)


def ratio(now: int, before: int) -> Difference:
    """The change from one count to another in percent: of their sum, each is a share (Przyborowski and Wilenski 1940)."""
    if before <= 0 or now < 0:
        return NO_DIFFERENCE
    low, high = wilson(now, now + before)
    bounds = [100 * (share / (1 - share) - 1) if share < 1 else None for share in (low, high)]
    return Difference(round(100 * (now / before - 1), 1), *(None if bound is None else round(bound, 1) for bound in bounds))


def rate_change(now: Statuses, before: Statuses, view: View) -> RateChange:
    """The success rate beside the one before; no difference where one of them may not be shown."""
    rate_now, rate_before = (rate(found.success, found.finished, exact=view.exact) for found in (now, before))
    if NO_RATE in (rate_now, rate_before):
        return RateChange(rate_now, rate_before, NO_DIFFERENCE)
    found = difference(now.success, now.finished, before.success, before.finished)
    return RateChange(rate_now, rate_before, Difference(*(round(100 * share, 1) for share in found)))


def difference(part: int, whole: int, part_before: int, whole_before: int, z: float = Z_95) -> tuple[float, float, float]:
    """The difference of two shares with its interval (Newcombe 1998, method 10)."""
    now, before = part / whole, part_before / whole_before
    low, high = wilson(part, whole, z)
    low_before, high_before = wilson(part_before, whole_before, z)
    below = math.hypot(now - low, high_before - before)
    above = math.hypot(high - now, before - low_before)
    return now - before, now - before - below, now - before + above


def _installed(tallies: Sequence[Tally]) -> dict[str, Statuses]:
    found = statuses_by_value(tallies, Dimension.SCRIPT)
    return {script: statuses for script, statuses in found.items() if is_installation(split_script(script)[1])}


def _moved(now: Mapping[str, Statuses], before: Mapping[str, Statuses], view: View) -> list[MovedScript]:
    """The scripts that moved beyond chance, those that got worse most first."""
    found = []
    for script in now.keys() & before.keys():
        change = rate_change(now[script], before[script], view)
        if change.difference.value is None or abs(change.difference.value) < MIN_POINTS:
            continue
        _, low, high = difference(
            *(now[script].success, now[script].finished, before[script].success, before[script].finished), Z_NEWS
        )
        if low > 0 or high < 0:
            found.append(MovedScript(*split_script(script), change))
    return sorted(found, key=lambda script: (script.success.difference.value or 0, script.app, script.type))


def _script_week(script: str, found: Statuses, before: Mapping[str, Statuses], view: View) -> ScriptWeek:
    earlier = before[script].total if script in before else 0
    return ScriptWeek(*split_script(script), found.total, earlier, rate(found.success, found.finished, exact=view.exact))


def week_rows(daily: Iterable[DayTally], last: int, *, exact: bool) -> list[WeekRow]:
    """Every week from the first that has anything to the one of the `last` UTC day, the oldest first."""
    by_week: defaultdict[int, list[tuple[str, int]]] = defaultdict(list)
    for tally in daily:
        by_week[first_day(tally.day)].append((tally.status, tally.n))
    rows = []
    for monday in range(min(by_week, default=last + 1), last + 1, DAYS):
        found = by_status(by_week[monday])
        success_rate = rate(found.success, found.finished, exact=exact)
        days = iso_day(monday), iso_day(monday + DAYS - 1)
        rows.append(WeekRow(name_of(monday), *days, found.total, found.success, found.failed, success_rate))
    return rows
