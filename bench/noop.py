"""The service's HTTP server, answering 202 without doing anything: `python -m bench.noop PORT`."""

import asyncio
import socket
import sys
from typing import Any

import uvloop

from telemetry_service.web.answers import TEXT
from telemetry_service.web.headers import NOSNIFF
from telemetry_service.web.server import BACKLOG, Server, server_config

ACCEPTED_START = {
    "type": "http.response.start",
    "status": 202,
    "headers": [(b"content-type", TEXT), (b"content-length", b"8"), NOSNIFF],
}
ACCEPTED_BODY = {"type": "http.response.body", "body": b"accepted"}


async def noop(_scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send(ACCEPTED_START)
    await send(ACCEPTED_BODY)


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=BACKLOG)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(Server(server_config(noop)).serve([listener]))
