"""The data directory: one service at a time, and a key of its own."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from telemetry_service.core.identity import KEY_BYTES, Identities
from telemetry_service.store import store
from telemetry_service.store.database import UnusableData

LOCK_FILE = "lock"
KEY_FILE = "secret.key"
RESTORING = ".restoring"  # there while a backup is put in place; left over, if that was cut off


class InUse(UnusableData):
    """Another service or command holds the data directory."""


@contextmanager
def held(directory: Path, *, to_restore: bool = False) -> Iterator[None]:
    """Hold a data directory, created if missing, for one service.

    Raises `UnusableData` when another service holds it, it cannot be written, or a backup was put in place by halves.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(directory / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise UnusableData(f"the data directory cannot be used ({error.strerror}); set DATA_DIR to one that can") from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUse(
                "another service or command uses this data directory; stop it first, or set DATA_DIR to another one"
            ) from None
        if not to_restore and (directory / RESTORING).exists():
            raise UnusableData("a restore was cut off here; run telemetry-service restore --replace once more")
        yield
    finally:
        os.close(lock)


@contextmanager
def held_if_free(directory: Path) -> Iterator[bool]:
    """Hold a data directory unless a service holds it already; whether it is held now.

    Raises `UnusableData` when it cannot be written.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(held(directory))
        except InUse:
            yield False
        else:
            yield True


def store_file(directory: Path) -> Path:
    """The file of the store, for a command that makes nothing of an empty directory.

    Raises `UnusableData` where there is none.
    """
    path = directory / store.FILE_NAME
    if not _is_there(path):
        raise UnusableData(f"there is no data in {directory.absolute()} yet; set DATA_DIR to the directory of a service")
    return path


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError as error:
        raise _unreadable(path.name, error) from None


def _unreadable(file: str, error: OSError) -> UnusableData:
    return UnusableData(f"{file} cannot be read ({error.strerror}); run this as the user that owns DATA_DIR")


def identities(directory: Path) -> Identities:
    """The ids of this directory: its key is created with a new directory, and read ever after.

    Raises `UnusableData` when the key of existing data is gone, or cannot be read.
    """
    if _is_there(directory / KEY_FILE):
        return read_key(directory)
    if (directory / store.FILE_NAME).exists():
        raise UnusableData(
            f"{KEY_FILE} is missing beside existing data. Without it access tokens are void, nobody can see or erase what is"
            " stored under an id, and installations under way are counted anew. Restore the file from a backup; if it is"
            " lost for good, accept that with: telemetry-service new-key"
        )
    return create_key(directory)


def read_key(directory: Path) -> Identities:
    """The ids of a directory that has a key.

    Raises `UnusableData` for a file that is no key, or cannot be read.
    """
    try:
        return Identities(bytes.fromhex((directory / KEY_FILE).read_text("ascii").strip()))
    except PermissionError as error:
        raise _unreadable(KEY_FILE, error) from None
    except (ValueError, UnicodeDecodeError):
        raise UnusableData(f"{KEY_FILE} holds no key; restore it from a backup") from None


def create_key(directory: Path) -> Identities:
    """Write a new key, readable by its owner alone.

    Raises `UnusableData` when there is one already, or the directory cannot be written.
    """
    key = secrets.token_bytes(KEY_BYTES)
    try:
        descriptor = os.open(directory / KEY_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise UnusableData(f"{KEY_FILE} exists already; it is not replaced") from None
    except OSError as error:
        raise UnusableData(f"{KEY_FILE} cannot be written ({error.strerror}); set DATA_DIR to a directory that can") from None
    with os.fdopen(descriptor, "w") as file:
        file.write(key.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    return Identities(key)
