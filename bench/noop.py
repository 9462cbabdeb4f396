"""The service's HTTP server, answering 202 without doing anything: `python -m bench.noop PORT`."""

import asyncio
import socket
import sys
from typing import Any

import uvloop

from telemetry_service.web.ingest import ACCEPTED_BODY, ACCEPTED_START
from telemetry_service.web.server import BACKLOG, Server, server_config


async def noop(_scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send(ACCEPTED_START)
    await send(ACCEPTED_BODY)


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=BACKLOG)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(Server(server_config(noop)).serve([listener]))
