"""A folder that changes as a whole: readers see what was there or what is new, never half of it."""

import ctypes
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LISTING = "files.txt"  # every file of the folder, one per line: what this service wrote and may take away again
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # linux/fcntl.h, linux/fs.h


class NotOurs(Exception):
    """The folder holds what this service did not write; the text names it. Nothing was changed."""


@contextmanager
def replaced(folder: Path) -> Iterator[Path]:
    """A new folder beside `folder` to write into; at the end of the block it takes its place, on an error it goes.

    Files that are not written again are gone then. Readable for everybody, for a web server runs as somebody else. A power
    cut may leave files short; the next time mends that. Raises `NotOurs` where the folder holds other files.
    """
    folder = folder.resolve()
    _check_ours(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    except OSError as error:
        raise NotOurs(f"nothing can be written beside {folder} ({error.strerror}); choose another directory") from None
    try:
        yield new
        _list_files(new)
        _put_in_place(new, folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def listed(folder: Path) -> list[str]:
    """The files of a folder that was written, relative to it, in order."""
    return (folder / LISTING).read_text("utf-8").splitlines()


def _check_ours(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir():
        raise NotOurs(f"{folder} is no directory; choose another one")
    ours = set(listed(folder)) if (folder / LISTING).is_file() else set()
    for place, _, names in os.walk(folder):
        for name in names:
            found = (Path(place) / name).relative_to(folder).as_posix()
            if found not in ours:
                raise NotOurs(f"{folder} holds {found}, which publishing did not write; choose an empty or new directory")


def _list_files(folder: Path) -> None:
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    (folder / LISTING).write_text("".join(f"{name}\n" for name in sorted([*found, LISTING])), "utf-8")
    for place, _, names in os.walk(folder):
        Path(place).chmod(0o755)
        for name in names:
            (Path(place) / name).chmod(0o644)


def _put_in_place(new: Path, folder: Path) -> None:
    try:
        if not folder.exists():
            new.rename(folder)
        elif not _exchange(new, folder):
            old = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
            folder.rename(old / "old")
            new.rename(folder)
            shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise NotOurs(f"{folder} cannot be replaced ({error.strerror}); choose a directory inside it") from None


def _exchange(new: Path, folder: Path) -> bool:
    """Swap two folders in one step (renameat2); False where the system cannot, and nothing has changed then."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    return bool(renameat2(_AT_FDCWD, bytes(new), _AT_FDCWD, bytes(folder), _RENAME_EXCHANGE) == 0)
