"""One connection: uvicorn's, with bounds on the head of a request and on the time a request may take to arrive.

uvicorn has neither: a head may be as long as memory, and who opens connections and sends nothing keeps them for ever.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

MAX_HEAD_BYTES = 65_536  # request line and headers, beyond what came in one read
REQUEST_SECONDS = 20.0  # from its first byte to its last; also from opening a connection to its first byte


class Connection(HttpToolsProtocol):
    """A connection that is closed when a request becomes too long or too slow. `expire` is to be called now and then."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._in_head = False
        self._head_bytes = 0
        self._awaited_since: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._awaited_since = self.loop.time()

    def data_received(self, data: bytes) -> None:
        in_head = self._in_head
        super().data_received(data)
        if in_head and self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(431, b"head: too long")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0
        self._awaited_since = self.loop.time()

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._awaited_since = None
        super().on_message_complete()

    def expire(self, now: float) -> None:
        """Close the connection if its request is late at this instant of the loop's clock."""
        since = self._awaited_since
        if since is None or now - since < REQUEST_SECONDS or self.flow.read_paused or self.transport.is_closing():
            return
        begun = self._in_head or (self.cycle is not None and not self.cycle.response_complete)
        if begun and not (self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete):
            self._refuse(408, b"request: took too long to arrive")
        else:
            self.transport.close()

    def _refuse(self, status: int, reason: bytes) -> None:
        head = b"content-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % (len(reason) + 1)
        self.transport.write(STATUS_LINE[status] + head + reason + b"\n")
        self.transport.close()
