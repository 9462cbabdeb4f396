"""Names that nothing refers to any more: what only deleted installations held must go with them.

A name stays while an installation, a count or a published count refers to it: counts are kept for good, by name. The line
that labels a cause of failure is one installation's own. When none of the cause is left, only published ones keep it; others
keep what all installations of the cause had in common, which is the line without its numbers.
"""

import json
import sqlite3
from collections.abc import Iterable

from telemetry_service.core.counts import NUMERIC
from telemetry_service.core.fields import OPTIONAL_FIELDS
from telemetry_service.store.cells import FACETS, dimension_of, value_of
from telemetry_service.store.names import OPEN_KINDS, OTHER
from telemetry_service.store.store import Store
from telemetry_service.store.tallies import is_published

# The kinds that hold what clients made up; all others hold the values of the field table.
SWEPT_KINDS = (*OPEN_KINDS, "script", "os")
_COLUMNS = ("nsapp", "method", "os_version", "pve_version", "cause", *OPTIONAL_FIELDS)
_COUNTS = ("count_day", "count_month", "public_remainder", "public_count_day", "public_count_month")
_NAMED = f"{dimension_of('cell')} NOT IN ({','.join(str(int(dimension)) for dimension in sorted(NUMERIC))})"


def sweep_names(store: Store) -> int:
    """Delete the names that nothing refers to, and generalise labels of which no installation is left; how many names went.

    One transaction over all counts and installations, some seconds for a million: the fold waits. Raises `StoreUnavailable`.
    """
    connection = store.connection
    with store.transaction():
        connection.execute("DELETE FROM public_remainder WHERE n = 0 AND step = 0")
        held = _held(connection)
        counted = _counted(connection)
        kinds = ",".join(f"'{kind}'" for kind in SWEPT_KINDS)
        names = connection.execute(f"SELECT id, text FROM name WHERE kind IN ({kinds}) AND text <> ?", (OTHER,)).fetchall()
        gone = [number for number, _ in names if number not in held and number not in counted]
        for number in _causes_without_installation(connection, held, gone):
            store.names.generalise(number)
        _forget_watched(connection, gone)
        store.names.delete(gone)
    store.learn_anew()
    return len(gone)


def _forget_watched(connection: sqlite3.Connection, gone: list[int]) -> None:
    """What the watch learnt of scripts goes with their names."""
    scripts = "SELECT text FROM name WHERE kind = 'script' AND id IN (SELECT value FROM json_each(?))"
    connection.execute(f"DELETE FROM watch WHERE script IN ({scripts})", (json.dumps(gone),))


def _held(connection: sqlite3.Connection) -> set[int]:
    """The numbers of names that installations hold."""
    return _distinct(connection, (f"SELECT DISTINCT {column} FROM installation" for column in _COLUMNS))


def _counted(connection: sqlite3.Connection) -> set[int]:
    """The numbers of names that counts are kept by."""
    values = (f"SELECT DISTINCT {value_of('cell')} FROM {table} WHERE {_NAMED}" for table in _COUNTS)
    scripts = (f"SELECT DISTINCT subject / {FACETS} FROM {table}" for table in _COUNTS)
    return _distinct(connection, values) | _distinct(connection, scripts)


def _distinct(connection: sqlite3.Connection, queries: Iterable[str]) -> set[int]:
    return {number for query in queries for (number,) in connection.execute(query) if number is not None}


def _causes_without_installation(connection: sqlite3.Connection, held: set[int], gone: list[int]) -> list[int]:
    rows = connection.execute("SELECT id FROM name WHERE kind = 'cause' AND label IS NOT NULL").fetchall()
    left_alone = held.union(gone)
    return [number for (number,) in rows if number not in left_alone and not is_published(connection, number)]
