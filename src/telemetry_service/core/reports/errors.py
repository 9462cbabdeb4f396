"""`GET /api/errors`: what fails, where and why."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from telemetry_service.core.counts import Dimension
from telemetry_service.core.exit_codes import EXIT_CODES, meaning
from telemetry_service.core.reports.dashboard import Record, error_patterns, installations
from telemetry_service.core.reports.lines import ErrorLine, Seen
from telemetry_service.core.reports.previous import Previous, previous
from telemetry_service.core.reports.rates import Rate, rate, share
from telemetry_service.core.reports.view import (
    ERRORS,
    TOP,
    View,
    dense_days,
    is_installation,
    largest,
    split_script,
    statuses_by_value,
    sums,
    two_parts,
)
from telemetry_service.core.tally import DayTally, ScriptTally, Statuses, Tally

ERROR_GROUPS = 100
CATEGORY_APPS = 5
GROUP_APPS = 20


class ExitCodeStats(msgspec.Struct, frozen=True):
    exit_code: int
    count: int
    description: str
    category: str
    percentage: float


class CategoryStats(msgspec.Struct, frozen=True):
    category: str
    count: int
    percentage: float
    top_apps: list[str]


class AppErrors(msgspec.Struct, frozen=True):
    app: str
    type: str
    total_count: int
    failed_count: int
    aborted_count: int
    failure_rate: float | None
    failure_rate_interval: Rate
    top_exit_code: int | None
    top_error: str
    top_category: str


class SystemErrors(msgspec.Struct, frozen=True):
    """Installations on one system that ended, and how many of them failed."""

    os: str
    version: str
    total_count: int
    failed_count: int
    failure_rate: float | None
    failure_rate_interval: Rate


class VersionErrors(msgspec.Struct, frozen=True):
    version: str
    total_count: int
    failed_count: int
    failure_rate: float | None
    failure_rate_interval: Rate


class ErrorDay(msgspec.Struct, frozen=True):
    date: str
    failed: int
    aborted: int


class Errors(msgspec.Struct, frozen=True, kw_only=True):
    """Failed and aborted installations. Percentages are of all that the list counts."""

    exact: bool
    step: int
    total_errors: int
    total_installs: int
    overall_fail_rate: float | None
    overall_fail_rate_interval: Rate
    previous: Previous | None
    exit_code_stats: list[ExitCodeStats]
    category_stats: list[CategoryStats]
    error_groups: list[ErrorLine]
    app_errors: list[AppErrors]
    os_errors: list[SystemErrors]
    pve_errors: list[VersionErrors]
    error_timeline: list[ErrorDay]
    stuck_installing: int
    recent_errors: list[Record]


class ErrorCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What the answer is computed from; `both` is the outcome of the period and as many days before it."""

    outcome: Sequence[Tally]
    both: Sequence[Tally]
    system: Sequence[Tally]
    failure: Sequence[Tally]
    scripts: Sequence[Tally]
    script_failures: Sequence[ScriptTally]
    daily: Sequence[DayTally]
    seen: Mapping[str, Seen]
    slices: Mapping[str, list[int]]
    stuck: int
    recent: Sequence[Record]


def errors(view: View, counts: ErrorCounts, step: int) -> Errors:
    """Compute the answer."""
    ended = installations(counts.outcome)
    failure_rate = rate(ended.failed, ended.finished, exact=view.exact)
    by_script = _by_script(counts.script_failures)
    days = dense_days(counts.daily, view.period)
    return Errors(
        exact=view.exact,
        step=1 if view.exact else step,
        total_errors=ended.failed + ended.aborted,
        total_installs=ended.total,
        overall_fail_rate=failure_rate.percent,
        overall_fail_rate_interval=failure_rate,
        previous=previous(view, counts.both, counts.outcome, installations),
        exit_code_stats=exit_code_stats(counts.failure),
        category_stats=_category_stats(counts.failure, by_script),
        error_groups=_error_lines(counts),
        app_errors=_app_errors(statuses_by_value(counts.scripts, Dimension.SCRIPT), by_script, view),
        os_errors=[
            SystemErrors(os, version, *_failures(statuses, view))
            for name, statuses in _failing(statuses_by_value(counts.system, Dimension.OS))
            for os, version in (two_parts(name, ""),)
        ],
        pve_errors=[
            VersionErrors(name, *_failures(statuses, view))
            for name, statuses in _failing(statuses_by_value(counts.system, Dimension.PVE))
        ],
        error_timeline=[ErrorDay(day.date, day.failed, day.aborted) for day in days],
        stuck_installing=counts.stuck,
        recent_errors=list(counts.recent),
    )


