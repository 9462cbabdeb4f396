"""Opening files: pragmas, migrations, and what is refused."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from stored import opened, query
from telemetry_service.store import database
from telemetry_service.store.compact import truncate_wal
from telemetry_service.store.database import (
    COMMAND_WAIT_SECONDS,
    StoreUnavailable,
    UnusableData,
    connect,
    migrate,
    schema_version,
)


def pragma(connection: sqlite3.Connection, name: str) -> object:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_what_is_written_is_synced_and_deleted_content_is_overwritten(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "file")) as connection:
        assert pragma(connection, "journal_mode") == "wal"
        assert pragma(connection, "synchronous") == 2
        assert pragma(connection, "secure_delete") == 1
        connection.execute("CREATE TABLE t (n)")
        assert pragma(connection, "auto_vacuum") == 2


def test_reading_neither_creates_nor_writes(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        connect(tmp_path / "missing", read_only=True).execute("SELECT 1 FROM sqlite_master")
    assert list(tmp_path.iterdir()) == []
    with closing(connect(tmp_path / "file")) as connection:
        connection.execute("CREATE TABLE t (n)")
    with closing(connect(tmp_path / "file", read_only=True)) as connection, pytest.raises(sqlite3.OperationalError):
        connection.execute("INSERT INTO t VALUES (1)")


@pytest.mark.parametrize("kind", ["store", "inbox"])
def test_steps_are_numbered_one_after_the_other(kind: str) -> None:
    """A step that comes between others would be skipped where those have been taken."""
    names = [name for name, _ in database._steps(kind)]
    assert [int(name.split("_")[1]) for name in names] == list(range(1, len(names) + 1))


def test_a_path_with_odd_characters(tmp_path: Path) -> None:
    folder = tmp_path / "a b?c#d%20é"
    folder.mkdir()
    with closing(connect(folder / "file")):
        pass
    assert (folder / "file").exists()
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "store.sqlite").write_bytes(b"this is not a database, whatever its name says" * 100)
    with pytest.raises(StoreUnavailable, match="not a database"), opened(tmp_path):
        pass


@pytest.mark.parametrize("kind", ["store", "inbox"])
def test_each_step_leaves_its_record(kind: str) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, kind, 123)
        steps = connection.execute("SELECT version, name, applied_at FROM schema_step").fetchall()
        assert steps[0] == (1, f"{kind}_001_initial.sql", 123)
        assert schema_version(connection) == len(steps) == len(database._steps(kind))
        migrate(connection, kind, 456)
        assert connection.execute("SELECT version, name, applied_at FROM schema_step").fetchall() == steps


@pytest.mark.parametrize("kind", ["store", "inbox"])
def test_a_newer_file_is_refused_and_left_as_it_is(kind: str) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, kind, 1)
        connection.execute("INSERT INTO schema_step VALUES (99, 'store_099_later.sql', 2)")
        before = list(connection.iterdump())
        with pytest.raises(UnusableData, match=r"newer version .*schema 99.*restore a backup"):
            migrate(connection, kind, 3)
        assert list(connection.iterdump()) == before


def test_a_newer_store_is_refused_when_it_is_opened(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.connection.execute("INSERT INTO schema_step VALUES (99, 'later', 2)")
    with pytest.raises(UnusableData, match="newer version"), opened(tmp_path):
        pass


def test_a_step_that_breaks_is_undone_and_the_steps_before_it_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    good = [("a_001.sql", "CREATE TABLE one (n);\n"), ("a_002.sql", "CREATE TABLE two (n);\n")]
    broken = ("a_003.sql", "CREATE TABLE three (n);\nINSERT INTO three VALUES (1);\nINSERT INTO nowhere VALUES (1);\n")
    mended = ("a_003.sql", "CREATE TABLE three (n);\nINSERT INTO three VALUES (1);\n")
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        monkeypatch.setattr(database, "_steps", lambda kind: [*good, broken])
        with pytest.raises(StoreUnavailable):
            migrate(connection, "a", 1)
        assert schema_version(connection) == 2
        tables = "SELECT name FROM sqlite_master WHERE name IN ('one', 'two', 'three')"
        assert connection.execute(tables).fetchall() == [("one",), ("two",)]
        monkeypatch.setattr(database, "_steps", lambda kind: [*good, mended])
        migrate(connection, "a", 2)
        assert connection.execute("SELECT version, applied_at FROM schema_step").fetchall() == [(1, 1), (2, 1), (3, 2)]
        assert connection.execute("SELECT n FROM three").fetchall() == [(1,)]


def test_a_step_may_hold_triggers_and_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    sql = """-- a comment; with a semicolon
CREATE TABLE t (n); -- and another
CREATE TRIGGER u AFTER INSERT ON t BEGIN
  UPDATE t SET n = 2;
  UPDATE t SET n = n + 1;
END;
"""
    monkeypatch.setattr(database, "_steps", lambda kind: [("a", sql)])
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection, "a", 1)
        connection.execute("INSERT INTO t VALUES (1)")
        assert connection.execute("SELECT n FROM t").fetchall() == [(3,)]


def test_the_view_for_people(tmp_path: Path) -> None:
    with opened(tmp_path):
        assert query(tmp_path, "SELECT * FROM installation_by_name") == []


def test_emptying_the_log_does_not_change_how_long_is_waited(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "file", wait_seconds=COMMAND_WAIT_SECONDS)) as connection:
        connection.execute("CREATE TABLE t (n)")
        assert truncate_wal(connection)
        assert pragma(connection, "busy_timeout") == COMMAND_WAIT_SECONDS * 1000


class TestNextSteps:
    @pytest.mark.parametrize(
        "content", [b"no database at all, and long enough to be looked at", b"SQLite format 3\x00" + bytes(5000)]
    )
    def test_of_a_damaged_file(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "file").write_bytes(content)
        with pytest.raises(StoreUnavailable, match=r"^file: .*damaged.*restore --replace\)$"):
            connect(tmp_path / "file")

    def test_of_a_file_that_cannot_be_opened(self, tmp_path: Path) -> None:
        with pytest.raises(StoreUnavailable, match=r"^file: unable to open .*; run this as the user that owns DATA_DIR"):
            connect(tmp_path / "missing" / "file")

    def test_of_a_disk_without_room_for_the_index_of_the_log(self) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
        assert str(database.unavailable(error, "file")).startswith("file: disk I/O error; make room on the disk")

    def test_what_needs_none_is_said_as_it_is(self) -> None:
        assert str(database.unavailable(sqlite3.OperationalError("disk I/O error"))) == "disk I/O error"
