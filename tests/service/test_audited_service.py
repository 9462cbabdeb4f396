"""A real service that took reports full of identifiers: its own audit finds that the record holds, and sees what is planted."""

import json
import os
import subprocess
from collections.abc import Callable

from stored_data import StoredData

from running_service import COMMAND, PATIENCE_SECONDS, Service, post_all, report

HOSTILE = (
    "curl: (6) Could not resolve host: nas.smith.de",
    "connect to 10.20.30.40 port 443 failed: Connection refused",
    "no route to 2001:db8::7f from a4:83:e7:01:02:03",
    "mail to anna@nas.smith.de refused",
)
# Without a certificate, and with the log on standard error.
UNCLEAR = dict.fromkeys(("tls", "identifiers-logs", "age-logs"), "cannot tell")


def test_the_record_of_a_running_service_holds(new_service: Callable[..., Service]) -> None:
    service = new_service().start()
    post_all(service, [report(status="failed", exit_code=6, error=HOSTILE[n % 4], hostname="nas.smith.de") for n in range(24)])
    StoredData(service.data).wait_until_folded()
    service.command("token", "create", "--scope", "read", "--name", "grafana")
    assert audit(service) == UNCLEAR
    assert json.loads(service.client().send("GET", "/readyz").text)["degraded"] == []
    assert 'telemetry_audit_claims{verdict="fail"} 0.0' in service.client().send("GET", "/metrics").text

    (service.data / "dump.txt").write_text(HOSTILE[1])
    os.chmod(service.data / "dump.txt", 0o600)
    assert audit(service) == UNCLEAR | {"identifiers-files": "fail"}
    assert json.loads(service.client().send("GET", "/readyz").text)["status"] == "degraded"
    page = service.client().send("GET", "/privacy/audit").text
    assert "The record does not hold." in page
    assert "10.20.30.40" not in page


def audit(service: Service) -> dict[str, str]:
    """The verdicts of an audit of a running service, but for those that pass."""
    environment = service.environment | {"LISTEN_ADDR": "{}:{}".format(*service.address)}  # 0 until it listened
    done = subprocess.run(
        [COMMAND, "audit", "--json"], cwd=service.root, env=environment, capture_output=True, timeout=PATIENCE_SECONDS
    )
    verdicts = {one["claim"]: one["verdict"] for one in json.loads(done.stdout)["findings"]}
    assert done.returncode == int("fail" in verdicts.values())
    return {claim: verdict for claim, verdict in verdicts.items() if verdict != "pass"}
