"""The HTTP server, as the service and its benchmarks run it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from telemetry_service.web.connection import Connection

TICKS_PER_SECOND = 10  # of uvicorn's main loop
SHUTDOWN_SECONDS = 4
BACKLOG = 2048  # connections that may wait to be accepted


def server_config(app: Any) -> uvicorn.Config:
    """How an application is served: no log lines, which would hold addresses, and no headers that tell of the server."""
    return uvicorn.Config(
        app,
        loop="none",
        http=Connection,
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
    """uvicorn, without its own signal handling: it would end the process by the signal instead of with status 0."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self, *_: Any) -> None:
        self.should_exit = True

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS_PER_SECOND == 0:
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                assert isinstance(connection, Connection)
                connection.expire(now)
        return await super().on_tick(counter)
