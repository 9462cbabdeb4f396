"""Puts the parts together: settings, data directory, web process, worker."""

import asyncio
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
import structlog
import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from telemetry_service.core.errors import Rejected
from telemetry_service.core.event import Event, decode_event
from telemetry_service.core.identity import KEY_BYTES, Identities
from telemetry_service.core.intake import Explainer, Intake, Policy
from telemetry_service.core.period import day_of, iso_day, iso_instant
from telemetry_service.core.scrub import Scrubber
from telemetry_service.jobs import schedule, worker
from telemetry_service.jobs.demo import payloads
from telemetry_service.jobs.fold import Fold
from telemetry_service.logs import DailyFiles, set_up_logging
from telemetry_service.settings import InvalidSettings, Settings, from_environ, warnings
from telemetry_service.store import tokens
from telemetry_service.store.database import StoreUnavailable, UnusableData
from telemetry_service.store.directory import held, identities
from telemetry_service.store.group_commit import GroupCommit
from telemetry_service.store.inbox import Inbox, InboxReader
from telemetry_service.store.publication import last_success
from telemetry_service.store.reading import Readers
from telemetry_service.store.store import Store, StoreOptions
from telemetry_service.web import pages
from telemetry_service.web.app import application
from telemetry_service.web.auth import Access
from telemetry_service.web.cache import PublicAnswers
from telemetry_service.web.ingest import Clock, Ingest
from telemetry_service.web.limits import NewExecutions, Peers, TokenBuckets
from telemetry_service.web.parts import Parts
from telemetry_service.web.server import BACKLOG, Server, server_config
from telemetry_service.web.sessions import Sessions
from telemetry_service.web.tls import Certificate, UnusableCertificate
from telemetry_service.web.upkeep import note_used, upkeep
from telemetry_service.web.watch import connections_allowed
from telemetry_service.web.worker_process import WorkerProcess

FOLLOW_SECONDS = 0.5
CLOCK_AHEAD_MICROSECONDS = 86_400_000_000  # a stamp further in the future comes from a clock that was wrong
DEMO_BATCH = 8_000  # events
DEMO_NAMES_PER_DAY = 1_000_000  # the demo's own names are not a flood
PROGRESS_COLUMNS = (
    *(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()),
    *(TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()),
)

log = structlog.get_logger()


def now() -> int:
    """Microseconds since 1970 UTC."""
    return time.time_ns() // 1000


def store_options(settings: Settings) -> StoreOptions:
    return StoreOptions(
        known_repos=settings.known_repos,
        publish_min_count=settings.publish_min_count,
        max_new_apps_per_day=settings.max_new_apps_per_day,
        stuck_hours=settings.cleanup_stuck_hours,
    )


def intake(settings: Settings, ids: Identities) -> Intake:
    policy = Policy(known_repos=settings.known_repos, extended_fields=settings.extended_fields)
    return Intake(policy, ids, Explainer(lambda: Scrubber(settings.public_hosts), settings.error_max_chars))


def open_store(settings: Settings, ids: Identities) -> Store:
    return Store(settings.data_dir, store_options(settings), ids, now=now())


def run_worker() -> None:
    """The background process: settings and directory are those of the web process that started it."""
    settings = from_environ(os.environ)
    set_up_logging(settings.log_dir, settings.log_retention_days)
    try:
        store = open_store(settings, identities(settings.data_dir))
        fold = Fold(InboxReader(settings.data_dir), store, now)
    except (StoreUnavailable, UnusableData) as error:
        log.error("worker.cannot_start", reason=str(error))
        sys.exit(1)
    try:
        jobs = schedule.table(settings, last_success(settings.data_dir), now())
        worker.run(fold, schedule.Schedule(jobs))
    finally:
        store.close()


