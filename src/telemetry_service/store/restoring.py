"""Putting a backup in the place of a data directory.

What was erased after the backup was made stays erased, as far as the data that it replaces still tells: erasures that are
stored and those that wait are done to the restored store before it is put in place. Days that are sealed stay sealed.
"""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from telemetry_service.core.event import Erasure
from telemetry_service.core.identity import Identities
from telemetry_service.store import changes, inbox, store
from telemetry_service.store.backup import DATABASES, Manifest, check_key, verify
from telemetry_service.store.compact import truncate_wal
from telemetry_service.store.database import StoreUnavailable, UnusableData, connect, transaction, unavailable
from telemetry_service.store.directory import KEY_FILE, RESTORING, held, read_key
from telemetry_service.store.inbox import InboxReader
from telemetry_service.store.retention import seal
from telemetry_service.store.runs import note_run
from telemetry_service.store.store import Store, StoreOptions, sealed_through

WRITE_AHEAD = ("-wal", "-shm")
ERASED_AT_ONCE = 1_000


class Since(msgspec.Struct, frozen=True):
    """What the data in place tells of the time after a backup: (hash, UTC day) of erased ids, ids whose erasure waits, and the
    last sealed day. The hashes are worth something under the same key alone."""

    erased: list[tuple[int, int]]
    waiting: list[bytes]
    sealed: int


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What was put in place. `erasures` is None when the data that was replaced could not tell what was erased since."""

    manifest: Manifest
    installations: int
    erasures: int | None


def restore(backup: Path, directory: Path, options: StoreOptions, now: int, *, replace: bool) -> Restored:
    """Put a backup in place of a data directory that no service uses; one with data only if `replace`.

    Cut off at any point it can be run again, and until then the service does not start. Raises `UnusableData` and
    `StoreUnavailable`, with the directory as it was.
    """
    manifest = verify(backup)
    with held(directory, to_restore=True):
        found = any((directory / file).exists() for file in DATABASES.values())
        if found and not replace:
            raise UnusableData(
                "there is data in DATA_DIR. With --replace the backup takes its place: what was erased since stays erased, and"
                " everything else that came after the backup is lost"
            )
        key = backup if manifest.has_key else directory
        if not (key / KEY_FILE).exists():
            raise UnusableData(f"the backup holds no {KEY_FILE}, and DATA_DIR has none; put it there first")
        identities = read_key(key)
        since = _since(directory, identities) if found else Since([], [], -1)
        new = directory / RESTORING
        was_cut_off = new.exists()  # then what is in place may be half of another backup, and the folder has to say so
        try:
            installations, erasures = _prepare(backup, key, new, options, identities, since, now)
        except (OSError, sqlite3.Error, StoreUnavailable, UnusableData) as error:
            if not was_cut_off:
                shutil.rmtree(new, ignore_errors=True)
            raise _unwritable(error) from None
        try:
            _put_in_place(new, directory)
        except OSError as error:
            raise _unwritable(error) from None
    return Restored(manifest=manifest, installations=installations, erasures=erasures)


def _unwritable(error: Exception) -> Exception:
    if isinstance(error, OSError):
        return StoreUnavailable(f"the data directory cannot be written ({error.strerror})")
    return unavailable(error, store.FILE_NAME) if isinstance(error, sqlite3.Error) else error


def _since(directory: Path, identities: Identities) -> Since | None:
    """What the data in place tells, or None if it can tell nothing: unreadable, or under another key."""
    try:
        if read_key(directory).erased(b"") != identities.erased(b""):
            return None
        with closing(connect(directory / store.FILE_NAME)) as connection:
            truncate_wal(connection)  # so that the file still tells it all when a restore that was cut off is run again
            erased = connection.execute("SELECT hash, day FROM erased").fetchall()
            sealed = sealed_through(connection)
        waiting = []
        if (directory / inbox.FILE_NAME).exists():
            with closing(InboxReader(directory)) as reader:
                waiting = reader.erasures()
    except (OSError, UnusableData, StoreUnavailable, sqlite3.Error):
        return None
    return Since(erased, waiting, sealed)


def _prepare(
    backup: Path, key: Path, new: Path, options: StoreOptions, identities: Identities, since: Since | None, now: int
) -> tuple[int, int | None]:
    """The restored files beside those in place; how many installations they hold, and how many ids were erased again."""
    new.mkdir(mode=0o700, exist_ok=True)
    for left in new.iterdir():  # of one that was cut off; the folder itself says that, and stays
        left.unlink()
    for folder, file in ((backup, store.FILE_NAME), (backup, inbox.FILE_NAME), (key, KEY_FILE)):
        shutil.copyfile(folder / file, new / file)
        (new / file).chmod(0o600)
    with closing(Store(new, options, identities, now=now)) as restored:
        check_key(restored.connection, identities)
        erasures = None if since is None else _erase_again(restored, identities, since, now)
        (installations,) = restored.connection.execute("SELECT count(*) FROM installation").fetchone()
        with transaction(restored.connection):
            changes.begin_anew(restored.connection)
            note_run(
                restored.connection,
                "restore",
                started_at=now,
                ended_at=now,
                counts={"installations": installations, "erased": erasures or 0},
            )
    return installations, erasures


def _erase_again(restored: Store, identities: Identities, since: Since, now: int) -> int:
    """Erase what was erased after the backup, keep those ids out, and seal what was sealed; how many ids had something."""
    hashes = {hashed for hashed, _ in since.erased} | set(map(identities.erased, since.waiting))
    ids = restored.connection.execute("SELECT DISTINCT random_id FROM installation") if hashes else ()
    found = [random_id for (random_id,) in ids if identities.erased(random_id) in hashes]
    # An id whose erasure waits is erased also if nothing of it is stored: reports of it may be in the restored inbox.
    wanted = list(dict.fromkeys([*found, *since.waiting]))
    for start in range(0, len(wanted), ERASED_AT_ONCE):
        restored.fold([Erasure(now, random_id) for random_id in wanted[start : start + ERASED_AT_ONCE]], None, now)
    with restored.transaction():
        restored.connection.executemany(
            "INSERT INTO erased VALUES (?, ?) ON CONFLICT DO UPDATE SET day = max(day, excluded.day)", since.erased
        )
    seal(restored, since.sealed)
    return len(found)


def _put_in_place(new: Path, directory: Path) -> None:
    """Swap the files in; the folder that they came from goes last, which says that all of it is done."""
    for file in (store.FILE_NAME, inbox.FILE_NAME, KEY_FILE):
        _sync(new / file)
        # A log of the old file would be read into the new one.
        for end in WRITE_AHEAD:
            (directory / f"{file}{end}").unlink(missing_ok=True)
        (new / file).replace(directory / file)
    _sync(directory)
    shutil.rmtree(new)
    _sync(directory)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
