"""An audit of a data directory, beside a running service or without one."""

import asyncio
import fcntl
from contextlib import closing
from functools import cache

from telemetry_service.bootstrap.assembly import now
from telemetry_service.bootstrap.mirroring import pocketbase
from telemetry_service.bootstrap.upkeep import backup_folder
from telemetry_service.core.audit import Audit
from telemetry_service.core.scrub import Scrubber
from telemetry_service.jobs.audit import CannotLook, Mirrored, Place, audit
from telemetry_service.mirrors.collection import SYSTEM_COLUMNS, columns
from telemetry_service.mirrors.pocketbase import Trouble
from telemetry_service.settings import Settings
from telemetry_service.store import inbox
from telemetry_service.store.audits import note_audit
from telemetry_service.store.database import COMMAND_WAIT_SECONDS, connect, migrate, transaction
from telemetry_service.store.directory import LOCK_FILE, identities, store_file
from telemetry_service.store.inbox import InboxReader


def run_audit(settings: Settings) -> Audit:
    """Audit the service of these settings, and remember what was found.

    Raises `UnusableData` where there is no data, `StoreUnavailable` when what was found cannot be stored.
    """
    directory = settings.data_dir
    path = store_file(directory)
    ids = identities(directory)
    with closing(connect(path, wait_seconds=COMMAND_WAIT_SECONDS)) as connection:
        migrate(connection, "store", now())
        waiting = InboxReader(directory) if (directory / inbox.FILE_NAME).exists() else None
        scrubber = Scrubber(settings.public_hosts)
        place = Place(
            directory=directory,
            backups=backup_folder(settings),
            settings=settings,
            connection=connection,
            inbox=waiting,
            identities=ids,
            scrub=lambda text: scrubber.scrub(text).text,
            now=now(),
            mirror=cache(lambda: mirrored(settings)),
            address=_address(settings),
        )
        try:
            found = audit(place, now)
        finally:
            if waiting is not None:
                waiting.close()
        with transaction(connection):
            note_audit(connection, found)
    return found


def _address(settings: Settings) -> tuple[str, int] | None:
    """Where the service of this directory answers; None while no service holds it, or nobody can know its port."""
    host, port = settings.listen_addr
    if not port or not _is_held(settings):
        return None
    return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port  # noqa: S104 - not bound here


def _is_held(settings: Settings) -> bool:
    try:
        with (settings.data_dir / LOCK_FILE).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def mirrored(settings: Settings) -> Mirrored:
    """The mirror as it is now. Raises `CannotLook`."""
    declared = columns(include_random_id=settings.pocketbase_include_random_id, extended_fields=settings.extended_fields)

    async def look() -> Mirrored:
        mirror = pocketbase(settings)
        try:
            found = await mirror.columns()
            if found is None:
                raise CannotLook("the collection in PocketBase is missing")
            oldest = await mirror.records(("", ""), ["created"])
        finally:
            mirror.close()
        return Mirrored(
            frozenset(found), frozenset(declared) | SYSTEM_COLUMNS, str(oldest[0].get("created", "")) if oldest else ""
        )

    try:
        return asyncio.run(look())
    except Trouble as trouble:
        raise CannotLook(str(trouble)) from None
