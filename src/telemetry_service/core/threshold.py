"""The old global rule: today's failure rate of all installations together. One popular script can move it, so it says little."""

from telemetry_service.core.messages import Notice
from telemetry_service.core.period import iso_day
from telemetry_service.core.reports.rates import rate
from telemetry_service.core.tally import Statuses


def over_threshold(today: Statuses, threshold_percent: float, day: int) -> Notice | None:
    """What to tell where more fail than an operator allows; once a UTC day.

    `today` are published counts. Too few finished installations for a public rate are no alert, nor is a threshold of 0.
    """
    failure = rate(today.failed, today.finished, exact=False)
    if not threshold_percent or failure.percent is None or failure.percent <= threshold_percent:
        return None
    return Notice(
        key=f"threshold:{iso_day(day)}",
        title=f"{failure.percent:.1f} % of all installations fail",
        lines=(
            f"On {iso_day(day)} (UTC) {failure.percent:.1f} % (95 % interval {failure.low:.1f} to {failure.high:.1f} %) of"
            f" {today.finished:,} finished installations of all scripts failed; ALERT_FAILURE_THRESHOLD is"
            f" {threshold_percent:g} %.",
        ),
        path="/errors?days=1&repo=all",
    )
