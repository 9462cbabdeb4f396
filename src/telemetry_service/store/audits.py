"""Audits that were made, the newest ones: what the page, the metric and the record say of them."""

import sqlite3

import msgspec

from telemetry_service.core.audit import Audit, Finding, Verdict
from telemetry_service.core.messages import Notice
from telemetry_service.store.outbox import note
from telemetry_service.store.runs import note_run

JOB = "audit"
PAGE = "/privacy/audit"
KEPT_AUDITS = 400  # a year of nightly ones


def note_audit(connection: sqlite3.Connection, audit: Audit) -> None:
    """Remember an audit, that it ran, and to tell of claims that fail and did not before; only inside a transaction."""
    before = last_audit(connection)
    known = {one.claim for one in before.findings if one.verdict is Verdict.FAIL} if before else set()
    new = [one for one in audit.findings if one.verdict is Verdict.FAIL and one.claim not in known]
    if new:
        note(connection, _notice(audit, new), audit.ended_at)
    connection.execute(
        "INSERT INTO audit (started_at, ended_at, findings) VALUES (?, ?, ?)",
        (audit.started_at, audit.ended_at, msgspec.json.encode(audit.findings).decode()),
    )
    connection.execute("DELETE FROM audit WHERE number <= (SELECT max(number) FROM audit) - ?", (KEPT_AUDITS,))
    counts = {verdict.name.lower(): audit.count(verdict) for verdict in Verdict}
    note_run(connection, JOB, started_at=audit.started_at, ended_at=audit.ended_at, counts=counts)


def _notice(audit: Audit, new: list[Finding]) -> Notice:
    """What is told of claims that fail: the claims alone, since evidence holds exact counts."""
    claims = "one claim" if len(new) == 1 else f"{len(new)} claims"
    lines = tuple(f"Does not hold: {one.states}." for one in new)
    return Notice(f"audit {audit.started_at}", f"The record of processing does not hold: {claims}", lines, PAGE)


def last_audit(connection: sqlite3.Connection) -> Audit | None:
    """The newest audit; None if there is none yet."""
    row = connection.execute("SELECT started_at, ended_at, findings FROM audit ORDER BY number DESC LIMIT 1").fetchone()
    if row is None:
        return None
    started_at, ended_at, findings = row
    return Audit(started_at, ended_at, tuple(msgspec.json.decode(findings, type=list[Finding])))
