"""How long does the server work for each page, made anew and from the cache, with 1,000,000 installations of a year?"""

import gzip
import http.client
import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from bench.datasets import LARGE, dataset
from bench.processes import Server, service
from bench.table import Line
from telemetry_service.core.identity import KEY_BYTES, Identities
from telemetry_service.core.period import day_of, period
from telemetry_service.core.reports.view import View
from telemetry_service.settings import from_environ
from telemetry_service.store.reading import Reader
from telemetry_service.store.reports import Reports
from telemetry_service.store.store import declared_sources
from telemetry_service.web.app import COMPRESSION_LEVEL
from telemetry_service.web.pages import Pages, prepare
from telemetry_service.web.site import LiveSite

REPEATS = 7
REQUESTS = 200
GOAL_MS, GOAL_CACHED_MS, GOAL_KB, GOAL_COMPRESSED_KB = 50.0, 5.0, 100.0, 25.0
DAYS = (30, 365, 0)
QUESTIONS: tuple[tuple[str, dict[str, str]], ...] = (
    *(("overview", {}), ("errors", {}), ("scripts", {}), ("script:jellyfin", {}), ("privacy", {})),
    *(("scripts", {"by": "os", "is": "debian 12"}), ("errors", {"by": "category", "is": "network"})),
)
CACHED = ("/?days=365", "/errors?days=365", "/scripts?days=365")


def run(_seconds: float, _rounds: int) -> Iterator[Line]:
    """Processor time, the least of several: the machine may be busy with other work."""
    data = dataset(LARGE)
    with service(data) as server:  # brings the store up to date
        yield from (_from_cache(server, path) for path in CACHED)
    render = _Renderer(data)
    for page, query in QUESTIONS:
        yield from render.measure(page, query)


class _Renderer:
    """Makes pages as the server does, without one."""

    def __init__(self, data: Path) -> None:
        prepare()
        self._pages = Pages(from_environ({"DATA_DIR": str(data)}))
        self._reader = Reader(data)
        self._sources = declared_sources(data)
        self._now = time.time_ns() // 1000
        self._reports().sum_up_a_year()  # as the service does when it starts

    def measure(self, page: str, query: dict[str, str]) -> Iterator[Line]:
        first = _milliseconds(partial(self._render, page, query, 365, True))
        asked = [(days, exact) for days in DAYS for exact in (True, False)]
        times = [min(_milliseconds(partial(self._render, page, query, *one)) for _ in range(REPEATS)) for one in asked]
        slowest, (days, exact) = max(zip(times, asked, strict=True))
        body = max((self._render(page, query, days, True).encode() for days in DAYS), key=len)
        kb, packed_kb = len(body) / 1000, len(gzip.compress(body, COMPRESSION_LEVEL)) / 1000
        what = f"{page} by {query['by']}" if query else page
        measured = f"{slowest:.1f} ms ({days} days, {'exact' if exact else 'public'}); the first one {first:.0f} ms"
        yield Line(what, measured, f"< {GOAL_MS:.0f} ms", slowest < GOAL_MS)
        goal = f"< {GOAL_KB:.0f} kB, < {GOAL_COMPRESSED_KB:.0f} kB compressed"
        yield Line(f"{what}, size", f"{kb:.0f} kB, {packed_kb:.1f} kB", goal, kb < GOAL_KB and packed_kb < GOAL_COMPRESSED_KB)

    def _render(self, page: str, query: dict[str, str], days: int, exact: bool) -> str:
        view = View(period=period(days, day_of(self._now)), sources=self._sources.of_repository("ProxmoxVE"), exact=exact)
        return self._pages.render(page, self._reports(), view, {"days": str(days), **query}, LiveSite(self._now))

    def _reports(self) -> Reports:
        return Reports(self._reader, self._sources, Identities(b"\0" * KEY_BYTES), step=5, stuck_hours=24, now=self._now)


def _milliseconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1e3


def _from_cache(server: Server, path: str) -> Line:
    """Processor time of the web process for a page that somebody asked for less than a second before."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)

    def ask() -> None:
        connection.request("GET", path, headers={"accept": "text/html", "accept-encoding": "gzip"})
        connection.getresponse().read()

    def used() -> float:
        fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") * 1e3

    least = float("inf")
    for _ in range(3):
        ask()
        before = used()
        for _ in range(REQUESTS):
            ask()
        least = min(least, (used() - before) / REQUESTS)
    connection.close()
    goal = f"< {GOAL_CACHED_MS:.0f} ms"
    return Line(
        f"{path}, from the cache", f"{least:.2f} ms for a request, HTTP and compression included", goal, least < GOAL_CACHED_MS
    )
