"""One of the two files put back from an older copy: nothing counts twice, and nothing that is there is left out."""

import shutil
from pathlib import Path

import pytest
from in_one_process import running

from stored import counted, installations, table
from telemetry_service.store import inbox as inbox_module
from telemetry_service.store import store as store_module


def copy(file: str, source: Path, target: Path) -> None:
    """A file of a service that is stopped, instead of the one that is there."""
    target.mkdir(exist_ok=True)
    for leftover in target.glob(f"{file}*"):
        leftover.unlink()
    shutil.copy(source / file, target / file)


def prove(directory: Path, *numbers: int) -> None:
    with running(directory) as service:
        service.fold()
        assert list(service.store.differences()) == []
    stored = installations(directory)
    assert sorted(stored) == sorted(numbers)
    assert table(directory, "count_day") == counted(stored.values())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    directory = tmp_path / "data"
    directory.mkdir()
    return directory


@pytest.mark.parametrize("tidied", [False, True], ids=["folded events still there", "folded events gone"])
def test_an_older_inbox(data: Path, tmp_path: Path, tidied: bool) -> None:
    with running(data) as service:
        service.take(1, 2)
        generation = service.inbox.generation
    copy(inbox_module.FILE_NAME, data, tmp_path / "backup")
    with running(data) as service:
        service.take(3, 4, 5)
        service.fold()
        if tidied:
            service.tidy()
    copy(inbox_module.FILE_NAME, tmp_path / "backup", data)
    with running(data) as service:
        assert service.inbox.generation != generation
        service.take(6, 7)  # get numbers that were folded before, for other events
        service.fold()
        assert list(service.store.differences()) == []
    prove(data, 1, 2, 3, 4, 5, 6, 7)


def test_an_inbox_that_is_gone(data: Path) -> None:
    with running(data) as service:
        service.take(1, 2)
        service.fold()
    for path in data.glob(f"{inbox_module.FILE_NAME}*"):
        path.unlink()
    with running(data) as service:
        service.take(3)
        service.fold()
    prove(data, 1, 2, 3)


def test_an_older_store_gets_what_the_inbox_still_has(data: Path, tmp_path: Path) -> None:
    with running(data) as service:
        service.take(1, 2)
        service.fold()
    copy(store_module.FILE_NAME, data, tmp_path / "backup")
    with running(data) as service:
        service.take(3, 4)
        service.fold()
    copy(store_module.FILE_NAME, tmp_path / "backup", data)
    prove(data, 1, 2, 3, 4)


def test_an_older_store_after_the_inbox_let_go(data: Path, tmp_path: Path) -> None:
    with running(data) as service:
        service.take(1, 2)
        service.fold()
    copy(store_module.FILE_NAME, data, tmp_path / "backup")
    with running(data) as service:
        service.take(3, 4)
        service.fold()
        service.tidy()
        service.take(5)
    copy(store_module.FILE_NAME, tmp_path / "backup", data)
    prove(data, 1, 2, 5)  # 3 and 4 were in the lost store alone


def test_a_restart_keeps_the_generation(data: Path) -> None:
    with running(data) as service:
        service.take(1)
        service.fold()
        service.tidy()
        generation = service.inbox.generation
    for number in (2, 3):
        with running(data) as service:
            assert service.inbox.generation == generation
            service.take(number)
            service.fold()
    prove(data, 1, 2, 3)


def test_a_store_folded_before_the_inbox_let_go_is_not_folded_again(data: Path) -> None:
    with running(data) as service:
        service.take(1, 2, 3)
        service.fold()
    with running(data) as service:  # the events are all still in the inbox
        assert service._fold.step() == 0
    prove(data, 1, 2, 3)


def test_events_of_an_installation_on_both_sides_of_a_restore(data: Path, tmp_path: Path) -> None:
    with running(data) as service:
        service.take(1, 2, status="installing")
    copy(inbox_module.FILE_NAME, data, tmp_path / "backup")
    with running(data) as service:
        service.take(1, status="failed")
        service.fold()
    copy(inbox_module.FILE_NAME, tmp_path / "backup", data)
    with running(data) as service:
        service.take(1, status="success")
        service.fold()
    prove(data, 1, 2)
    assert installations(data)[1].status == "success"
