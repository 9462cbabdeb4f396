"""`GET /api/scripts` and `GET /api/scripts/{app}`: which scripts are used, and how one of them fares."""

from collections.abc import Mapping, Sequence

import msgspec

from telemetry_service.core.counts import Dimension
from telemetry_service.core.reports.changes import Change, changes
from telemetry_service.core.reports.dashboard import (
    CategoryCount,
    CpuCount,
    GpuCount,
    MethodCount,
    Record,
    SizeCount,
    sizes,
)
from telemetry_service.core.reports.errors import ExitCodeStats, exit_code_stats
from telemetry_service.core.reports.previous import Previous, previous
from telemetry_service.core.reports.rates import Rate, mean_seconds, percentiles, rate
from telemetry_service.core.reports.view import (
    ERRORS,
    DayStatuses,
    View,
    dense_days,
    is_installation,
    largest,
    split_script,
    statuses_by_value,
    sums,
    two_parts,
)
from telemetry_service.core.tally import DayTally, Statuses, Tally, by_status


class ScriptRow(msgspec.Struct, frozen=True):
    app: str
    type: str
    total: int
    success: int
    failed: int
    aborted: int
    unknown: int
    installing: int
    success_rate: float | None
    success_rate_interval: Rate
    days_old: int
    installs_per_day: float
    previous_total: int | None


class Scripts(msgspec.Struct, frozen=True, kw_only=True):
    """All scripts of a period, the most used first; `total_installs` counts containers and virtual machines.

    `previous_total` of a script is of as many days before the period; None for all time.
    """

    exact: bool
    step: int
    total_scripts: int
    total_installs: int
    top_scripts: list[ScriptRow]
    recent_scripts: list[Record]


def scripts(
    view: View,
    tallies: Sequence[Tally],
    both: Mapping[str, int] | None,
    first_days: Mapping[str, int],
    recent: Sequence[Record],
    step: int,
) -> Scripts:
    """Compute the answer.

    `both` counts installations by script over the period and as many days before it, None for all time; `first_days`
    holds the first UTC day of each script.
    """
    rows = []
    for script, statuses in statuses_by_value(tallies, Dimension.SCRIPT).items():
        app, type_ = split_script(script)
        first_day = first_days.get(script, view.period.last)
        success = rate(statuses.success, statuses.finished, exact=view.exact)
        days_old = view.period.last - first_day
        days = max(1, min(days_old + 1, view.period.days or days_old + 1))
        rows.append(
            ScriptRow(
                *(app, type_, statuses.total, statuses.success, statuses.failed, statuses.aborted),
                *(statuses.unknown, statuses.running, success.percent, success, days_old),
                round(statuses.total / days, 2),
                None if both is None else both.get(script, statuses.total) - statuses.total,
            )
        )
    rows.sort(key=lambda row: (-row.total, row.app, row.type))
    return Scripts(
        exact=view.exact,
        step=1 if view.exact else step,
        total_scripts=len(rows),
        total_installs=sum(row.total for row in rows if is_installation(row.type)),
        top_scripts=rows,
        recent_scripts=list(recent),
    )


class SystemRow(msgspec.Struct, frozen=True):
    """Installations on one system by how they ended, with the success rate where enough finished."""

    os: str
    version: str
    total: int
    success: int
    failed: int
    success_rate: float | None
    success_rate_interval: Rate


class VersionRow(msgspec.Struct, frozen=True):
    version: str
    total: int
    success: int
    failed: int
    success_rate: float | None
    success_rate_interval: Rate


class Durations(msgspec.Struct, frozen=True):
    """Seconds that successful installations took, within 12 %."""

    mean: float | None
    p50: float | None
    p90: float | None
    p99: float | None
    buckets: dict[int, int]


