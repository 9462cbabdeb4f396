"""What may be named of alerts, and what is to be told of them."""

import sqlite3
from collections.abc import Iterator

from telemetry_service.core.alerting.alert import Alert, Kind
from telemetry_service.core.alerting.words import Published, closed, opened
from telemetry_service.core.counts import Dimension, Facet
from telemetry_service.core.messages import Notice
from telemetry_service.core.period import Period, day_of
from telemetry_service.store.alerts import lines, open_alerts, past_alerts
from telemetry_service.store.issues import issues_of
from telemetry_service.store.reading import PUBLIC, Reader

MANY = 100_000
_DIMENSIONS = {"os": Dimension.OS, "pve": Dimension.PVE}


def published(reader: Reader, alert: Alert) -> Published:
    """What of an alert has published counts in its source."""
    everything = Period(None, day_of(max(alert.opened_at, alert.closed_at or 0)))
    tallies = reader.tallies(PUBLIC, (Facet.OUTCOME, Facet.SYSTEM), everything, (alert.source,), alert.script)
    versions = set()
    for version in alert.limited_to:
        dimension = _DIMENSIONS.get(version.dimension)
        found = (str(tally.value) for tally in tallies if tally.dimension == dimension)
        if any(value == version.name or value.startswith((f"{version.name}.", f"{version.name} ")) for value in found):
            versions.add((version.dimension, version.name))
    causes = [cause.cause for cause in alert.causes]
    return Published(bool(tallies), frozenset(versions), lines(reader.connection, causes))


def notices(reader: Reader) -> Iterator[Notice]:
    """What was not noted yet of the alerts that opened and closed, in that order."""
    noted = {key for (key,) in reader.connection.execute("SELECT key FROM notice WHERE key LIKE 'alert:%'")}
    alerts = [*open_alerts(reader.connection), *past_alerts(reader.connection, MANY)]
    for alert in sorted(alerts, key=lambda alert: alert.number):
        for what, made in (("opened", opened), ("closed", closed)):
            if f"alert:{alert.number}:{what}" not in noted and (what == "opened" or alert.closed_at is not None):
                yield made(alert, published(reader, alert))


def fixes(reader: Reader, repository: str) -> Iterator[tuple[int, Notice]]:
    """The issues of a repository, by number, whose script got better after they were opened, and what is to be told of that."""
    issues = [issue for issue in issues_of(reader.connection, repository) if issue.app]
    if not issues:
        return
    for alert in past_alerts(reader.connection, MANY):
        for issue in issues:
            if (
                issue.app == alert.app
                and (alert.closed_at or 0) > issue.created_at
                and alert.recovery
                and alert.kind != Kind.SILENT
            ):
                yield issue.number, closed(alert, published(reader, alert))


def changed_since(connection: sqlite3.Connection, instant: int) -> bool:
    """Whether an alert opened or closed at an instant or after it."""
    row = connection.execute("SELECT 1 FROM alert WHERE opened_at >= ?1 OR closed_at >= ?1 LIMIT 1", (instant,)).fetchone()
    return row is not None
