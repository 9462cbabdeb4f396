"""The client, and clients of older days, with the real service."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from machine import CLIENT, INSTALLED, Machine, wait_until
from servers import Recorder

from live import Live, running

EXAMPLE = CLIENT.with_name("example.sh")
README = CLIENT.parents[2] / "README.md"


@pytest.fixture
def live(tmp_path: Path) -> Any:
    with running(tmp_path / "service") as service:
        yield service


def dashboard(live: Live) -> dict[str, Any]:
    return dict(json.loads(live.get("/api/dashboard?days=1&repo=all", exact=True).body))


def test_every_shell_reports_to_the_service(live: Live, tmp_path: Path) -> None:
    for n, shell in enumerate(INSTALLED):
        (tmp_path / shell).mkdir()
        machine = Machine(tmp_path / shell, shell, live.url).consents()
        (machine.root / "log").write_text("line\nE: Unable to locate package libfoo\n")
        machine.run(
            f"telemetry_start app{n} lxc; telemetry_set os_type debian; telemetry_progress validation;"
            "telemetry_fail 100 3 'apt-get install libfoo' log; telemetry_start app-ok vm; telemetry_finish"
        )
        machine.sent(5)
    live.wait_until_counted(2 * len(INSTALLED))
    wait_until(lambda: dashboard(live)["installing_count"] == 0, "the ends to be counted")
    shown = dashboard(live)
    assert (shown["success_count"], shown["failed_count"], shown["installing_count"]) == (len(INSTALLED), len(INSTALLED), 0)
    assert shown["os_distribution"] == [{"os": "debian", "count": len(INSTALLED)}]
    (group,) = shown["error_analysis"]
    assert (group["count"], group["unique_apps"]) == (len(INSTALLED), len(INSTALLED))
    assert "Unable to locate package" in group["pattern"]


@pytest.mark.parametrize("shell", INSTALLED)
def test_the_example_of_the_guide(tmp_path: Path, server: Recorder, shell: str) -> None:
    """As the README shows it: it asks, then reports."""
    assert EXAMPLE.read_text() in README.read_text()
    machine = Machine(tmp_path, shell, server.url)
    (tmp_path / "telemetry.sh").write_text(CLIENT.read_text())
    (tmp_path / "install.sh").write_text(EXAMPLE.read_text().replace("https://telemetry.example.org", server.url))
    shown = machine.on_a_terminal(f"exec {' '.join(machine.shell)} ./install.sh", "yes\n")
    assert "myapp is installed" in shown
    assert sorted(report["status"] for report in machine.sent(3)) == ["installing", "success", "validation"]


def test_forget_erases_on_the_service_what_this_machine_sent(live: Live, tmp_path: Path) -> None:
    def stored(random_id: str) -> list[dict[str, Any]]:
        return list(live.ask("/api/privacy/access", {"random_id": random_id})["installations"])

    neighbour = str(uuid4())
    assert live.post(old_host(random_id=neighbour)) == 202
    (tmp_path / "machine").mkdir()
    machine = Machine(tmp_path / "machine", INSTALLED[0], live.url).consents()
    machine.run("telemetry_start app-a lxc; telemetry_finish; telemetry_start app-b vm; telemetry_fail 1 2 make")
    ids = {report["nsapp"]: report["random_id"] for report in machine.sent(4)}
    for app, random_id in ids.items():
        assert [one["fields"]["nsapp"] for one in stored(random_id)] == [app]
    done = machine.run("telemetry_forget")
    assert (done.returncode, done.stdout.count("erased: ")) == (0, 2)
    assert [stored(random_id) for random_id in ids.values()] == [[], []]
    assert len(stored(neighbour)) == 1
    live.wait_until_counted(1)


def old_host(**fields: Any) -> dict[str, Any]:
    """What the host's part of a deployed script knows at its first report: nothing yet, as zeros and `unknown`."""
    return {
        "random_id": "", "execution_id": "", "type": "lxc", "nsapp": "jellyfin", "status": "installing", "ct_type": 1,
        "disk_size": 0, "core_count": 0, "ram_size": 0, "os_type": "unknown", "os_version": "unknown", "pve_version": "8.2.4",
        "method": "default", "error": "", "exit_code": 0, "error_category": "", "install_duration": 0, "cpu_vendor": "unknown",
        "cpu_model": "unknown", "gpu_vendor": "unknown", "gpu_model": "unknown", "gpu_passthrough": "unknown",
        "ram_speed": "unknown", "repo_source": "ProxmoxVE",
    } | fields  # fmt: skip


