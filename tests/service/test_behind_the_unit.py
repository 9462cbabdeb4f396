"""The service with the system calls that its systemd unit leaves it."""

import ctypes.util
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from stored_data import StoredData

from left_out import leave_out
from running_service import Service, report

UNIT = Path(__file__).parents[2] / "deploy" / "telemetry-service.service"
BEHIND = (sys.executable, str(Path(__file__).with_name("behind_the_unit.py")))


@pytest.fixture(autouse=True)
def tools() -> None:
    if not shutil.which("systemd-analyze") or not ctypes.util.find_library("seccomp"):
        leave_out("no systemd-analyze or libseccomp here; make proxies installs systemd")


def test_it_takes_counts_and_does_its_jobs(new_service: Callable[..., Service]) -> None:
    service = new_service()
    service.behind = (*BEHIND, str(UNIT))
    service.start()
    assert service.client().post(report()).status == 202
    StoredData(service.data).wait_until_folded()
    token = service.command("token", "create", "--scope", "admin", "--name", "x").stdout.split()[-1]
    ran = service.client().send("POST", "/api/cleanup/run", headers={"authorization": f"Bearer {token}"})
    assert (ran.status, json.loads(ran.text)["updated"]) == (200, 0)
    assert service.stop() == 0


def test_what_the_unit_forbids_is_forbidden() -> None:
    asked = "import os; os.sched_setaffinity(0, os.sched_getaffinity(0))"
    done = subprocess.run([*BEHIND, str(UNIT), sys.executable, "-c", asked], capture_output=True, text=True, timeout=60)
    assert "PermissionError: [Errno 1]" in done.stderr