def serve(settings: Settings) -> None:
    """Run the service until SIGTERM or SIGINT.

    Raises `UnusableData` when the data directory cannot be used, `InvalidSettings` for a certificate that cannot.
    """
    certificate = _certificate(settings)
    files = _set_up_logging(settings)
    for warning in warnings(os.environ):
        log.warning("setting.ignored", reason=warning)
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
    inbox = Inbox(settings.data_dir, max_bytes=settings.inbox_max_mb * 1024 * 1024, now=now())
    position = store.position(inbox.generation)
    gone = inbox.first_seq() - 1 - position
    if position > inbox.last_seq():
        # An older copy was put in its place: its next numbers would pass for folded. Folding twice changes nothing.
        inbox.start_new_generation()
        log.warning("inbox.restored", reason="the inbox is older than the store; all of it is folded again, each event once")
    elif position and gone > 0:
        reason = "the store is older than the inbox; these events were folded into the newer store and are not in this one"
        log.warning("store.restored", events=gone, reason=reason)
    store.close()
    return inbox


def _clock(inbox: Inbox) -> Clock:
    body = inbox.last_body()
    last = decode_event(body).received_at if body else 0
    return Clock(last if last < now() + CLOCK_AHEAD_MICROSECONDS else 0)


def _prepare(accepting: Intake) -> None:
    """What takes a moment the first time and delays no start: rules for error lines, templates of pages."""
    accepting.prepare()
    pages.prepare()


async def _serve(
    settings: Settings,
    ids: Identities,
    inbox: Inbox,
    listener: socket.socket,
    certificate: Certificate | None,
    files: DailyFiles | None,
) -> None:
    readers, quick_readers = Readers(settings.data_dir), Readers(settings.data_dir, threads=1)
    access = Access(quick_readers, ids, Sessions(), lambda: day_of(now()))
    group = GroupCommit(inbox)
    header = settings.rate_key_header if settings.rate_key_mode == "header" else None
    accepting = intake(settings, ids)
    # Waited for when the process ends: a daemon thread would be cut off inside RE2, and C++ aborts the process for that.
    threading.Thread(target=_prepare, args=(accepting,), name="prepare").start()
    peers = Peers(settings.trusted_proxies_cidr, header)
    ingest = Ingest(
        accepting,
        _clock(inbox),
        group,
        buckets=TokenBuckets(settings.rate_limit_rpm, settings.rate_burst),
        new_executions=NewExecutions(settings.rate_limit_new_per_hour),
        peers=peers,
        access=access if settings.ingest_auth == "token" else None,
        max_body_bytes=settings.max_body_bytes,
    )
    process = WorkerProcess()
    parts = Parts(
        settings=settings,
        identities=ids,
        ingest=ingest,
        group=group,
        readers=readers,
        quick_readers=quick_readers,
        access=access,
        peers=peers,
        answers=PublicAnswers(settings.rate_limit_read_rpm, lambda: group.folded_through),
        worker=process,
        generation=inbox.generation,
        now=now,
    )
    server = Server(
        server_config(application(parts)),
        max_connections=connections_allowed(settings.max_connections),
        max_body_bytes=settings.max_body_bytes,
        tls=certificate.context if certificate else None,
    )
    loop = asyncio.get_running_loop()
    for number in (2, 15):
        loop.add_signal_handler(number, server.stop)
    await process.start()
    follower = asyncio.create_task(_follow_fold(parts, group))
    announcer = asyncio.create_task(_announce(server, listener, "https" if certificate else "http"))
    keeper = asyncio.create_task(upkeep(access, settings.data_dir, files.tidy if files else lambda: None, certificate))
    try:
        await server.serve([listener])
    finally:
        for task in (announcer, follower, keeper):
            task.cancel()
        await note_used(access, settings.data_dir)
        # Who writes a file closes it last, which empties its write-ahead log: a copy of the file alone is then whole.
        readers.close()
        quick_readers.close()
        await process.stop()
        await group.close(inbox.close)


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
        raise CannotListen(f"cannot listen on port {port} ({error.strerror}); set LISTEN_ADDR to another address") from None


async def _follow_fold(parts: Parts, group: GroupCommit) -> None:
    """Tell the inbox how far the store has come, so that it can let go of what is folded."""
    while True:
        await asyncio.sleep(FOLLOW_SECONDS)
        if await parts.follow_fold() or group.unsettled:
            group.tidy()


