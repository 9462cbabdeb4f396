"""What is told of alerts: rates with intervals and days, no counts, and of names only what is published."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_strategies import MIDNIGHT
from stored import K, opened
from telemetry_service.core.alerting.alert import Alert, Cause, Kind, Recovery, Share, Since, Version
from telemetry_service.core.alerting.public_part import public_part
from telemetry_service.core.alerting.words import UNNAMED, Published, Rates, closed
from telemetry_service.core.alerting.words import opened as told
from telemetry_service.core.event import Event
from telemetry_service.core.reports.rates import NO_RATE, Rate
from telemetry_service.core.tally import Statuses
from telemetry_service.core.threshold import over_threshold
from telemetry_service.store.alert_words import notices
from telemetry_service.store.alerts import close_alert, open_alert
from telemetry_service.store.reading import Reader
from telemetry_service.store.runs import note_run
from telemetry_service.store.store import Store

CAUSE, LINE = "00ff00ff00ff00ff", "E: Unable to locate package <x>"
DAY = 86_400_000_000
ALERT = Alert(
    number=7,
    kind=Kind.BROKE,
    script="jellyfin lxc",
    source="community-scripts/ProxmoxVE",
    opened_at=MIDNIGHT + 5,
    since=Since(MIDNIGHT - 3, MIDNIGHT - DAY - 5, MIDNIGHT),
    before=Share(80, 1013),
    after=Share(12, 29),
    limited_to=(Version("os", "debian 13", Share(12, 12), Share(1, 17)),),
    causes=(Cause(CAUSE, Share(11, 29), Share(0, 1013)),),
)
ALL = Published(True, frozenset({("os", "debian 13")}), {CAUSE: LINE}, None)  # who may see the evidence
NONE = Rates(NO_RATE, NO_RATE)
NOTHING = Published(False, frozenset(), {}, NONE)
OVER = msgspec.structs.replace(
    ALERT, closed_at=MIDNIGHT + 9, recovery=Recovery(Since(MIDNIGHT, MIDNIGHT, MIDNIGHT), Share(4, 52))
)


def test_an_alert_in_words() -> None:
    notice = told(ALERT, ALL)
    assert notice.title == "jellyfin (lxc) broke: 41 % of installations fail, 8 % did before"
    assert notice.path == "/scripts/jellyfin"
    assert notice.lines == (
        "Since 2025-12-31 (UTC; between 2025-12-30 and 2026-01-01).",
        "Failure rate: 41 % (95 % interval 26 to 59 %), before 8 % (95 % interval 6 to 10 %).",
        "Limited to debian 13: 100 % (95 % interval 76 to 100 %) there, 6 % (95 % interval 1 to 27 %) elsewhere.",
        f"Why: {LINE}; 38 % (95 % interval 23 to 56 %) of installations, before 0 % (95 % interval 0 to 0 %).",
    )
    over = closed(OVER, ALL)
    assert over.title == "jellyfin (lxc) is fixed: 8 % of installations fail, 41 % did"
    assert over.key != notice.key


def test_a_new_cause_is_named_where_its_line_is_published() -> None:
    alert = msgspec.structs.replace(ALERT, kind=Kind.NEW_ERROR, cause=CAUSE, causes=(), limited_to=())
    assert told(alert, ALL).title == "jellyfin (lxc) fails of something new"
    assert told(alert, ALL).lines[1:] == (
        f"What is new: {LINE}",
        "Fail of it: 41 % (95 % interval 26 to 59 %), before 8 % (95 % interval 6 to 10 %).",
    )
    assert LINE not in " ".join(told(alert, NOTHING).lines)


def test_in_public_with_published_rates_or_in_rough_words() -> None:
    rates = Rates(Rate(8.0, 6.0, 10.0), Rate(40.0, 30.0, 50.0), Rate(5.0, 2.0, 9.0))
    in_public = msgspec.structs.replace(ALL, rates=rates)
    assert told(ALERT, in_public).title == "jellyfin (lxc) broke: 40 % of installations fail, 8 % did before"
    assert told(ALERT, in_public).lines[2:] == ("Limited to debian 13.", f"Why: {LINE}")
    assert closed(OVER, in_public).title == "jellyfin (lxc) is fixed: 5 % of installations fail, 40 % did"
    none = msgspec.structs.replace(ALL, rates=NONE)
    assert told(ALERT, none).title == "jellyfin (lxc) broke: many of its installations fail, few did before"
    assert len(told(ALERT, none).lines) == 3
    assert closed(OVER, none).title == "jellyfin (lxc) is fixed: few of its installations fail, many did"
    assert len(closed(OVER, none).lines) == 1
    alike = msgspec.structs.replace(ALERT, kind=Kind.STUCK, before=Share(30, 100), after=Share(45, 100))
    assert told(alike, none).title == "jellyfin (lxc) gets stuck: more of its installations never end than before"


@pytest.mark.parametrize("kind", list(Kind))
def test_what_is_not_published_is_not_named(kind: Kind) -> None:
    alert = msgspec.structs.replace(OVER, kind=kind, expected=12.3)
    both = (told(alert, NOTHING), closed(alert, NOTHING))
    said = " ".join(notice.title + " ".join(notice.lines) + notice.path for notice in both)
    assert UNNAMED in said
    for secret in ("jellyfin", "debian", CAUSE, LINE):
        assert secret not in said


@given(st.sampled_from(Kind), st.integers(0, 50), st.integers(0, 50), st.integers(1, 50))
def test_in_public_no_number_comes_from_the_evidence(kind: Kind, before: int, after: int, whole: int) -> None:
    shares = {"before": Share(min(before, whole), whole), "after": Share(min(after, whole), whole)}
    alert = msgspec.structs.replace(OVER, kind=kind, expected=7.0, **shares)
    for notice in (
        told(alert, msgspec.structs.replace(ALL, rates=NONE)),
        closed(alert, msgspec.structs.replace(ALL, rates=NONE)),
    ):
        text = re.sub(r"\d{4}-\d\d-\d\d|debian 13", "", " ".join([notice.title, *notice.lines]))
        assert not re.search(r"\d", text)


SHARES = st.integers(0, 60).flatmap(lambda whole: st.builds(Share, st.integers(0, whole), st.just(whole)))
INSTANTS = st.lists(st.integers(MIDNIGHT - 9 * DAY, MIDNIGHT), min_size=3, max_size=3).map(sorted)
SINCES = INSTANTS.map(lambda found: Since(found[1], found[0], found[2]))
OTHER = "11ff00ff00ff00ff"


@given(
    kind=st.sampled_from(Kind),
    shares=st.tuples(SHARES, SHARES, SHARES),
    since=SINCES,
    recovery=st.none() | SINCES,
    cause=st.sampled_from([None, CAUSE, OTHER]),
    rates=st.sampled_from([NONE, Rates(Rate(8.0, 6.0, 10.0), Rate(40.0, 30.0, 50.0), Rate(5.0, 2.0, 9.0))]),
)
def test_the_public_part_of_an_alert_says_the_same_and_holds_no_more(
    kind: Kind, shares: tuple[Share, Share, Share], since: Since, recovery: Since | None, cause: str | None, rates: Rates
) -> None:
    alert = msgspec.structs.replace(
        OVER,
        kind=kind,
        cause=cause,
        since=since,
        expected=7.3,
        before=shares[0],
        after=shares[1],
        limited_to=(*ALERT.limited_to, Version("pve", "9.9.9", *shares[:2])),
        causes=(*ALERT.causes, Cause(OTHER, *shares[:2])),
        recovery=None if recovery is None else Recovery(recovery, shares[2]),
    )
    published = msgspec.structs.replace(ALL, rates=rates)
    part = public_part(alert, published)
    assert told(part, published) == told(alert, published)
    assert closed(part, published) == closed(alert, published)
    assert public_part(part, published) == part
    held = msgspec.json.encode(part).decode()
    assert not any(name in held for name in (OTHER, "9.9.9", "7.3"))
    for share in re.findall(r'"part":(\d+),"whole":(\d+)', held):
        assert share in {("0", "0"), *((str(part), "100") for part in (0, 10, 25, 50, 75, 90))}
    for instant in re.findall(r"\d{13,}", held):
        assert int(instant) % DAY == 0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with opened(tmp_path) as store:
        with store.transaction():
            note_run(store.connection, "watch", started_at=1, ended_at=2)
        yield store


def event(number: int) -> Event:
    return Event(
        execution=number,
        status="failed",
        received_at=MIDNIGHT + number,
        random_id=number.to_bytes(16, "big"),
        type="lxc",
        nsapp="jellyfin",
        os_type="debian",
        os_version="13",
        error=LINE,
        cause=CAUSE,
    )


def test_names_appear_with_their_publication(store: Store, tmp_path: Path) -> None:
    with store.transaction():
        open_alert(store.connection, ALERT)

    def said() -> str:
        reader = Reader(tmp_path)
        with closing(reader.connection):
            (notice,) = notices(reader, MIDNIGHT + DAY)
            return notice.title + " ".join(notice.lines)

    secrets = ("jellyfin", "debian 13", LINE)
    store.fold([event(number) for number in range(1, K)], None, MIDNIGHT)
    assert not any(secret in said() for secret in secrets)
    store.fold([event(K)], None, MIDNIGHT)
    assert all(secret in said() for secret in secrets)


def found(directory: Path, now: int) -> list[tuple[str, bool]]:
    reader = Reader(directory)
    with closing(reader.connection):
        return [(notice.key, notice.old) for notice in notices(reader, now)]


def test_opened_and_closed_are_told_in_order_and_what_is_long_over_is_not(store: Store, tmp_path: Path) -> None:
    with store.transaction():
        open_alert(store.connection, ALERT)
        close_alert(store.connection, msgspec.structs.replace(OVER, number=1))
        open_alert(store.connection, msgspec.structs.replace(ALERT, script="immich lxc"))
    both, is_open = ["alert:1:opened", "alert:1:closed"], ("alert:2:opened", False)
    assert found(tmp_path, MIDNIGHT + DAY) == [*((key, False) for key in both), is_open]
    assert found(tmp_path, MIDNIGHT + 9 * DAY) == [*((key, True) for key in both), is_open]


def test_nothing_is_told_before_the_watch_is_through_the_past(store: Store, tmp_path: Path) -> None:
    with store.transaction():
        store.connection.execute("DELETE FROM job_run")
        open_alert(store.connection, ALERT)
    assert found(tmp_path, MIDNIGHT) == []
    for outcome, told_of in (("failed", []), ("done", [("alert:1:opened", False)])):
        with store.transaction():
            note_run(store.connection, "watch", started_at=1, ended_at=2, outcome=outcome)
        assert found(tmp_path, MIDNIGHT) == told_of


def test_the_global_rule() -> None:
    assert over_threshold(Statuses(success=30, failed=15), 20.0, 20_000) is None  # too few for a public rate
    assert over_threshold(Statuses(success=80, failed=20), 20.0, 20_000) is None
    assert over_threshold(Statuses(success=80, failed=25), 0.0, 20_000) is None
    found = over_threshold(Statuses(success=75, failed=25), 20.0, 20_000)
    assert found is not None
    assert (found.key, found.title) == ("threshold:2024-10-04", "25.0 % of all installations fail")
