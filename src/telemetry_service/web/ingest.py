"""`POST /telemetry`: limit, read, accept, store, acknowledge. Plain ASGI, because every report comes this way.

Most reports arrive whole, are accepted within microseconds and wait for nothing but the disk: those are taken without a task
of their own, which would cost as much as all the rest (`take_whole`).
"""

import asyncio
import time
import zlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial

from telemetry_service.core.errors import Rejected
from telemetry_service.core.event import Erasure, encode_event
from telemetry_service.core.intake import Accepted, Dropped, Intake
from telemetry_service.store.database import StoreUnavailable
from telemetry_service.store.group_commit import GroupCommit
from telemetry_service.web.answers import (
    CLOSE,
    JSON,
    RETRY_SECONDS,
    TEXT,
    Headers,
    Receive,
    Scope,
    Send,
    error_body,
)
from telemetry_service.web.auth import Access, Denied
from telemetry_service.web.headers import NOSNIFF, security_headers
from telemetry_service.web.limits import NewExecutions, Peers, TokenBuckets

MAX_ASIDE_BYTES = 32 * 1024 * 1024  # reports in memory, waiting to be cleaned; above it the answer is 503
MAX_GZIP_MEMBERS = 8  # there is one, and more where files were joined; looking for the next one copies what is left
LONG_WAY_HEADERS = frozenset({b"content-encoding", b"expect", b"authorization"})

Answered = Callable[[int, Headers, bytes], None]  # status, headers, body