async def _announce(server: Server, listener: socket.socket, scheme: str) -> None:
    while not server.started:
        await asyncio.sleep(0.005)
    host, port = listener.getsockname()[:2]
    shown = "localhost" if host in ("::", "0.0.0.0") else f"[{host}]" if ":" in host else host  # noqa: S104 - not bound here
    log.info("listening", address=f"{scheme}://{shown}:{port}", dashboard=f"{scheme}://{shown}:{port}/")


def create_token(settings: Settings, *, scope: str, name: str, days: int | None) -> str:
    """A new access token in the data directory, which is set up if it is new; valid today and `days` more, None for ever."""
    ids = _token_ids(settings)
    expires_day = None if days is None else day_of(now()) + days + 1
    return tokens.create(settings.data_dir, ids, scope=scope, name=name, now=now(), expires_day=expires_day)


def list_tokens(settings: Settings) -> list[tuple[str, str, str, str, str, str]]:
    """Name, scope, day of creation, last day of validity, last day of use and state of all tokens."""
    _token_ids(settings)
    today = day_of(now())
    return [
        (
            token.name,
            token.scope,
            iso_day(token.created_day),
            "never" if token.expires_day is None else iso_day(token.expires_day - 1),
            "never" if token.last_used_day is None else iso_day(token.last_used_day),
            "revoked" if token.revoked_day is not None else "valid" if token.valid(today) else "expired",
        )
        for token in tokens.every(settings.data_dir)
    ]


def revoke_token(settings: Settings, name: str) -> bool:
    """End a token at once; whether there was a valid one of this name."""
    _token_ids(settings)
    return tokens.revoke(settings.data_dir, name, now=now())


def _token_ids(settings: Settings) -> Identities:
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    ids = identities(settings.data_dir)
    open_store(settings, ids).close()
    return ids


def preview(settings: Settings, body: bytes) -> tuple[dict[str, Any], bool]:
    """What would be stored of a payload and what dropped, and whether it would be accepted at all."""
    key = Identities(b"\0" * KEY_BYTES)  # ids shown here lead nowhere
    try:
        accepted = intake(settings, key).accept(body, now())
    except Rejected as rejected:
        return {"refused": str(rejected)}, False
    shown: dict[str, Callable[[Any], str]] = {
        "random_id": lambda value: str(UUID(bytes=value)),
        "received_at": iso_instant,
        "fingerprint": "{:016x}".format,
    }
    stored = {
        name: shown[name](value) if name in shown else value
        for name, value in msgspec.structs.asdict(accepted.event).items()
        if name not in ("execution", "cause") and value is not None
    }
    return {"stored": stored, "dropped": {dropped.field: dropped.reason for dropped in accepted.dropped}}, True


def recount(settings: Settings) -> list[tuple[int, int, int, int, int]]:
    """The cells whose stored count differs from the installations they come from; see `Store.differences`."""
    store = open_store(settings, identities(settings.data_dir))
    try:
        return list(store.differences())
    finally:
        store.close()


def demo(settings: Settings, *, installations: int, days: int, seed: int) -> None:
    """Fold a plausible set of reports into the data directory, up to today."""
    with held(settings.data_dir):
        ids = identities(settings.data_dir)
        store = Store(
            settings.data_dir,
            msgspec.structs.replace(store_options(settings), max_new_apps_per_day=DEMO_NAMES_PER_DAY),
            ids,
            now=now(),
        )
        accept = intake(settings, ids).accept
        events: list[Event] = []
        source = payloads(installations, days, seed, day_of(now()) - 1)
        with Progress(*PROGRESS_COLUMNS, console=Console(stderr=True)) as progress:
            task = progress.add_task("installations", total=installations)
            for done, reports in enumerate(source, start=1):
                # What is folded together is published on one day: no fold may reach into the next.
                new_day = bool(events) and day_of(reports[0].received_at) != day_of(events[0].received_at)
                if new_day or len(events) >= DEMO_BATCH:
                    store.fold(events, None, max(event.received_at for event in events))
                    events.clear()
                    progress.update(task, completed=done - 1)
                events.extend(accept(report.body, report.received_at).event for report in reports)
            store.fold(events, None, max(event.received_at for event in events))
            progress.update(task, completed=installations)
        store.truncate_wal()
        store.close()