def exit_code_stats(failure: Iterable[Tally]) -> list[ExitCodeStats]:
    """Exit codes of failed and aborted installations, the most frequent first."""
    found = sums(failure, Dimension.EXIT_CODE, ERRORS)
    total = sum(found.values())
    return [
        ExitCodeStats(code, n, meaning(code), EXIT_CODES[code].category if code in EXIT_CODES else "", share(n, total))
        for code, n in largest(found, len(found))
    ]


def _error_lines(counts: ErrorCounts) -> list[ErrorLine]:
    nowhere = Seen("", "")
    return [
        ErrorLine(
            pattern=found.pattern,
            count=found.count,
            unique_apps=found.unique_apps,
            apps=found.apps[:GROUP_APPS],
            first_seen=counts.seen.get(found.pattern, nowhere).first,
            last_seen=counts.seen.get(found.pattern, nowhere).last,
            trend=counts.slices.get(found.pattern, []),
        )
        for found in error_patterns(counts.failure, counts.script_failures, ERROR_GROUPS)
    ]


def _failing(systems: Mapping[str, Statuses]) -> list[tuple[str, Statuses]]:
    """The systems that most failures happened on, as far as any did."""
    failing = [(name, statuses) for name, statuses in systems.items() if statuses.failed]
    return sorted(failing, key=lambda entry: (-entry[1].failed, entry[0]))[:TOP]


def _failures(statuses: Statuses, view: View) -> tuple[int, int, float | None, Rate]:
    failure = rate(statuses.failed, statuses.finished, exact=view.exact)
    return statuses.total, statuses.failed, failure.percent, failure


_ByScript = Mapping[tuple[str, int], Mapping[str | int, int]]


def _by_script(tallies: Iterable[ScriptTally]) -> _ByScript:
    """Failures by value, of every script and dimension."""
    found: defaultdict[tuple[str, int], dict[str | int, int]] = defaultdict(dict)
    for tally in tallies:
        if tally.status in ERRORS:
            values = found[tally.script, tally.dimension]
            values[tally.value] = values.get(tally.value, 0) + tally.n
    return found


def _category_stats(failure: Iterable[Tally], by_script: _ByScript) -> list[CategoryStats]:
    found = sums(failure, Dimension.CATEGORY, ERRORS)
    apps: defaultdict[str | int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for (script, dimension), values in by_script.items():
        if dimension == Dimension.CATEGORY:
            for category, n in values.items():
                apps[category][split_script(script)[0]] += n
    total = sum(found.values())
    return [
        CategoryStats(category, n, share(n, total), [app for app, _ in largest(apps[category], CATEGORY_APPS)])
        for category, n in largest(found, len(found))
    ]


def _app_errors(scripts: dict[str, Statuses], by_script: _ByScript, view: View) -> list[AppErrors]:
    rows = []
    for script, statuses in scripts.items():
        app, type_ = split_script(script)
        if not statuses.failed + statuses.aborted or not is_installation(type_):
            continue
        exit_code = _top(by_script.get((script, Dimension.EXIT_CODE)))
        failure = rate(statuses.failed, statuses.finished, exact=view.exact)
        rows.append(
            AppErrors(
                app=app,
                type=type_,
                total_count=statuses.total,
                failed_count=statuses.failed,
                aborted_count=statuses.aborted,
                failure_rate=failure.percent,
                failure_rate_interval=failure,
                top_exit_code=exit_code if isinstance(exit_code, int) else None,
                top_error=str(_top(by_script.get((script, Dimension.ERROR))) or ""),
                top_category=str(_top(by_script.get((script, Dimension.CATEGORY))) or ""),
            )
        )
    return sorted(rows, key=lambda row: (-row.failed_count, -row.aborted_count, row.app, row.type))


def _top(counts: Mapping[str | int, int] | None) -> str | int | None:
    """The value that is counted most, the first by name of equal ones."""
    if not counts:
        return None
    most = max(counts.values())
    return min((value for value, n in counts.items() if n == most), key=str)
