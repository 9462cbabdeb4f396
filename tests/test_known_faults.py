"""What `make audit-dependencies` says of pip-audit's report."""

import json
from pathlib import Path
from typing import Any

import pytest
from scripts.known_faults import main

CLEAN = {"name": "one", "version": "1.0", "vulns": []}
FAULTY = {
    "name": "two",
    "version": "2.0",
    "vulns": [{"id": "PYSEC-0", "fix_versions": ["2.1"], "aliases": [], "description": ""}],
}
UNKNOWN = {"name": "three", "skip_reason": "Dependency not found"}


def reported(folder: Path, *pins: dict[str, Any]) -> int:
    path = folder / "report.json"
    path.write_text(json.dumps({"dependencies": pins, "fixes": []}))
    return main(path)


def test_all_is_well_when_every_pin_was_looked_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reported(tmp_path, CLEAN) == 0
    assert capsys.readouterr().out == "1 of 1 pins looked up, 0 known faults\n"


def test_a_known_fault_is_named_with_what_mends_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reported(tmp_path, CLEAN, FAULTY, UNKNOWN) == 1
    assert "two 2.0: PYSEC-0, mended in 2.1\n" in capsys.readouterr().out


@pytest.mark.parametrize("pins", [(), (CLEAN, UNKNOWN)])
def test_what_was_not_looked_up_is_no_good_news(tmp_path: Path, pins: tuple[dict[str, Any], ...]) -> None:
    assert reported(tmp_path, *pins) == 2


def test_what_was_not_looked_up_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reported(tmp_path, CLEAN, UNKNOWN)
    assert capsys.readouterr().out.endswith("tells nothing of these versions: three\n")
