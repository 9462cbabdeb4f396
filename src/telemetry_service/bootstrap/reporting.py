"""The weekly report, put together from a data directory."""

from contextlib import closing

from telemetry_service.bootstrap.assembly import now
from telemetry_service.core.counts import DEFAULT_REPOSITORY
from telemetry_service.core.messages import Message
from telemetry_service.core.period import Period, day_of
from telemetry_service.core.reports.view import View
from telemetry_service.core.week import DAYS, before, first_day
from telemetry_service.settings import Settings
from telemetry_service.store.directory import store_file
from telemetry_service.store.reading import Reader
from telemetry_service.store.store import declared_sources
from telemetry_service.store.weeks import weekly_report
from telemetry_service.web.mails import report_mail


def last_week() -> Period:
    """The last week that is over."""
    monday = first_day(day_of(now()))
    return before(Period(monday, monday + DAYS - 1, ended=True))


def report(settings: Settings, week: Period) -> Message | None:
    """The report of a week in published numbers, as a mail; None where nothing was published up to then."""
    store_file(settings.data_dir)
    view = View(period=week, sources=declared_sources(settings.data_dir).of_repository(DEFAULT_REPOSITORY), exact=False)
    reader = Reader(settings.data_dir)
    with closing(reader.connection):
        found = weekly_report(reader, view, today=day_of(now()), step=settings.publish_min_count)
    return None if found is None else report_mail(found, settings.public_url)
