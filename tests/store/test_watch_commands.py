"""The commands `watch` and `changes`, on a real directory."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from stored import opened
from telemetry_service.cli import app
from telemetry_service.core.alerting.alert import Alert, Kind, Share, Since
from telemetry_service.store.alerts import open_alert
from telemetry_service.store.directory import identities

ALERT = Alert(
    kind=Kind.BROKE,
    script="jellyfin lxc",
    source="community-scripts/ProxmoxVE",
    opened_at=5,
    since=Since(3, 2, 4),
    before=Share(8, 100),
    after=Share(12, 30),
)


def test_changes_are_shown_and_what_the_watch_does_not_hold_closes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    identities(tmp_path)
    with opened(tmp_path) as store, store.transaction():
        open_alert(store.connection, ALERT)
    runner = CliRunner()
    shown = runner.invoke(app, ["changes"])
    assert shown.stdout.startswith("open: 1\n\n#1 jellyfin lxc broke: 8.0 % failed before, 40.0 % since\n")
    answer = json.loads(runner.invoke(app, ["changes", "--json"]).stdout)
    assert [alert["number"] for alert in answer["open"]] == [1]
    assert (answer["past"], answer["lines"]) == ([], {})
    looked = runner.invoke(app, ["watch"])
    assert (looked.exit_code, looked.stdout) == (0, "0 installations taken in, 0 alerts opened, 1 closed\n")
    assert runner.invoke(app, ["changes"]).stdout.startswith("open: none\n\npast: 1\n\n#1 jellyfin lxc broke")
