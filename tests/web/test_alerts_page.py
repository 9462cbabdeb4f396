"""The page of alerts: in public what is published, with a token the evidence and its counts."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from rendered import NOW, PAGES, SOURCES, TODAY, Data, demo_events, stored
from scripts.attacker import told

from telemetry_service.core.alerting.alert import Alert, Kind, Recovery, Share, Since, Version
from telemetry_service.core.installation import MICROSECONDS_PER_DAY
from telemetry_service.core.period import Period
from telemetry_service.core.reports.view import View
from telemetry_service.store.alerts import close_alert, open_alert
from telemetry_service.web.site import LiveSite

SOURCE = "community-scripts/ProxmoxVE"


def at(days_ago: int) -> int:
    return (TODAY - days_ago) * MICROSECONDS_PER_DAY


def alert(script: str, kind: Kind = Kind.BROKE, **more: Any) -> Alert:
    usual: dict[str, Any] = {
        "opened_at": at(3),
        "since": Since(at(4), at(5), at(3)),
        "before": Share(81, 1013),
        "after": Share(17, 31),
        "limited_to": (Version("os", "nosuch 99", Share(12, 12), Share(5, 19)),),
    }
    return Alert(kind=kind, script=script, source=SOURCE, **usual | more)


@pytest.fixture(scope="module")
def data() -> Iterator[Data]:
    with stored(demo_events(3000, 40, 5)) as found:
        with found.store.transaction():
            for one in (alert("jellyfin lxc"), alert("immich lxc", Kind.SILENT, expected=21.0), alert("unheardof lxc")):
                open_alert(found.store.connection, one)
            number = open_alert(found.store.connection, alert("docker lxc"))
            assert number is not None
            recovery = Recovery(Since(at(1), at(2), at(1)), Share(2, 57))
            over = msgspec.structs.replace(alert("docker lxc"), number=number, closed_at=at(0), recovery=recovery)
            close_alert(found.store.connection, over)
        yield found


def html(data: Data, page: str, *, exact: bool) -> str:
    view = View(period=Period(TODAY - 29, TODAY), sources=SOURCES.of_repository("ProxmoxVE"), exact=exact)
    found = PAGES.render(page, data.reports(), view, {"days": "30"}, LiveSite(NOW))
    return re.sub(r'<span class="nowrap">([^<]*)</span>', r"\1", found)


def test_in_public_only_what_is_published(data: Data) -> None:
    page = html(data, "alerts", exact=False)
    assert "jellyfin (lxc) broke" in page
    assert "immich (lxc) is silent" in page
    assert "docker (lxc) is fixed" in page
    for hidden in ("unheardof", "nosuch 99", "1013", "1,013", "17 of 31", "57", "55 %", "21 installations", "few installations"):
        assert hidden not in page.partition("<main")[2]


def test_with_a_token_the_evidence(data: Data) -> None:
    page = html(data, "alerts", exact=True)
    assert "jellyfin (lxc) broke: 55 % of installations fail, 8 % did before" in page
    assert "81 of 1013 before, 17 of 31 since then" in page
    assert "Limited to nosuch 99: 100 %" in page
    assert "unheardof (lxc) broke" in page
    assert "About 21 installations were to be expected" in page
    assert "2 of 57 since it is over" in page


def test_an_attacker_reads_the_counts_of_the_evidence(data: Data) -> None:
    exact, public = ([one.n for one in told.in_page(html(data, "alerts", exact=exact))] for exact in (True, False))
    assert {81, 1013, 17, 31, 2, 57} <= set(exact)
    assert public == []


def test_a_script_shows_its_own(data: Data) -> None:
    for exact in (True, False):
        assert "jellyfin (lxc) broke" in html(data, "script:jellyfin", exact=exact)
        assert "(lxc) broke" not in html(data, "script:docker", exact=exact).partition("<main")[2].partition("It said")[0]


def test_the_overview_names_what_is_open(data: Data) -> None:
    for exact in (True, False):
        page = html(data, "overview", exact=exact)
        assert "jellyfin (lxc) broke" in page
        assert "docker (lxc) is fixed" not in page
        assert ("unheardof" in page) is exact


def test_alerts_of_other_repositories_are_on_their_own_page(data: Data) -> None:
    view = View(period=Period(TODAY - 29, TODAY), sources=SOURCES.of_repository("ProxmoxVED"), exact=True)
    page = PAGES.render("alerts", data.reports(), view, {"days": "30", "repo": "ProxmoxVED"}, LiveSite(NOW))
    assert "jellyfin" not in page
    assert "No alert is open." in page
