"""The days before: what each figure was in the period of equal length that ended where this one begins."""

from collections.abc import Callable, Sequence

import msgspec

from telemetry_service.core.counts import Dimension
from telemetry_service.core.period import Period, iso_day
from telemetry_service.core.reports.rates import Rate, percentiles, rate
from telemetry_service.core.reports.view import View, sums
from telemetry_service.core.tally import Statuses, Tally


class Previous(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of the whole UTC days `first` to `last`, both included."""

    first: str
    last: str
    total_installs: int
    success_count: int
    failed_count: int
    aborted_count: int
    unknown_count: int
    success_rate: float | None
    success_rate_interval: Rate
    failure_rate: float | None
    median_install_duration: float | None


def previous(
    view: View, both: Sequence[Tally], current: Sequence[Tally], ended: Callable[[Sequence[Tally]], Statuses]
) -> Previous | None:
    """The period before, from the counts of `both` together and of the `current` one; None for all time."""
    period = view.period
    if period.first is None:
        return None
    before = ended(both).minus(ended(current))
    now = sums(current, Dimension.DURATION)
    buckets = {bucket: n - now.get(bucket, 0) for bucket, n in sums(both, Dimension.DURATION).items()}
    success = rate(before.success, before.finished, exact=view.exact)
    return Previous(
        first=iso_day(first_day_before(period)),
        last=iso_day(period.first - 1),
        total_installs=before.total,
        success_count=before.success,
        failed_count=before.failed,
        aborted_count=before.aborted,
        unknown_count=before.unknown,
        success_rate=success.percent,
        success_rate_interval=success,
        failure_rate=rate(before.failed, before.finished, exact=view.exact).percent,
        median_install_duration=percentiles({bucket: n for bucket, n in buckets.items() if n > 0}, (0.5,))[0],
    )


def first_day_before(period: Period) -> int:
    assert period.first is not None
    return 2 * period.first - period.last - 1
