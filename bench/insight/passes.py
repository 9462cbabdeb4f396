"""How long one pass takes over 1,000 scripts that are all known, with three days in the window."""

import random
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from telemetry_service.core.counts import Sources
from telemetry_service.core.event import Event
from telemetry_service.core.identity import Identities
from telemetry_service.core.installation import MICROSECONDS_PER_DAY
from telemetry_service.jobs import watch
from telemetry_service.store.store import Store, StoreOptions

SCRIPTS = 1_000
A_DAY = 3_000
DAYS = 12
NEW = 30  # installations since the last pass, in a quarter of an hour
PASSES = 5
FIRST_DAY = 20_000
KNOWN = ("community-scripts/ProxmoxVE", "community-scripts/ProxmoxVED")


class Seconds(NamedTuple):
    processor: float
    elapsed: float


def pass_seconds() -> Seconds:
    """Processor time of the quickest pass, and the time of the slowest, after each of which some installations arrive."""
    dice = random.Random(1)
    with tempfile.TemporaryDirectory() as name:
        options = StoreOptions(known_repos=KNOWN, publish_min_count=5, max_new_apps_per_day=10_000, stuck_hours=24)
        store = Store(Path(name), options, Identities(b"b" * 32), now=0)
        sources = Sources(KNOWN)
        at = FIRST_DAY * MICROSECONDS_PER_DAY
        number = 0
        for day in range(DAYS):
            at = (FIRST_DAY + day) * MICROSECONDS_PER_DAY
            store.fold([_event(dice, number + place, at + place) for place in range(A_DAY)], None, at)
            number += A_DAY
        now = at + 20 * 3_600_000_000
        watch.look(store, sources, lambda: now)
        processor, elapsed = [], []
        for _ in range(PASSES):
            store.fold([_event(dice, number + place, at + A_DAY + number + place) for place in range(NEW)], None, now)
            number += NEW
            began, began_processor = time.perf_counter(), time.process_time()
            watch.look(store, sources, lambda: now)
            processor.append(time.process_time() - began_processor)
            elapsed.append(time.perf_counter() - began)
        (known,) = store.connection.execute("SELECT count(*) FROM watch").fetchone()
        assert known > 0.9 * SCRIPTS, known
        store.close()
    return Seconds(min(processor), max(elapsed))


def _event(dice: random.Random, number: int, at: int) -> Event:
    failed = dice.random() < 0.08
    return Event(
        execution=number + 1,
        random_id=(number + 1).to_bytes(16, "big"),
        status="failed" if failed else "success",
        received_at=at,
        type="lxc",
        nsapp=f"app-{dice.randrange(SCRIPTS)}",
        os_type="debian",
        os_version=dice.choice(("12", "13")),
        pve_version=dice.choice(("8.4.1", "9.0.3")),
        cause=f"{dice.randrange(12):016x}" if failed else None,
    )
