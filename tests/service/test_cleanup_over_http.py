"""The clean-up as an admin asks for it, beside the running service."""

import json
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from running_service import Service
from telemetry_service.bootstrap.assembly import open_store
from telemetry_service.core.event import Event
from telemetry_service.settings import from_environ
from telemetry_service.store.directory import identities

HOUR = 3_600_000_000


def with_stuck(data: Path, n: int) -> None:
    """A data directory with installations that began a day and more ago, and with as many that just began."""
    data.mkdir(parents=True)
    now = time.time_ns() // 1000
    events = [
        Event(received_at=now - age, random_id=bytes([i]) * 16, execution=i, status="installing", type="lxc", nsapp="a")
        for i in range(2 * n)
        for age in ((25 + i) * HOUR if i < n else 0,)
    ]
    with closing(open_store(from_environ({"DATA_DIR": str(data)}), identities(data))) as store:
        store.fold(events, None, now)


def test_status_and_run(new_service: Any) -> None:
    service: Service = new_service(CLEANUP_ENABLED="false", CLEANUP_INTERVAL_MIN="90")
    with_stuck(service.data, 3)
    token = service.command("token", "create", "--scope", "admin", "--name", "x").stdout.split()[-1]
    service.start()
    client, headers = service.client(), {"Authorization": f"Bearer {token}", "Accept": "application/json"}

    def status() -> dict[str, Any]:
        answer = client.send("GET", "/api/cleanup/status", headers=headers)
        assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
        return dict(json.loads(answer.text))

    assert status() == {
        "stuck_count": 3, "stuck_after_hours": 24, "check_interval": "1h30m0s", "enabled": False, "runs": []
    }  # fmt: skip
    assert service.command("cleanup", "--dry-run").stdout == "3 installations are stuck\n"
    answer = client.send("POST", "/api/cleanup/run", "", headers)
    assert (answer.status, json.loads(answer.text)) == (200, {"updated": 3, "message": "3 installations became unknown"})
    after = status()
    assert (after["stuck_count"], [run["counts"] for run in after["runs"]]) == (0, [{"updated": 3}])
    assert after["runs"][0]["started_at"] <= after["runs"][0]["ended_at"]
    assert json.loads(client.send("POST", "/api/cleanup/run", "", headers).text)["updated"] == 0
    page = client.send("GET", "/runs", headers=headers | {"Accept": "text/html"})
    assert 'href="/records"' in page.text  # who comes here may go there
    assert page.status == 200
    assert "updated 3" in page.text
    assert service.command("recount").returncode == 0
