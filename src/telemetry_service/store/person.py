"""What is stored under one random id: for the person who holds it, as if everything in the inbox were folded already.

An acknowledged report is never hidden because it waits, and nothing is shown that its holder had erased. The inbox is read
before the store: what it has let go of by then, the store has (`GroupCommit` takes away what the store has synced).
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from telemetry_service.core.event import Entry, Erasure, Event
from telemetry_service.core.identity import Identities
from telemetry_service.core.installation import Installation, from_event, join
from telemetry_service.core.period import day_of
from telemetry_service.store.database import unavailable
from telemetry_service.store.erasing import erased_day
from telemetry_service.store.inbox import InboxReader
from telemetry_service.store.names import Names
from telemetry_service.store.rows import Rows
from telemetry_service.store.store import sealed_through


class Waiting(NamedTuple):
    """An entry of the inbox and its number."""

    seq: int
    entry: Entry


class Held(NamedTuple):
    """What is stored under an id: installations by age, the executions among them that are released, how many reports wait,
    and the UTC day on which the id was last erased, if it was."""

    installations: list[Installation]
    released: set[int]
    waiting: int
    erased_day: int | None


def waiting_of(directory: Path, random_id: bytes) -> list[Waiting]:
    """What the inbox holds of an id, in order, folded or not; to be read before the store is.

    Raises `StoreUnavailable`.
    """
    try:
        inbox = InboxReader(directory)
        try:
            return [Waiting(seq, entry) for seq, entry in inbox.of_person(random_id)]
        finally:
            inbox.close()
    except sqlite3.Error as error:
        raise unavailable(error) from error


def held_under(
    connection: sqlite3.Connection,
    names: Names,
    identities: Identities,
    random_id: bytes,
    found: Sequence[Waiting],
    position: int,
) -> Held:
    """What is stored under an id once everything found in the inbox is folded; `position` is how far it is."""
    rows = Rows(connection, names, identities)
    waiting = [entry for seq, entry in found if seq > position]
    stored = rows.of_person(random_id)
    released = {row.installation.execution for row in stored if row.released}
    others = rows.load({entry.execution for entry in waiting if isinstance(entry, Event)})
    installations = {row.installation.execution: row.installation for row in (*others.values(), *stored)}
    erased = erased_day(connection, identities.erased(random_id))
    sealed = sealed_through(connection)
    reports = 0
    for entry in waiting:
        if isinstance(entry, Erasure):
            installations = {key: one for key, one in installations.items() if one.value("random_id") != random_id}
            erased = max(day_of(entry.received_at), -1 if erased is None else erased)
            reports = 0
        elif erased is None and day_of(entry.received_at) > sealed:
            one, known = from_event(entry), installations.get(entry.execution)
            installations[entry.execution] = one if known is None or known.day <= sealed else join(known, one)
            reports += 1
    mine = [one for one in installations.values() if one.value("random_id") == random_id]
    return Held(sorted(mine, key=lambda one: one.started_at), released, reports, erased)
