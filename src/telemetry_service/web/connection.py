"""One HTTP connection, bounded in what it may send and in how long it may take.

uvicorn bounds neither the head of a request nor the time it may take to arrive. Each phase of a connection has a deadline
here, and a sweep once a second ends those that are past theirs: a timer per request would cost more than all of this.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from telemetry_service.web.answers import CLOSE, TEXT, Headers, Scope
from telemetry_service.web.headers import security_headers
from telemetry_service.web.heads import fault
from telemetry_service.web.known_heads import KnownHeads
from telemetry_service.web.watch import Watch

HEAD_SECONDS = 10.0  # from connecting, or the first byte of a further request, to the end of its headers
REQUEST_SECONDS = 20.0  # from there to the end of its body
ANSWER_SECONDS = 60.0  # also for a client to take what it asked for
IDLE_SECONDS = 20.0
CLOSING_SECONDS = 3.0  # for the last bytes of an answer to leave, and for a client that still sends to see them
SLICE_BYTES = 4 * 1024  # what is parsed before the bounds are looked at
MAX_HEAD_BYTES = 32 * 1024
MAX_HEADERS = 100
BEYOND_BODY_BYTES = 64 * 1024  # chunk sizes, extensions and trailers

# Takes a request whose body has arrived whole and sees to its answer: status, headers, body. False for one that it leaves to the
# application. Asked only for this path.
ShortWay = Callable[[Scope, bytes, Callable[[int, Headers, bytes], None]], bool]
SHORT_WAY_PATH = "/telemetry"

NOT_HTTP = "request: not HTTP as it is understood here"
BAD = 400, NOT_HTTP
TOO_SLOW = 408, "request: took too long to arrive"
TOO_LARGE = 413, "body: too large"
HEAD_TOO_LARGE = 431, "head: too long"


# What a connection is waiting for: the first byte of a request, its headers, its body, the answer. Plain numbers, because
# members of an enumeration cost the path of every report more than all the rest here.
IDLE, HEAD, BODY, ANSWER = range(4)


class Refused(Exception):
    """Raised in a callback of the parser, which ends the connection with `Connection.refusal`."""


class Connection(HttpToolsProtocol):
    """uvicorn's protocol with bounds. One event loop owns all connections."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        loop: asyncio.AbstractEventLoop,
        watch: Watch,
        short_way: ShortWay | None,
        known_heads: KnownHeads,
    ) -> None:
        super().__init__(config, server_state, {}, loop)
        self._watch = watch
        self._short_way = short_way
        self._known_heads = known_heads
        self._feeding = False
        self._begun: RequestResponseCycle | None = None  # whose task is not started yet: it may need none
        self._refusal = BAD
        self._head_bytes = 0
        self._head = b""  # the piece with the request line, and those that followed until the head was whole
        self._heads_begun = 0  # in there, or in a body before them
        self.held_bytes = 0
        self._unparsed = b""
        self._answered: RequestResponseCycle | None = None
        self._may_linger = True
        self._lingers = False  # it has said its last word, and throws away what still comes
        self.phase = IDLE
        self.deadline = self.since = loop.time() + HEAD_SECONDS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        self._known_scope: Scope = {"method": "POST", "scheme": self.scheme, "client": self.client, "headers": []}
        self.flow = _Flow(self, transport)
        self._last_word = _LastWord(self, transport)
        self._watch.admit(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._let_go()
        self._disconnect_requests()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._lingers:
            return
        if self.pipeline or self._unparsed:
            self._unparsed += data
            self.flow.pause_reading()
        elif len(data) <= SLICE_BYTES:
            if self.phase != IDLE or self._short_way is None or not self._takes_known(data):
                self._feed(data)
        else:
            self._feed_in_slices(data)

    def _takes_known(self, data: bytes) -> bool:
        """Take a whole request whose head is known past the parser, which is between two requests; False with nothing done."""
        body = self._known_heads.body_of(data)
        if body is None:
            return False
        request = self._answered = self.cycle = _KnownRequest()  # type: ignore[assignment] # as far as connections look at them
        self.phase = ANSWER
        self.deadline = self.loop.time() + ANSWER_SECONDS
        if self._goes_the_short_way(request, self._known_scope, body):
            return True
        request.response_complete = True
        self.phase = IDLE
        return False

    def _feed_in_slices(self, data: bytes) -> None:
        """Parse until requests wait for the answer to one before them; the rest is for when they have theirs."""
        for start in range(0, len(data), SLICE_BYTES):
            if self.pipeline or self._lingers or self.transport.is_closing():
                self._unparsed = data[start:]
                return
            self._feed(data[start : start + SLICE_BYTES])

    def _feed(self, data: bytes) -> None:
        self._feeding = True
        if self.phase == HEAD:
            self._head += data
        else:
            self._head, self._heads_begun = data.lstrip(b"\r\n"), int(self.phase == BODY)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as stopped:
            self._feed(self._head_without_offer() + data[stopped.args[0] :])
            return
        except httptools.HttpParserError:
            self._begin()
            self._broken()
            return
        self._begin()
        if self.phase != ANSWER:  # else the usual case: a whole request in one piece
            self._bound(len(data))

    def _head_without_offer(self) -> bytes:
        """The head that was parsed, for a new parser, but without the offer to speak another protocol.

        Nobody has to take it up (RFC 9110, 7.8), and the parser stops at it, before the body.
        """
        line = self._request_line()
        self.parser = httptools.HttpRequestParser(self)
        return line + _lines([header for header in self.headers if header[0] != b"upgrade"])

    def _request_line(self) -> bytes:
        return b"%b %b HTTP/%b\r\n" % (self.parser.get_method(), self.url, self.parser.get_http_version().encode())

    def _says_http(self) -> bool:
        """Whether the request line is what it was parsed as; the parser takes RTSP, and more than one space, for the same.

        Where a request came in one piece with others before it, any line of that piece may be it.
        """
        line = self._request_line()
        return self._head.startswith(line) if self._heads_begun == 1 else line in self._head

    def _broken(self) -> None:
        """What came is no request. Those before it are answered first, and the last of them ends the connection."""
        if self.phase == HEAD and self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False
            self.flow.pause_reading()
        else:
            self._refuse(self._refusal)

    def _bound(self, size: int) -> None:
        if self.phase == HEAD:
            self._head_bytes += size
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refusal = HEAD_TOO_LARGE
                self._broken()
        elif self.phase == BODY:
            self.held_bytes += size
            if self.held_bytes > self._watch.max_body_bytes + BEYOND_BODY_BYTES or len(self.headers) > MAX_HEADERS:
                self._refuse(TOO_LARGE)
            else:
                self._watch.hold(size)

    def on_message_begin(self) -> None:
        HttpToolsProtocol.on_message_begin(self)
        self._head_bytes = 0
        self._heads_begun += 1
        self.phase = HEAD
        self.deadline = self.loop.time() + HEAD_SECONDS

    def on_headers_complete(self) -> None:
        if len(self.headers) > MAX_HEADERS:
            self._refusal = HEAD_TOO_LARGE
            raise Refused
        reason = fault(self.parser.get_http_version(), self.headers) if self._says_http() else NOT_HTTP
        if reason is not None:
            self._refusal = 400, reason
            raise Refused
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise Refused
            return  # `_head_without_offer` begins anew
        HttpToolsProtocol.on_headers_complete(self)
        self.headers = []  # for trailers, which are counted and mean nothing: no proxy has looked at them
        self.cycle.transport = self._last_word  # type: ignore[assignment] # which writes and closes as one
        self.phase = BODY
        self.deadline += REQUEST_SECONDS - HEAD_SECONDS

    def on_message_complete(self) -> None:
        if self.phase == HEAD:  # `_head_without_offer` begins anew
            return
        HttpToolsProtocol.on_message_complete(self)
        if self.held_bytes:
            self._let_go()
        self.phase = ANSWER
        self.deadline += ANSWER_SECONDS
        if self.cycle.response_complete:  # refused before it was all there, and now it is
            self.phase = IDLE
            self.deadline = self.loop.time() + IDLE_SECONDS

    def on_response_complete(self) -> None:
        """As in uvicorn, but without its timer for idle connections, which the deadline stands in for."""
        self.server_state.total_requests += 1
        self.since = now = self.loop.time()
        if self._lingers or self.transport.is_closing():
            self.deadline = now + CLOSING_SECONDS
        elif self.phase == BODY and not self.pipeline:
            # Answered before the request was all there: the rest is read and thrown away, within bounds.
            self.flow.resume_reading()
            self.deadline = now + CLOSING_SECONDS
        else:
            if self.pipeline:
                self._start_asgi_task(*self.pipeline.pop())
                self.deadline = now + ANSWER_SECONDS
            elif self.phase == ANSWER:
                self.phase = IDLE
                self.deadline = now + IDLE_SECONDS
            if not self.pipeline and self._unparsed:
                data, self._unparsed = self._unparsed, b""
                self._feed_in_slices(data)
            self.flow.resume_reading()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answered = cycle
        if self._short_way is not None and self._feeding and cycle.scope["path"] == SHORT_WAY_PATH:
            self._begun = cycle
        else:
            HttpToolsProtocol._start_asgi_task(self, cycle, app)

    def _begin(self) -> None:
        """Begin with a request, now that it is known whether it has arrived whole."""
        self._feeding = False
        cycle, self._begun = self._begun, None
        if cycle is None:
            return
        body = bytes(cycle.body)
        if cycle.more_body or not self._goes_the_short_way(cycle, cast("Scope", cycle.scope), body):
            HttpToolsProtocol._start_asgi_task(self, cycle, self.app)
        elif cycle.keep_alive and self._heads_begun == 1:  # else what stands before it would pass for a part of its head
            self._known_heads.learn(self._head, list(cycle.scope["headers"]), body)

    def _goes_the_short_way(self, cycle: "RequestResponseCycle | _KnownRequest", scope: Scope, body: bytes) -> bool:
        assert self._short_way is not None
        try:
            return self._short_way(scope, body, partial(self._answer, cycle))
        except Exception:  # noqa: BLE001 - the application meets it again, where it is answered and logged
            return False

    def _answer(self, cycle: "RequestResponseCycle | _KnownRequest", status: int, headers: Headers, body: bytes) -> None:
        """Send a whole answer to a request that has no task."""
        if cycle.disconnected:
            return
        if not cycle.keep_alive:
            headers = [*headers, CLOSE]
        self.transport.write(STATUS_LINE[status] + _lines(headers) + body)
        cycle.response_started = cycle.response_complete = True
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()

    @property
    def waiting(self) -> bool:
        return self.phase != ANSWER or self.flow.write_paused  # it does not take its answer

    def give_way(self) -> None:
        """End at once, for another connection."""
        self.transport.abort()

    def overdue(self) -> None:
        """End the connection, with a word why if that can still be said."""
        if self._lingers or self.transport.is_closing() or self.phase == ANSWER:
            self.transport.abort()
        elif self.phase == IDLE or (self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete):
            self._close(self.loop.time())
        else:
            self._refuse(TOO_SLOW)

    def _refuse(self, refusal: tuple[int, str]) -> None:
        """Say why and end. Who has its answer already hears nothing more."""
        if self.phase == BODY and self.cycle.response_complete:
            self.linger()
            return
        status, reason = refusal
        body = reason.encode() + b"\n"
        headers = [(b"content-type", TEXT), (b"content-length", b"%d" % len(body)), (b"connection", b"close")]
        headers += security_headers(headers, self.scheme or "http")
        if not self.transport.is_closing():
            self.transport.write(STATUS_LINE[status] + _lines(headers) + body)
            self.linger()

    def linger(self) -> None:
        """Send nothing more, and take and throw away what comes until the client ends the connection or its time is over.

        Closing would reset the connection under a client that still sends, which then never sees the answer.
        """
        self._disconnect_requests()
        if not self._may_linger:
            self._close(self.loop.time())
            return
        self._lingers = True
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()
        self.deadline = self.loop.time() + CLOSING_SECONDS

    def shutdown(self) -> None:
        """As in uvicorn; the server stops, so that nobody is waited for but those who get an answer."""
        self._may_linger = False
        if self._lingers:
            self.transport.close()
        else:
            HttpToolsProtocol.shutdown(self)

    def _disconnect_requests(self) -> None:
        """Tell those that are not answered yet; uvicorn tells only the last request of a pipeline."""
        for cycle in (self._answered, self.cycle):
            if cycle is not None:
                cycle.disconnected = True
                cycle.message_event.set()

    def _close(self, now: float) -> None:
        self.transport.close()
        self.deadline = now + CLOSING_SECONDS

    def _let_go(self) -> None:
        self._watch.hold(-self.held_bytes)
        self.held_bytes = 0


def _lines(headers: Headers) -> bytes:
    """Headers as they stand before the body."""
    return b"".join([b"%b: %b\r\n" % header for header in headers]) + b"\r\n"


class _KnownRequest:
    """What connections and uvicorn look at of a request that is being answered."""

    __slots__ = ("disconnected", "keep_alive", "response_complete", "response_started")
    message_event = asyncio.Event()  # nobody waits for it

    def __init__(self) -> None:
        self.disconnected = self.response_started = self.response_complete = False
        self.keep_alive = True


class _LastWord:
    """The transport as the answer to a request sees it, which ends a connection when it has answered."""

    def __init__(self, connection: Connection, transport: asyncio.Transport) -> None:
        self._connection = connection
        self._transport = transport
        self.write = transport.write
        self.is_closing = transport.is_closing

    def close(self) -> None:
        if self._connection.phase == BODY:
            self._connection.linger()
        else:
            self._transport.close()


class _Flow(FlowControl):
    """uvicorn's, which lets a pipeline grow while requests in it wait, and trips over a client that is gone."""

    def __init__(self, connection: Connection, transport: asyncio.Transport) -> None:
        super().__init__(transport)
        self._connection = connection

    def pause_reading(self) -> None:
        if not self._transport.is_closing():
            super().pause_reading()

    def resume_reading(self) -> None:
        if self.read_paused and not self._connection.pipeline and not self._transport.is_closing():
            super().resume_reading()


def connection_factory(
    config: Config, state: ServerState, watch: Watch, short_way: ShortWay | None, known_heads: KnownHeads
) -> Any:
    """What makes the connections of a server."""
    loop = asyncio.get_running_loop()
    return lambda: Connection(config, state, loop, watch, short_way, known_heads)
