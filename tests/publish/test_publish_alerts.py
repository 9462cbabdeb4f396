"""Alerts on the static site: what the service tells of them in public, and nothing that it is told from."""

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from published_data import DAY, DAY_MICROSECONDS, FILE_NAME, SOURCES, Reporter, contents, environ, fold, reports_of, usual_events

from telemetry_service.bootstrap.publishing import publish
from telemetry_service.core.alerting.alert import Alert, Cause, Kind, Recovery, Share, Since, Version
from telemetry_service.core.period import period
from telemetry_service.core.reports.view import View
from telemetry_service.settings import from_environ
from telemetry_service.store import public_copy
from telemetry_service.store.alerts import close_alert, open_alert
from telemetry_service.store.database import connect
from telemetry_service.store.reading import Reader
from telemetry_service.web.pages import Pages
from telemetry_service.web.site import LiveSite

SOURCE = "community-scripts/ProxmoxVE"
NOON = DAY * DAY_MICROSECONDS + DAY_MICROSECONDS // 2 + 12_345_678
BROKE = Alert(
    kind=Kind.BROKE,
    script="jellyfin lxc",
    source=SOURCE,
    opened_at=NOON,
    since=Since(NOON - 3_000_000, NOON - DAY_MICROSECONDS, NOON),
    before=Share(3, 71),
    after=Share(13, 17),
    limited_to=(Version("os", "debian 12", Share(13, 14), Share(1, 3)), Version("os", "devuan 99", Share(2, 2), Share(1, 9))),
    causes=(Cause("c" * 16, Share(11, 29), Share(0, 101)),),
)
FIXED = msgspec.structs.replace(
    BROKE,
    script="adguard lxc",
    opened_at=NOON - 2 * DAY_MICROSECONDS,
    closed_at=NOON,
    recovery=Recovery(Since(NOON - 9, NOON - 19, NOON), Share(1, 19)),
)
ALERTS = (FIXED, BROKE, msgspec.structs.replace(BROKE, script="canaryapp lxc"))


def note(directory: Path, change: Callable[[Alert], Alert] = lambda alert: alert) -> None:
    with closing(connect(directory / FILE_NAME)) as connection:
        connection.execute("DELETE FROM alert")
        for alert in map(change, ALERTS):
            number = open_alert(connection, alert)
            if number is not None and alert.closed_at is not None:
                close_alert(connection, msgspec.structs.replace(alert, number=number))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    fold(tmp_path / "data", [*usual_events(Reporter()), *Reporter().installations("canaryapp", "failed", 4, os_type="devuan")])
    note(tmp_path / "data")
    return tmp_path / "data"


def site_of(directory: Path, to: Path) -> dict[str, bytes]:
    publish(from_environ(environ(directory)), to, push=False)
    return contents(to)


def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html.partition("<h2>Open</h2>")[2].partition("</main>")[0]).split())


def test_the_site_says_which_scripts_broke_as_the_service_does(data: Path, tmp_path: Path) -> None:
    site = {path: body.decode() for path, body in site_of(data, tmp_path / "site").items() if path.endswith(".html")}
    broke = "jellyfin (lxc) broke: most of its installations fail, few did before"
    for page in ("alerts.html", "index.html", "scripts/jellyfin/30.html", "scripts/jellyfin/0.html", "reports/2024-W40.html"):
        assert broke in site[page], page
    for page in ("alerts.html", "scripts/adguard/30.html", "reports/2024-W40.html"):
        assert "adguard (lxc) is fixed" in site[page], page
    assert "Limited to debian 12." in site["alerts.html"]
    assert 'href="scripts/jellyfin/30.html"' in site["alerts.html"]

    reader = Reader(data)
    view = View(period=period(30, DAY), sources=SOURCES.of_repository("ProxmoxVE"), exact=False)
    live = Pages(from_environ(environ(data))).render("alerts", reports_of(reader), view, {"days": "30"}, LiveSite(0))
    reader.connection.close()
    assert text(site["alerts.html"]) == text(live) != ""


def test_what_an_alert_is_made_of_leaves_no_trace(data: Path, tmp_path: Path) -> None:
    before = site_of(data, tmp_path / "before")
    for body in before.values():
        assert not any(canary in body for canary in (b"canaryapp", b"devuan 99", b"c" * 16))

    def spoiled(alert: Alert) -> Alert:
        return msgspec.structs.replace(
            alert,
            opened_at=alert.opened_at + 5_000_000,
            since=Since(alert.since.at + 7, alert.since.earliest + 7, alert.since.latest + 7),
            before=Share(4, 97),
            after=Share(17, 22),
            causes=(),
            limited_to=(Version("os", "debian 12", Share(99, 99), Share(0, 0)),),
        )

    note(data, spoiled)
    assert site_of(data, tmp_path / "after") == before


def test_the_copy_holds_the_public_part_alone(data: Path, tmp_path: Path) -> None:
    public_copy.copy_public(data, tmp_path)
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection:
        rows = connection.execute("SELECT script, cause, opened_at, closed_at, evidence FROM alert ORDER BY number").fetchall()
    assert [script for script, *_ in rows] == ["adguard lxc", "jellyfin lxc"]
    for _, cause, opened_at, closed_at, evidence in rows:
        assert cause == ""
        assert (opened_at % DAY_MICROSECONDS, (closed_at or 0) % DAY_MICROSECONDS) == (0, 0)
        assert not any(canary in evidence for canary in ("devuan 99", "c" * 16))
        assert set(re.findall(r'"whole":(\d+)', evidence)) <= {"0", "100"}
