"""Alerts open once and close once, keep their evidence, and tell no line that is not public."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from event_strategies import MIDNIGHT
from stored import K, opened
from telemetry_service.core.alerting.alert import Alert, Cause, Kind, Recovery, Share, Since, Version
from telemetry_service.core.event import Event
from telemetry_service.store.alerts import close_alert, lines, open_alert, open_alerts, past_alerts, update_evidence
from telemetry_service.store.store import Store

ALERT = Alert(
    kind=Kind.BROKE,
    script="jellyfin lxc",
    source="community-scripts/ProxmoxVE",
    opened_at=MIDNIGHT,
    since=Since(MIDNIGHT - 3, MIDNIGHT - 5, MIDNIGHT - 2),
    before=Share(8, 100),
    after=Share(12, 30),
    limited_to=(Version("os", "debian 13", Share(12, 12), Share(0, 18)),),
    causes=(Cause("00ff00ff00ff00ff", Share(11, 30), Share(0, 100)),),
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path) as store:
        yield store


def test_what_is_open_comes_back_as_it_was(store: Store) -> None:
    with store.transaction():
        number = open_alert(store.connection, ALERT)
    assert open_alerts(store.connection) == [msgspec.structs.replace(ALERT, number=number)]


def test_it_opens_once_and_closes_once(store: Store) -> None:
    with store.transaction():
        assert open_alert(store.connection, ALERT) == 1
        assert open_alert(store.connection, ALERT) is None
        assert open_alert(store.connection, msgspec.structs.replace(ALERT, kind=Kind.STUCK)) is not None
        assert open_alert(store.connection, msgspec.structs.replace(ALERT, kind=Kind.NEW_ERROR, cause="1" * 16)) is not None
    over = msgspec.structs.replace(
        ALERT, number=1, closed_at=MIDNIGHT + 9, recovery=Recovery(Since(MIDNIGHT, MIDNIGHT, MIDNIGHT), Share(1, 40))
    )
    with store.transaction():
        assert close_alert(store.connection, over)
        assert not close_alert(store.connection, msgspec.structs.replace(over, closed_at=MIDNIGHT + 10))
        update_evidence(store.connection, msgspec.structs.replace(over, after=Share(0, 1)))
    assert past_alerts(store.connection, 10) == [over]
    assert past_alerts(store.connection, 10, script="plex lxc") == []
    with store.transaction():
        assert open_alert(store.connection, ALERT) == 4
    assert [alert.number for alert in open_alerts(store.connection)] == [4, 3, 2]


def test_a_line_is_told_only_once_it_is_published(store: Store) -> None:
    cause = "00ff00ff00ff00ff"

    def failure(number: int) -> Event:
        return Event(
            execution=number,
            random_id=number.to_bytes(16, "big"),
            type="lxc",
            nsapp="jellyfin",
            status="failed",
            received_at=MIDNIGHT + number,
            error="curl: (22) 404",
            cause=cause,
        )

    store.fold([failure(number) for number in range(1, K)], None, MIDNIGHT)
    assert lines(store.connection, [cause, "never seen"]) == {}
    store.fold([failure(K)], None, MIDNIGHT)
    assert lines(store.connection, [cause, "never seen"]) == {cause: "curl: (22) 404"}
