"""What may be named of alerts, and what is to be told and shown of them."""

import sqlite3
from collections.abc import Iterator

import msgspec

from telemetry_service.core.alerting.alert import Alert, Kind
from telemetry_service.core.alerting.public_part import public_part
from telemetry_service.core.alerting.words import Published, Rates, closed, counts, evidence, headline, opened, over, recovery
from telemetry_service.core.counts import Dimension, Facet
from telemetry_service.core.installation import MICROSECONDS_PER_DAY
from telemetry_service.core.messages import Notice
from telemetry_service.core.period import Period, day_of, iso_day
from telemetry_service.core.reports.rates import NO_RATE, Rate, rate
from telemetry_service.core.reports.scripts import ended_of_types
from telemetry_service.core.reports.view import View
from telemetry_service.core.reports.weekly import AlertWords
from telemetry_service.store.alerts import lines, open_alerts, past_alerts
from telemetry_service.store.issues import issues_of
from telemetry_service.store.reading import PUBLIC, Reader
from telemetry_service.store.runs import last_run

MANY = 100_000
NEWS_DAYS = 2  # what is over, and older than this, is no news
WATCH = "watch"  # the job that opens and closes alerts
BEFORE_DAYS = 90  # of published counts that stand beside those since a change
_DIMENSIONS = {"os": Dimension.OS, "pve": Dimension.PVE}


class ShownAlert(msgspec.Struct, frozen=True):
    """An alert on a page: what it says, and, when it is closed, that it is over. Days are UTC days."""

    app: str
    kind: str
    opened: str
    words: AlertWords
    closed: str | None
    over: AlertWords | None


def shown(reader: Reader, alert: Alert, *, exact: bool, today: int) -> Published:
    """What may be told of an alert: every name and the evidence itself, or what of it has published counts in its source."""
    causes = [*([alert.cause] if alert.cause else []), *(cause.cause for cause in alert.causes)]
    known = lines(reader.connection, causes)
    if exact:
        every = frozenset((version.dimension, version.name) for version in alert.limited_to)
        return Published(True, every, known, None)
    tallies = reader.tallies(PUBLIC, (Facet.OUTCOME, Facet.SYSTEM), Period(None, today), (alert.source,), alert.script)
    versions = set()
    for version in alert.limited_to:
        dimension = _DIMENSIONS.get(version.dimension)
        found = (str(tally.value) for tally in tallies if tally.dimension == dimension)
        if any(value == version.name or value.startswith((f"{version.name}.", f"{version.name} ")) for value in found):
            versions.add((version.dimension, version.name))
    return Published(bool(tallies), frozenset(versions), known, _published_rates(reader, alert, today))


def shown_alerts(reader: Reader, view: View, *, today: int, past: int, app: str = "") -> Iterator[ShownAlert]:
    """Alerts of the view's sources, of one app if asked: those that are open, then the newest that are closed.

    In public only those of scripts that are published.
    """
    alerts = [*open_alerts(reader.connection), *past_alerts(reader.connection, MANY if app else past)]
    for alert in alerts:
        if alert.source in view.sources and app in ("", alert.app):
            names = shown(reader, alert, exact=view.exact, today=today)
            if names.script:
                yield _shown(alert, names, exact=view.exact)


def public_alerts(reader: Reader) -> Iterator[Alert]:
    """The public part of every alert of a script that is published, in the order in which they opened."""
    newest = reader.newest_day(PUBLIC)
    if newest is None:
        return
    alerts = [*open_alerts(reader.connection), *past_alerts(reader.connection, MANY)]
    for alert in sorted(alerts, key=lambda alert: alert.number):
        names = shown(reader, alert, exact=False, today=newest)
        if names.script:
            yield public_part(alert, names)


def opening(alert: Alert, names: Published) -> AlertWords:
    return AlertWords(headline(alert, names), evidence(alert, names), f"/{alert.path}" if names.script else "")


def ending(alert: Alert, names: Published) -> AlertWords:
    return AlertWords(over(alert, names), recovery(alert, names), f"/{alert.path}" if names.script else "")


