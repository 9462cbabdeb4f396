"""The watch on a real store: what it opens and closes, once, wherever it is interrupted."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from event_strategies import KNOWN_REPOS, MIDNIGHT
from explaining import EXPLAIN
from stored import IDS, opened, query
from telemetry_service.core.alerting.alert import Alert, Kind
from telemetry_service.core.counts import Sources
from telemetry_service.core.event import Erasure, Event
from telemetry_service.core.installation import MICROSECONDS_PER_DAY
from telemetry_service.core.intake import Intake, Policy
from telemetry_service.core.period import day_of
from telemetry_service.jobs import demo, watch
from telemetry_service.store import alerts
from telemetry_service.store.database import StoreUnavailable
from telemetry_service.store.runs import last_run
from telemetry_service.store.store import Store
from telemetry_service.store.sweep import sweep_names
from telemetry_service.store.watching import learn_anew

SOURCES = Sources(KNOWN_REPOS)
HOUR = 3_600_000_000
CAUSE = "00ff00ff00ff00ff"
BROKEN_DAY, FIXED_DAY, DAYS = 30, 34, 40


class Story:
    """Events of a script, with ids of their own."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def add(self, day: int, place: float, status: str, *, person: int | None = None, **values: Any) -> None:
        number = len(self.events) + 1
        usual: dict[str, Any] = {"type": "lxc", "nsapp": "jellyfin", "os_type": "debian", "os_version": "12"}
        self.events.append(
            Event(
                execution=number * 7919,
                random_id=(number if person is None else person).to_bytes(16, "big"),
                status=status,
                received_at=MIDNIGHT + day * MICROSECONDS_PER_DAY + int(place * 20 * HOUR),
                **(usual | values),
            )
        )

    def days(self, first: int, last: int, failing: float, *, per_day: int = 10, **values: Any) -> None:
        dice = Random(first)
        for day in range(first, last):
            for place in range(per_day):
                failed = dice.random() < failing
                self.add(
                    day, place / per_day, "failed" if failed else "success", **(values | ({"cause": CAUSE} if failed else {}))
                )


def broken_and_fixed() -> list[Event]:
    """A month with 5 % failing, four days on which all fail on Debian 13, and then as before."""
    story = Story()
    story.days(0, BROKEN_DAY, 0.05)
    for day in range(BROKEN_DAY, FIXED_DAY):
        for place in range(10):
            version = ("13", "12")[place % 3 == 0]
            story.add(day, place / 10, "failed" if version == "13" else "success", os_version=version, cause=CAUSE)
    story.days(FIXED_DAY, DAYS, 0.05)
    return story.events


def day_ends(first: int, last: int) -> list[int]:
    return [MIDNIGHT + day * MICROSECONDS_PER_DAY + 22 * HOUR for day in range(first, last)]


def live(store: Store, events: Sequence[Event], looks: Sequence[int]) -> list[watch.Passed]:
    """Fold what arrives, and look at some instants."""
    done, passed = 0, []
    for now in looks:
        arrived = [event for event in events[done:] if event.received_at <= now]
        done += len(arrived)
        store.fold(arrived, None, now)
        passed.append(watch.look(store, SOURCES, lambda now=now: now))  # type: ignore[misc]
    return passed


def found(store: Store) -> list[Alert]:
    return sorted([*alerts.open_alerts(store.connection), *alerts.past_alerts(store.connection, 99)], key=lambda one: one.number)


@pytest.fixture
def store(tmp_path: Path) -> Any:
    with opened(tmp_path) as store:
        yield store


def test_a_break_opens_once_names_the_version_and_closes_once(store: Store) -> None:
    passed = live(store, broken_and_fixed(), day_ends(0, DAYS))
    (alert,) = found(store)
    assert (alert.kind, alert.script, alert.source) == (Kind.BROKE, "jellyfin lxc", KNOWN_REPOS[0])
    assert [(one.dimension, one.name) for one in alert.limited_to] == [("os", "debian 13")]
    assert alert.causes[0].cause == CAUSE
    began = MIDNIGHT + BROKEN_DAY * MICROSECONDS_PER_DAY
    assert alert.since.earliest - 4 * HOUR <= began <= alert.since.latest
    assert alert.before.rate.percent is not None
    assert alert.before.rate.percent < 10 < 50 < (alert.after.rate.percent or 0)
    assert began < alert.opened_at < began + 4 * MICROSECONDS_PER_DAY
    assert alert.closed_at is not None
    assert alert.closed_at > MIDNIGHT + FIXED_DAY * MICROSECONDS_PER_DAY
    assert alert.recovery is not None
    assert (alert.recovery.share.rate.percent or 0) < 20
    assert sum(one.opened for one in passed) == sum(one.closed for one in passed) == 1
    assert sum(one.installations for one in passed) == DAYS * 10


