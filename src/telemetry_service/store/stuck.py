"""Installations under way that nobody will hear of again."""

import sqlite3

from telemetry_service.core.installation import given_up
from telemetry_service.core.period import day_of
from telemetry_service.store.cells import IS_RUNNING
from telemetry_service.store.rows import IDS_PER_MILLISECOND, first_id
from telemetry_service.store.store import Store, sealed_through

_STUCK = f"FROM installation INDEXED BY installation_status WHERE {IS_RUNNING} AND id >= ? AND id < ?"


def count_stuck(connection: sqlite3.Connection, now: int, hours: int) -> int:
    """How many installations of days that are not sealed began more than so many hours before an instant and have not ended."""
    (count,) = connection.execute(f"SELECT count(*) {_STUCK}", _stuck_ids(connection, now, hours)).fetchone()
    return int(count)


def give_up_stuck(store: Store, now: int, hours: int, limit: int) -> int:
    """Let at most `limit` of them end as `unknown`, with their counts, in one transaction; how many those were.

    Each is given up once: it is stuck no more. Whatever a client still reports of it wins. What is left on a sealed day, whose
    counts change no more, is about to be deleted and stays as it is. Raises `StoreUnavailable`, with nothing changed.
    """
    with store.transaction():
        ids = _stuck_ids(store.connection, now, hours)
        found = store.connection.execute(f"SELECT id {_STUCK} LIMIT ?", (*ids, limit)).fetchall()
        rows = store.rows.by_id([id_ for (id_,) in found])
        ended = [given_up(row.installation, now) for row in rows]
        store.rows.expect(ended)
        for row, installation in zip(rows, ended, strict=True):
            store.ledger.replace(row, installation)
        store.ledger.settle(day_of(now), store.k)
    return len(rows)


def _stuck_ids(connection: sqlite3.Connection, now: int, hours: int) -> tuple[int, int]:
    """The first id that may be stuck, and the first that began too late for that."""
    return first_id(sealed_through(connection) + 1), (now // 1000 - hours * 3_600_000) * IDS_PER_MILLISECOND
