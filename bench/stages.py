"""What do the stages of one report cost, each alone, in microseconds of this machine?"""

import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.payloads import requests
from bench.table import Line
from telemetry_service.core.event import decode_event, encode_event
from telemetry_service.core.fields import WIRE_NAMES
from telemetry_service.core.identity import KEY_BYTES, Identities
from telemetry_service.core.intake import Explainer, Intake, Policy
from telemetry_service.core.repair import decode
from telemetry_service.core.scrub import Scrubber
from telemetry_service.store.store import Store, StoreOptions

EVENTS = 20_000
BATCH = 4_000
START = 1_700_000_000_000_000
KNOWN_REPOS = ("community-scripts/ProxmoxVE", "community-scripts/ProxmoxVED")


def run(_seconds: float, rounds: int) -> Iterator[Line]:
    """In one thread, without a server."""
    identities = Identities(b"\0" * KEY_BYTES)
    explain = Explainer(Scrubber, 120)
    intake = Intake(Policy(known_repos=KNOWN_REPOS), identities, explain)
    bodies = [request.partition(b"\r\n\r\n")[2] for request in islice(requests(), EVENTS)]
    events = [intake.accept(body, START + number).event for number, body in enumerate(bodies)]
    encoded = [encode_event(event) for event in events]
    yield Line("decode a payload", _each(lambda body: decode(body, WIRE_NAMES), bodies, rounds))
    yield Line("accept a payload, decoding included", _each(lambda body: intake.accept(body, START), bodies, rounds))
    yield Line("encode an event", _each(encode_event, events, rounds))
    yield Line("decode an event", _each(decode_event, encoded, rounds))
    with TemporaryDirectory() as directory:
        options = StoreOptions(known_repos=KNOWN_REPOS, publish_min_count=5, max_new_apps_per_day=10_000, stuck_hours=24)
        store = Store(Path(directory), options, identities, now=START)
        batches = [events[first : first + BATCH] for first in range(0, EVENTS, BATCH)]
        start = time.process_time()
        for batch in batches:
            store.fold(batch, None, START)
        spent = time.process_time() - start
        store.close()
    yield Line("fold an event of a new installation", f"{spent / EVENTS * 1e6:.1f} us")


def _each(stage: Callable[[Any], object], inputs: list[Any], rounds: int) -> str:
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        for item in inputs:
            stage(item)
        best = min(best, time.process_time() - start)
    return f"{best / len(inputs) * 1e6:.1f} us"