class ErrorGroup(msgspec.Struct, frozen=True):
    pattern: str
    count: int


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """One script: an app, with the types it is installed as."""

    exact: bool
    step: int
    app: str
    types: list[str]
    total: int
    success: int
    failed: int
    aborted: int
    unknown: int
    installing: int
    success_rate: float | None
    success_rate_interval: Rate
    previous: Previous | None
    daily_stats: list[DayStatuses]
    changes: list[Change]
    os_versions: list[SystemRow]
    pve_versions: list[VersionRow]
    methods: list[MethodCount]
    core_stats: list[SizeCount]
    ram_stats: list[SizeCount]
    disk_stats: list[SizeCount]
    gpu_stats: list[GpuCount]
    cpu_stats: list[CpuCount]
    duration: Durations
    error_categories: list[CategoryCount]
    exit_code_stats: list[ExitCodeStats]
    error_groups: list[ErrorGroup]


def ended_of_types(tallies: Sequence[Tally]) -> Statuses:
    """Installations of every type by status, from a script's outcome facet."""
    return by_status((tally.status, tally.n) for tally in tallies if tally.dimension == Dimension.TYPE)


def script(
    view: View,
    app: str,
    types: Sequence[str],
    tallies: Sequence[Tally],
    both: Sequence[Tally],
    daily: Sequence[DayTally],
    step: int,
) -> Script:
    """Compute the answer from all facets of the script's types; `both` is the outcome with as many days before."""
    ended = ended_of_types(tallies)
    days = dense_days(daily, view.period)
    success = rate(ended.success, ended.finished, exact=view.exact)
    buckets = sums(tallies, Dimension.DURATION)
    return Script(
        exact=view.exact,
        step=1 if view.exact else step,
        app=app,
        types=list(types),
        total=ended.total,
        success=ended.success,
        failed=ended.failed,
        aborted=ended.aborted,
        unknown=ended.unknown,
        installing=ended.running,
        success_rate=success.percent,
        success_rate_interval=success,
        previous=previous(view, both, tallies, ended_of_types),
        daily_stats=days,
        changes=changes(days, exact=view.exact, step=1 if view.exact else step),
        os_versions=[
            SystemRow(name.partition(" ")[0], name.partition(" ")[2], *_row(statuses, view))
            for name, statuses in _ordered(statuses_by_value(tallies, Dimension.OS))
        ],
        pve_versions=[
            VersionRow(name, *_row(statuses, view)) for name, statuses in _ordered(statuses_by_value(tallies, Dimension.PVE))
        ],
        methods=[MethodCount(name, n) for name, n in largest(sums(tallies, Dimension.METHOD))],
        core_stats=sizes(tallies, Dimension.CORES),
        ram_stats=sizes(tallies, Dimension.RAM),
        disk_stats=sizes(tallies, Dimension.DISK),
        gpu_stats=[GpuCount(*two_parts(name, "none"), n) for name, n in largest(sums(tallies, Dimension.GPU))],
        cpu_stats=[CpuCount(*two_parts(name, "unknown"), n) for name, n in largest(sums(tallies, Dimension.CPU))],
        duration=_durations(buckets),
        error_categories=[CategoryCount(name, n) for name, n in largest(sums(tallies, Dimension.CATEGORY, ERRORS))],
        exit_code_stats=exit_code_stats(tallies),
        error_groups=[ErrorGroup(line, n) for line, n in largest(sums(tallies, Dimension.ERROR, ("failed",)), 100)],
    )


def _durations(buckets: dict[int, int]) -> Durations:
    p50, p90, p99 = percentiles(buckets, (0.5, 0.9, 0.99))
    return Durations(mean_seconds(buckets), p50, p90, p99, dict(sorted(buckets.items())))


def _row(statuses: Statuses, view: View) -> tuple[int, int, int, float | None, Rate]:
    success = rate(statuses.success, statuses.finished, exact=view.exact)
    return statuses.total, statuses.success, statuses.failed, success.percent, success


def _ordered(by_value: dict[str, Statuses]) -> list[tuple[str, Statuses]]:
    return sorted(by_value.items(), key=lambda item: (-item[1].total, item[0]))
