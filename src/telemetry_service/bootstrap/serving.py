"""The web process: settings, data directory, inbox, routes, and the worker beside it."""

import asyncio
import gc
import logging
import os
import signal
import socket
import threading
from contextlib import suppress

import uvloop

from telemetry_service import __version__
from telemetry_service.bootstrap.assembly import intake, now, open_store
from telemetry_service.core.event import decode_entry
from telemetry_service.core.identity import Identities
from telemetry_service.core.period import day_of
from telemetry_service.logs import DailyFiles, set_up_logging
from telemetry_service.settings import InvalidSettings, Settings, warnings
from telemetry_service.settings.declared import in_force
from telemetry_service.store.changes import follow
from telemetry_service.store.database import StoreUnavailable
from telemetry_service.store.directory import held, identities
from telemetry_service.store.group_commit import GroupCommit
from telemetry_service.store.inbox import Inbox
from telemetry_service.store.reading import Readers
from telemetry_service.store.revisions import note_revision
from telemetry_service.web import pages
from telemetry_service.web.app import application
from telemetry_service.web.auth import Access
from telemetry_service.web.cache import PublicAnswers
from telemetry_service.web.ingest import Clock, Ingest
from telemetry_service.web.known_heads import KnownHeads
from telemetry_service.web.limits import NewExecutions, Peers, TokenBuckets
from telemetry_service.web.parts import Parts
from telemetry_service.web.server import BACKLOG, Server, server_config
from telemetry_service.web.sessions import Sessions
from telemetry_service.web.tls import Certificate, UnusableCertificate
from telemetry_service.web.upkeep import again_and_again, note_used, upkeep
from telemetry_service.web.watch import connections_allowed
from telemetry_service.web.worker_process import WorkerProcess

FOLLOW_SECONDS = 0.5
CLOCK_AHEAD_MICROSECONDS = 86_400_000_000  # a stamp further in the future comes from a clock that was wrong

log = logging.getLogger(__name__)


def serve(settings: Settings) -> None:
    """Run the service until SIGTERM or SIGINT.

    Raises `UnusableData` when the data directory cannot be used, `InvalidSettings` for a certificate that cannot.
    """
    certificate = _certificate(settings)
    files = _set_up_logging(settings)
    for warning in warnings(os.environ):
        log.warning("setting.ignored", extra={"reason": warning})
    with held(settings.data_dir):
        ids = identities(settings.data_dir)
        with _listen(*settings.listen_addr) as listener:
            inbox = _open_inbox(settings, ids)
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_serve(settings, ids, inbox, listener, certificate, files))


def _certificate(settings: Settings) -> Certificate | None:
    if settings.tls_cert_file is None or settings.tls_key_file is None:
        return None
    try:
        return Certificate(settings.tls_cert_file, settings.tls_key_file)
    except UnusableCertificate as error:
        raise InvalidSettings([str(error)]) from None


def _set_up_logging(settings: Settings) -> DailyFiles | None:
    try:
        return set_up_logging(settings.log_dir, settings.log_retention_days)
    except OSError as error:
        raise InvalidSettings([f"LOG_DIR cannot be used ({error.strerror})"]) from None


def _open_inbox(settings: Settings, ids: Identities) -> Inbox:
    """The inbox, with the store brought up to date first, so that readers find it."""
    store = open_store(settings, ids)
    before = store.publish_in_steps_of(settings.publish_min_count)
    if before is not None:
        log.warning("publishing.regrouped", extra={"before": before, "now": settings.publish_min_count})
    inbox = Inbox(settings.data_dir, max_bytes=settings.inbox_max_mb * 1024 * 1024, now=now())
    position = store.position(inbox.generation)
    gone = inbox.first_seq() - 1 - position
    if position > inbox.last_seq():
        # An older copy was put in its place: its next numbers would pass for folded. Folding twice changes nothing.
        inbox.start_new_generation()
        reason = "the inbox is older than the store; all of it is folded again, each event once"
        log.warning("inbox.restored", extra={"reason": reason})
    elif position and gone > 0:
        reason = "the store is older than the inbox; these events were folded into the newer store and are not in this one"
        log.warning("store.restored", extra={"events": gone, "reason": reason})
    follow(store.connection, wanted=bool(settings.pocketbase_url))
    note_revision(store.connection, in_force(settings), __version__, now())
    store.close()
    return inbox


def _clock(inbox: Inbox) -> Clock:
    body = inbox.last_body()
    last = decode_entry(body).received_at if body else 0
    return Clock(last if last < now() + CLOCK_AHEAD_MICROSECONDS else 0)


def _prepare(parts: Parts, stopping: threading.Event) -> None:
    """What takes a moment the first time and delays no start: rules for error lines, templates of pages, sums of a year."""
    # All this stays: looking it over for garbage, while it is made and ever again, held up every report for 25 ms.
    gc.disable()
    try:
        parts.intake.prepare()
        pages.prepare()
        if not stopping.is_set():
            with suppress(StoreUnavailable):  # whoever asks for a page then learns of it
                parts.readers.run_here(lambda reader: parts.reports(reader).sum_up_a_year())
    finally:
        gc.freeze()
        gc.enable()


