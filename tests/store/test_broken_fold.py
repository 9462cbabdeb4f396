"""A fold that breaks at any statement, by an error or by being killed, leaves all as it was; the next one makes it right."""

import itertools
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from event_strategies import MIDNIGHT
from stored import dump, opened
from telemetry_service.core.event import Event
from telemetry_service.core.installation import MICROSECONDS_PER_DAY
from telemetry_service.store import store as store_module
from telemetry_service.store.database import StoreUnavailable, connect, transaction
from telemetry_service.store.store import Position, Store

NOW = MIDNIGHT + MICROSECONDS_PER_DAY


def event(execution: int, status: str, received_at: int, **values: Any) -> Event:
    usual: dict[str, Any] = {"random_id": execution.to_bytes(16, "big"), "type": "lxc", "nsapp": "jellyfin"}
    return Event(execution=execution, status=status, received_at=received_at, **(usual | values))


BEFORE = [event(n, "installing", MIDNIGHT + n) for n in range(4)] + [event(9, "failed", MIDNIGHT + 9, exit_code=1)]
# New rows, changed rows, one that moves to another day, names and methods never seen, counts that reach k.
BATCH = [
    *(event(n, "success", MIDNIGHT + 1000 + n, install_duration=95, os_type="debian") for n in range(4)),
    event(9, "success", MIDNIGHT + 2000),
    event(2, "installing", MIDNIGHT - 5),
    event(20, "failed", MIDNIGHT + 3000, nsapp="newcomer", method="novel", exit_code=6, error="curl: host name not resolved"),
    event(21, "installing", MIDNIGHT + 4000, os_version="13"),
]


class FailingConnection:
    """A real connection whose statement number `fails_at` fails; for good, or only that one."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.statements = 0
        self.fails_at = 0
        self.for_good = False
        self.on_statement: Callable[[str], None] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, sql: str, *parameters: Any) -> Any:
        self._count(sql)
        return self._connection.execute(sql, *parameters)

    def executemany(self, sql: str, *parameters: Any) -> Any:
        self._count(sql)
        return self._connection.executemany(sql, *parameters)

    def _count(self, sql: str) -> None:
        self.statements += 1
        if self.fails_at and (self.statements == self.fails_at or (self.for_good and self.statements > self.fails_at)):
            raise sqlite3.OperationalError("database or disk is full")
        if self.on_statement is not None:
            self.on_statement(sql)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with what was folded before."""
    folder = tmp_path / "before"
    folder.mkdir()
    with opened(folder) as store:
        store.fold(BEFORE, Position("inbox", 5), NOW)
    return folder


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> list[FailingConnection]:
    """The connections of the stores opened from here on."""
    made: list[FailingConnection] = []

    def connect_failing(*arguments: Any, **options: Any) -> FailingConnection:
        made.append(FailingConnection(connect(*arguments, **options)))
        return made[-1]

    monkeypatch.setattr(store_module, "connect", connect_failing)
    return made


def fold(store: Store) -> None:
    store.fold(BATCH, Position("inbox", 13), NOW)


def fold_again(store: Store) -> None:
    """The next fold works; the one after it, where not even the roll-back did, which the next makes good."""
    if store.connection.in_transaction:
        with pytest.raises(StoreUnavailable):
            fold(store)
    fold(store)


def expected_after(folder: Path, tmp_path: Path) -> tuple[dict[str, Any], int]:
    """What the directory holds after an undisturbed fold, and how many statements that took."""
    copy = shutil.copytree(folder, tmp_path / "undisturbed")
    with opened(copy) as store:
        connection: Any = store.connection
        first = connection.statements
        fold(store)
        taken = connection.statements - first
    return dump(copy), taken


@pytest.mark.parametrize("for_good", [False, True], ids=["once", "until mended"])
def test_an_error_at_any_statement(folder: Path, tmp_path: Path, failing: list[FailingConnection], for_good: bool) -> None:
    before = dump(folder)
    after, statements = expected_after(folder, tmp_path)
    assert statements > 30
    assert after != before
    for number in range(1, statements + 1):
        copy = shutil.copytree(folder, tmp_path / str(number))
        with opened(copy) as store:
            connection = failing[-1]
            connection.fails_at, connection.for_good = connection.statements + number, for_good
            with pytest.raises(StoreUnavailable):
                fold(store)
            connection.fails_at = 0
            assert dump(copy) == before
            fold_again(store)
            assert list(store.differences()) == []
        assert dump(copy) == after, number
        shutil.rmtree(copy)


def test_a_kill_between_any_two_statements(folder: Path, tmp_path: Path, failing: list[FailingConnection]) -> None:
    """The files as they are at each statement, as a killed process leaves them, opened again."""
    before = dump(folder)
    after, statements = expected_after(folder, tmp_path)
    work = shutil.copytree(folder, tmp_path / "work")
    left: list[Path] = []
    with opened(work) as store:
        failing[-1].on_statement = lambda _: left.append(shutil.copytree(work, tmp_path / f"killed-{len(left)}"))
        fold(store)
        failing[-1].on_statement = None
        left.append(shutil.copytree(work, tmp_path / "killed-after"))
    assert len(left) == statements + 1
    for number, killed in enumerate(left):
        assert dump(killed) == (after if killed.name == "killed-after" else before), number
        with opened(killed) as store:
            assert store.position("inbox") == (13 if killed.name == "killed-after" else 5)
            fold(store)
            assert list(store.differences()) == []
        assert dump(killed) == after, number


def test_an_interrupt_inside_a_statement(folder: Path, tmp_path: Path) -> None:
    before = dump(folder)
    plain = shutil.copytree(folder, tmp_path / "plain")
    with opened(plain) as store:
        fold(store)
    after = dump(plain)
    for steps in (1, 10, 100, 300, 1_000, 3_000):  # of SQLite's virtual machine
        copy = shutil.copytree(folder, tmp_path / f"interrupted-{steps}")
        with opened(copy) as store:
            left = itertools.count(steps, -1)
            store.connection.set_progress_handler(lambda left=left: next(left) <= 0, 1)
            with pytest.raises(StoreUnavailable):
                fold(store)
            store.connection.set_progress_handler(None, 0)
            assert dump(copy) == before
            fold_again(store)
        assert dump(copy) == after


def test_a_rollback_that_fails_is_made_good_by_the_next_transaction(tmp_path: Path) -> None:
    connection = FailingConnection(connect(tmp_path / "file"))
    with transaction(connection):  # type: ignore[arg-type]
        connection.execute("CREATE TABLE t (n)")
    connection.fails_at, connection.for_good = connection.statements + 3, True
    with pytest.raises(StoreUnavailable), transaction(connection):  # type: ignore[arg-type]
        connection.execute("INSERT INTO t VALUES (1)")  # and COMMIT and ROLLBACK fail
    assert connection.in_transaction
    connection.fails_at = 0
    with pytest.raises(StoreUnavailable):
        transaction(connection).__enter__()  # type: ignore[arg-type]
    assert not connection.in_transaction
    with transaction(connection):  # type: ignore[arg-type]
        connection.execute("INSERT INTO t VALUES (2)")
    assert connection.execute("SELECT n FROM t").fetchall() == [(2,)]
    connection.close()


def test_any_exception_rolls_back(tmp_path: Path) -> None:
    connection = connect(tmp_path / "file")
    connection.execute("CREATE TABLE t (n)")

    def interrupted() -> None:
        with transaction(connection):
            connection.execute("INSERT INTO t VALUES (1)")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (0,)
    connection.close()
