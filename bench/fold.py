"""Does the fold keep up with what can be ingested, and if not, does its backlog drain?"""

import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from bench.backlog import drained, folded, stored
from bench.load import Connections, Result
from bench.payloads import requests
from bench.processes import service
from bench.table import Line

SAMPLES = 6


def run(seconds: float, _rounds: int) -> Iterator[Line]:
    """As many events as the service takes, each an installation of its own that ended: the most work an event can be."""
    duration = seconds * 10
    with tempfile.TemporaryDirectory() as directory:
        data = Path(directory)
        with service(data, INBOX_MAX_MB="4096") as server:
            connections = Connections(server.port)
            results: list[Result] = []
            load = threading.Thread(target=lambda: results.append(connections.run_closed(requests(), duration)))
            load.start()
            waiting = []
            for _ in range(SAMPLES):
                time.sleep(duration / SAMPLES)
                waiting.append(stored(data) - folded(data))
            folded_meanwhile = folded(data)
            load.join()
            connections.close()
            events = stored(data)
            seconds_to_drain = drained(data, events)
    ingested, done = results[0].per_second, folded_meanwhile / duration
    yield Line(f"ingested over {duration:.0f} s", f"{ingested:,.0f} /s")
    yield Line("folded meanwhile", f"{done:,.0f} /s")
    yield Line("waiting, over time", ", ".join(f"{n:,}" for n in waiting))
    keeps_up = seconds_to_drain < duration / 50
    yield Line("drained after the load", f"{seconds_to_drain:.1f} s", f"< {duration:.0f} s", seconds_to_drain < duration)
    yield Line("so the fold", "keeps up" if keeps_up else "falls behind under this load, and catches up after it")