def notices(reader: Reader, now: int) -> Iterator[Notice]:
    """What there is to tell of alerts of which not everything was noted yet, in order: that they opened, and closed.

    The first pass of the watch finds the alerts of the past, day by day: nothing is told before it is through, and then only
    what is still open or happened within `NEWS_DAYS`.
    """
    if not untold(reader.connection):
        return
    noted = {key for (key,) in reader.connection.execute("SELECT key FROM notice WHERE key LIKE 'alert:%'")}
    alerts = [*open_alerts(reader.connection), *past_alerts(reader.connection, MANY)]
    since = now - NEWS_DAYS * MICROSECONDS_PER_DAY
    for alert in sorted(alerts, key=lambda alert: alert.number):
        keys = {f"alert:{alert.number}:opened", *([f"alert:{alert.number}:closed"] if alert.closed_at is not None else [])}
        if keys <= noted:
            continue
        names, closed_at = shown(reader, alert, exact=False, today=day_of(now)), alert.closed_at
        yield msgspec.structs.replace(opened(alert, names), old=closed_at is not None and alert.opened_at < since)
        if closed_at is not None:
            yield msgspec.structs.replace(closed(alert, names), old=closed_at < since)


def untold(connection: sqlite3.Connection) -> bool:
    """Whether an alert opened or closed of which nothing is noted; no, as long as the watch has not come to its end."""
    run = last_run(connection, WATCH)
    if run is None or run.outcome != "done":
        return False
    row = connection.execute(
        "SELECT 1 FROM alert WHERE NOT EXISTS (SELECT 1 FROM notice WHERE key = 'alert:' || number || ':opened')"
        " OR closed_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM notice WHERE key = 'alert:' || number || ':closed') LIMIT 1"
    ).fetchone()
    return row is not None


def fixes(reader: Reader, repository: str, now: int) -> Iterator[tuple[int, Notice]]:
    """The issues of a repository, by number, whose script got better after they were opened, and what is to be told of that."""
    issues = [issue for issue in issues_of(reader.connection, repository) if issue.app]
    if not issues:
        return
    better = [alert for alert in past_alerts(reader.connection, MANY) if alert.recovery and alert.kind != Kind.SILENT]
    for alert in better:
        for issue in issues:
            if issue.app == alert.app and (alert.closed_at or 0) > issue.created_at:
                yield issue.number, closed(alert, shown(reader, alert, exact=False, today=day_of(now)))


def _shown(alert: Alert, names: Published, *, exact: bool) -> ShownAlert:
    words = opening(alert, names)
    if exact:
        words = msgspec.structs.replace(words, lines=[*words.lines, *counts(alert)])
    closed_at = alert.closed_at
    return ShownAlert(
        app=alert.app,
        kind=alert.kind,
        opened=iso_day(day_of(alert.opened_at)),
        words=words,
        closed=None if closed_at is None else iso_day(day_of(closed_at)),
        over=None if closed_at is None else ending(alert, names),
    )


def _published_rates(reader: Reader, alert: Alert, today: int) -> Rates:
    """Failure rates of published counts in the time before a change, since then, and since it is over."""
    if alert.kind not in (Kind.BROKE, Kind.WORSE):  # the others are not about how many fail
        return Rates(NO_RATE, NO_RATE)
    change, found = day_of(alert.since.at), alert.recovery
    end = min(today, day_of(found.since.at) - 1 if found else today)
    last = min(today, day_of(alert.closed_at) + BEFORE_DAYS if alert.closed_at else today)
    before, after = _failing(reader, alert, change - BEFORE_DAYS, change - 1), _failing(reader, alert, change, end)
    if before.percent is None or after.percent is None or after.percent <= before.percent:
        return Rates(NO_RATE, NO_RATE)  # what is published lags behind, and does not show it yet
    return Rates(before, after, _failing(reader, alert, end + 1, last) if found else NO_RATE)


def _failing(reader: Reader, alert: Alert, first: int, last: int) -> Rate:
    if last < first:
        return NO_RATE
    tallies = reader.tallies(PUBLIC, (Facet.OUTCOME,), Period(first, last, ended=True), (alert.source,), alert.script)
    ended = ended_of_types(tallies)
    return rate(ended.failed, ended.finished, exact=False, digits=0)
