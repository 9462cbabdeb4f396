"""The history of the record of processing: a dated entry each time that what it states has changed."""

import sqlite3
from datetime import UTC, datetime
from typing import Any

import msgspec

from telemetry_service.core.audit import Verdict
from telemetry_service.core.period import day_of, iso_day
from telemetry_service.core.record import InForce, Proved, text_of
from telemetry_service.core.record.in_force import Audited, Ran, Revision
from telemetry_service.core.record.revisions import changes
from telemetry_service.store.audits import last_audit
from telemetry_service.store.database import transaction
from telemetry_service.store.runs import last_run

# What the record promises, and the job that does it.
PROMISED = (
    ("Clean-up", "cleanup"),
    ("Retention", "retention"),
    ("Erasure on request", "erase"),
    ("Files written anew", "vacuum"),
    ("Backup", "backup"),
)


def note_revision(connection: sqlite3.Connection, state: InForce, version: str, now: int) -> Revision | None:
    """Append an entry if the record's text is not that of the last one; the entry, or None if nothing changed.

    `now` is in microseconds since 1970. Raises `StoreUnavailable`.
    """
    text = text_of(state)
    with transaction(connection):
        last = connection.execute("SELECT text, in_force FROM record_revision ORDER BY number DESC LIMIT 1").fetchone()
        if last is not None and last[0] == text:
            return None
        said = changes(None if last is None else _restored(last[1], state), state)
        cursor = connection.execute(
            "INSERT INTO record_revision (recorded_at, version, changes, in_force, text) VALUES (?, ?, ?, ?, ?)",
            (now, version, msgspec.json.encode(said).decode(), msgspec.json.encode(state).decode(), text),
        )
    assert cursor.lastrowid is not None
    return Revision(cursor.lastrowid, iso_day(day_of(now)), version, said)


def recorded(connection: sqlite3.Connection, state: InForce) -> InForce:
    """What was in force when the service last started; `state` where it never did, and for what it did not know then."""
    last = connection.execute("SELECT in_force FROM record_revision ORDER BY number DESC LIMIT 1").fetchone()
    return state if last is None else _restored(last[0], state)


def revisions(connection: sqlite3.Connection) -> tuple[Revision, ...]:
    """The history, the oldest entry first."""
    rows = connection.execute("SELECT number, recorded_at, version, changes FROM record_revision ORDER BY number").fetchall()
    return tuple(
        Revision(number, iso_day(day_of(at)), version, tuple(msgspec.json.decode(said, type=list[str])))
        for number, at, version, said in rows
    )


def proved(connection: sqlite3.Connection) -> Proved:
    """What was last proved of the record, and its history."""
    found = [(what, last_run(connection, job)) for what, job in PROMISED]
    runs = tuple(Ran(what, _instant(run.ended_at), run.outcome) for what, run in found if run is not None)
    audit = last_audit(connection)
    audited = None
    if audit is not None:
        counts = (audit.count(verdict) for verdict in (Verdict.PASS, Verdict.FAIL, Verdict.UNCLEAR))
        audited = Audited(_instant(audit.ended_at), *counts)
    return Proved(audit=audited, runs=runs, revisions=revisions(connection))


def _restored(stored: str, state: InForce) -> InForce:
    """What was in force, as an older version of the program wrote it down; what it did not know is as it is now."""
    now: dict[str, Any] = msgspec.to_builtins(state)
    found = {name: value for name, value in msgspec.json.decode(stored).items() if name in now}
    for name, value in found.items():
        before = now[name]
        now[name] = value
        try:
            msgspec.convert(now, InForce)
        except msgspec.ValidationError:
            now[name] = before
    return msgspec.convert(now, InForce)


def _instant(microseconds: int) -> str:
    return f"{datetime.fromtimestamp(microseconds // 1_000_000, UTC):%Y-%m-%d %H:%M} UTC"