def from_container(**fields: Any) -> dict[str, Any]:
    return {"random_id": "", "execution_id": "", "type": "lxc", "nsapp": "unknown", "status": "configuring"} | fields


def old_run(ids: dict[str, str], *ends: dict[str, Any]) -> list[dict[str, Any]]:
    """The reports of one installation, ends included."""
    known = {"disk_size": "8G", "core_count": 2, "ram_size": 2048, "os_type": "debian", "os_version": "12"}
    return [
        old_host(**ids),
        old_host(**ids, **known, status="validation"),
        from_container(**ids),
        from_container(**ids),
        *(old_host(**ids, **known, **end) for end in ends),
    ]


def test_clients_of_older_days(live: Live) -> None:
    def ids() -> dict[str, str]:
        return {"random_id": str(uuid4()), "execution_id": str(uuid4())}

    def without_execution() -> dict[str, str]:
        return {"random_id": str(uuid4()), "execution_id": ""}

    log = "exit_code=100 | APT failed | at line 40: apt-get install\n---\nE: Unable to locate package libfoo\n"
    ok, bad = {"status": "done", "install_duration": 90}, {"status": "failed", "exit_code": 100, "error": log}
    zero, interrupt = {"status": "failed", "exit_code": 0}, {"status": "failed", "exit_code": "130"}
    make: Callable[[], dict[str, str]]
    sent = 0
    for make in (ids, without_execution):
        for ends in ((ok, ok), (bad, ok), (bad, bad, bad), (zero,), (interrupt, {"status": "aborted", "exit_code": 130}), ()):
            for report in old_run(make(), *ends):
                assert live.post(report) == 202
            sent += 1
    # Unattended tools have no source of UUIDs: the same second on two machines, two tools.
    for tool in ("clean-lxcs", "clean-lxcs", "update-lxcs"):
        assert live.post({"random_id": "tool-1763900000", "type": "tool", "nsapp": tool, "status": "success"}) == 202
    wait_until(lambda: dashboard(live)["total_tools"] == 2, "the last report to be counted")
    shown = dashboard(live)
    assert shown["total_installs"] == sent
    counted = {name: shown[f"{name}_count"] for name in ("success", "failed", "aborted", "unknown", "installing")}
    assert counted == {"success": 6, "failed": 2, "aborted": 2, "unknown": 0, "installing": 2}
    assert shown["total_tools"] == 2
    assert shown["top_apps"] == [{"app": "jellyfin", "count": sent}]
    assert shown["os_distribution"] == [{"os": "debian", "count": sent - 2}]
    assert shown["method_stats"] == [{"method": "default", "count": sent - 2}]


