"""Whether there is anything to tell: asked by the background process twice a minute, so it loads nothing that tells."""

from contextlib import closing

from telemetry_service.bootstrap.assembly import now
from telemetry_service.channels.names import names
from telemetry_service.jobs import alerts, reporting
from telemetry_service.jobs.alerts import Policy
from telemetry_service.jobs.reporting import ReportTime
from telemetry_service.settings import Settings
from telemetry_service.store.database import StoreUnavailable, connect
from telemetry_service.store.store import FILE_NAME


def alert_channels(settings: Settings) -> tuple[str, ...]:
    """Their names alone."""
    return (("mail",) if settings.smtp_host and settings.smtp_to else ()) + names(settings.alert_urls)


def policy(settings: Settings) -> Policy:
    return Policy(
        enabled=settings.alert_enabled,
        check_minutes=settings.alert_check_interval_min,
        cooldown_minutes=settings.alert_cooldown_min,
        channels=alert_channels(settings),
        public_url=settings.public_url,
    )


def report_time(settings: Settings) -> ReportTime | None:
    """When the weekly report goes out; None for never."""
    if not settings.report_enabled or not settings.smtp_host:
        return None
    return ReportTime(settings.report_day, settings.report_hour)


def alerts_due(settings: Settings) -> bool:
    """Whether the command `alerts` has anything to do; cheap enough to be asked twice a minute."""
    try:
        with closing(connect(settings.data_dir / FILE_NAME, read_only=True)) as connection:
            if alerts.is_due(connection, policy(settings), now()):
                return True
            at = report_time(settings)
            return at is not None and reporting.is_due(connection, at, now())
    except StoreUnavailable:
        return False  # the next look will tell
