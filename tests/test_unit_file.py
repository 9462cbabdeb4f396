"""The systemd unit of deploy/: what systemd itself says of it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[1] / "deploy" / "telemetry-service.service"
PROGRAM = "/opt/telemetry-service/.venv/bin/telemetry-service"
MOST_EXPOSED = 15  # tenths: 0 is best, 100 worst


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with the program where it is here."""
    text = UNIT.read_text()
    assert PROGRAM in text
    found = tmp_path / UNIT.name
    found.write_text(text.replace(PROGRAM, str(Path(sys.executable).with_name("telemetry-service"))))
    return found


def analyzed(*arguments: str) -> subprocess.CompletedProcess[str]:
    tool = shutil.which("systemd-analyze")
    assert tool, "no systemd-analyze here; make proxies installs it"
    return subprocess.run([tool, *arguments], capture_output=True, text=True, timeout=60)


def test_systemd_finds_nothing_wrong_with_the_unit(unit: Path) -> None:
    found = analyzed("verify", "--man=no", str(unit))
    assert (found.returncode, found.stdout + found.stderr) == (0, "")


def test_what_is_wrong_would_be_found(unit: Path) -> None:
    unit.write_text(unit.read_text().replace("ProtectHome=yes", "ProtectHom=yes"))
    assert "Unknown key" in analyzed("verify", "--man=no", str(unit)).stderr


def test_the_unit_leaves_little_exposed(unit: Path) -> None:
    found = analyzed("security", "--offline=true", f"--threshold={MOST_EXPOSED}", str(unit))
    assert found.returncode == 0, found.stdout
