"""How much later are answers to good clients while others attack?"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from bench.backlog import drained, installations, stored
from bench.load import Connections, Result
from bench.payloads import requests
from bench.processes import service
from bench.table import Line

CONNECTIONS = 100
PER_SECOND = 300  # below what two processors do for service, clients and attackers together


@contextmanager
def attackers(port: int) -> Iterator[None]:
    """All attacks at once, in a process of their own."""
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-m", "bench.attackers", str(port)], stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def offered(connections: Connections, seconds: float) -> Result:
    return connections.run_open(requests(), PER_SECOND, seconds)


def run(seconds: float, rounds: int) -> Iterator[Line]:
    """Quiet and attacked in turn, on the same connections of the same service."""
    ratios = []
    acknowledged = 0
    with tempfile.TemporaryDirectory() as directory, service(Path(directory)) as server:
        connections = Connections(server.port, CONNECTIONS)
        acknowledged += offered(connections, 1.0).accepted
        for _ in range(rounds):
            quiet = offered(connections, seconds)
            with attackers(server.port):
                attacked = offered(connections, seconds)
            accepted = quiet.accepted + attacked.accepted
            acknowledged += accepted
            lost = int(PER_SECOND * seconds) * 2 - accepted
            ratios.append(attacked.percentile_ms(99) / quiet.percentile_ms(99))
            yield Line(
                f"p99 at {PER_SECOND}/s over {CONNECTIONS} connections",
                f"quiet {quiet.percentile_ms(99):.1f} ms, attacked {attacked.percentile_ms(99):.1f} ms, not accepted {lost}",
            )
        connections.close()
        drained(Path(directory), stored(Path(directory)))
        missing = acknowledged - installations(Path(directory))
    yield Line(f"acknowledged and not stored, of {acknowledged:,}", str(missing), "0", missing == 0)
    times = median(ratios)
    yield Line("attacked p99 / quiet p99, median", f"{times:.1f}", "< 4", times < 4)
