"""`GET /api/dashboard`: how many installations, how they ended, on what systems."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import msgspec

from telemetry_service.core.counts import Dimension
from telemetry_service.core.reports.previous import Previous, previous
from telemetry_service.core.reports.rates import Rate, is_shown, mean_seconds, percentiles, rate, wilson
from telemetry_service.core.reports.view import (
    ERRORS,
    TOP,
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
from telemetry_service.core.tally import DayTally, ScriptTally, Statuses, Tally, by_status

Record = dict[str, str | int | None]


class AppCount(msgspec.Struct, frozen=True):
    app: str
    count: int


class OsCount(msgspec.Struct, frozen=True):
    os: str
    count: int


class SystemCount(msgspec.Struct, frozen=True):
    os: str
    version: str
    count: int


class MethodCount(msgspec.Struct, frozen=True):
    method: str
    count: int


class VersionCount(msgspec.Struct, frozen=True):
    version: str
    count: int


class TypeCount(msgspec.Struct, frozen=True):
    type: str
    count: int


class GpuCount(msgspec.Struct, frozen=True):
    vendor: str
    passthrough: str
    count: int


class CpuCount(msgspec.Struct, frozen=True):
    vendor: str
    arch: str
    count: int


class SizeCount(msgspec.Struct, frozen=True):
    """Installations with a size above the next smaller step and up to this one."""

    up_to: int
    count: int


class CategoryCount(msgspec.Struct, frozen=True):
    category: str
    count: int


class ErrorPattern(msgspec.Struct, frozen=True):
    pattern: str
    count: int
    unique_apps: int
    apps: list[str]


class FailedApp(msgspec.Struct, frozen=True):
    app: str
    type: str
    total_count: int
    failed_count: int
    failure_rate: float
    failure_rate_low: float
    failure_rate_high: float


class ToolCount(msgspec.Struct, frozen=True):
    tool: str
    count: int


class AddonCount(msgspec.Struct, frozen=True):
    addon: str
    count: int


class SlugCount(msgspec.Struct, frozen=True):
    slug: str
    count: int


class Dashboard(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of installations. `exact` tells whether they are exact or published in steps of `step`."""

    exact: bool
    step: int
    total_installs: int
    total_all_time: int
    sample_size: int
    success_count: int
    failed_count: int
    aborted_count: int
    unknown_count: int
    installing_count: int
    success_rate: float | None
    success_rate_interval: Rate
    avg_install_duration: float | None
    median_install_duration: float | None
    previous: Previous | None
    top_apps: list[AppCount]
    os_distribution: list[OsCount]
    os_versions: list[SystemCount]
    method_stats: list[MethodCount]
    pve_versions: list[VersionCount]
    type_stats: list[TypeCount]
    gpu_stats: list[GpuCount]
    cpu_stats: list[CpuCount]
    core_stats: list[SizeCount]
    ram_stats: list[SizeCount]
    disk_stats: list[SizeCount]
    error_categories: list[CategoryCount]
    error_analysis: list[ErrorPattern]
    failed_apps: list[FailedApp]
    top_tools: list[ToolCount]
    top_addons: list[AddonCount]
    total_tools: int
    total_addons: int
    repo_slugs: list[SlugCount]
    daily_stats: list[DayStatuses]
    recent_records: list[Record]


class DashboardCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What the dashboard is computed from; `all_sources`, `all_time` and `both` are of the outcome facet.

    `both` is of the period and as many days before it.
    """

    outcome: Sequence[Tally]
    both: Sequence[Tally]
    system: Sequence[Tally]
    failure: Sequence[Tally]
    scripts: Sequence[Tally]
    script_failures: Sequence[ScriptTally]
    all_sources: Sequence[Tally]
    all_time: Sequence[Tally]
    daily: Sequence[DayTally]
    running: int
    recent: Sequence[Record]


def dashboard(view: View, counts: DashboardCounts, step: int) -> Dashboard:
    """Compute the answer; `counts.running` stands for installations under way where the view is not exact."""
    ended = installations(counts.outcome)
    buckets = sums(counts.outcome, Dimension.DURATION)
    success = rate(ended.success, ended.finished, exact=view.exact)
    types = {value: statuses.total for value, statuses in statuses_by_value(counts.outcome, Dimension.TYPE).items()}
    scripts = statuses_by_value(counts.scripts, Dimension.SCRIPT)
    return Dashboard(
        exact=view.exact,
        step=1 if view.exact else step,
        total_installs=ended.total,
        total_all_time=installations(counts.all_time).total,
        sample_size=ended.finished,
        success_count=ended.success,
        failed_count=ended.failed,
        aborted_count=ended.aborted,
        unknown_count=ended.unknown,
        installing_count=ended.running if view.exact else counts.running,
        success_rate=success.percent,
        success_rate_interval=success,
        avg_install_duration=mean_seconds(buckets),
        median_install_duration=percentiles(buckets, (0.5,))[0],
        previous=previous(view, counts.both, counts.outcome, installations),
        top_apps=[AppCount(app, n) for app, n in largest(_apps(scripts, is_installation))],
        os_distribution=[OsCount(name, n) for name, n in largest(_firsts(sums(counts.system, Dimension.OS)))],
        os_versions=[SystemCount(*two_parts(name, ""), n) for name, n in largest(sums(counts.system, Dimension.OS))],
        method_stats=[MethodCount(name, n) for name, n in largest(sums(counts.system, Dimension.METHOD))],
        pve_versions=[VersionCount(name, n) for name, n in largest(sums(counts.system, Dimension.PVE))],
        type_stats=[TypeCount(name, n) for name, n in largest(types)],
        gpu_stats=[GpuCount(*two_parts(name, "none"), n) for name, n in largest(sums(counts.system, Dimension.GPU))],
        cpu_stats=[CpuCount(*two_parts(name, "unknown"), n) for name, n in largest(sums(counts.system, Dimension.CPU))],
        core_stats=sizes(counts.system, Dimension.CORES),
        ram_stats=sizes(counts.system, Dimension.RAM),
        disk_stats=sizes(counts.system, Dimension.DISK),
        error_categories=[CategoryCount(name, n) for name, n in largest(sums(counts.failure, Dimension.CATEGORY, ERRORS))],
        error_analysis=error_patterns(counts.failure, counts.script_failures),
        failed_apps=failed_apps(scripts, view),
        top_tools=[ToolCount(app, n) for app, n in largest(_apps(scripts, "tool".__eq__))],
        top_addons=[AddonCount(app, n) for app, n in largest(_apps(scripts, "addon".__eq__))],
        total_tools=types.get("tool", 0),
        total_addons=types.get("addon", 0),
        repo_slugs=repo_slugs(counts.all_sources),
        daily_stats=dense_days(counts.daily, view.period),
        recent_records=list(counts.recent),
    )


def installations(outcome: Iterable[Tally]) -> Statuses:
    """Installations of containers and virtual machines by status; tools, add-ons and host scripts are apart."""
    return by_status(
        (tally.status, tally.n) for tally in outcome if tally.dimension == Dimension.TYPE and is_installation(tally.value)
    )


def repo_slugs(outcome: Iterable[Tally]) -> list[SlugCount]:
    """Installations by repository."""
    found: defaultdict[str, int] = defaultdict(int)
    for tally in outcome:
        if tally.dimension == Dimension.TYPE and is_installation(tally.value):
            found[tally.source] += tally.n
    return [SlugCount(slug, n) for slug, n in largest(found)]


def sizes(tallies: Iterable[Tally], dimension: Dimension) -> list[SizeCount]:
    """A distribution of sizes, the smallest first."""
    return [SizeCount(up_to, n) for up_to, n in sorted(sums(tallies, dimension).items()) if n]


def error_patterns(failure: Iterable[Tally], script_failures: Iterable[ScriptTally], limit: int = TOP) -> list[ErrorPattern]:
    """The most frequent error lines and the apps they occur in, the most affected app first."""
    apps: defaultdict[str | int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for tally in script_failures:
        if tally.dimension == Dimension.ERROR and tally.status == "failed":
            apps[tally.value][split_script(tally.script)[0]] += tally.n
    return [
        ErrorPattern(line, n, len(apps[line]), [app for app, _ in largest(apps[line])])
        for line, n in largest(sums(failure, Dimension.ERROR, ("failed",)), limit)
    ]


def failed_apps(scripts: dict[str, Statuses], view: View, limit: int = TOP) -> list[FailedApp]:
    """Apps by the lower bound of their failure rate, so that 3 of 3 does not stand above 400 of 1000."""
    bounds = {
        script: wilson(statuses.failed, statuses.finished)[0]
        for script, statuses in scripts.items()
        if statuses.failed and is_shown(statuses.finished, exact=view.exact) and is_installation(split_script(script)[1])
    }
    ranked = sorted(bounds, key=lambda script: (-bounds[script], split_script(script)))
    return [_failed_app(script, scripts[script]) for script in ranked[:limit]]


def _failed_app(script: str, statuses: Statuses) -> FailedApp:
    failure = rate(statuses.failed, statuses.finished, exact=True)
    assert failure.percent is not None
    assert failure.low is not None
    assert failure.high is not None
    return FailedApp(*split_script(script), statuses.total, statuses.failed, failure.percent, failure.low, failure.high)


def _apps(scripts: dict[str, Statuses], wanted: Callable[[str], bool]) -> dict[str, int]:
    found: defaultdict[str, int] = defaultdict(int)
    for script, statuses in scripts.items():
        app, type_ = split_script(script)
        if wanted(type_):
            found[app] += statuses.total
    return found


def _firsts(counts: dict[str, int]) -> dict[str, int]:
    found: defaultdict[str, int] = defaultdict(int)
    for name, n in counts.items():
        found[name.partition(" ")[0]] += n
    return found
