"""A folder that is replaced as a whole."""

import stat
import threading
from pathlib import Path

import pytest
from published_data import contents

from telemetry_service.jobs import folder as folders
from telemetry_service.jobs.folder import NotOurs, listed, replaced


def write(folder: Path, files: dict[str, str]) -> None:
    with replaced(folder) as new:
        for name, text in files.items():
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            (new / name).write_text(text)


def texts(folder: Path) -> dict[str, bytes]:
    return {name: body for name, body in contents(folder).items() if name != "files.txt"}


@pytest.fixture(params=["one step", "two steps"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "two steps":
        monkeypatch.setattr(folders, "_exchange", lambda *_: False)
    return str(request.param)


def test_files_that_are_not_written_again_are_gone(tmp_path: Path, way: str) -> None:
    write(tmp_path / "site", {"a": "1", "old/b": "2"})
    write(tmp_path / "site", {"a": "3"})
    assert texts(tmp_path / "site") == {"a": b"3"}
    assert listed(tmp_path / "site") == ["a", "files.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_failure_leaves_what_was_there(tmp_path: Path) -> None:
    write(tmp_path / "site", {"a": "1"})
    with pytest.raises(IsADirectoryError):
        write(tmp_path / "site", {"a": "2", "b/c": "3", "b": "4"})
    assert texts(tmp_path / "site") == {"a": b"1"}
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_readers_never_miss_a_file(tmp_path: Path) -> None:
    site = tmp_path / "site"
    write(site, {"index.html": "0"})
    stop, missed = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            try:
                (site / "index.html").read_text()
            except FileNotFoundError:
                missed.append(1)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(200):
        write(site, {"index.html": str(number)})
    stop.set()
    reader.join()
    assert not missed


def test_everybody_may_read(tmp_path: Path) -> None:
    write(tmp_path / "site", {"sub/a": "1"})
    assert stat.S_IMODE((tmp_path / "site").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "site" / "sub").stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "site" / "sub" / "a").stat().st_mode) == 0o644


def test_empty_and_new_directories_are_taken(tmp_path: Path, way: str) -> None:
    (tmp_path / "empty").mkdir()
    write(tmp_path / "empty", {"a": "1"})
    write(tmp_path / "deep" / "new", {"a": "1"})
    assert texts(tmp_path / "empty") == texts(tmp_path / "deep" / "new") == {"a": b"1"}


@pytest.mark.parametrize("name", [".git/config", "notes.txt", "sub/added"])
def test_file_of_somebody_else_is_never_taken_away(tmp_path: Path, name: str) -> None:
    write(tmp_path / "site", {"a": "1", "sub/b": "2"})
    added = tmp_path / "site" / name
    added.parent.mkdir(exist_ok=True)
    added.write_text("mine")
    with pytest.raises(NotOurs, match=name):
        write(tmp_path / "site", {"a": "3"})
    assert added.read_text() == "mine"
    assert (tmp_path / "site" / "a").read_text() == "1"


def test_file_in_the_place_of_the_directory(tmp_path: Path) -> None:
    (tmp_path / "site").write_text("mine")
    with pytest.raises(NotOurs, match="no directory"):
        write(tmp_path / "site", {"a": "1"})
    assert (tmp_path / "site").read_text() == "mine"


def test_link_is_followed(tmp_path: Path) -> None:
    write(tmp_path / "real", {"a": "1"})
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write(tmp_path / "link", {"a": "2"})
    assert (tmp_path / "link").is_symlink()
    assert texts(tmp_path / "real") == {"a": b"2"}
