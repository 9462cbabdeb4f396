"""Backups: nothing acknowledged is missing, nothing damaged passes, nothing erased comes back, and nothing stays too long."""

import errno
import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from in_one_process import Service, id_of, running

from event_strategies import MIDNIGHT
from stored import counted, installations, options, query, table
from telemetry_service.core.installation import MICROSECONDS_PER_DAY
from telemetry_service.core.period import day_of
from telemetry_service.jobs import upkeep
from telemetry_service.jobs.schedule import JobFailed
from telemetry_service.store import backup, compact, restoring
from telemetry_service.store.changes import Changes, follow
from telemetry_service.store.database import StoreUnavailable, UnusableData
from telemetry_service.store.directory import KEY_FILE, RESTORING, held
from telemetry_service.store.retention import seal
from telemetry_service.store.runs import last_run

KEY = b"k" * 32  # of `stored.IDS`
NOW = MIDNIGHT + 5 * MICROSECONDS_PER_DAY
DAY = day_of(NOW)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    directory = tmp_path / "data"
    directory.mkdir()
    (directory / KEY_FILE).write_text(KEY.hex())
    return directory


@pytest.fixture
def service(data: Path) -> Iterator[Service]:
    with running(data) as service:
        yield service


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def restore(source: Path, directory: Path, *, replace: bool = False) -> restoring.Restored:
    return restoring.restore(source, directory, options(), NOW, replace=replace)


def prove(directory: Path, *numbers: int) -> None:
    """Exactly these installations are stored and counted once what waits is folded, and so are those that come after."""
    with running(directory) as service:
        service.fold()
        service.take(900, 901)
        service.fold()
        service.tidy()
        assert list(service.store.differences()) == []
    stored = installations(directory)
    assert sorted(stored) == sorted((*numbers, 900, 901))
    assert table(directory, "count_day") == counted(stored.values())


def test_a_backup_of_a_directory_in_use(service: Service, data: Path, folder: Path, tmp_path: Path) -> None:
    service.take(1, 2)
    service.fold()
    service.take(3)
    path, manifest = backup.make(data, folder, NOW)
    assert (manifest.installations, manifest.waiting_reports, manifest.has_key) == (2, 1, True)
    assert path.name == "telemetry-20260106T000000Z"
    assert sorted(file.name for file in path.iterdir()) == sorted(backup.FILES)
    assert {file.stat().st_mode & 0o777 for file in path.iterdir()} == {0o600}
    assert {path.stat().st_mode & 0o777, folder.stat().st_mode & 0o777} == {0o700}
    assert backup.verify(path) == manifest
    service.take(4)
    new = tmp_path / "new"
    assert restore(path, new).installations == 2
    assert {file.stat().st_mode & 0o777 for file in new.iterdir()} == {0o600}
    prove(new, 1, 2, 3)


