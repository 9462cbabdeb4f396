"""One value looked into: the installations of one operating system, error line, category ... and their scripts."""

from collections.abc import Sequence

import msgspec

from telemetry_service.core.counts import Dimension, Facet
from telemetry_service.core.reports.previous import Previous, previous
from telemetry_service.core.reports.rates import NO_RATE, Rate, rate
from telemetry_service.core.reports.view import ERRORS, DayStatuses, View, dense_days, is_installation, split_script
from telemetry_service.core.tally import DayTally, ScriptTally, Statuses, Tally, by_status

# What can be looked into, by the name it has in a URL.
PARTS = {
    "category": (Facet.FAILURE, Dimension.CATEGORY),
    "exit_code": (Facet.FAILURE, Dimension.EXIT_CODE),
    "error": (Facet.FAILURE, Dimension.ERROR),
    "type": (Facet.OUTCOME, Dimension.TYPE),
    "os": (Facet.SYSTEM, Dimension.OS),
    "pve": (Facet.SYSTEM, Dimension.PVE),
    "method": (Facet.SYSTEM, Dimension.METHOD),
    "cores": (Facet.SYSTEM, Dimension.CORES),
    "ram": (Facet.SYSTEM, Dimension.RAM),
    "disk": (Facet.SYSTEM, Dimension.DISK),
    "gpu": (Facet.SYSTEM, Dimension.GPU),
    "cpu": (Facet.SYSTEM, Dimension.CPU),
}


class PartScript(msgspec.Struct, frozen=True):
    app: str
    type: str
    total: int
    success: int
    failed: int
    aborted: int
    success_rate: float | None
    success_rate_interval: Rate


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Installations with one value. Causes are those of failures alone: there is no rate of them."""

    exact: bool
    step: int
    by: str
    value: str
    of_failures: bool
    total: int
    success: int
    failed: int
    aborted: int
    unknown: int
    success_rate: float | None
    success_rate_interval: Rate
    previous: Previous | None
    daily_stats: list[DayStatuses]
    scripts: list[PartScript]


def part(
    view: View,
    by: str,
    value: str,
    *,
    current: Sequence[Tally],
    both: Sequence[Tally],
    scripts: Sequence[ScriptTally],
    daily: Sequence[DayTally],
    step: int,
) -> Part:
    """Compute the answer from the counts of this value: over all, with as many days before, by script and by day."""
    facet, dimension = PARTS[by]
    of_failures = facet == Facet.FAILURE

    def ended_of(tallies: Sequence[Tally]) -> Statuses:
        """Only of this dimension: durations have a facet in common with types."""
        found = by_status((tally.status, tally.n) for tally in tallies if tally.dimension == dimension)
        return Statuses(failed=found.failed, aborted=found.aborted) if of_failures else found

    ended = ended_of(current)
    if of_failures:
        daily = [tally for tally in daily if tally.status in ERRORS]
    success = NO_RATE if of_failures else rate(ended.success, ended.finished, exact=view.exact)
    return Part(
        exact=view.exact,
        step=1 if view.exact else step,
        by=by,
        value=value,
        of_failures=of_failures,
        total=ended.total,
        success=ended.success,
        failed=ended.failed,
        aborted=ended.aborted,
        unknown=ended.unknown,
        success_rate=success.percent,
        success_rate_interval=success,
        previous=previous(view, both, current, ended_of),
        daily_stats=dense_days(daily, view.period),
        scripts=_rows(scripts, view, of_failures),
    )


def _rows(scripts: Sequence[ScriptTally], view: View, of_failures: bool) -> list[PartScript]:
    pairs: dict[str, list[tuple[str, int]]] = {}
    for tally in scripts:
        if is_installation(split_script(tally.script)[1]) and (not of_failures or tally.status in ERRORS):
            pairs.setdefault(tally.script, []).append((tally.status, tally.n))
    rows = []
    for script, found in pairs.items():
        ended = by_status(found)
        success = NO_RATE if of_failures else rate(ended.success, ended.finished, exact=view.exact)
        rows.append(
            PartScript(
                *(*split_script(script), ended.total, ended.success, ended.failed, ended.aborted),
                *(success.percent, success),
            )
        )
    return sorted(rows, key=lambda row: (-row.total, row.app, row.type))