class Clock:
    """Microseconds since 1970 UTC, always later than the one before, also when the system clock goes back."""

    def __init__(self, last: int = 0) -> None:
        self._last = last

    def now(self) -> int:
        self._last = max(time.time_ns() // 1000, self._last + 1)
        return self._last


class IngestCounters:
    """What this process has seen, for /metrics. Field names only, never values."""

    def __init__(self) -> None:
        self.accepted = 0
        self.refused: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()


class _Refused(Exception):
    def __init__(self, status: int, reason: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = list(headers)


def _too_many(reason: str, wait: float) -> _Refused:
    return _Refused(429, reason, (b"retry-after", b"%d" % (int(wait) + 1)))


REFUSING = (_Refused, Rejected, StoreUnavailable)


def _refused(error: Exception) -> _Refused:
    """What is answered to what is wrong with a request, a report or the disk."""
    if isinstance(error, _Refused):
        return error
    if isinstance(error, Rejected):
        return _Refused(400, str(error))
    return _Refused(503, "the report could not be stored; try again later", (b"retry-after", b"%d" % RETRY_SECONDS))


def _content(body: bytes, content_type: bytes) -> Headers:
    return [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]


@lru_cache(maxsize=256)
def _accepted(dropped: tuple[Dropped, ...], as_json: bool) -> tuple[int, Headers, bytes]:
    body, content_type = (b'{"status":"accepted"}', JSON) if as_json else (b"accepted", TEXT)
    headers = [*_content(body, content_type), NOSNIFF]
    if dropped:
        headers.append((b"x-telemetry-dropped", ",".join([field for field, _ in dropped]).encode()))
    return 202, headers, body


class Ingest:
    """The ASGI application behind `/telemetry`."""

    def __init__(
        self,
        intake: Intake,
        clock: Clock,
        group: GroupCommit,
        *,
        buckets: TokenBuckets,
        new_executions: NewExecutions,
        peers: Peers,
        access: Access | None,
        max_body_bytes: int,
    ) -> None:
        self._intake = intake
        self._clock = clock
        self._group = group
        self._buckets = buckets
        self._new_executions = new_executions
        self._peers = peers
        self._access = access
        self._max_body_bytes = max_body_bytes
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="intake")
        self._aside_bytes = 0
        self.counters = IngestCounters()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        as_json = b"application/json" in headers.get(b"accept", b"")
        try:
            dropped = await self._take(scope, headers, receive)
        except REFUSING as error:
            status, with_headers, body = self._refusal(error, scope["scheme"], as_json)
        else:
            status, with_headers, body = self._acceptance(dropped, as_json)
        await send({"type": "http.response.start", "status": status, "headers": with_headers})
        await send({"type": "http.response.body", "body": body})

    def take_whole(self, scope: Scope, body: bytes, answered: Answered) -> bool:
        """Take a report that has arrived whole, if that needs no waiting but for the disk; `answered` is called once.

        False for everything else, with nothing done: that is for `__call__`.
        """
        is_short = len(body) <= self._max_body_bytes and not self._intake.takes_long(body)
        if not is_short or self._access is not None or scope["method"] != "POST":
            return False
        for name, value in scope["headers"]:
            if name in LONG_WAY_HEADERS or (name == b"accept" and b"application/json" in value):
                return False
        try:
            now = time.monotonic()
            network = self._limited(scope, now)
            accepted = self._accept(body)
            self._count_new(accepted, network, now)
            told = partial(self._when_stored, accepted.dropped, scope["scheme"], answered)
            self._group.store_and_tell(encode_event(accepted.event), told)
        except REFUSING as error:
            answered(*self._refusal(error, scope["scheme"], as_json=False))
        return True

    def _when_stored(
        self, dropped: tuple[Dropped, ...], scheme: str, answered: Answered, failure: StoreUnavailable | None
    ) -> None:
        if failure is None:
            answered(*self._acceptance(dropped, as_json=False))
        else:
            answered(*self._refusal(failure, scheme, as_json=False))

    def _refusal(self, error: Exception, scheme: str, as_json: bool) -> tuple[int, Headers, bytes]:
        refused = _refused(error)
        self.counters.refused[str(refused.status)] += 1
        body, content_type = error_body(refused.reason, as_json)
        return refused.status, [*_content(body, content_type), *refused.headers, *security_headers([], scheme)], body

    def _acceptance(self, dropped: tuple[Dropped, ...], as_json: bool) -> tuple[int, Headers, bytes]:
        self.counters.accepted += 1
        for field, _ in dropped:
            self.counters.dropped[field] += 1
        return _accepted(dropped, as_json)

    async def erase(self, random_id: bytes) -> None:
        """Store a request to erase, in order with the reports; when this returns it is on disk.

        Raises `StoreUnavailable`.
        """
        await self._group.store(encode_event(Erasure(self._clock.now(), random_id)))

    async def _take(self, scope: Scope, headers: dict[bytes, bytes], receive: Receive) -> tuple[Dropped, ...]:
        """Store the event of a request; returns what was dropped of it."""
        if scope["method"] != "POST":
            raise _Refused(405, "method: only POST is accepted here", (b"allow", b"POST"), CLOSE)
        now = time.monotonic()
        network = self._limited(scope, now)
        if self._access is not None:
            await self._require_token(scope["headers"])
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > self._max_body_bytes:
            raise self._too_large()
        message = await receive()
        body = message.get("body", b"")
        if message.get("more_body") or message["type"] != "http.request":
            body = await self._long_body(message, receive)
        if len(body) > self._max_body_bytes:
            raise self._too_large()
        if b"content-encoding" in headers:
            body = self._decompressed(body, headers[b"content-encoding"].strip().lower())
        accepted = await self._accept_aside(body) if self._intake.takes_long(body) else self._accept(body)
        self._count_new(accepted, network, now)
        await self._group.store(encode_event(accepted.event))
        return accepted.dropped

    def _limited(self, scope: Scope, now: float) -> bytes:
        """The network of a request that may still report."""
        network = self._peers.of(scope)
        wait = self._buckets.take(network, now)
        if wait:
            raise _too_many("rate: too many reports from this network", wait)
        return network

    def _count_new(self, accepted: Accepted, network: bytes, now: float) -> None:
        """Count an execution among those that its network has begun this hour."""
        wait = self._new_executions.take(network, accepted.event.execution, now)
        if wait:
            raise _too_many("rate: too many new installations from this network", wait)

    def _accept(self, body: bytes) -> Accepted:
        return self._intake.accept(body, self._clock.now())

    async def _accept_aside(self, body: bytes) -> Accepted:
        """Accept a payload in a thread, so that a long log does not hold up everybody else."""
        if self._aside_bytes + len(body) > MAX_ASIDE_BYTES:
            raise StoreUnavailable("too many long reports at once")
        self._aside_bytes += len(body)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._intake.accept, body, self._clock.now())
        finally:
            self._aside_bytes -= len(body)

    async def _require_token(self, headers: Headers) -> None:
        assert self._access is not None
        try:
            await self._access.require("ingest", headers, by_session=False)
        except Denied as denied:
            raise _Refused(denied.status, denied.reason, *denied.headers) from None

    async def _long_body(self, message: dict[str, object], receive: Receive) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while True:
            if message["type"] != "http.request":
                raise _Refused(400, "body: the connection ended before it was complete", CLOSE)
            chunk = message.get("body", b"")
            assert isinstance(chunk, bytes)
            chunks.append(chunk)
            size += len(chunk)
            if size > self._max_body_bytes:
                raise self._too_large()
            if not message.get("more_body"):
                return b"".join(chunks)
            message = await receive()

    def _decompressed(self, body: bytes, encoding: bytes) -> bytes:
        if encoding in (b"", b"identity"):
            return body
        if encoding not in (b"gzip", b"x-gzip"):
            raise _Refused(400, "body: content encoding is neither gzip nor identity")
        text = b""
        for _ in range(MAX_GZIP_MEMBERS):
            member = zlib.decompressobj(wbits=31)
            try:
                text += member.decompress(body, self._max_body_bytes + 1 - len(text))
            except zlib.error:
                raise _Refused(400, "body: not gzip, although its content encoding says so") from None
            if len(text) > self._max_body_bytes:
                raise self._too_large()
            body = member.unused_data
            if not body:
                return text
        raise _Refused(400, f"body: more than {MAX_GZIP_MEMBERS} members of gzip")

    def _too_large(self) -> _Refused:
        return _Refused(413, f"body: larger than {self._max_body_bytes} bytes", CLOSE)