def test_what_is_folded_and_taken_away_between_the_two_copies(
    service: Service, data: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.take(1, 2, 3)
    opened_files = []

    def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
        opened_files.append(path)
        if path == data / "store.sqlite" and path.parent / "inbox.sqlite" in opened_files and len(opened_files) > 3:
            service.fold()
            service.tidy()
            service.take(4)
            service.fold()
        return real(path, read_only=read_only)

    real = backup.connect
    monkeypatch.setattr(backup, "connect", connect)
    path, _ = backup.make(data, folder, NOW)
    monkeypatch.undo()
    restore(path, tmp_path / "new")
    # The store is ahead of its inbox: what comes next must not pass for folded.
    prove(tmp_path / "new", 1, 2, 3, 4)


def test_nothing_that_was_deleted_before_is_in_a_backup(service: Service, data: Path, folder: Path) -> None:
    """Not even where SQLite leaves copies inside its pages."""
    for start in range(0, 3000, 100):
        service.take(*range(start, start + 100))
        service.fold()
    canaries = [id_of(number) for number in range(0x0B00, 0x0B40)]
    service.erase(*range(0x0B00, 0x0B40))
    service.fold()
    service.tidy()
    path, _ = backup.make(data, folder, NOW)
    content = (path / "store.sqlite").read_bytes() + (path / "inbox.sqlite").read_bytes()
    assert id_of(0x0A00) in content
    assert [canary for canary in canaries if canary in content] == []


class TestErasures:
    @pytest.mark.parametrize("folded", [True, False], ids=["stored", "waiting"])
    def test_what_was_erased_after_a_backup_stays_erased(self, data: Path, folder: Path, folded: bool) -> None:
        with running(data) as service:
            service.take(1, 2, 3)
            service.fold()
            service.take(4, 5)  # wait, also in the backup
            path, _ = backup.make(data, folder, NOW)
            service.erase(1, 4, 77)
            if folded:
                service.fold()
                service.tidy()
        restored = restore(path, data, replace=True)
        assert (restored.installations, restored.erasures) == (2, 1)
        prove(data, 2, 3, 5)
        assert len(query(data, "SELECT * FROM erased")) == 3

    def test_days_that_are_sealed_stay_sealed(self, data: Path, folder: Path) -> None:
        with running(data) as service:
            service.take(1)
            service.fold()
            path, _ = backup.make(data, folder, NOW)
            seal(service.store, DAY - 1)
        restore(path, data, replace=True)
        with running(data) as service:
            assert service.store.sealed_through() == DAY - 1

    def test_a_mirror_is_compared_with_the_restored_data(self, data: Path, folder: Path) -> None:
        with running(data):
            path, _ = backup.make(data, folder, NOW)
        restore(path, data, replace=True)
        assert query(data, "SELECT reconciled, seeded_through FROM mirror") == [(0, -1)]

    @pytest.mark.parametrize("what", ["another key", "no key", "damaged"])
    def test_it_is_said_when_they_are_not_known(self, data: Path, folder: Path, what: str) -> None:
        with running(data) as service:
            service.take(1)
            service.fold()
            path, _ = backup.make(data, folder, NOW)
            service.erase(1)
            service.fold()
        match what:
            case "another key":
                (data / KEY_FILE).write_text("ab" * 32)
            case "no key":
                (data / KEY_FILE).unlink()
            case _:
                (data / "store.sqlite").write_bytes(b"not a database" * 1000)
        assert restore(path, data, replace=True).erasures is None
        prove(data, 1)


class TestKeys:
    def test_a_missing_key_is_said(self, service: Service, data: Path, folder: Path, tmp_path: Path) -> None:
        service.take(1)
        service.fold()
        (data / KEY_FILE).unlink()
        path, manifest = backup.make(data, folder, NOW)
        assert not manifest.has_key
        new = tmp_path / "new"
        with pytest.raises(UnusableData, match=r"holds no secret\.key, and DATA_DIR has none"):
            restore(path, new)
        (new / KEY_FILE).write_text("ab" * 32)
        with pytest.raises(UnusableData, match="key of other data"):
            restore(path, new)
        (new / KEY_FILE).write_text(KEY.hex())
        restore(path, new)
        prove(new, 1)

    def test_the_key_of_other_data_is_no_backup(self, service: Service, data: Path, folder: Path) -> None:
        service.take(1)
        service.fold()
        (data / KEY_FILE).write_text("ab" * 32)
        with pytest.raises(UnusableData, match="key of other data"):
            backup.make(data, folder, NOW)
        assert list(folder.iterdir()) == []


class TestRefusing:
    @pytest.fixture
    def path(self, service: Service, data: Path, folder: Path) -> Path:
        service.take(1, 2)
        service.fold()
        return backup.make(data, folder, NOW)[0]

    @pytest.mark.parametrize("file", backup.FILES)
    @pytest.mark.parametrize("harm", ["missing", "flipped", "cut"])
    def test_a_damaged_backup(self, path: Path, tmp_path: Path, file: str, harm: str) -> None:
        body = (path / file).read_bytes()
        if harm == "missing":
            (path / file).unlink()
        elif harm == "cut":
            (path / file).write_bytes(body[: len(body) // 2])
        else:
            middle = len(body) // 2
            (path / file).write_bytes(body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :])
        with pytest.raises(UnusableData):
            restore(path, tmp_path / "new")
        assert not (tmp_path / "new" / "store.sqlite").exists()

    def test_a_database_that_is_broken_inside(self, path: Path) -> None:
        file = path / "store.sqlite"
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA writable_schema = ON")
            connection.execute("UPDATE sqlite_master SET rootpage = 3 WHERE name = 'installation_person'")
            connection.commit()
        self._sign_again(path)
        with pytest.raises(UnusableData, match=r"store\.sqlite is damaged"):
            backup.verify(path)

    def test_one_of_a_newer_version(self, path: Path) -> None:
        with closing(sqlite3.connect(path / "inbox.sqlite")) as connection:
            connection.execute("INSERT INTO schema_step VALUES (99, 'later', 0)")
            connection.commit()
        self._sign_again(path)
        with pytest.raises(UnusableData, match="newer version"):
            backup.verify(path)

    def _sign_again(self, path: Path) -> None:
        manifest = msgspec.json.decode((path / backup.MANIFEST).read_bytes(), type=backup.Manifest)
        digests = {file: backup._digest(path / file) for file in manifest.digests}
        signed = msgspec.structs.replace(manifest, digests=digests)
        (path / backup.MANIFEST).write_bytes(msgspec.json.encode(signed))

    def test_what_is_no_backup(self, data: Path, tmp_path: Path) -> None:
        for source in (tmp_path / "nothing", data):
            with pytest.raises(UnusableData, match="this is no backup"):
                restore(source, tmp_path / "new")

    def test_data_that_is_there_and_data_in_use(self, path: Path, data: Path) -> None:
        with pytest.raises(UnusableData, match="With --replace"):
            restore(path, data)
        with held(data), pytest.raises(UnusableData, match="another service"):
            restore(path, data, replace=True)

    def test_nothing_to_back_up(self, tmp_path: Path, folder: Path) -> None:
        with pytest.raises(UnusableData, match=r"no inbox\.sqlite in .*start a service there once"):
            backup.make(tmp_path / "empty", folder, NOW)
        assert not folder.exists()

    def test_too_little_space_leaves_nothing(self, path: Path, data: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(backup, "free_bytes", lambda _: compact.SPARE_BYTES)
        with pytest.raises(StoreUnavailable, match=r"\d+ MB of free space are needed for a backup"):
            backup.make(data, folder, NOW + 1_000_000)
        assert list(folder.iterdir()) == [path]

    def test_two_in_one_second(self, path: Path, data: Path, folder: Path) -> None:
        with pytest.raises(UnusableData, match="try again in a second"):
            backup.make(data, folder, NOW)
        assert backup.verify(path)


class Killed(BaseException):
    pass


@pytest.mark.parametrize("step", range(1, 7))
def test_a_restore_that_is_cut_off_is_run_again(data: Path, folder: Path, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(data) as service:
        service.take(1, 2)
        service.fold()
        path, _ = backup.make(data, folder, NOW)
        service.take(3)
        service.erase(1)
    steps = iter(range(1, 100))

    def sync(path: Path) -> None:
        if next(steps) == step:
            raise Killed
        real(path)

    real = restoring._sync
    monkeypatch.setattr(restoring, "_sync", sync)
    if step < 6:
        with pytest.raises(Killed):
            restore(path, data, replace=True)
    monkeypatch.undo()
    if (data / RESTORING).exists():
        with pytest.raises(UnusableData, match="restore was cut off here"), held(data):
            pass
    restore(path, data, replace=True)
    assert not (data / RESTORING).exists()
    prove(data, 2)


class TestARestoreThatFindsNoRoom:
    @pytest.fixture
    def path(self, data: Path, folder: Path) -> Path:
        with running(data) as service:
            service.take(1, 2)
            service.fold()
            path, _ = backup.make(data, folder, NOW)
            service.take(3)
            service.fold()
        return path

    @staticmethod
    def full(source: Path, _target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(source))

    def test_leaves_the_directory_as_it_was(self, path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(restoring.shutil, "copyfile", self.full)
        with pytest.raises(StoreUnavailable, match="No space left"):
            restore(path, data, replace=True)
        assert not (data / RESTORING).exists()
        prove(data, 1, 2, 3)

    def test_goes_on_saying_that_one_before_it_was_cut_off(self, path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (data / RESTORING).mkdir()
        (data / RESTORING / "store.sqlite").write_text("half of it")
        monkeypatch.setattr(restoring.shutil, "copyfile", self.full)
        with pytest.raises(StoreUnavailable, match="No space left"):
            restore(path, data, replace=True)
        with pytest.raises(UnusableData, match="restore was cut off here"), held(data):
            pass
        monkeypatch.undo()
        restore(path, data, replace=True)
        prove(data, 1, 2)


class TestKeeping:
    def names(self, folder: Path) -> list[str]:
        return sorted(path.name for path in folder.iterdir())

    def test_backups_are_deleted_by_their_age_and_nothing_else_is(self, service: Service, data: Path, folder: Path) -> None:
        made = [backup.make(data, folder, NOW - days * MICROSECONDS_PER_DAY)[0] for days in range(10)]
        for other in ("telemetry-19990101T000000Z.old", "telemetry-", "mine", ".mine.partial"):
            (folder / other).mkdir()
        (folder / "telemetry-19990101T000000Z").write_text("a file")
        counts = upkeep.retain(service.store, None, 365, lambda: NOW, upkeep.Backups(folder, 7))
        assert (counts["backups"], counts["left_in_backups"]) == (3, 0)
        kept = {path.name for path in made[:7]}
        assert kept < set(self.names(folder))
        assert not {path.name for path in made[7:]} & set(self.names(folder))
        assert {"mine", "telemetry-", ".mine.partial"} < set(self.names(folder))

    @pytest.mark.parametrize("by", ["the next one", "retention"])
    def test_one_that_was_killed_goes_and_one_that_is_being_made_stays(
        self, service: Service, data: Path, folder: Path, by: str
    ) -> None:
        made, killed = folder / ".telemetry-20260101T000000Z.partial", folder / ".telemetry-20260106T000000Z.partial"
        for partial in (made, killed):
            partial.mkdir(parents=True)
            for file in ("store.sqlite", "store.sqlite-journal", KEY_FILE):
                (partial / file).write_text("half of it")
        holder = os.open(made, os.O_RDONLY)
        fcntl.flock(holder, fcntl.LOCK_EX)
        if by == "retention":
            upkeep.retain(service.store, None, 365, lambda: NOW, upkeep.Backups(folder, 7))
        else:
            backup.make(data, folder, NOW)
        os.close(holder)
        assert made.name in self.names(folder)
        assert killed.name not in self.names(folder)

    def test_what_cannot_be_deleted_is_told(self, service: Service, data: Path, folder: Path) -> None:
        old, _ = backup.make(data, folder, NOW - 8 * MICROSECONDS_PER_DAY)
        (old / "notes.txt").write_text("of an operator")
        with pytest.raises(JobFailed, match="1 backups are too old and cannot be deleted"):
            upkeep.retain(service.store, None, 365, lambda: NOW, upkeep.Backups(folder, 7))
        assert self.names(old) == ["notes.txt"]  # of ours nothing is left
        run = last_run(service.store.connection, "retention")
        assert run is not None
        assert (run.outcome, run.counts["left_in_backups"]) == ("failed", 1)

    def test_a_backup_is_noted(self, service: Service, data: Path, folder: Path) -> None:
        service.take(1)
        service.fold()
        upkeep.back_up(service.store.connection, data, folder, lambda: NOW)
        run = last_run(service.store.connection, "backup", "done")
        assert run is not None
        assert (run.counts["installations"], run.counts["waiting_reports"], run.counts["has_key"]) == (1, 1, 1)
        with pytest.raises(UnusableData):
            upkeep.back_up(service.store.connection, data, folder, lambda: NOW)
        run = last_run(service.store.connection, "backup")
        assert run is not None
        assert run.outcome == "failed"


def test_deletions_that_the_mirror_does_not_confirm_are_told_after_a_day(service: Service, data: Path) -> None:
    store = service.store
    with closing(Changes(data)) as mirror:
        follow(store.connection, wanted=True)
        service.take(1, 2, 3)
        service.fold()
        service.erase(1, 2)
        service.fold()
        since = int(store.connection.execute("SELECT max(changed_at) FROM change").fetchone()[0]) * 1_000_000
        soon, late = since + MICROSECONDS_PER_DAY // 2, since + 2 * MICROSECONDS_PER_DAY
        assert upkeep.retain(store, None, 36_500, lambda: soon)["left_in_mirror"] == 0
        with pytest.raises(JobFailed, match="the mirror has not confirmed 2 deletions for a day"):
            upkeep.retain(store, None, 36_500, lambda: late)
        gone = [change for change in mirror.next(10) if change.execution in (1, 2)]
        mirror.confirm(gone[:1], {gone[1]: "refused"}, deleted=1, now_seconds=since // 1_000_000)
        with pytest.raises(JobFailed, match="has not confirmed 1 deletions"):
            upkeep.retain(store, None, 36_500, lambda: late)
        store.connection.execute("DELETE FROM change_set_aside")
        assert upkeep.retain(store, None, 36_500, lambda: late)["left_in_mirror"] == 0


def test_a_copy_of_a_backup_is_a_backup(service: Service, data: Path, folder: Path, tmp_path: Path) -> None:
    service.take(1)
    path, _ = backup.make(data, folder, NOW)
    copy = shutil.copytree(path, tmp_path / "usb" / "any name")
    restore(copy, tmp_path / "new")
    prove(tmp_path / "new", 1)
