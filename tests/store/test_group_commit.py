"""Group commit: what is acknowledged is on disk, and a disk that fails delays nobody for good."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from telemetry_service.store import group_commit
from telemetry_service.store import inbox as inbox_module
from telemetry_service.store.database import StoreUnavailable
from telemetry_service.store.group_commit import GroupCommit
from telemetry_service.store.inbox import DELETE_AT_ONCE, Inbox, InboxReader

MB = 1024 * 1024
Test = Callable[[GroupCommit, Inbox], Awaitable[None]]


def run(directory: Path, test: Test, max_bytes: int = 64 * MB) -> None:
    """Run a test in an event loop of its own; ends by closing, which must not take long."""

    async def main() -> None:
        inbox = Inbox(directory, max_bytes=max_bytes, now=0)
        group = GroupCommit(inbox)
        async with asyncio.timeout(30):
            await test(group, inbox)
            await group.close(inbox.close)

    asyncio.run(main())


def read(directory: Path) -> list[bytes]:
    reader = InboxReader(directory)
    try:
        return [body for _, body in reader.read(0, 1_000_000)]
    finally:
        reader.close()


def test_what_is_acknowledged_can_be_read_by_another(tmp_path: Path) -> None:
    async def test(group: GroupCommit, inbox: Inbox) -> None:
        for number in range(20):
            body = b"%d" % number
            await group.store(body)
            assert read(tmp_path)[-1] == body
        assert group.last_seq == 20

    run(tmp_path, test)


def test_those_that_wait_together_share_a_commit_and_keep_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commits = 0
    commit = Inbox.commit

    def counting(self: Inbox, *arguments: Any) -> bool:
        nonlocal commits
        commits += 1
        return commit(self, *arguments)

    monkeypatch.setattr(Inbox, "commit", counting)
    bodies = [b"%d" % number for number in range(500)]

    async def test(group: GroupCommit, inbox: Inbox) -> None:
        await asyncio.gather(*(group.store(body) for body in bodies))

    run(tmp_path, test)
    assert read(tmp_path) == bodies
    assert commits < 10


def test_closing_waits_for_what_was_accepted(tmp_path: Path) -> None:
    async def test(group: GroupCommit, inbox: Inbox) -> None:
        group.store(b"a")

    run(tmp_path, test)
    assert read(tmp_path) == [b"a"]


def test_a_group_that_fails_is_told_so_and_the_next_one_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    working = Inbox.commit

    def fail(self: Inbox, *arguments: Any) -> None:
        raise StoreUnavailable("disk full")

    async def test(group: GroupCommit, inbox: Inbox) -> None:
        monkeypatch.setattr(Inbox, "commit", fail)
        results = await asyncio.gather(*(group.store(b"lost") for _ in range(3)), return_exceptions=True)
        assert [type(result) for result in results] == [StoreUnavailable] * 3
        monkeypatch.setattr(Inbox, "commit", working)
        await group.store(b"kept")
        assert group.last_seq == 1

    run(tmp_path, test)
    assert read(tmp_path) == [b"kept"]


@pytest.mark.parametrize("method", ["commit", "refusal"])
def test_an_error_that_nobody_thought_of_leaves_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(group_commit, "CHECK_SECONDS", 0)
    working = getattr(Inbox, method)

    def fail(self: Inbox, *arguments: Any) -> None:
        raise RuntimeError("canary")

    async def test(group: GroupCommit, inbox: Inbox) -> None:
        await group.store(b"before")
        monkeypatch.setattr(Inbox, method, fail)
        results = await asyncio.gather(*(group.store(b"unclear") for _ in range(3)), return_exceptions=True)
        assert [type(result) for result in results] == ([type(None)] if method == "refusal" else [StoreUnavailable]) * 3
        monkeypatch.setattr(Inbox, method, working)
        while group.refusal is not None:
            group.tidy()
            await asyncio.sleep(0.001)
        await group.store(b"after")

    run(tmp_path, test)
    assert read(tmp_path) == [b"before", *[b"unclear"] * (3 if method == "refusal" else 0), b"after"]
    said = [vars(record) for record in caplog.records]
    assert "RuntimeError" in {record["exception"] for record in said}
    assert "canary" not in str(said)


def test_over_its_bound_it_refuses_at_once_and_goes_on_when_folded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "CHECK_SECONDS", 0)

    async def test(group: GroupCommit, inbox: Inbox) -> None:
        while group.refusal is None:
            await asyncio.gather(*(group.store(b"x" * 1000) for _ in range(100)))
            await asyncio.sleep(0)
        with pytest.raises(StoreUnavailable, match="over its bound"):
            group.store(b"x")
        group.folded_through = inbox.last_seq()
        while group.refusal is not None:
            group.tidy()
            await asyncio.sleep(0.001)
        await group.store(b"y")
        assert read(tmp_path)[-1] == b"y"

    run(tmp_path, test, max_bytes=MB)


def test_all_that_is_folded_goes_without_another_report(tmp_path: Path) -> None:
    async def test(group: GroupCommit, inbox: Inbox) -> None:
        for _ in range(5):
            await asyncio.gather(*(group.store(b"x") for _ in range(DELETE_AT_ONCE)))
        group.folded_through = inbox.last_seq()
        group.tidy()
        while read(tmp_path):
            await asyncio.sleep(0.001)

    run(tmp_path, test)


def test_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "MAX_WAITING", 10)

    async def test(group: GroupCommit, inbox: Inbox) -> None:
        accepted = [group.store(b"x") for _ in range(10)]
        with pytest.raises(StoreUnavailable, match="too many"):
            group.store(b"y")
        await asyncio.gather(*accepted)
        await group.store(b"z")

    run(tmp_path, test)
    assert read(tmp_path) == [b"x"] * 10 + [b"z"]


def test_a_disk_that_cannot_be_asked_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "CHECK_SECONDS", 0)

    def fail(*_: Any) -> None:
        raise OSError("input/output error")

    async def test(group: GroupCommit, inbox: Inbox) -> None:
        monkeypatch.setattr(inbox_module.os, "statvfs", fail)
        await group.store(b"a")
        while group.refusal is None:
            await asyncio.sleep(0.001)
        with pytest.raises(StoreUnavailable):
            group.store(b"b")
        monkeypatch.undo()
        while group.refusal is not None:
            group.tidy()
            await asyncio.sleep(0.001)
        await group.store(b"c")

    run(tmp_path, test)
    assert read(tmp_path) == [b"a", b"c"]
