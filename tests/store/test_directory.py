"""The data directory: one service at a time, and a key that nobody else may read."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from telemetry_service.store import store
from telemetry_service.store.database import UnusableData
from telemetry_service.store.directory import KEY_FILE, LOCK_FILE, create_key, held, identities, store_file

HOLD = """
import sys
from pathlib import Path
from telemetry_service.store.directory import held
with held(Path(sys.argv[1])):
    pass
"""


@pytest.fixture(autouse=True)
def _open_umask() -> Iterator[None]:
    """The most careless umask, put back afterwards."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def as_nobody() -> Iterator[None]:
    """With the rights of an account that owns nothing, where that is allowed; its directories must be shut otherwise."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


class TestAnotherOwner:
    @pytest.mark.parametrize("ask", [identities, store_file])
    @pytest.mark.parametrize("shut", ["", KEY_FILE])
    def test_is_told_who_to_be(self, tmp_path: Path, ask: Callable[[Path], object], shut: str) -> None:
        with TemporaryDirectory() as name:  # that of pytest is shut to nobody already
            directory = Path(name)
            identities(directory)
            directory.chmod(0o755)
            (directory / shut).chmod(0)
            unread = shut == "" or ask is identities
            said = r"cannot be read \(Permission denied\); run this as the user that owns DATA_DIR" if unread else "no data in"
            with as_nobody(), pytest.raises(UnusableData, match=said):
                ask(directory)
            directory.chmod(0o700)


def test_a_directory_without_a_store_has_no_data(tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UnusableData, match=f"no data in {directory} yet; set DATA_DIR"):
            store_file(directory)
    (tmp_path / store.FILE_NAME).touch()
    assert store_file(tmp_path) == tmp_path / store.FILE_NAME


class TestHolding:
    def test_a_missing_directory_is_created_for_its_owner_alone(self, tmp_path: Path) -> None:
        directory = tmp_path / "new" / "data"
        with held(directory):
            assert mode(directory) == 0o700
            assert mode(directory / LOCK_FILE) == 0o600

    def test_a_second_holder_is_refused_and_told_what_to_do(self, tmp_path: Path) -> None:
        with (
            held(tmp_path),
            pytest.raises(UnusableData, match=r"another service or command uses .*stop it first"),
            held(tmp_path),
        ):
            pass

    def test_a_second_process_is_refused(self, tmp_path: Path) -> None:
        hold = [sys.executable, "-c", HOLD, str(tmp_path)]
        with held(tmp_path):
            second = subprocess.run(hold, capture_output=True, text=True)
        assert second.returncode != 0
        assert "another service or command uses this data directory" in second.stderr
        assert subprocess.run(hold, capture_output=True).returncode == 0

    def test_it_is_free_again_afterwards(self, tmp_path: Path) -> None:
        for _ in range(2):
            with held(tmp_path):
                pass
        with pytest.raises(RuntimeError), held(tmp_path):
            raise RuntimeError
        with held(tmp_path):
            pass

    def test_a_directory_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(UnusableData, match="set DATA_DIR"), held(tmp_path / "file" / "data"):
            pass
        with pytest.raises(UnusableData, match="set DATA_DIR"), held(tmp_path / "file"):
            pass


class TestKey:
    def test_it_is_created_with_a_new_directory_readable_by_its_owner_alone(self, tmp_path: Path) -> None:
        identities(tmp_path)
        assert mode(tmp_path / KEY_FILE) == 0o600
        assert len(bytes.fromhex((tmp_path / KEY_FILE).read_text())) == 32

    def test_it_stays_the_same(self, tmp_path: Path) -> None:
        first, second = identities(tmp_path), identities(tmp_path)
        assert first.token("a") == second.token("a")
        other = tmp_path / "other"
        other.mkdir()
        assert identities(other).token("a") != first.token("a")

    def test_its_loss_is_explained(self, tmp_path: Path) -> None:
        identities(tmp_path)
        (tmp_path / store.FILE_NAME).touch()
        (tmp_path / KEY_FILE).unlink()
        with pytest.raises(UnusableData, match=r"missing beside existing data.*tokens are void.*backup.*new-key"):
            identities(tmp_path)
        assert not (tmp_path / KEY_FILE).exists()
        create_key(tmp_path)
        identities(tmp_path)

    @pytest.mark.parametrize("content", [b"", b"garbage", b"ab" * 31, b"ab" * 33, b"\xff" * 32])
    def test_what_is_no_key_is_explained_without_being_shown(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / KEY_FILE).write_bytes(content)
        with pytest.raises(UnusableData) as caught:
            identities(tmp_path)
        assert str(caught.value) == f"{KEY_FILE} holds no key; restore it from a backup"
        assert (tmp_path / KEY_FILE).read_bytes() == content

    def test_an_existing_key_is_never_replaced(self, tmp_path: Path) -> None:
        identities(tmp_path)
        before = (tmp_path / KEY_FILE).read_bytes()
        with pytest.raises(UnusableData, match="exists already"):
            create_key(tmp_path)
        assert (tmp_path / KEY_FILE).read_bytes() == before

    def test_a_directory_that_does_not_exist(self, tmp_path: Path) -> None:
        with pytest.raises(UnusableData, match="cannot be written"):
            create_key(tmp_path / "missing")
