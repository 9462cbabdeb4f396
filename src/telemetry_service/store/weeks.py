"""Weeks as they are counted: what the weekly report is computed from."""

from collections.abc import Iterator

from telemetry_service.core.counts import Dimension, Facet
from telemetry_service.core.fields import INSTALLATION_TYPES
from telemetry_service.core.installation import MICROSECONDS_PER_DAY
from telemetry_service.core.period import Period
from telemetry_service.core.reports.view import View
from telemetry_service.core.reports.weekly import TREND_WEEKS, AlertWords, Weekly, WeeklyCounts, WeekRow, week_rows, weekly
from telemetry_service.core.week import before
from telemetry_service.store.alert_words import ending, opening, shown
from telemetry_service.store.alerts import open_alerts, past_alerts
from telemetry_service.store.cells import of
from telemetry_service.store.reading import EXACT, PUBLIC, Reader

PAST_ALERTS = 10_000


def weekly_report(reader: Reader, view: View, *, today: int, step: int) -> Weekly | None:
    """The report of the week that is the view's period; None before the first counted day, and in the future."""
    tables = EXACT if view.exact else PUBLIC
    week, first = view.period, reader.oldest_day(tables)
    if first is None or week.first is None or week.last < first or week.first > today:
        return None
    earlier = before(week)
    scripts, scripts_before = (reader.tallies(tables, (Facet.SCRIPTS,), one, view.sources) for one in (week, earlier))
    known = {tally.value for tally in scripts_before}
    unknown = sorted({str(tally.value) for tally in scripts if tally.dimension == Dimension.SCRIPT} - known)
    lines = of(Dimension.ERROR, "failed")
    counts = WeeklyCounts(
        outcome=reader.tallies(tables, (Facet.OUTCOME,), week, view.sources),
        outcome_before=reader.tallies(tables, (Facet.OUTCOME,), earlier, view.sources),
        scripts=scripts,
        scripts_before=scripts_before,
        failure=reader.tallies(tables, (Facet.FAILURE,), week, view.sources, only=lines),
        failure_before=reader.tallies(tables, (Facet.FAILURE,), earlier, view.sources, only=lines),
        first_days=reader.first_days(tables, unknown),
        daily=reader.daily(tables, before(week, TREND_WEEKS)._replace(last=week.last), view.sources, INSTALLATION_TYPES),
        broke=list(_broke(reader, view, week, today)),
        fixed=list(_fixed(reader, view, week, today)),
    )
    return weekly(view, counts, today=today, step=step)


def weeks(reader: Reader, view: View, *, today: int) -> list[WeekRow]:
    """The weeks of which there is a report on the sources of a view, the newest first."""
    tables = EXACT if view.exact else PUBLIC
    daily = reader.daily(tables, Period(None, today), view.sources, INSTALLATION_TYPES)
    return week_rows(daily, today, exact=view.exact)[::-1]


def _broke(reader: Reader, view: View, week: Period, today: int) -> Iterator[AlertWords]:
    alerts = [*open_alerts(reader.connection), *past_alerts(reader.connection, PAST_ALERTS)]
    for alert in sorted(alerts, key=lambda alert: alert.number):
        if alert.source in view.sources and _within(week, alert.opened_at):
            names = shown(reader, alert, exact=view.exact, today=today)
            if names.script:
                yield opening(alert, names)


def _fixed(reader: Reader, view: View, week: Period, today: int) -> Iterator[AlertWords]:
    for alert in reversed(past_alerts(reader.connection, PAST_ALERTS)):
        if alert.source in view.sources and _within(week, alert.closed_at or 0):
            names = shown(reader, alert, exact=view.exact, today=today)
            if names.script:
                yield ending(alert, names)


def _within(week: Period, instant: int) -> bool:
    assert week.first is not None
    return week.first <= instant // MICROSECONDS_PER_DAY <= week.last
