"""Attacks on a service on this machine, from loopback addresses of their own: `python -m bench.attackers PORT`, until killed.

What each does is in its name. Together they make a few hundred attempts a second, so that what is measured beside them is the
service and not two processes that fight for a processor.
"""

import asyncio
import contextlib
import gzip
import os
import random
import sys
from collections.abc import Awaitable, Callable

PAUSE_SECONDS = 0.05
HALF_OPEN = 500
HALVES = (
    b"",
    b"POST /tele",
    b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: ",
    b"POST /telemetry HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n{",
)
BOMB = gzip.compress(b"0" * 20_000_000)
NESTED = b'{"random_id":' + b"[" * 50_000


def _post(body: bytes, *headers: bytes) -> bytes:
    lines = (b"POST /telemetry HTTP/1.1", b"Host: x", b"Content-Length: %d" % len(body), *headers)
    return b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body


def _get(path: str, *headers: bytes) -> bytes:
    return b"".join(line + b"\r\n" for line in (f"GET {path} HTTP/1.1".encode(), b"Host: x", *headers)) + b"\r\n"


class Attackers:
    """All of them, against one port."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._dice = random.Random(os.urandom(8))

    async def run(self) -> None:
        one_shots: tuple[Callable[[], bytes], ...] = (
            lambda: self._dice.randbytes(self._dice.randint(1, 2000)),
            lambda: _get("/" + "a" * 60_000),
            lambda: _get("/healthz", *[b"A: b"] * 3000),
            lambda: _post(BOMB, b"Content-Encoding: gzip"),
            lambda: _post(NESTED),
            lambda: _post(b" " * 100_000, b"Transfer-Encoding: chunked"),
            lambda: _get("/api/records", b"Authorization: Bearer tel_%x" % self._dice.getrandbits(200)),
            lambda: _get(f"/api/scripts?days={self._dice.randint(0, 365)}&repo=all"),
            lambda: _get(f"/api/scripts/{self._dice.getrandbits(60):x}"),
            lambda: _get("/api/dashboard?days=365") * 8,
            lambda: _post(b"{}") * 8,
        )
        await asyncio.gather(self._keep_half_open(), *(self._repeat(lambda make=make: self._send(make())) for make in one_shots))

    async def _repeat(self, attempt: Callable[[], Awaitable[None]]) -> None:
        while True:
            with contextlib.suppress(OSError):
                await attempt()
            await asyncio.sleep(PAUSE_SECONDS)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        source = f"127.0.1.{self._dice.randint(1, 250)}"
        return await asyncio.open_connection("127.0.0.1", self._port, local_addr=(source, 0))

    async def _send(self, request: bytes) -> None:
        reader, writer = await self._connect()
        try:
            writer.write(request)
            await asyncio.wait_for(reader.read(65536), 2)
        except TimeoutError:
            pass
        finally:
            writer.close()

    async def _keep_half_open(self) -> None:
        while True:
            halves = []
            for number in range(HALF_OPEN):
                with contextlib.suppress(OSError):
                    _, writer = await self._connect()
                    writer.write(HALVES[number % len(HALVES)])
                    halves.append(writer)
                await asyncio.sleep(0.002)
            await asyncio.sleep(5)
            for writer in halves:
                writer.close()


if __name__ == "__main__":
    asyncio.run(Attackers(int(sys.argv[1])).run())