def test_looking_again_or_late_or_for_the_first_time_finds_the_same(tmp_path: Path) -> None:
    events = broken_and_fixed()
    seen = []
    for name, looks in (
        ("once", day_ends(DAYS - 1, DAYS)),
        ("twice", sorted(day_ends(20, DAYS) * 2)),
        ("rarely", day_ends(0, DAYS)[::5]),
    ):
        (tmp_path / name).mkdir()
        with opened(tmp_path / name) as store:
            live(store, events, [*looks, day_ends(DAYS, DAYS + 1)[0]])
            seen.append([(one.key, one.limited_to[0].name, one.closed_at is None) for one in found(store)])
    assert seen == [[((Kind.BROKE, "jellyfin lxc", KNOWN_REPOS[0], None), "debian 13", False)]] * 3


def test_the_first_look_at_a_past_keeps_the_evidence_that_watching_it_would_have(tmp_path: Path) -> None:
    seen = []
    for name, looks in (("daily", day_ends(0, DAYS)), ("once", day_ends(DAYS - 1, DAYS))):
        (tmp_path / name).mkdir()
        with opened(tmp_path / name) as store:
            live(store, broken_and_fixed(), looks)
            (alert,) = found(store)
            seen.append((alert.since, alert.before, alert.after, alert.limited_to, alert.causes))
    assert seen[0] == seen[1]
    assert seen[0][2].whole > 30  # of the 40 installations of the break, not those until it opened


@settings(max_examples=4, deadline=None)
@given(st.sets(st.integers(0, 12), max_size=4))
def test_dying_anywhere_loses_and_repeats_nothing(undisturbed: list[Any], dies: set[int]) -> None:
    assert _left_behind(dies) == undisturbed


@pytest.fixture(scope="module")
def undisturbed() -> list[Any]:
    return _left_behind(set())


def _left_behind(dies: set[int]) -> list[Any]:
    """The tables of the watch after the story of a break."""
    events = [event for event in broken_and_fixed() if event.received_at > MIDNIGHT + 24 * MICROSECONDS_PER_DAY]
    with tempfile.TemporaryDirectory() as name:
        _live_and_die(Path(name), events, day_ends(BROKEN_DAY, DAYS)[::2], dies)
        tables = {"alert": "number", "watch": "script", "watched": "id"}
        return [query(Path(name), f"SELECT * FROM {table} ORDER BY {order}") for table, order in tables.items()]


def _live_and_die(directory: Path, events: Sequence[Event], looks: Sequence[int], dies: set[int]) -> None:
    """Look at some instants, with the process dying before the commit of some of the steps."""
    step = 0

    def go(self: watch._Pass) -> bool:
        nonlocal step
        done = whole(self)
        step += 1
        if step - 1 in dies:
            raise StoreUnavailable("died")
        return done

    whole = watch._Pass.go
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watch._Pass, "go", go)
        done = 0
        for now in looks:
            while True:
                with opened(directory) as store:
                    store.fold([event for event in events[done:] if event.received_at <= now], None, now)
                    done = sum(event.received_at <= now for event in events)
                    try:
                        watch.look(store, SOURCES, lambda now=now: now)  # type: ignore[misc]
                        break
                    except StoreUnavailable:
                        continue


def test_retries_of_one_machine_count_once(store: Store) -> None:
    story = Story()
    story.days(0, 30, 0.05)
    for day in range(30, 33):
        for place in range(10):
            story.add(day, place / 10, "failed", person=77, cause=CAUSE)
    live(store, story.events, day_ends(28, 33))
    assert found(store) == []
    live(store, [], day_ends(33, 37))
    (taken,) = query_one(store, "SELECT state ->> '$.failing.baseline.whole' FROM watch")
    assert 270 < taken < 304


