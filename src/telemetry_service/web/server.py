"""The HTTP server, as the service and its benchmarks run it."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import uvicorn

from telemetry_service.web.connection import ShortWay, connection_factory
from telemetry_service.web.known_heads import KnownHeads
from telemetry_service.web.watch import Watch, Watched

SHUTDOWN_SECONDS = 4
BACKLOG = 2048  # connections that may wait to be accepted
ACCEPTED_AT_ONCE = 256  # beside the one in each round of the loop
HANDSHAKE_SECONDS = 5.0
TICKS_PER_SECOND = 10  # of uvicorn's main loop
MAX_BODY_BYTES = 1024 * 1024


def server_config(app: Any) -> uvicorn.Config:
    """How an application is served: no log lines, which would hold addresses, and no headers that tell of the server."""
    return uvicorn.Config(
        app,
        loop="none",
        http="httptools",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )


class Server(uvicorn.Server):
    """uvicorn with bounded connections, and without its own signal handling, which would end the process by the signal."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        max_connections: int = BACKLOG,
        max_body_bytes: int = MAX_BODY_BYTES,
        tls: ssl.SSLContext | None = None,
        short_way: ShortWay | None = None,
        known_heads: KnownHeads | None = None,
    ) -> None:
        super().__init__(config)
        self._tls = tls
        self._short_way = short_way
        self._known_heads = KnownHeads() if known_heads is None else known_heads
        self._listeners: list[socket.socket] = []
        self._beginning: set[asyncio.Task[None]] = set()
        # All connections are made below, by our factory.
        connections = cast("Collection[Watched]", self.server_state.connections)
        self.watch = Watch(connections, max_connections=max_connections, max_body_bytes=max_body_bytes)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.startup()
        loop = asyncio.get_running_loop()
        factory = connection_factory(self.config, self.server_state, self.watch, self._short_way, self._known_heads)
        handshake = HANDSHAKE_SECONDS if self._tls else None
        self._listeners = sockets or []
        self.servers = [
            await loop.create_server(
                factory, sock=listener, ssl=self._tls, ssl_handshake_timeout=handshake, backlog=self.config.backlog
            )
            for listener in self._listeners
        ]
        self._let_in = partial(loop.connect_accepted_socket, factory, ssl=self._tls, ssl_handshake_timeout=handshake)
        self.started = True

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS_PER_SECOND == 0:
            self.watch.sweep(asyncio.get_running_loop().time())
        for listener in self._listeners:
            self._accept_all(listener)
        return await super().on_tick(counter)

    def _accept_all(self, listener: socket.socket) -> None:
        """Accept those who wait at the door together.

        libuv accepts one connection in each round of its loop. Rounds are long when many connections are answered, so that a
        flood of requests on some hundred connections would keep out whoever came behind them for minutes.
        """
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                accepted, _ = listener.accept()
            except OSError:  # nobody is there, or gone again; or there are too many files, which libuv sees to
                return
            task = asyncio.create_task(self._begin(accepted))
            self._beginning.add(task)
            task.add_done_callback(self._beginning.discard)

    async def _begin(self, accepted: socket.socket) -> None:
        accepted.setblocking(False)
        with contextlib.suppress(OSError):  # handshakes fail
            await self._let_in(accepted)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self, *_: Any) -> None:
        self.should_exit = True
