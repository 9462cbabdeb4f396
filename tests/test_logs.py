"""Log files of a day, and their end."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from telemetry_service.logs import SECONDS_PER_DAY, DailyFiles


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 2, 26, 23, 59, 59, tzinfo=UTC).timestamp()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def files(tmp_path: Path, clock: Clock) -> Iterator[DailyFiles]:
    files = DailyFiles(tmp_path / "logs", 7, clock)
    yield files
    files.close()


def kept(tmp_path: Path) -> dict[str, str]:
    return {path.name.removeprefix("telemetry-service-"): path.read_text() for path in sorted((tmp_path / "logs").iterdir())}


def test_one_file_a_day(tmp_path: Path, files: DailyFiles, clock: Clock) -> None:
    for text in ("a\n", "b\n", "c\n"):
        files.write(text)
        clock.now += 1
    files.flush()
    assert kept(tmp_path) == {"2026-02-26.log": "a\n", "2026-02-27.log": "b\nc\n"}


def test_files_end_after_their_days(tmp_path: Path, files: DailyFiles, clock: Clock) -> None:
    for day in range(20):
        files.write(f"{day}\n")
        assert len(kept(tmp_path)) == min(day + 1, 7)
        clock.now += SECONDS_PER_DAY
    assert list(kept(tmp_path)) == [f"2026-03-{day:02}.log" for day in range(11, 18)]


def test_files_end_also_when_nothing_is_logged(tmp_path: Path, files: DailyFiles, clock: Clock) -> None:
    files.write("a\n")
    clock.now += SECONDS_PER_DAY * 6
    files.tidy()
    assert len(kept(tmp_path)) == 1
    clock.now += SECONDS_PER_DAY
    files.tidy()
    assert kept(tmp_path) == {}


def test_other_files_are_left_alone(tmp_path: Path, files: DailyFiles, clock: Clock) -> None:
    others = ("telemetry-service-2020-01-01.log.gz", "telemetry-service-old.log", "other-2020-01-01.log")
    for name in others:
        (tmp_path / "logs" / name).write_text("kept")
    (tmp_path / "logs" / "telemetry-service-2020-01-01.log").write_text("old")
    files.tidy()
    assert {path.name for path in (tmp_path / "logs").iterdir()} == set(others)


def test_two_processes_write_the_same_file(tmp_path: Path, files: DailyFiles, clock: Clock) -> None:
    other = DailyFiles(tmp_path / "logs", 7, clock)
    for n in range(100):
        (files, other)[n % 2].write(f"{n}\n")
    other.close()
    files.flush()
    assert kept(tmp_path)["2026-02-26.log"].splitlines() == [str(n) for n in range(100)]


def test_a_directory_that_is_gone_stops_nobody(tmp_path: Path, files: DailyFiles, clock: Clock) -> None:
    (tmp_path / "logs").rmdir()
    files.write("lost\n")
    files.flush()
    files.tidy()
    (tmp_path / "logs").mkdir()
    files.write("found\n")
    assert kept(tmp_path) == {"2026-02-26.log": "found\n"}