# As bash writes them by hand, one installation of each kind. ID stands for a UUID that is new for each, RUN for another.
BY_HAND = {
    "host: units, numbers as strings, `done`": (
        b'{"random_id":"ID","execution_id":"RUN","type":"lxc","nsapp":"Jellyfin","status":"installing","ct_type":1,"disk_size":0,'
        b'"core_count":0,"ram_size":0,"os_type":"unknown","os_version":"unknown","gpu_vendor":"unknown","exit_code":0}',
        b'{"random_id":"ID","execution_id":"RUN","type":"lxc","nsapp":"unknown","status":"configuring","platform":"pve",'
        b'"repo_source":"ProxmoxVE"}',
        b'{\n  "random_id": "ID",\n  "execution_id": "RUN",\n  "type": "lxc",\n  "nsapp": "jellyfin",\n  "status": "done",\n'
        b'  "ct_type": "1",\n  "disk_size": 32G,\n  "core_count": "2",\n  "ram_size": "2048",\n  "os_type": "Debian",\n'
        b'  "os_version": "12",\n  "pve_version": "8.2.4",\n  "method": "default",\n  "error": "",\n  "exit_code": "0",\n'
        b'  "gpu_vendor": "intel",\n  "gpu_passthrough": "igpu",\n  "install_duration": "120",\n}\n',
    ),
    "an older host: no execution, a log by hand, twice": (
        b'{"random_id":"ID","type":"lxc","nsapp":"immich","status":"installing","disk_size":"8G","os_type":"-"}',
        b'{"random_id":"ID","type":"lxc","nsapp":"immich","status":"failed","disk_size":"8","core_count":4,"os_type":"debian",'
        b'"os_version":"12","exit_code":"100","error":"exit_code=100 | APT failed\n---\n\x1b[31mE:\x1b[0m Unable to locate'
        b' package "libfoo" in C:\\_x\n","install_duration":60}',
        b'{"random_id":"ID","type":"lxc","nsapp":"immich","status":"failed","exit_code":100,"error":"exit_code=100"}',
    ),
    "a virtual machine, interrupted": (
        b'{"random_id":"ID","execution_id":"RUN","type":"vm","nsapp":"haos","status":"validation","ct_type":2,"disk_size":"32G"}',
        b'{"random_id":"ID","execution_id":"RUN","type":"vm","nsapp":"haos","status":"failed","exit_code":"130",'
        b'"os_type":"homeassistant"}',
    ),
    "a container that only ever sent pings": (
        b'{"random_id":"ID","execution_id":"RUN","type":"lxc","nsapp":"paperless-ngx","status":"configuring","platform":"pve"}',
    ),
    "an unattended tool": (
        b'{"random_id":"tool-1763900000","type":"tool","nsapp":"update-lxcs","status":"SUCESS","exit_code":0}',
    ),
    "an add-on": (b'{"random_id":"addon-1763900000","type":"addon","nsapp":"File Browser","status":"success",}',),
}  # fmt: skip


def test_what_deployed_scripts_write_by_hand(live: Live) -> None:
    for payloads in BY_HAND.values():
        random_id, run = str(uuid4()).encode(), str(uuid4()).encode()
        for payload in payloads:
            assert live.post(msgspec.Raw(payload.replace(b"ID", random_id, 1).replace(b"RUN", run))) == 202
    live.wait_until_counted(4)
    wait_until(lambda: dashboard(live)["total_addons"] == 1, "the last report to be counted")
    shown = dashboard(live)
    assert {name: shown[f"{name}_count"] for name in ("success", "failed", "aborted", "unknown", "installing")} == {
        "success": 1, "failed": 1, "aborted": 1, "unknown": 0, "installing": 1,
    }  # fmt: skip
    assert shown["success_rate"] == 50.0
    assert sorted((row["app"], row["count"]) for row in shown["top_apps"]) == [
        ("haos", 1), ("immich", 1), ("jellyfin", 1), ("paperless-ngx", 1),
    ]  # fmt: skip
    assert sorted((row["os"], row["count"]) for row in shown["os_distribution"]) == [("debian", 2), ("homeassistant", 1)]
    assert [(row["vendor"], row["passthrough"], row["count"]) for row in shown["gpu_stats"]] == [("intel", "igpu", 1)]
    assert sorted((row["type"], row["count"]) for row in shown["type_stats"]) == [
        ("addon", 1), ("lxc", 3), ("tool", 1), ("vm", 1),
    ]  # fmt: skip
    assert shown["top_tools"] == [{"tool": "update-lxcs", "count": 1}]
    assert shown["top_addons"] == [{"addon": "file-browser", "count": 1}]
    (cause,) = shown["error_analysis"]
    assert (cause["count"], cause["apps"]) == (1, ["immich"])
    assert "Unable to locate package" in cause["pattern"]
