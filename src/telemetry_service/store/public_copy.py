"""The public part of the store, taken out: what is published is made from this copy and can hold nothing else.

That is the published counts, what of alerts is told in public, and the record of processing with its history.
"""

import sqlite3
from pathlib import Path

import msgspec

from telemetry_service.core.counts import NUMERIC
from telemetry_service.store import store
from telemetry_service.store.alert_words import public_alerts
from telemetry_service.store.alerts import close_alert, open_alert
from telemetry_service.store.cells import FACETS, dimension_of, value_of
from telemetry_service.store.database import connect, migrate, unavailable
from telemetry_service.store.directory import store_file
from telemetry_service.store.reading import Reader

# Column by column: the table of names also tells when each was first seen, and public_remainder is not public.
READABLE = {
    "name": {"id", "kind", "text", "label"},
    "source": {"id", "slug"},
    "public_count_day": {"subject", "day", "cell", "n"},
    "public_count_month": {"subject", "month", "cell", "n"},
    "public_gauge": {"name", "n"},
    "published_step": {"k"},
    "record_revision": {"number", "recorded_at", "version", "changes", "in_force", "text"},
}
_LIVE = "live"
_COPY = (
    f"INSERT INTO public_count_day SELECT subject, day, cell, n FROM {_LIVE}.public_count_day ORDER BY 1, 2, 3",
    f"INSERT INTO public_count_month SELECT subject, month, cell, n FROM {_LIVE}.public_count_month ORDER BY 1, 2, 3",
    f"UPDATE published_step SET k = (SELECT k FROM {_LIVE}.published_step)",
    f"INSERT INTO public_gauge SELECT name, n FROM {_LIVE}.public_gauge",
    f"INSERT OR IGNORE INTO source SELECT id, slug FROM {_LIVE}.source",
    f"INSERT INTO record_revision SELECT number, recorded_at, version, changes, in_force, text FROM {_LIVE}.record_revision",
    # Names of published cells alone: that somebody once reported another one is not public.
    f"INSERT INTO name SELECT id, kind, text, 0, label FROM {_LIVE}.name WHERE id IN ("
    f"SELECT subject / {FACETS} FROM main.public_count_day"
    f" UNION SELECT {value_of('cell')} FROM main.public_count_day"
    f" WHERE {dimension_of('cell')} NOT IN ({','.join(str(int(dimension)) for dimension in sorted(NUMERIC))})"
    ")",
)


def copy_public(directory: Path, target: Path) -> None:
    """Copy what is published in the store of a data directory into a store of its own in `target`, a directory.

    One state of the store, taken while the service runs; it holds up nothing there. The connection refuses to read any
    table or column that is not in `READABLE`; of alerts it is given their public part. Raises `UnusableData` where there is no
    store, `StoreUnavailable` when it cannot be read.
    """
    source = store_file(directory)
    connection = connect(target / store.FILE_NAME)
    try:
        connection.execute("PRAGMA synchronous = OFF")  # made anew each time
        migrate(connection, "store", 0)
        _copy_alerts(directory, connection)
        connection.execute(f"ATTACH ? AS {_LIVE}", (f"{source.absolute().as_uri()}?mode=ro",))
        connection.set_authorizer(_only_public)
        connection.execute("BEGIN")
        for statement in _COPY:
            connection.execute(statement)
        connection.execute("COMMIT")
        connection.set_authorizer(None)
        connection.execute(f"DETACH {_LIVE}")
        connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise unavailable(error, source.name) from error
    finally:
        connection.close()


def _copy_alerts(directory: Path, copy: sqlite3.Connection) -> None:
    """In the order in which they opened, so that what opened again finds the one before closed."""
    live = Reader(directory)
    try:
        live.connection.execute("BEGIN")
        for alert in public_alerts(live):
            number = open_alert(copy, alert)
            if number is not None and alert.closed_at is not None:
                close_alert(copy, msgspec.structs.replace(alert, number=number))
    finally:
        live.connection.close()


def _only_public(action: int, table: str | None, column: str | None, database: str | None, _trigger: str | None) -> int:
    if action == sqlite3.SQLITE_READ and database == _LIVE and column not in READABLE.get(table or "", ()):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK
