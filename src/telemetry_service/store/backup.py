"""Backups of a data directory: made while the service runs, proven by opening them, and deleted when their time is over.

The inbox is copied before the store. What the inbox lets go of, the store has by then, so whatever was acknowledged before a
backup began is in it. (In the other order a report that is folded and taken away between the two copies is in neither.) The
store may so be ahead of the inbox; the service sees that when it starts, and folds that inbox anew, which counts nothing twice.

Files are written by VACUUM INTO and not page by page: it holds up nobody either, and leaves out what was deleted before it,
of which pages keep remnants. An erasure is therefore complete when the last backup made before it is gone.
"""

import fcntl
import hashlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from telemetry_service import __version__
from telemetry_service.core.identity import Identities
from telemetry_service.core.period import day_of
from telemetry_service.store import inbox, store
from telemetry_service.store.compact import SPARE_BYTES, free_bytes, used_bytes
from telemetry_service.store.database import StoreUnavailable, UnusableData, connect, known_version, schema_version, unavailable
from telemetry_service.store.directory import KEY_FILE, read_key

MANIFEST = "backup.json"
DATABASES = {"inbox": inbox.FILE_NAME, "store": store.FILE_NAME}  # in the order in which they are copied
FILES = (*DATABASES.values(), KEY_FILE, MANIFEST)
NAME_FORMAT = "telemetry-%Y%m%dT%H%M%SZ"
PARTIAL = ".partial"
WAITING = "SELECT coalesce(sum(size), 0) FROM event_group"
WAITING_BEFORE = {1: "SELECT count(*) FROM event"}  # by schema: a backup may be made before an update starts
DAMAGED = "is damaged; take another backup"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds. `made_at` is when it began, in microseconds since 1970 UTC: what was acknowledged before is in it.

    `digests` are SHA-256 of the files, by name.
    """

    made_at: int
    version: str
    schemas: dict[str, int]
    installations: int
    waiting_reports: int
    has_key: bool
    digests: dict[str, str]


def make(directory: Path, folder: Path, now: int) -> tuple[Path, Manifest]:
    """Back up a data directory, in use or not, into a new directory in `folder`, readable for its owner alone.

    What is there when this returns was opened, checked and synced to disk; an error leaves nothing. Raises `UnusableData` and
    `StoreUnavailable`.
    """
    for file in DATABASES.values():
        if not (directory / file).exists():
            raise UnusableData(
                f"there is no {file} in {directory.absolute()}, so a backup would not be whole; start a service there once,"
                " which makes it, or set DATA_DIR to the directory of a service"
            )
    target = folder / datetime.fromtimestamp(now // 1_000_000, UTC).strftime(NAME_FORMAT)
    partial = folder / f".{target.name}{PARTIAL}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if target.exists():
            raise UnusableData(f"{target.name} is there already; try again in a second")
        for left in filter(_is_abandoned, folder.iterdir()):  # first of all for its space
            delete(left)
        partial.mkdir(mode=0o700)
    except OSError as error:
        raise UnusableData(f"{folder} cannot be written ({error.strerror}); choose another directory") from None
    try:
        with _held(partial):
            _check_space(directory, folder)
            manifest = _copy(directory, partial, now)
            verify(partial)
            _sync(partial)
            partial.rename(target)
            _sync_directory(folder)
    except OSError as error:
        raise StoreUnavailable(f"the backup cannot be written ({error.strerror})") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target, manifest


def verify(backup: Path) -> Manifest:
    """Prove a backup: every file is what it was, each database opens and is whole, its schema is known, the key fits.

    Raises `UnusableData`, which says what is wrong.
    """
    try:
        manifest = msgspec.json.decode((backup / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError):
        raise UnusableData(f"there is no whole {MANIFEST}: this is no backup, or a damaged one") from None
    for file, digest in manifest.digests.items():
        if file not in FILES or not (backup / file).is_file() or _digest(backup / file) != digest:
            raise UnusableData(f"{file} {DAMAGED}")
    if not set(DATABASES.values()) <= manifest.digests.keys() or manifest.has_key != (KEY_FILE in manifest.digests):
        raise UnusableData(f"{MANIFEST} {DAMAGED}")
    for kind, file in DATABASES.items():
        with closing(connect(backup / file, read_only=True)) as connection:
            _check(connection, kind, file)
            if kind == "store" and manifest.has_key:
                check_key(connection, read_key(backup))
    return manifest


def check_key(connection: sqlite3.Connection, identities: Identities) -> None:
    """Raises `UnusableData` for a key that is not the one that the installations of a store are found by."""
    row = connection.execute("SELECT person, random_id FROM installation LIMIT 1").fetchone()
    if row is not None and identities.person(row[1]) != row[0]:
        raise UnusableData(f"{KEY_FILE} is the key of other data; bring the one that belongs to this store")


def expired(folder: Path, today: int, keep_days: int) -> list[Path]:
    """The backups in a folder that are kept no longer, and what is left of those that were cut off; never anything else."""
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        day = _day_of_name(path.name)
        is_over = day is not None and day <= today - keep_days and path.is_dir() and not path.is_symlink()
        if is_over or _is_abandoned(path):
            found.append(path)
    return found


def delete(backup: Path) -> None:
    """Delete a backup, or one that was cut off; what else somebody put there stays.

    Raises `StoreUnavailable` when something of it is left.
    """
    try:
        for file in FILES:
            for end in ("", "-journal"):  # of a copy that was cut off
                (backup / f"{file}{end}").unlink(missing_ok=True)
        backup.rmdir()
    except OSError as error:
        raise StoreUnavailable(f"{backup.name} cannot be deleted ({error.strerror}); delete it by hand") from None


def _copy(directory: Path, target: Path, now: int) -> Manifest:
    schemas = {}
    for kind, file in DATABASES.items():
        with closing(connect(directory / file, read_only=True)) as connection:
            try:
                connection.execute("VACUUM INTO ?", (str(target / file),))
            except sqlite3.Error as error:
                raise unavailable(error, file) from error
        (target / file).chmod(0o600)
        with closing(connect(target / file, read_only=True)) as connection:
            schemas[kind] = schema_version(connection)
    has_key = (directory / KEY_FILE).exists()
    if has_key:
        shutil.copyfile(directory / KEY_FILE, target / KEY_FILE)
        (target / KEY_FILE).chmod(0o600)
    manifest = Manifest(
        made_at=now,
        version=__version__,
        schemas=schemas,
        installations=_count(target / store.FILE_NAME, "SELECT count(*) FROM installation"),
        waiting_reports=_count(target / inbox.FILE_NAME, WAITING_BEFORE.get(schemas["inbox"], WAITING)),
        has_key=has_key,
        digests={file: _digest(target / file) for file in FILES if (target / file).exists()},
    )
    (target / MANIFEST).touch(mode=0o600)
    (target / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    return manifest


def _check(connection: sqlite3.Connection, kind: str, file: str) -> None:
    try:
        found = connection.execute("PRAGMA integrity_check(1)").fetchone()
        version = schema_version(connection)
    except sqlite3.Error:
        raise UnusableData(f"{file} {DAMAGED}") from None
    if found != ("ok",):
        raise UnusableData(f"{file} {DAMAGED}")
    if version > known_version(kind):
        raise UnusableData(f"{file} was written by a newer version of this service; install that version")


def _check_space(directory: Path, folder: Path) -> None:
    needed = SPARE_BYTES
    for file in DATABASES.values():
        with closing(connect(directory / file, read_only=True)) as connection:
            needed += used_bytes(connection)
    free = free_bytes(folder)
    if free < needed:
        raise StoreUnavailable(f"{needed // 2**20 + 1} MB of free space are needed for a backup, {free // 2**20} MB are there")


def _count(path: Path, query: str) -> int:
    with closing(connect(path, read_only=True)) as connection:
        return int(connection.execute(query).fetchone()[0])


@contextmanager
def _held(partial: Path) -> Iterator[None]:
    """Hold a backup that is being made. It is let go of even by `kill -9`: what nobody holds was cut off."""
    descriptor = os.open(partial, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _is_abandoned(path: Path) -> bool:
    """Whether this is a backup that was cut off, which nobody makes any more."""
    name = path.name
    if not name.startswith(".") or not name.endswith(PARTIAL) or _day_of_name(name[1 : -len(PARTIAL)]) is None:
        return False
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _day_of_name(name: str) -> int | None:
    try:
        made_at = datetime.strptime(name, NAME_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None
    return day_of(int(made_at.timestamp()) * 1_000_000)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    _sync_directory(folder)


def _sync_directory(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
