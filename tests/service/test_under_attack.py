"""Good clients while others attack: everything that was acknowledged is stored, and the service goes on.

How much later answers are is measured by `python -m bench under_attack`: a figure, and no matter of right or wrong.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from stored_data import StoredData

from running_service import Client, Service, report, resident_bytes

ROOT = Path(__file__).parent.parent.parent
CONNECTIONS = 100
PAUSE_SECONDS = 0.2
SHORT_SECONDS, LONG_SECONDS, SECONDS_PER_ROUND = 4, 300, 6
MOST_BYTES = 300_000_000


def report_for(client: Client, seconds: float, acknowledged: set[str], failures: list[str]) -> None:
    """Report new installations over one connection; each must be acknowledged."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        payload = report(nsapp="under-attack")
        try:
            answer = client.post(payload)
        except OSError as error:
            failures.append(repr(error))
            continue
        if answer.status == 202:
            acknowledged.add(payload["random_id"])
        else:
            failures.append(str(answer))
        time.sleep(PAUSE_SECONDS)


def attack(service: Service, seconds: float) -> None:
    acknowledged: set[str] = set()
    failures: list[str] = []
    clients = [service.client() for _ in range(CONNECTIONS)]
    threads = [threading.Thread(target=report_for, args=(client, seconds, acknowledged, failures)) for client in clients]
    attackers = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "bench.attackers", str(service.address[1])], cwd=ROOT, stderr=subprocess.DEVNULL
    )
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert attackers.poll() is None
    finally:
        attackers.kill()
        attackers.wait()
    assert not failures, failures[:5]
    assert len(acknowledged) >= CONNECTIONS
    stored = StoredData(service.data)
    stored.wait_until_folded()
    assert {str(random_id) for random_id, row in stored.installations().items() if row["nsapp"] == "under-attack"} == acknowledged
    assert resident_bytes(service.pid) < MOST_BYTES
    assert json.loads(service.client().send("GET", "/readyz").text)["problems"] == []
    assert service.stop() == 0


@pytest.mark.soak
@pytest.mark.timeout(LONG_SECONDS * 4)
def test_good_clients_under_attack(new_service: Callable[..., Service]) -> None:
    rounds = int(os.environ.get("SOAK_ROUNDS", "0"))
    attack(new_service().start(), min(max(SHORT_SECONDS, rounds * SECONDS_PER_ROUND), LONG_SECONDS))