def query_one(store: Store, sql: str) -> tuple[Any, ...]:
    return tuple(store.connection.execute(sql).fetchone())


def _with_a_bad_day_of(apps: Sequence[str]) -> list[Event]:
    story = Story()
    for app in ("jellyfin", "paperless", "immich"):
        story.days(0, 30, 0.05, nsapp=app)
    for app in apps:
        for _ in range(180):
            story.add(30, 0.5, "failed", nsapp=app, cause=CAUSE)
    return sorted(story.events, key=lambda event: event.received_at)


def test_many_failures_of_one_script_at_once_are_its_own(store: Store) -> None:
    live(store, _with_a_bad_day_of(["jellyfin"]), day_ends(0, 31))
    assert [(alert.kind, alert.app) for alert in found(store)] == [(Kind.BROKE, "jellyfin")]


def test_a_day_on_which_all_scripts_fail_is_no_news_of_any(store: Store) -> None:
    live(store, _with_a_bad_day_of(["jellyfin", "paperless", "immich"]), day_ends(0, 31))
    assert found(store) == []


def test_aborted_ones_and_other_repositories_and_unnamed_apps_are_not_watched(store: Store) -> None:
    story = Story()
    story.days(0, 30, 0.0)
    for day in range(30, 35):
        for place in range(10):
            story.add(day, place / 10, "success")
            story.add(day, place / 10, "aborted", cause=CAUSE)
            story.add(day, place / 10, "failed", repo_source="external", cause=CAUSE)
            story.add(day, place / 10, "failed", nsapp="other", cause=CAUSE)
    live(store, sorted(story.events, key=lambda event: event.received_at), day_ends(30, 35))
    assert found(store) == []
    assert query_one(store, "SELECT count(*) FROM watch") == (1,)


def test_stuck_silent_and_heard_again(store: Store) -> None:
    story = Story()
    story.days(0, 30, 0.0)
    for day in range(30, 33):
        for place in range(10):
            story.add(day, place / 10, "unknown")
    for day in range(44):
        for place in range(5):
            story.add(day, place / 10, "success", nsapp="plex")
    story.add(41, 0.9, "success")
    live(store, sorted(story.events, key=lambda event: event.received_at), day_ends(29, 44))
    shown = [(one.kind, one.script, one.closed_at is None) for one in found(store)]
    assert shown == [(Kind.STUCK, "jellyfin lxc", True), (Kind.SILENT, "jellyfin lxc", False)]
    silent = found(store)[1]
    assert (silent.expected or 0) > 18
    assert silent.recovery is not None
    assert silent.since.at < MIDNIGHT + 33 * MICROSECONDS_PER_DAY < silent.recovery.since.at


def test_a_new_cause_in_a_script_that_did_not_break(store: Store) -> None:
    story = Story()
    story.days(0, 30, 0.08, per_day=20)
    dice = Random(9)
    for day in range(30, 45):
        for place in range(20):
            new, old = dice.random() < 0.06, dice.random() < 0.04
            story.add(day, place / 20, "failed" if new or old else "success", cause="1" * 16 if new else CAUSE if old else None)
    live(store, story.events, day_ends(30, 45))
    (alert,) = found(store)
    assert (alert.kind, alert.cause, alert.before.part) == (Kind.NEW_ERROR, "1" * 16, 0)


def test_nothing_is_over_before_the_alert_opened(store: Store) -> None:
    story = Story()
    story.days(0, 30, 0.05, per_day=30)
    for day in range(30, 90):
        for place in range(30):
            is_new = place < {30: 5, 34: 3}.get(day, 0)
            story.add(day, place / 30, "failed" if is_new else "success", cause="1" * 16 if is_new else None)
    live(store, story.events, day_ends(30, 90))
    (alert,) = found(store)
    assert alert.kind is Kind.NEW_ERROR
    assert day_of(alert.opened_at - MIDNIGHT) == 34
    assert alert.recovery is not None
    assert alert.recovery.since.earliest >= MIDNIGHT + 34 * MICROSECONDS_PER_DAY
    assert alert.recovery.share.part == 0


