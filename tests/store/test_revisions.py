"""The history of the record: an entry each time it changes, none otherwise, and what older versions wrote."""

from collections.abc import Iterator
from pathlib import Path
from sqlite3 import Connection

import msgspec
import pytest

from event_strategies import MIDNIGHT
from stored import opened
from telemetry_service.core.period import day_of, iso_day
from telemetry_service.core.record import text_of
from telemetry_service.core.record.revisions import FIRST, REWORDED
from telemetry_service.settings import from_environ
from telemetry_service.settings.declared import in_force
from telemetry_service.store.database import transaction
from telemetry_service.store.revisions import note_revision, proved, revisions
from telemetry_service.store.runs import note_run

NOW = MIDNIGHT + 3_600_000_000
DEFAULT = in_force(from_environ({}))


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with opened(tmp_path) as store:
        yield store.connection


def test_an_entry_for_each_change_and_none_without(connection: Connection) -> None:
    shorter = in_force(from_environ({"RETENTION_DAYS": "200", "PUBLISH_MIN_COUNT": "10"}))
    for state in (DEFAULT, DEFAULT, shorter, shorter, DEFAULT):
        note_revision(connection, state, "0.1.0", NOW)
    found = revisions(connection)
    assert [one.number for one in found] == [1, 2, 3]
    assert {one.day for one in found} == {iso_day(day_of(NOW))}
    assert [one.changes for one in found] == [
        (FIRST,),
        ("retention: 365 -> 200 days", "publication threshold: 5 -> 10"),
        ("retention: 200 -> 365 days", "publication threshold: 10 -> 5"),
    ]
    (text,) = connection.execute("SELECT text FROM record_revision WHERE number = 2").fetchone()
    assert text == text_of(shorter)


def test_what_an_older_version_wrote_is_compared_as_far_as_it_goes(connection: Connection) -> None:
    note_revision(connection, DEFAULT, "0.1.0", NOW)
    old = msgspec.to_builtins(DEFAULT) | {"forgotten": 1, "mirror": "of another shape", "retention_days": 100}
    del old["tls"]
    with transaction(connection):
        connection.execute("UPDATE record_revision SET text = 'old words', in_force = ?", (msgspec.json.encode(old).decode(),))
    entry = note_revision(connection, DEFAULT, "0.2.0", NOW)
    assert entry is not None
    assert (entry.version, entry.changes) == ("0.2.0", ("retention: 100 -> 365 days",))


def test_other_words_for_the_same(connection: Connection) -> None:
    note_revision(connection, DEFAULT, "0.1.0", NOW)
    with transaction(connection):
        connection.execute("UPDATE record_revision SET text = 'old words'")
    entry = note_revision(connection, DEFAULT, "0.2.0", NOW)
    assert entry is not None
    assert entry.changes == (REWORDED,)


def test_the_last_runs(connection: Connection) -> None:
    with transaction(connection):
        note_run(connection, "retention", started_at=NOW, ended_at=NOW, counts={"installations": 3})
        note_run(connection, "retention", started_at=NOW, ended_at=NOW + 60_000_000, outcome="failed")
    (run,) = proved(connection).runs
    assert (run.what, run.at, run.outcome) == ("Retention", f"{iso_day(day_of(NOW))} 01:01 UTC", "failed")
