"""The one table of jobs: what is in it, and when each is due after a start."""

from collections.abc import Callable

import pytest

from telemetry_service.jobs.schedule import SETTLE_SECONDS, Job, table
from telemetry_service.settings import from_environ

MINUTE, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000
NOON = 20_000 * DAY + 12 * HOUR


def jobs(now: int, last: Callable[[str], int | None], **settings: str) -> dict[str, Job]:
    return {job.name: job for job in table(from_environ(settings), last, now)}


def test_what_runs_by_itself() -> None:
    usual = {"watch", "alerts", "audit", "cleanup", "retention", "vacuum"}
    assert set(jobs(NOON, lambda _: None)) == usual
    assert set(jobs(NOON, lambda _: None, CLEANUP_ENABLED="false")) == usual - {"cleanup"}
    assert set(jobs(NOON, lambda _: None, BACKUP_DAILY="true")) == usual | {"backup"}


def test_the_clean_up_goes_on_where_it_stopped() -> None:
    for last, first_in in ((None, SETTLE_SECONDS), (NOON - 2 * HOUR, SETTLE_SECONDS), (NOON - 10 * MINUTE, 20 * 60.0)):
        job = jobs(NOON, lambda _, last=last: last, CLEANUP_INTERVAL_MIN="30")["cleanup"]
        assert (job.period_seconds, job.first_in_seconds) == (1800.0, first_in)


@pytest.mark.parametrize(
    ("now", "last", "first_in"),
    [
        (NOON, None, SETTLE_SECONDS),
        (NOON, NOON - 12 * HOUR, SETTLE_SECONDS),  # at midnight, five minutes before today's turn
        (NOON, NOON - 12 * HOUR + 6 * MINUTE, 43_500.0),
        (NOON, NOON - 3 * DAY, SETTLE_SECONDS),
        (NOON - 12 * HOUR, NOON - 36 * HOUR + 6 * MINUTE, 300.0),
        (NOON - 12 * HOUR + 5 * MINUTE, NOON - 36 * HOUR + 6 * MINUTE, SETTLE_SECONDS),
    ],
)
def test_retention_is_due_five_minutes_after_midnight_and_made_up_for(now: int, last: int | None, first_in: float) -> None:
    job = jobs(now, lambda _: last)["retention"]
    assert (job.period_seconds, job.first_in_seconds) == (86_400.0, first_in)


def test_a_clock_set_back_puts_nothing_off_for_longer_than_a_period() -> None:
    for job in jobs(NOON, lambda _: NOON + 100 * DAY).values():
        assert job.first_in_seconds <= job.period_seconds
