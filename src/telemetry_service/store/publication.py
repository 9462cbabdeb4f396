"""What publishing keeps in the data directory: `publish/`, held by one publication at a time."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from telemetry_service.store.database import UnusableData
from telemetry_service.store.directory import store_file

FOLDER = "publish"
REPOSITORY = "pages.git"  # the newest commit, so that only changes travel
_LOCK, _SUCCESS, _WORK = "lock", "last-success", "work-"


@contextmanager
def held_publication(directory: Path) -> Iterator[Path]:
    """Hold publishing of a data directory; gives a new directory to work in, which goes at the end.

    Raises `UnusableData` without data, where nothing can be written, and while another publication is under way.
    """
    store_file(directory)
    folder = directory / FOLDER
    try:
        folder.mkdir(exist_ok=True, mode=0o700)
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise UnusableData(f"nothing can be written to the data directory ({error.strerror})") from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UnusableData("another publication is under way; try again when it has ended") from None
        for left_over in folder.glob(f"{_WORK}*"):  # of a publication that was killed
            shutil.rmtree(left_over, ignore_errors=True)
        work = Path(tempfile.mkdtemp(dir=folder, prefix=_WORK))
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)
    finally:
        os.close(lock)


def repository(directory: Path) -> Path:
    return directory / FOLDER / REPOSITORY


def note_success(directory: Path, now: int) -> None:
    """Remember that the site is on its branch, at an instant in microseconds since 1970."""
    new = directory / FOLDER / f"{_SUCCESS}.new"
    new.write_text(f"{now}\n", "ascii")
    new.replace(directory / FOLDER / _SUCCESS)


def last_success(directory: Path) -> int | None:
    """When the site was last brought to its branch, in microseconds since 1970; None for never."""
    try:
        return int((directory / FOLDER / _SUCCESS).read_text("ascii"))
    except (OSError, ValueError):
        return None
