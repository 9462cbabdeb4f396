"""The process that mirrors, and what commands do about it."""

import asyncio
import logging
import os
import signal
import sys
from contextlib import closing
from sqlite3 import Connection

import uvloop

from telemetry_service.bootstrap.assembly import now
from telemetry_service.jobs.mirror import Mirror
from telemetry_service.jobs.priority import BESIDE_FOLDING, give_way
from telemetry_service.logs import set_up_logging
from telemetry_service.mirrors.pocketbase import Login, PocketBase
from telemetry_service.settings import Settings, from_environ
from telemetry_service.store.changes import Changes, Standing, begin_anew, retry_set_aside, set_aside_reasons, standing
from telemetry_service.store.database import StoreUnavailable, UnusableData, connect, transaction
from telemetry_service.store.directory import identities, store_file

CONNECTIONS = 8

log = logging.getLogger(__name__)


def pocketbase(settings: Settings, collection: str = "", connections: int = 1) -> PocketBase:
    """The PocketBase of the settings; its collection is that of the mirror unless another one is named."""
    login = Login(settings.pocketbase_email, settings.pocketbase_password.reveal(), settings.pocketbase_token.reveal())
    return PocketBase(settings.pocketbase_url, collection or settings.pocketbase_collection, login, connections)


def run_mirror() -> None:
    """Mirror until standard input ends or a signal comes; settings are those of the web process that started this one."""
    settings = from_environ(os.environ)
    set_up_logging(settings.log_dir, settings.log_retention_days)
    give_way(BESIDE_FOLDING)
    try:
        changes = Changes(settings.data_dir)
        ids = identities(settings.data_dir)
    except (StoreUnavailable, UnusableData) as error:
        log.error("mirror.cannot_start", extra={"reason": str(error)})
        sys.exit(1)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        mirrored = pocketbase(settings, connections=CONNECTIONS)
        mirror = Mirror(
            changes,
            ids,
            mirrored,
            place=f"{settings.pocketbase_url} {settings.pocketbase_collection}",
            include_random_id=settings.pocketbase_include_random_id,
            extended_fields=settings.extended_fields,
            now=now,
        )
        runner.run(_run(mirror))
        mirrored.close()
    changes.close()


async def _run(mirror: Mirror) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_reader(sys.stdin.fileno(), stop.set)  # nobody writes there: it becomes readable when the parent is gone
    await mirror.run(stop)
    loop.remove_reader(sys.stdin.fileno())


def standing_now(settings: Settings) -> tuple[Standing, list[tuple[str, int]]]:
    """How the mirror stands, and why installations were set aside."""
    with closing(_opened(settings)) as connection:
        return standing(connection), set_aside_reasons(connection)


def retry(settings: Settings) -> int:
    """Have everything that was set aside tried again; returns how many installations those are."""
    with closing(_opened(settings)) as connection:
        return retry_set_aside(connection, now() // 1_000_000)


def resend(settings: Settings) -> None:
    """Have everything compared and sent again."""
    with closing(_opened(settings)) as connection, transaction(connection):
        begin_anew(connection)


def _opened(settings: Settings) -> Connection:
    return connect(store_file(settings.data_dir))