def _parts(settings: Settings, ids: Identities, inbox: Inbox) -> Parts:
    """What the routes are made of; only where an event loop runs."""
    quick_readers = Readers(settings.data_dir, threads=1)
    access = Access(quick_readers, ids, Sessions(), lambda: day_of(now()))
    group = GroupCommit(inbox)
    accepting = intake(settings, ids)
    peers = Peers(settings.trusted_proxies_cidr, settings.rate_key_header if settings.rate_key_mode == "header" else None)
    return Parts(
        settings=settings,
        intake=accepting,
        identities=ids,
        ingest=Ingest(
            accepting,
            _clock(inbox),
            group,
            buckets=TokenBuckets(settings.rate_limit_rpm, settings.rate_burst),
            new_executions=NewExecutions(settings.rate_limit_new_per_hour),
            peers=peers,
            access=access if settings.ingest_auth == "token" else None,
            max_body_bytes=settings.max_body_bytes,
        ),
        group=group,
        readers=Readers(settings.data_dir),
        quick_readers=quick_readers,
        access=access,
        peers=peers,
        answers=PublicAnswers(settings.rate_limit_read_rpm, lambda: group.folded_through),
        worker=WorkerProcess(),
        generation=inbox.generation,
        now=now,
    )


async def _serve(
    settings: Settings,
    ids: Identities,
    inbox: Inbox,
    listener: socket.socket,
    certificate: Certificate | None,
    files: DailyFiles | None,
) -> None:
    parts = _parts(settings, ids, inbox)
    stopping = threading.Event()
    preparing = threading.Thread(target=_prepare, args=(parts, stopping), name="prepare")
    preparing.start()
    server = Server(
        server_config(application(parts)),
        max_connections=connections_allowed(settings.max_connections),
        max_body_bytes=settings.max_body_bytes,
        tls=certificate.context if certificate else None,
        short_way=None if settings.enable_request_logging else parts.ingest.take_whole,
        known_heads=KnownHeads(settings.rate_key_header),
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.stop)
    processes = [parts.worker, *([WorkerProcess("telemetry_service.mirror")] if settings.pocketbase_url else [])]
    for process in processes:
        await process.start()
    tidy_logs = files.tidy if files else lambda: None
    beside = (
        asyncio.create_task(_announce(server, listener, "https" if certificate else "http")),
        asyncio.create_task(_follow_fold(parts, parts.group)),
        asyncio.create_task(upkeep(parts.access, settings.data_dir, tidy_logs, certificate)),
    )
    try:
        await server.serve([listener])
    finally:
        for task in beside:
            task.cancel()
        stopping.set()
        # Waited for: cut off inside RE2, C++ would abort the process, and it may be reading the store.
        await asyncio.to_thread(preparing.join)
        await note_used(parts.access, settings.data_dir)
        # Who writes a file closes it last, which empties its write-ahead log: a copy of the file alone is then whole.
        parts.readers.close()
        parts.quick_readers.close()
        await asyncio.gather(*(process.stop() for process in processes))
        await parts.group.close(inbox.close)


class CannotListen(Exception):
    """The address to listen on is taken or not ours; the text says what to do."""


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket; an empty host means every interface, IPv6 and IPv4 alike where there is IPv6."""
    everywhere = not host
    family = socket.AF_INET6 if ":" in host or (everywhere and socket.has_dualstack_ipv6()) else socket.AF_INET
    try:
        return socket.create_server(
            (host, port), family=family, backlog=BACKLOG, dualstack_ipv6=everywhere and family == socket.AF_INET6
        )
    except OSError as error:
        place = f"{host}, port {port}" if host else f"port {port}"
        reason = str(error.strerror).partition(" (while")[0]  # what follows names the address once more
        raise CannotListen(f"cannot listen on {place} ({reason}); set LISTEN_ADDR to another address") from None


async def _follow_fold(parts: Parts, group: GroupCommit) -> None:
    """Tell the inbox how far the store has come, so that it can let go of what is folded."""

    async def step() -> None:
        if await parts.follow_fold() or group.unsettled:
            group.tidy()

    await again_and_again(FOLLOW_SECONDS, step)


async def _announce(server: Server, listener: socket.socket, scheme: str) -> None:
    while not server.started:
        await asyncio.sleep(0.005)
    host, port = listener.getsockname()[:2]
    shown = "localhost" if host in ("::", "0.0.0.0") else f"[{host}]" if ":" in host else host  # noqa: S104 - not bound here
    log.info("listening", extra={"address": f"{scheme}://{shown}:{port}", "dashboard": f"{scheme}://{shown}:{port}/"})
