"""Installations under way that nobody will hear of again."""

import sqlite3

from telemetry_service.core.installation import given_up
from telemetry_service.core.period import day_of
from telemetry_service.store.cells import RUNNING_CODES
from telemetry_service.store.rows import IDS_PER_MILLISECOND
from telemetry_service.store.store import Store

_STUCK = f"FROM installation INDEXED BY installation_status WHERE status IN ({','.join(map(str, RUNNING_CODES))}) AND id < ?"


def count_stuck(connection: sqlite3.Connection, now: int, hours: int) -> int:
    """How many installations began more than so many hours before an instant and have not ended."""
    (count,) = connection.execute(f"SELECT count(*) {_STUCK}", (_first_id_in_time(now, hours),)).fetchone()
    return int(count)


def give_up_stuck(store: Store, now: int, hours: int, limit: int) -> int:
    """Let at most `limit` of them end as `unknown`, with their counts, in one transaction; how many those were.

    Each is given up once: it is stuck no more. Whatever a client still reports of it wins. Raises `StoreUnavailable`, with
    nothing changed.
    """
    with store.transaction():
        found = store.connection.execute(f"SELECT id {_STUCK} LIMIT ?", (_first_id_in_time(now, hours), limit)).fetchall()
        rows = store.rows.by_id([id_ for (id_,) in found])
        ended = [given_up(row.installation, now) for row in rows]
        store.rows.expect(ended)
        for row, installation in zip(rows, ended, strict=True):
            store.ledger.replace(row, installation)
        store.ledger.settle(day_of(now))
    return len(rows)


def _first_id_in_time(now: int, hours: int) -> int:
    return (now // 1000 - hours * 3_600_000) * IDS_PER_MILLISECOND
