"""HTTP/1.1 over connections that are kept open: one request at a time on each, with little work for one.

A record that is mirrored is a request of its own where batches are off. httptools parses an answer in a fraction of what a
general client takes for a request, which would be slower than the PocketBase it writes to.
"""

import asyncio
import ssl
from collections.abc import Mapping
from typing import NamedTuple, cast
from urllib.parse import urlsplit

import httptools

MAX_ANSWER_BYTES = 64 * 1024 * 1024


class Unreachable(Exception):
    """No answer: the connection was refused, cut or timed out. Whether the request took effect is not known."""


class Answer(NamedTuple):
    """An answer; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """One connection to a server, opened when it is used and again when it was closed."""

    def __init__(self, url: str, timeout_seconds: float, headers: Mapping[str, str] | None = None) -> None:
        """`headers` go with every request; they hold no line breaks."""
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._prefix = parts.path.rstrip("/")
        self._host_header = parts.netloc.rpartition("@")[2]
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        self._timeout_seconds = timeout_seconds
        self._exchange: _Exchange | None = None

    async def request(self, method: str, path: str, body: bytes = b"", token: str = "") -> Answer:
        """Send a JSON body and wait for the answer.

        Raises `Unreachable`.
        """
        head = (
            f"{method} {self._prefix}{path} HTTP/1.1\r\nhost: {self._host_header}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n{self._headers}"
        )
        if token:
            head += f"authorization: {token}\r\n"
        exchange = self._exchange
        if exchange is None or not exchange.usable:
            exchange = self._exchange = await self._open()
        return await exchange.send(f"{head}\r\n".encode("ascii") + body, self._timeout_seconds)

    async def _open(self) -> "_Exchange":
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeout_seconds):
                _, exchange = await loop.create_connection(lambda: _Exchange(loop), self._host, self._port, ssl=self._tls)
        except TimeoutError:
            raise Unreachable("it does not answer in time") from None
        except OSError as error:
            raise Unreachable(f"it cannot be reached ({error.strerror or 'the connection failed'})") from None
        return exchange

    def close(self) -> None:
        """Close it; a request that waits fails."""
        if self._exchange is not None:
            self._exchange.close()
            self._exchange = None


class _Exchange(asyncio.Protocol):
    """What httptools and the event loop call back."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[Answer] | None = None
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._size = 0
        self._transport: asyncio.Transport | None = None

    @property
    def usable(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    async def send(self, request: bytes, timeout_seconds: float) -> Answer:
        assert self._transport is not None
        self._headers, self._body, self._size = {}, [], 0
        self._waiter = self._loop.create_future()
        timer = self._loop.call_later(timeout_seconds, self._fail, "it does not answer in time")
        self._transport.write(request)
        try:
            return await self._waiter
        except asyncio.CancelledError:
            self.close()  # the answer to this request must not be taken for that of another
            raise
        finally:
            timer.cancel()
            self._waiter = None

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _fail(self, why: str) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(Unreachable(why))
        self.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is none by its type

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._fail("its answer is not HTTP")

    def connection_lost(self, _error: Exception | None) -> None:
        self._fail("it closed the connection")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size > MAX_ANSWER_BYTES:
            self._fail("its answer is too long")
            return
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._waiter is None or self._waiter.done():
            return
        self._waiter.set_result(Answer(self._parser.get_status_code(), self._headers, b"".join(self._body)))
        if not self._parser.should_keep_alive():
            self.close()
