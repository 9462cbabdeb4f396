"""Erased ids: what keeps a late report from bringing back what its holder had erased."""

import json
import sqlite3
from collections.abc import Collection, Sequence

from telemetry_service.core.event import Event
from telemetry_service.core.identity import Identities


class Erased:
    """The erased ids of one store, as keyed hashes; used inside the writer's transaction."""

    def __init__(self, connection: sqlite3.Connection, identities: Identities) -> None:
        self._connection = connection
        self._identities = identities

    def note(self, random_id: bytes, day: int) -> None:
        """Keep events of an id out from now on; erasing it again begins the time anew."""
        self._connection.execute(
            "INSERT INTO erased VALUES (?, ?) ON CONFLICT DO UPDATE SET day = max(day, excluded.day)",
            (self._identities.erased(random_id), day),
        )

    def without(self, events: Sequence[Event]) -> Sequence[Event]:
        """The events but for those of erased ids."""
        found = self.among({event.random_id for event in events})
        return [event for event in events if event.random_id not in found] if found else events

    def among(self, random_ids: Collection[bytes]) -> set[bytes]:
        """Which of these ids are erased."""
        if not self._connection.execute("SELECT 1 FROM erased LIMIT 1").fetchone():
            return set()
        by_hash = {self._identities.erased(random_id): random_id for random_id in random_ids}
        rows = self._connection.execute(
            "SELECT hash FROM erased WHERE hash IN (SELECT value FROM json_each(?))", (json.dumps(list(by_hash)),)
        )
        return {by_hash[hashed] for (hashed,) in rows}

    def forget_through(self, day: int) -> int:
        """Let go of those erased up to a UTC day; how many those were."""
        return self._connection.execute("DELETE FROM erased WHERE day <= ?", (day,)).rowcount


def erased_day(connection: sqlite3.Connection, hashed: int) -> int | None:
    """The UTC day on which the id of this hash was last erased; None if it was not."""
    row = connection.execute("SELECT day FROM erased WHERE hash = ?", (hashed,)).fetchone()
    return int(row[0]) if row else None
