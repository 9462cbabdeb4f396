"""The HTTP server, as the service and its benchmarks run it."""

import asyncio
import socket
import ssl
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, cast

import uvicorn

from telemetry_service.web.connection import ShortWay, connection_factory
from telemetry_service.web.watch import Watch, Watched

SHUTDOWN_SECONDS = 4
BACKLOG = 2048  # connections that may wait to be accepted
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
    ) -> None:
        super().__init__(config)
        self._tls = tls
        self._short_way = short_way
        # All connections are made below, by our factory.
        connections = cast("Collection[Watched]", self.server_state.connections)
        self.watch = Watch(connections, max_connections=max_connections, max_body_bytes=max_body_bytes)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.startup()
        loop = asyncio.get_running_loop()
        factory = connection_factory(self.config, self.server_state, self.watch, self._short_way)
        handshake = HANDSHAKE_SECONDS if self._tls else None
        self.servers = [
            await loop.create_server(
                factory, sock=listener, ssl=self._tls, ssl_handshake_timeout=handshake, backlog=self.config.backlog
            )
            for listener in sockets or []
        ]
        self.started = True

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS_PER_SECOND == 0:
            self.watch.sweep(asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self, *_: Any) -> None:
        self.should_exit = True
