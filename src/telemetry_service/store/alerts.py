"""Alerts: what is open, what was, and what may be told of the causes they name.

Durability: opening and closing are part of the writer's transaction. Exactly once: what is open already does not open again,
what is closed does not close again, whoever tries after whatever crash.
"""

import sqlite3
from collections.abc import Iterable, Iterator

import msgspec

from telemetry_service.core.alerting.alert import Alert
from telemetry_service.store.tallies import is_published

_COLUMNS = "number, kind, script, source, cause, opened_at, closed_at, evidence"
_KEPT_APART = ("number", "kind", "script", "source", "cause", "opened_at", "closed_at")


def open_alerts(connection: sqlite3.Connection) -> list[Alert]:
    """What is open, the newest first."""
    return list(_alerts(connection, "closed_at IS NULL ORDER BY number DESC", ()))


def past_alerts(connection: sqlite3.Connection, limit: int, *, script: str | None = None) -> list[Alert]:
    """What is closed, the newest first; of one script (`app type`), if one is given."""
    condition = "closed_at IS NOT NULL AND script = coalesce(?, script) ORDER BY closed_at DESC, number DESC LIMIT ?"
    return list(_alerts(connection, condition, (script, limit)))


def open_alert(connection: sqlite3.Connection, alert: Alert) -> int | None:
    """Open an alert and return its number, or None if it is open already; only inside a transaction."""
    (number,) = connection.execute(
        "INSERT INTO alert (kind, script, source, cause, opened_at, evidence) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING RETURNING number",
        (alert.kind, alert.script, alert.source, alert.cause or "", alert.opened_at, _evidence(alert)),
    ).fetchone() or (None,)
    return number


def update_evidence(connection: sqlite3.Connection, alert: Alert) -> None:
    """Store what is known by now of an alert that is open; only inside a transaction."""
    connection.execute("UPDATE alert SET evidence = ? WHERE number = ? AND closed_at IS NULL", (_evidence(alert), alert.number))


def close_alert(connection: sqlite3.Connection, alert: Alert) -> bool:
    """Close an alert with the evidence it has by now, at its `closed_at`; False if it is closed. Only inside a transaction."""
    assert alert.closed_at is not None
    cursor = connection.execute(
        "UPDATE alert SET closed_at = ?, evidence = ? WHERE number = ? AND closed_at IS NULL",
        (alert.closed_at, _evidence(alert), alert.number),
    )
    return cursor.rowcount == 1


def lines(connection: sqlite3.Connection, causes: Iterable[str]) -> dict[str, str]:
    """The masked line of each cause whose failures were published; others have none that may be told."""
    found = {}
    for cause in causes:
        row = connection.execute("SELECT id, label FROM name WHERE kind = 'cause' AND text = ?", (cause,)).fetchone()
        if row is not None and row[1] and is_published(connection, row[0]):
            found[cause] = str(row[1])
    return found


def _evidence(alert: Alert) -> str:
    fields = msgspec.to_builtins(alert)
    return msgspec.json.encode({name: value for name, value in fields.items() if name not in _KEPT_APART}).decode()


def _alerts(connection: sqlite3.Connection, condition: str, values: tuple[str | int | None, ...]) -> Iterator[Alert]:
    for *columns, evidence in connection.execute(f"SELECT {_COLUMNS} FROM alert WHERE {condition}", values).fetchall():
        fields = dict(zip(_KEPT_APART, columns, strict=True)) | msgspec.json.decode(evidence)
        yield msgspec.convert(fields | {"cause": fields["cause"] or None}, Alert)
