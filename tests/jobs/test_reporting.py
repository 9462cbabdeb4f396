"""When the weekly report is due, and that it goes out once a week, whatever is restarted when."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stored import opened
from telemetry_service.core.messages import Message
from telemetry_service.core.period import Period
from telemetry_service.core.week import name_of
from telemetry_service.jobs.reporting import HOUR, ReportTime, is_due, record_report
from telemetry_service.store.database import connect
from telemetry_service.store.store import FILE_NAME


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with opened(tmp_path):
        pass
    with closing(connect(tmp_path / FILE_NAME)) as connection:
        yield connection


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("now", "weekday", "hour", "week"),
    [
        ("2026-11-23 06:59", 0, 7, "2026-W46"),
        ("2026-11-23 07:00", 0, 7, "2026-W47"),
        ("2026-11-29 23:59", 0, 7, "2026-W47"),
        ("2026-11-25 23:00", 2, 23, "2026-W47"),
        ("2026-11-25 22:59", 2, 23, "2026-W46"),
        ("2027-01-04 07:00", 0, 7, "2026-W53"),
    ],
)
def test_the_newest_report_that_is_due(now: str, weekday: int, hour: int, week: str) -> None:
    first = ReportTime(weekday, hour).newest(at(now)).first
    assert first is not None
    assert name_of(first) == week


@given(st.lists(st.integers(0, 60 * 24), max_size=60), st.integers(0, 6), st.integers(0, 23))
def test_once_a_week_whenever_the_service_happens_to_run(hours: list[int], weekday: int, hour: int) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        (sql,) = (Path(__file__).parents[2] / "src/telemetry_service/store/sql").glob("store_*_outbox.sql")
        connection.executescript(sql.read_text("utf-8"))
        time = ReportTime(weekday, hour)
        made: list[Period] = []

        def make(week: Period) -> Message:
            made.append(week)
            return Message("s", "t", "h")

        for passed in sorted(hours):
            now = at("2026-09-07 00:00") + passed * HOUR
            due = is_due(connection, time, now)
            assert record_report(connection, time, make, now) is due
            assert not is_due(connection, time, now)
        assert len(made) == len(set(made)) == connection.execute("SELECT count(*) FROM delivery").fetchone()[0]


def test_where_nothing_is_counted_nobody_is_written_to_and_nobody_asks_again(connection: sqlite3.Connection) -> None:
    time, now = ReportTime(0, 7), at("2026-11-23 07:00")
    assert not record_report(connection, time, lambda _: None, now)
    assert not is_due(connection, time, now)
    assert connection.execute("SELECT count(*) FROM delivery").fetchone() == (0,)


def test_what_breaks_while_it_is_made_is_made_again(connection: sqlite3.Connection) -> None:
    def broken(_: Period) -> Message:
        raise ValueError("broken")

    time, now = ReportTime(0, 7), at("2026-11-23 07:00")
    with pytest.raises(ValueError, match="broken"):
        record_report(connection, time, broken, now)
    assert is_due(connection, time, now)
