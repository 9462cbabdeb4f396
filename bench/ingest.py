"""How much of the server's bare rate is left when every report is on disk before it is acknowledged, and how late are answers?"""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from statistics import median

from bench.load import Connections, Result
from bench.payloads import requests
from bench.processes import Server, noop, service
from bench.table import Line

CALM_PER_SECOND = 1_000

Start = Callable[[], AbstractContextManager[Server]]


@contextmanager
def durable() -> Iterator[Server]:
    """The service, worker included, on an empty directory."""
    with tempfile.TemporaryDirectory() as directory, service(Path(directory)) as server:
        yield server


def closed(start: Start, seconds: float) -> Result:
    """As fast as a server of its own answers, after a moment of warming up."""
    with start() as server:
        connections = Connections(server.port)
        connections.run_closed(requests(), min(1.0, seconds / 4))
        result = connections.run_closed(requests(), seconds)
        connections.close()
    return result


def offered(start: Start, per_second: float, seconds: float) -> Result:
    """At a fixed rate."""
    with start() as server:
        connections = Connections(server.port)
        connections.run_open(requests(), per_second, min(1.0, seconds / 4))
        result = connections.run_open(requests(), per_second, seconds)
        connections.close()
    return result


def run(seconds: float, rounds: int) -> Iterator[Line]:
    """Both servers in turn, so that what else the machine does meets both alike."""
    pairs = []
    for _ in range(rounds):
        bare, stored = closed(noop, seconds), closed(durable, seconds)
        pairs.append((bare, stored))
        yield Line("bare 202", f"{bare.per_second:,.0f} /s, p99 {bare.percentile_ms(99):.1f} ms")
        yield Line("durable", f"{stored.per_second:,.0f} /s, p99 {stored.percentile_ms(99):.1f} ms")
    ratio = median(stored.per_second / bare.per_second for bare, stored in pairs)
    yield Line("durable / bare, median", f"{ratio:.2f}", ">= 0.45, aim 0.6", ratio >= 0.45)
    calm = [offered(durable, CALM_PER_SECOND, seconds) for _ in range(rounds)]
    for one in calm:
        yield Line(
            f"durable at {CALM_PER_SECOND:,}/s offered", f"p99 {one.percentile_ms(99):.2f} ms, p50 {one.percentile_ms(50):.2f} ms"
        )
    p99 = median(one.percentile_ms(99) for one in calm)
    yield Line(f"p99 at {CALM_PER_SECOND:,}/s offered, median", f"{p99:.2f} ms", "< 10 ms", p99 < 10)
    half = median(stored.per_second for _, stored in pairs) / 2
    tails = [
        (offered(noop, half, seconds).percentile_ms(99), offered(durable, half, seconds).percentile_ms(99)) for _ in range(rounds)
    ]
    for bare_p99, stored_p99 in tails:
        yield Line(f"p99 at {half:,.0f}/s offered", f"bare {bare_p99:.2f} ms, durable {stored_p99:.2f} ms")
    times = median(stored_p99 / bare_p99 for bare_p99, stored_p99 in tails)
    yield Line("durable p99 / bare p99, median", f"{times:.2f}", "< 3", times < 3)
