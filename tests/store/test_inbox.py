"""The inbox: whole groups, numbers never given twice, bounded."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_service.store import inbox as inbox_module
from telemetry_service.store.database import StoreUnavailable, UnusableData
from telemetry_service.store.inbox import DELETE_AT_ONCE, FILE_NAME, Inbox, InboxReader

MB = 1024 * 1024


def open_inbox(directory: Path, max_bytes: int = 64 * MB) -> Inbox:
    return Inbox(directory, max_bytes=max_bytes, now=0)


def add(inbox: Inbox, *bodies: bytes, folded_through: int = 0) -> None:
    inbox.commit(bodies, folded_through)


def read(directory: Path, after: int = 0, limit: int = 100_000) -> list[tuple[int, bytes]]:
    reader = InboxReader(directory)
    try:
        return reader.read(after, limit)
    finally:
        reader.close()


@pytest.fixture
def inbox(tmp_path: Path) -> Iterator[Inbox]:
    inbox = open_inbox(tmp_path)
    yield inbox
    inbox.close()


def test_events_come_back_in_order(inbox: Inbox, tmp_path: Path) -> None:
    add(inbox, b"a", b"b")
    add(inbox, b"\0c")
    assert read(tmp_path) == [(1, b"a"), (2, b"b"), (3, b"\0c")]
    assert read(tmp_path, after=1, limit=1) == [(2, b"b")]
    assert inbox.last_body() == b"\0c"
    reader = InboxReader(tmp_path)
    assert reader.generation() == inbox.generation
    reader.close()


def test_a_group_is_stored_whole_or_not_at_all(inbox: Inbox, tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        inbox.commit([None], 0)  # type: ignore[list-item]
    assert read(tmp_path) == []
    add(inbox, b"b")
    assert read(tmp_path) == [(1, b"b")]


def test_a_commit_that_fails_stores_nothing_and_the_next_group_goes_on(inbox: Inbox, tmp_path: Path) -> None:
    inbox._connection.execute("PRAGMA max_page_count = 16")
    with pytest.raises(StoreUnavailable):
        add(inbox, *(b"x" * 4000 for _ in range(100)))
    assert read(tmp_path) == []
    inbox._connection.execute("PRAGMA max_page_count = 100000")
    add(inbox, b"b")
    assert [body for _, body in read(tmp_path)] == [b"b"]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(-1, 12), st.booleans()), max_size=8))
def test_numbers_grow_and_are_given_once(steps: list[tuple[int, int, bool]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        inbox = open_inbox(directory)
        generation, given_out, folded = inbox.generation, 0, 0
        for size, progress, reopen in steps:
            folded = min(given_out, max(folded, progress))
            add(inbox, *(b"%d" % (given_out + n + 1) for n in range(size)), folded_through=folded)
            given_out += size
            assert read(directory, folded) == [(n, b"%d" % n) for n in range(folded + 1, given_out + 1)]
            if reopen:
                inbox.close()
                inbox = open_inbox(directory)
            assert (inbox.generation, inbox.last_seq()) == (generation, given_out)
        inbox.close()


def test_an_emptied_inbox_continues_its_numbering(tmp_path: Path) -> None:
    inbox = open_inbox(tmp_path)
    add(inbox, b"a", b"b")
    add(inbox, folded_through=2)
    inbox.close()
    assert read(tmp_path) == []
    inbox = open_inbox(tmp_path)
    assert (inbox.last_seq(), inbox.last_body()) == (2, None)
    add(inbox, b"c")
    assert read(tmp_path) == [(3, b"c")]
    inbox.close()


def test_what_is_not_folded_stays(inbox: Inbox, tmp_path: Path) -> None:
    add(inbox, b"a", b"b", b"c")
    add(inbox, b"d")
    add(inbox, folded_through=2)
    assert read(tmp_path, after=2) == [(3, b"c"), (4, b"d")]
    add(inbox, folded_through=3)
    assert read(tmp_path) == [(4, b"d")]
    add(inbox, folded_through=1)
    assert read(tmp_path) == [(4, b"d")]


def test_taking_away_is_spread_over_commits(inbox: Inbox, tmp_path: Path) -> None:
    count = 3 * DELETE_AT_ONCE
    for _ in range(count // 5):
        add(inbox, *(b"x" for _ in range(5)))
    left = [count]
    while left[-1]:
        add(inbox, folded_through=count)
        left.append(len(read(tmp_path)))
        assert 0 < left[-2] - left[-1] <= DELETE_AT_ONCE + 5


@pytest.mark.parametrize("size", [1, 5, DELETE_AT_ONCE, 3 * DELETE_AT_ONCE])
def test_taking_away_is_quicker_than_what_comes(inbox: Inbox, tmp_path: Path, size: int) -> None:
    for _ in range(20):
        add(inbox, *(b"x" for _ in range(size)))
    folded = inbox.last_seq()
    for _ in range(10):
        add(inbox, *(b"y" for _ in range(size)), folded_through=folded)
    assert {body for _, body in read(tmp_path)} == {b"y"}


def test_generations_differ_between_inboxes(tmp_path: Path) -> None:
    generations = set()
    for name in "abc":
        (tmp_path / name).mkdir()
        inbox = open_inbox(tmp_path / name)
        generations.add(inbox.generation)
        inbox.start_new_generation()
        generations.add(inbox.generation)
        inbox.close()
        again = open_inbox(tmp_path / name)
        assert again.generation in generations
        again.close()
    assert len(generations) == 6


class TestBounds:
    def test_an_inbox_over_its_bound_refuses_until_it_is_folded(self, tmp_path: Path) -> None:
        inbox = open_inbox(tmp_path, max_bytes=1 * MB)
        assert inbox.refusal() is None
        while inbox.refusal() is None:
            add(inbox, *(b"x" * 1000 for _ in range(100)))
            assert inbox.last_seq() < 2_000
        assert inbox.refusal() == "the inbox is over its bound"
        while inbox.commit((), inbox.last_seq()):
            pass
        assert inbox.refusal() is None
        inbox.close()

    def test_a_disk_nearly_full_refuses(self, inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(inbox_module, "RESERVE_BYTES", 2**62)
        monkeypatch.setattr(inbox_module, "RESERVE_SHARE", 1)
        assert inbox.refusal() == "the disk is nearly full"

    def test_a_newer_inbox_is_refused(self, tmp_path: Path) -> None:
        open_inbox(tmp_path).close()
        connection = sqlite3.connect(tmp_path / FILE_NAME)
        connection.execute("INSERT INTO schema_step VALUES (99, 'later', 1)")
        connection.commit()
        connection.close()
        with pytest.raises(UnusableData, match="the inbox was written by a newer version"):
            open_inbox(tmp_path)


def test_a_killed_process_leaves_what_was_committed(inbox: Inbox, tmp_path: Path) -> None:
    add(inbox, b"a")
    inbox._connection.execute("BEGIN IMMEDIATE")
    inbox._connection.execute("INSERT INTO event_group VALUES (2, 1, x'62')")
    killed = tmp_path / "killed"
    killed.mkdir()
    for path in tmp_path.glob(f"{FILE_NAME}*"):
        shutil.copy(path, killed)
    again = open_inbox(killed)
    assert read(killed) == [(1, b"a")]
    add(again, b"c")
    assert [body for _, body in read(killed)] == [b"a", b"c"]
    again.close()


def test_events_of_the_schema_before_keep_their_numbers(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    first_schema = resources.files("telemetry_service.store").joinpath("sql/inbox_001_initial.sql").read_text("utf-8")
    connection.executescript(
        "CREATE TABLE schema_step (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT;"
        f"INSERT INTO schema_step VALUES (1, 'inbox_001_initial.sql', 1);{first_schema};"
        "INSERT INTO event (body) VALUES (x'61'), (x'62'), (x'63'); DELETE FROM event WHERE seq = 1;"
    )
    connection.close()
    inbox = open_inbox(tmp_path)
    assert read(tmp_path) == [(2, b"b"), (3, b"c")]
    add(inbox, folded_through=3)
    assert (read(tmp_path), inbox.last_seq()) == ([], 3)
    add(inbox, b"d", b"e")
    assert read(tmp_path) == [(4, b"d"), (5, b"e")]
    inbox.close()
