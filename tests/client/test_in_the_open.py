"""What the administrator can see and take back."""

import json
import re
import subprocess
import uuid

import pytest
from machine import CLIENT, Machine, wait_until
from servers import Recorder


def run(machine: Machine, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The client as a command, as an administrator calls it."""
    command = [*machine.shell, str(CLIENT), *arguments]
    return subprocess.run(
        command, env=machine.environment, cwd=machine.root, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("preview", "end"),
    [
        ("failed 1 2 make log", "telemetry_fail 1 2 make log"),
        ("failed 130 2 make log", "telemetry_fail 130 2 make log"),
        ("failed x '' '' log", "telemetry_fail x '' '' log"),
        ("success", "telemetry_finish"),
        ("configuring", "telemetry_progress configuring"),
    ],
)
def test_preview_shows_what_is_sent(machine: Machine, server: Recorder, preview: str, end: str) -> None:
    """Byte for byte, whatever the caller's shell is set to."""
    (machine.root / "log").write_bytes(b'E: "it" failed \x1b[1m\xff with geheim\n')
    script = f"IFS=,; telemetry_start jellyfin lxc; telemetry_set os_type debian; telemetry_preview {preview}; {end}"
    shown = machine.consents().run(script, env={"TELEMETRY_SECRETS": "OTHER PASSWORD", "PASSWORD": "geheim"}).stdout
    machine.sent(2)
    (sent,) = [body.decode() for _, body in server.requests if b'"installing"' not in body]
    seconds = re.compile(r'"install_duration":\d+')  # one may have passed in between
    assert seconds.sub("", shown) == seconds.sub("", sent)
    assert "geheim" not in sent


def test_preview_before_consent_leaves_no_trace(machine: Machine, server: Recorder) -> None:
    shown = json.loads(run(machine, "preview").stdout)
    assert shown["status"] == "installing"
    assert uuid.UUID(shown["random_id"]).int == uuid.UUID("00000000-0000-4000-8000-000000000000").int
    assert not machine.traces.exists()
    assert server.requests == []


def test_history_holds_what_was_sent(machine: Machine, server: Recorder) -> None:
    assert "Nothing was sent" in run(machine, "history").stdout
    machine.consents().run("telemetry_start jellyfin lxc; telemetry_finish")
    machine.sent(2)
    shown = run(machine, "history").stdout.splitlines()
    assert sorted(line.split(" ", 2)[2] for line in shown) == sorted(body.decode().strip() for _, body in server.requests)
    assert (machine.traces / "history").stat().st_mode & 0o777 == 0o600


def test_forget_erases_every_installation_of_this_machine(machine: Machine, server: Recorder) -> None:
    assert run(machine, "forget").returncode == 0
    machine.consents().run("telemetry_start a lxc; telemetry_finish; telemetry_start b lxc; telemetry_finish")
    ids = {report["random_id"] for report in machine.sent(4)}
    server.requests.clear()
    server.status = 503
    done = run(machine, "forget")
    assert done.returncode == 1
    assert "not erased" in done.stdout
    server.requests.clear()
    server.status = 202
    done = run(machine, "forget")
    assert done.returncode == 0
    assert {path for path, _ in server.requests} == {"/api/privacy/erase"}
    assert {json.loads(body)["random_id"] for _, body in server.requests} == ids
    assert all(f"erased: {random_id}" in done.stdout for random_id in ids)
    server.requests.clear()
    run(machine, "forget")
    assert server.requests == []


def test_forget_drops_what_waits(machine: Machine, server: Recorder) -> None:
    server.status = 503
    machine.consents().run("telemetry_start a lxc")
    machine.waiting(1)
    server.status = 202
    run(machine, "forget")
    assert not (machine.traces / "spool").exists()


def test_off_names_what_can_still_be_erased(machine: Machine) -> None:
    machine.consents().run("telemetry_start a lxc")
    (report,) = machine.sent(1)
    wait_until(lambda: (machine.traces / "ids").exists(), "the id to be kept")
    shown = run(machine, "off").stdout
    assert report["random_id"] in shown
    assert not machine.traces.exists()
    assert "Nothing was sent" in run(machine, "history").stdout


def test_usage(machine: Machine) -> None:
    assert run(machine).returncode == 1
    help_text = run(machine, "--help")
    assert help_text.returncode == 0
    assert all(name in help_text.stdout for name in ("preview", "history", "forget", "consent", "off"))
