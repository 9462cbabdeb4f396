"""Channels made of settings, and what is told over them: alerts and the weekly report."""

import signal
import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from sqlite3 import Connection

from telemetry_service.bootstrap.assembly import now
from telemetry_service.bootstrap.due import policy, report_time
from telemetry_service.bootstrap.reporting import report
from telemetry_service.channels.channel import Channel
from telemetry_service.channels.chat import Chat
from telemetry_service.channels.github import github, repository
from telemetry_service.channels.issue_comments import CHANNEL, IssueComments
from telemetry_service.channels.mail import Mail
from telemetry_service.channels.names import names
from telemetry_service.core.counts import Facet
from telemetry_service.core.issue_text import verified
from telemetry_service.core.messages import Notice
from telemetry_service.core.period import Period, day_of
from telemetry_service.core.reports.dashboard import installations
from telemetry_service.core.threshold import over_threshold
from telemetry_service.jobs import alerts, reporting
from telemetry_service.jobs.alerts import Comment
from telemetry_service.jobs.schedule import JobFailed
from telemetry_service.settings import Settings
from telemetry_service.store import outbox
from telemetry_service.store.alert_words import fixes, notices
from telemetry_service.store.database import connect
from telemetry_service.store.directory import store_file
from telemetry_service.store.outbox import Busy, held_outbox
from telemetry_service.store.reading import PUBLIC, Reader
from telemetry_service.store.store import declared_sources

TEST_WAIT_SECONDS = 45.0


def channels_of(settings: Settings) -> dict[str, Channel]:
    """The channels that alerts go to, by name."""
    found: dict[str, Channel] = {}
    if settings.smtp_host and settings.smtp_to:
        found["mail"] = mail(settings, "mail", settings.smtp_to)
    for name, url in zip(names(settings.alert_urls), settings.alert_urls, strict=True):
        found[name] = Chat(name, url)
    return found


def mail(settings: Settings, name: str, recipients: tuple[str, ...]) -> Mail:
    return Mail(
        name,
        host=settings.smtp_host,
        port=settings.smtp_port,
        user=settings.smtp_user,
        password=settings.smtp_password,
        sender=settings.smtp_from,
        recipients=recipients,
        require_tls=settings.smtp_use_tls,
    )


def standing_now(settings: Settings) -> list[outbox.Channel]:
    """How the channels stand."""
    with closing(existing(settings)) as connection:
        return outbox.standing(connection)


def work_off(settings: Settings) -> dict[str, int]:
    """Note, tell and send what is due; what was done.

    Raises `JobFailed` where a channel did not take a message, or another process is sending.
    """
    stop = _stopped_by_signal()
    try:
        with held_outbox(settings.data_dir) as connection:
            channels = channels_of(settings)
            at = report_time(settings)
            if at is not None:
                channels[reporting.CHANNEL] = mail(settings, reporting.CHANNEL, settings.report_recipients or settings.smtp_to)
                reporting.record_report(connection, at, partial(report, settings), now())
            if repository(settings):
                channels[CHANNEL] = IssueComments(partial(github, settings))
            fixed = _fixed(settings) if repository(settings) else ()
            counts = alerts.work(connection, policy(settings), channels, _notices(settings), now, stop, fixed)
    except Busy as error:
        raise JobFailed(str(error)) from None
    if counts["failed"] or counts["given_up"]:
        raise JobFailed("a channel did not take a message; see: telemetry-service alerts --status")
    return counts


def send_test(settings: Settings) -> list[tuple[str, str | None]]:
    """Send a test message over every channel: (channel, problem) of each. Raises `JobFailed`."""
    channels = channels_of(settings)
    try:
        with held_outbox(settings.data_dir, TEST_WAIT_SECONDS) as connection:
            return alerts.send_test(connection, channels, now, _stopped_by_signal())
    except Busy as error:
        raise JobFailed(str(error)) from None


def _notices(settings: Settings) -> Iterator[Notice]:
    """What is to be told now; also what was told already."""
    reader = Reader(settings.data_dir)
    try:
        yield from notices(reader, now())
        today = day_of(now())
        every = declared_sources(settings.data_dir).of_repository("all")
        tallies = reader.tallies(PUBLIC, (Facet.OUTCOME,), Period(today, today), every)
        found = over_threshold(installations(tallies), settings.alert_failure_threshold, today)
        if found is not None:
            yield found
    finally:
        reader.connection.close()


def existing(settings: Settings) -> Connection:
    """A connection to the store of a data directory that has one."""
    return connect(store_file(settings.data_dir), read_only=True)


def _fixed(settings: Settings) -> Iterator[Comment]:
    """What belongs under the issues of scripts whose alerts have closed since the issue was opened."""
    reader = Reader(settings.data_dir)
    with closing(reader.connection):
        for issue, notice in fixes(reader, repository(settings), now()):
            yield Comment(f"issue-{issue}-{notice.key.replace(':', '-')}", CHANNEL, issue, verified(notice, settings.public_url))


def _stopped_by_signal() -> threading.Event:
    """Set by SIGTERM: what is on its way is finished first, so that nobody has to guess whether it arrived."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
