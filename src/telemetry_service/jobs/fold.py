"""The fold: from the inbox into installations and counts, in order, exactly once."""

from collections.abc import Callable

from telemetry_service.core.event import decode_entry
from telemetry_service.store.inbox import InboxReader
from telemetry_service.store.store import Position, Store

BATCH_EVENTS = 4_000  # larger batches change the same counts once; smaller ones show results sooner


class Fold:
    """Reads one inbox into the store."""

    def __init__(self, inbox: InboxReader, store: Store, now: Callable[[], int]) -> None:
        self._inbox = inbox
        self._store = store
        self._now = now
        self._generation = inbox.generation()
        self._position = store.position(self._generation)
        self._is_log_to_empty = False

    def step(self) -> int:
        """Fold the next events; returns how many there were.

        Raises `StoreUnavailable`, with nothing changed: the next step tries the same events again.
        """
        rows = self._inbox.read(self._position, BATCH_EVENTS)
        if self._is_log_to_empty and len(rows) < BATCH_EVENTS:
            self._is_log_to_empty = not self._store.truncate_wal()
        if not rows:
            return 0
        position = rows[-1][0]
        entries = [decode_entry(body) for _, body in rows]
        if self._store.fold(entries, Position(self._generation, position), self._now()):
            self._is_log_to_empty = True  # it still holds what was erased
        self._position = position
        return len(rows)

    def refresh_gauges(self) -> None:
        """Bring the figures that change with time alone up to date.

        Raises `StoreUnavailable`.
        """
        self._store.refresh_gauges(self._now())
