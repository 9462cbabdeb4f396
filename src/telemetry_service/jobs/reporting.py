"""When the weekly report is due, and that it goes out once."""

import sqlite3
from collections.abc import Callable

import msgspec

from telemetry_service.core.messages import Message
from telemetry_service.core.period import Period, day_of
from telemetry_service.core.week import DAYS, before, first_day, name_of
from telemetry_service.store import outbox
from telemetry_service.store.database import transaction

CHANNEL = "report"  # mail to those who get the report
HOUR = 3_600_000_000
DAY = 24 * HOUR
NOTHING = Message("nothing to report", "", "")


class ReportTime(msgspec.Struct, frozen=True):
    """When a week's report goes out: a day of the week after it (Monday 0), and an hour in UTC."""

    weekday: int
    hour: int

    def newest(self, now: int) -> Period:
        """The newest week whose report is due at an instant."""
        monday = first_day(day_of(now))
        this = Period(monday, monday + DAYS - 1, ended=True)
        is_time = now >= (monday + self.weekday) * DAY + self.hour * HOUR
        return before(this, 1 if is_time else 2)


def key(week: Period) -> str:
    assert week.first is not None
    return f"report-{name_of(week.first)}"


def is_due(connection: sqlite3.Connection, at: ReportTime, now: int) -> bool:
    """Whether the newest report was not recorded yet. Older ones that were missed are not made up for."""
    return not outbox.is_recorded(connection, key(at.newest(now)))


def record_report(connection: sqlite3.Connection, at: ReportTime, make: Callable[[Period], Message | None], now: int) -> bool:
    """Record the newest report if it is due; whether it was. Where nothing was published yet there is none.

    Only by who holds the outbox. Raises `StoreUnavailable`, with nothing recorded.
    """
    week = at.newest(now)
    if outbox.is_recorded(connection, key(week)):
        return False
    message = make(week)
    with transaction(connection):
        if message is None:  # noted all the same, so that nobody asks again
            outbox.record(connection, key(week), "report", NOTHING, [], now)
            return False
        return outbox.record(connection, key(week), "report", message, [CHANNEL], now) is not None
