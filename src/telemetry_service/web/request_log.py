"""Logging of requests, off unless an operator turns it on: the route, the status and the time taken.

No address, no query, no header, no body; and of the path only the route it matched, since names in it are what somebody asked
for.
"""

import logging
import time
from typing import Any

from telemetry_service.web.answers import Receive, Scope, Send

log = logging.getLogger(__name__)


def logged(app: Any, ingest_path: str) -> Any:
    """An application that logs its requests; `ingest_path` is the one that no route answers."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        status = 0

        async def send_and_look(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await app(scope, receive, send_and_look)
        finally:
            took_ms = round((time.perf_counter() - began) * 1000, 1)
            route = ingest_path if scope["path"] == ingest_path else scope.get("route_path", "none")
            log.info("request", extra={"method": scope["method"], "route": route, "status": status, "milliseconds": took_ms})

    return wrapped