def test_what_is_erased_or_old_leaves_no_note(store: Store) -> None:
    story = Story()
    story.days(0, 4, 0.0)
    live(store, story.events, day_ends(0, 4))
    assert query_one(store, "SELECT count(*) FROM watched") == (30,)  # three days of ten
    store.fold([Erasure(MIDNIGHT, story.events[-1].random_id)], None, day_ends(3, 4)[0])
    assert query_one(store, "SELECT count(*) FROM watched") == (29,)
    run = last_run(store.connection, "watch")
    assert run is not None
    assert run.counts == {"installations": 10, "opened": 0, "closed": 0}


def test_what_was_learnt_of_a_script_goes_with_its_name(store: Store) -> None:
    story = Story()
    story.days(0, 2, 0.0, per_day=2)
    story.add(1, 0.9, "success", nsapp="private-name")
    live(store, story.events, day_ends(0, 2))
    assert query_one(store, "SELECT count(*) FROM watch") == (2,)
    store.fold([Erasure(MIDNIGHT, story.events[-1].random_id)], None, day_ends(2, 3)[0])
    sweep_names(store)
    assert query_one(store, "SELECT group_concat(script) FROM watch") == ("jellyfin lxc",)


def test_a_state_of_another_form_is_made_anew(store: Store) -> None:
    story = Story()
    story.days(0, 10, 0.0)
    live(store, story.events, day_ends(0, 10))
    before = query_one(store, "SELECT state ->> '$.failing' FROM watch")
    store.connection.execute("UPDATE watch SET state = '{}'")
    store.connection.execute("UPDATE watch_all SET state = json_set(state, '$.version', 0)")
    live(store, [], day_ends(9, 10))
    assert query_one(store, "SELECT state ->> '$.failing' FROM watch") == before
    with store.transaction():
        learn_anew(store.connection)
    live(store, [], day_ends(9, 10))
    assert query_one(store, "SELECT state ->> '$.failing' FROM watch") == before


def test_a_watch_that_learns_anew_tells_nothing_twice_and_closes_what_it_does_not_hold(store: Store) -> None:
    live(store, broken_and_fixed(), day_ends(20, DAYS))
    told = found(store)
    assert [alert.closed_at is None for alert in told] == [False]
    stray = msgspec.structs.replace(told[0], number=0, kind=Kind.STUCK, opened_at=day_ends(30, 31)[0], closed_at=None)
    with store.transaction():
        alerts.open_alert(store.connection, stray)
        store.connection.execute("UPDATE watch_all SET state = json_set(state, '$.version', 0)")
    live(store, [], day_ends(DAYS, DAYS + 1))
    assert [(alert.kind, alert.closed_at is None) for alert in found(store)] == [(Kind.BROKE, False), (Kind.STUCK, False)]
    assert found(store)[0] == told[0]


def test_the_breaks_of_a_demo_are_found_and_the_last_is_open(store: Store) -> None:
    installations, days, last_day = 9_000, 100, 20_700
    breaks = {script.name: script.broken for script in demo.catalogue(installations, days, 1) if script.broken}
    accept = Intake(Policy(known_repos=KNOWN_REPOS, extended_fields=frozenset()), IDS, EXPLAIN).accept
    bodies = [one for reports in demo.payloads(installations, days, 1, last_day) for one in reports]
    theirs = [one for one in bodies if msgspec.json.decode(one.body)["nsapp"] in breaks]
    now = (last_day + 1) * MICROSECONDS_PER_DAY
    store.fold([accept(one.body, one.received_at).event for one in theirs], None, now)
    watch.look(store, SOURCES, lambda: now)
    broke = {alert.app: alert for alert in found(store) if alert.kind is Kind.BROKE}
    assert len(breaks) > 2
    assert broke.keys() == breaks.keys()
    for app, when in breaks.items():
        days_since = [last_day - days + 1 + offset for offset in when.days]
        assert days_since[0] <= day_of(broke[app].opened_at) <= days_since[-1]
        assert (broke[app].closed_at is None) == (when.days.stop == days)
        assert [version.name for version in broke[app].limited_to] == ([when.only_on] if when.only_on else [])
    assert [alert.closed_at is None for alert in broke.values()].count(True) == 1
