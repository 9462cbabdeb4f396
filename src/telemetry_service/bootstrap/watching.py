"""The watch over every script, and what it found."""

from contextlib import closing

from telemetry_service.bootstrap.assembly import now
from telemetry_service.bootstrap.upkeep import existing_store
from telemetry_service.core.alerting.alert import Alert
from telemetry_service.jobs import watch
from telemetry_service.settings import Settings
from telemetry_service.store import alerts
from telemetry_service.store.database import connect
from telemetry_service.store.directory import store_file
from telemetry_service.store.store import declared_sources


def look(settings: Settings) -> watch.Passed:
    """Take in what ended since the last pass, and open and close alerts."""
    with existing_store(settings) as opened:
        return watch.look(opened, declared_sources(settings.data_dir), now)


def found(settings: Settings, past: int) -> tuple[list[Alert], list[Alert], dict[str, str]]:
    """Open alerts, so many past ones, and the lines of their causes that may be told; the newest first."""
    path = store_file(settings.data_dir)
    with closing(connect(path, read_only=True)) as connection:
        open_now = alerts.open_alerts(connection)
        closed = alerts.past_alerts(connection, past) if past else []
        causes = {cause.cause for alert in (*open_now, *closed) for cause in alert.causes}
        causes |= {alert.cause for alert in (*open_now, *closed) if alert.cause}
        return open_now, closed, alerts.lines(connection, causes)
