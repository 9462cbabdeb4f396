"""Clean-up, retention and VACUUM on a real store: what they do, what they note, and that their bytes are gone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from event_strategies import MIDNIGHT, RANDOM_IDS
from stored import installations, opened, query, table
from telemetry_service.core.event import Erasure, Event, encode_event
from telemetry_service.core.installation import MICROSECONDS_PER_DAY
from telemetry_service.jobs import upkeep
from telemetry_service.jobs.fold import Fold
from telemetry_service.jobs.schedule import JobFailed
from telemetry_service.store import compact
from telemetry_service.store.database import StoreUnavailable
from telemetry_service.store.inbox import Inbox, InboxReader
from telemetry_service.store.runs import last_run
from telemetry_service.store.store import FILE_NAME, Store

DAY = MIDNIGHT // MICROSECONDS_PER_DAY
NOW = MIDNIGHT + 20 * MICROSECONDS_PER_DAY + 7 * 3_600_000_000
CANARY = bytes(range(200, 216))


class Disk(NamedTuple):
    f_bavail: int
    f_frsize: int


class Clock:
    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> int:
        self.at += 1
        return self.at


def id_of(number: int) -> bytes:
    """An id that no file holds by chance."""
    return (number + 0x4000).to_bytes(2, "big") * 8


def event(number: int, status: str = "success", received_at: int = MIDNIGHT, **values: Any) -> Event:
    usual: dict[str, Any] = {"random_id": id_of(number), "type": "lxc", "nsapp": "jellyfin"}
    return Event(execution=number * 7919, status=status, received_at=received_at, **(usual | values))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path) as store:
        yield store


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path


def days(of: int, per_day: int = 3) -> list[Event]:
    return [event(n, received_at=MIDNIGHT + n // per_day * MICROSECONDS_PER_DAY + n) for n in range(of * per_day)]


def everything_in(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file())


class TestCleanUp:
    def test_all_that_are_stuck_in_batches(self, store: Store, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(upkeep, "STUCK_AT_ONCE", 4)
        store.fold([event(n, "installing") for n in range(11)], None, NOW)
        assert upkeep.clean_up(store, 24, Clock()) == 11
        assert upkeep.clean_up(store, 24, Clock()) == 0
        assert {one.status for one in installations(directory).values()} == {"unknown"}
        assert list(store.differences()) == []
        run = last_run(store.connection, "cleanup")
        assert run is not None
        assert (run.outcome, run.counts) == ("done", {"updated": 0})

    def test_a_run_that_fails_is_noted(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: Any) -> int:
            raise StoreUnavailable("no")

        monkeypatch.setattr(upkeep, "give_up_stuck", fail)
        with pytest.raises(StoreUnavailable):
            upkeep.clean_up(store, 24, Clock())
        run = last_run(store.connection, "cleanup")
        assert run is not None
        assert run.outcome == "failed"


class TestRetention:
    @pytest.mark.parametrize("of_a_night", [38, 39])
    def test_whole_days_go_and_none_is_left(
        self, store: Store, directory: Path, monkeypatch: pytest.MonkeyPatch, of_a_night: int
    ) -> None:
        at_once: list[int] = []
        monkeypatch.setattr(upkeep, "OF_A_NIGHT", of_a_night)
        monkeypatch.setattr(upkeep, "DELETED_AT_ONCE", 20)
        monkeypatch.setattr(upkeep, "GENTLY_AT_ONCE", 5)
        delete = upkeep.retention.delete_sealed
        monkeypatch.setattr(upkeep.retention, "delete_sealed", lambda store, n: at_once.append(n) or delete(store, n))
        store.fold(days(21), None, NOW)
        before = table(directory, "count_day"), table(directory, "count_month"), table(directory, "public_count_day")
        assert upkeep.retain(store, None, 8, Clock()) == {
            "erased_ids": 0, "installations": 39, "backups": 0,
            "left": 0, "left_in_inbox": 0, "left_in_mirror": 0, "left_in_backups": 0,
        }  # fmt: skip
        # Eight UTC days are kept, today included: none is older than eight days at any time of the day.
        assert {one.day for one in installations(directory).values()} == set(range(DAY + 13, DAY + 21))
        assert store.sealed_through() == DAY + 12
        assert list(store.differences()) == []
        assert before == (
            table(directory, "count_day"), table(directory, "count_month"), table(directory, "public_count_day")
        )  # fmt: skip
        assert query(directory, "PRAGMA freelist_count") == [(0,)]
        log = (directory / f"{FILE_NAME}-wal").read_bytes()  # nothing but the note of the run
        assert not any(id_of(number) in log for number in range(63))
        assert at_once == ([5] * 9 if of_a_night == 39 else [20] * 3)
        assert upkeep.retain(store, None, 8, Clock())["installations"] == 0

    def test_events_that_wait_for_too_long_are_told(self, store: Store, directory: Path) -> None:
        inbox = Inbox(directory, max_bytes=10**9, now=0)
        inbox.commit([encode_event(one) for one in days(2)] + [encode_event(event(99, received_at=NOW))], 0)
        reader = InboxReader(directory)
        with pytest.raises(JobFailed, match=r"^6 waiting events are older than 8 days$"):
            upkeep.retain(store, reader, 8, Clock())
        run = last_run(store.connection, "retention")
        assert run is not None
        assert (run.outcome, run.counts["left_in_inbox"]) == ("failed", 6)
        while Fold(reader, store, Clock()).step():
            pass
        assert len(installations(directory)) == 1  # those of sealed days are refused
        reader.close()
        inbox.close()

    def test_a_database_without_incremental_vacuum_is_left_to_vacuum(self, store: Store) -> None:
        store.fold(days(21, 200), None, NOW)
        store.connection.execute("PRAGMA auto_vacuum = NONE")
        store.connection.execute("PRAGMA journal_mode = DELETE")
        store.connection.execute("VACUUM")
        upkeep.retain(store, None, 8, Clock())
        assert list(store.differences()) == []


class TestVacuum:
    def fill(self, store: Store) -> None:
        """Enough that rows are moved between pages, some of the canary among others."""
        for start in range(0, 3000, 100):
            batch = [event(n, received_at=MIDNIGHT + n * 100) for n in range(start, start + 100)]
            mine = event(5000 + start, random_id=CANARY, nsapp="canary-app", method="canary-method", received_at=MIDNIGHT + start)
            store.fold([*batch, mine], None, NOW)

    def test_no_byte_of_what_was_erased_is_left(self, store: Store, directory: Path) -> None:
        self.fill(store)
        for canary in (CANARY, b"canary-app", b"canary-method"):
            assert canary in everything_in(directory)
        store.fold([Erasure(received_at=NOW, random_id=CANARY)], None, NOW)
        upkeep.vacuum(store, directory, Clock())
        for canary in (CANARY, b"canary-app", b"canary-method"):
            assert canary not in everything_in(directory)
        assert list(store.differences()) == []
        assert len(installations(directory)) == 3000

    def test_no_byte_of_what_was_too_old_is_left(self, store: Store, directory: Path) -> None:
        self.fill(store)
        store.fold([event(9000, received_at=NOW)], None, NOW)
        assert upkeep.retain(store, None, 8, Clock())["installations"] == 3030
        upkeep.vacuum(store, directory, Clock())
        content = everything_in(directory)
        assert CANARY not in content
        assert id_of(1234) not in content
        assert b"canary-app" in content  # it is counted, and counts stay
        assert id_of(9000) in content

    def test_it_is_due_when_something_was_deleted_and_six_days_after_the_last(self, store: Store, directory: Path) -> None:
        clock = Clock()
        store.fold([event(1, random_id=RANDOM_IDS[0]), event(2, received_at=NOW)], None, NOW)
        upkeep.retain(store, None, 365, clock)
        assert not upkeep.vacuum_is_due(store, clock.at)
        store.fold([Erasure(received_at=NOW, random_id=RANDOM_IDS[0])], None, clock())
        assert upkeep.vacuum_is_due(store, clock.at)
        upkeep.vacuum(store, directory, clock)
        assert not upkeep.vacuum_is_due(store, clock.at + 100 * MICROSECONDS_PER_DAY)
        clock.at += MICROSECONDS_PER_DAY
        upkeep.retain(store, None, 1, clock)
        assert not upkeep.vacuum_is_due(store, clock.at)
        assert upkeep.vacuum_is_due(store, clock.at + 5 * MICROSECONDS_PER_DAY)

    def test_too_little_space_is_said_before_anything_is_done(
        self, store: Store, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store.fold(days(21, 200), None, NOW)
        store.truncate_wal()
        before = (directory / FILE_NAME).read_bytes()
        needed = 2 * len(before) + 64 * 1024 * 1024
        monkeypatch.setattr(compact.os, "statvfs", lambda _: Disk(needed - 1, 1))
        with pytest.raises(StoreUnavailable, match=r"\d+ MB of free space are needed to write it anew, \d+ MB are there"):
            compact.vacuum(store.connection, directory)
        assert (directory / FILE_NAME).read_bytes() == before
        monkeypatch.setattr(compact.os, "statvfs", lambda _: Disk(needed, 1))
        compact.vacuum(store.connection, directory)

    def test_a_reader_holds_up_the_emptying_of_the_log_and_nothing_else(
        self, store: Store, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(upkeep, "TRUNCATE_TRIES", 1)
        monkeypatch.setattr(upkeep, "LONGEST_REST_SECONDS", 0.0)
        with opened(directory) as other:
            store.fold(days(3), None, NOW)
            other.connection.execute("BEGIN")
            other.connection.execute("SELECT count(*) FROM installation").fetchone()
            store.fold([event(5000)], None, NOW)
            assert not store.truncate_wal()
            with pytest.raises(JobFailed, match="could not be emptied"):
                upkeep.empty_log(store)
            store.fold([event(5001)], None, NOW)
            other.connection.execute("ROLLBACK")
            upkeep.empty_log(store)
        assert (directory / f"{FILE_NAME}-wal").stat().st_size == 0
