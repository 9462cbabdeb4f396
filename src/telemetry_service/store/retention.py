"""The end of installations: whole UTC days are sealed, then deleted. Their counts stay.

Kept are `RETENTION_DAYS` UTC days, today included: after a run no installation is older than that, whatever the time of day.
"""

import sqlite3

from telemetry_service.store.rows import first_id
from telemetry_service.store.store import Store


def last_day_over(today: int, retention_days: int) -> int:
    """The newest UTC day that is kept no longer."""
    return today - retention_days


def seal(store: Store, through_day: int) -> int:
    """Seal all UTC days up to one: from now on nothing is added to them or taken off. Days stay sealed.

    Also lets go of the hashes of ids erased up to that day. Returns how many those were. Raises `StoreUnavailable`.
    """
    with store.transaction():
        store.connection.execute("UPDATE sealed SET through_day = max(through_day, ?)", (through_day,))
        return store.erased.forget_through(through_day)


def delete_sealed(store: Store, limit: int) -> int:
    """Delete at most `limit` installations of sealed days, the oldest first, in one transaction; how many those were.

    Raises `StoreUnavailable`, with nothing changed.
    """
    with store.transaction():
        found = store.connection.execute(
            "SELECT id FROM installation WHERE id < ? ORDER BY id LIMIT ?", (first_id(store.sealed_through() + 1), limit)
        ).fetchall()
        store.rows.delete([id_ for (id_,) in found])
    return len(found)


def count_through(connection: sqlite3.Connection, through_day: int) -> int:
    """How many installations there are of the UTC days up to one: 0 after retention."""
    (count,) = connection.execute("SELECT count(*) FROM installation WHERE id < ?", (first_id(through_day + 1),)).fetchone()
    return int(count)
