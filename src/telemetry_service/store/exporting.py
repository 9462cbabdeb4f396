"""Everything that an export holds, read in one transaction: as it stands at one instant, beside the running service."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from telemetry_service.core.counts import NUMERIC, Cell
from telemetry_service.core.exported_counts import Counted
from telemetry_service.core.fields import STATUSES
from telemetry_service.core.identity import Identities
from telemetry_service.core.installation import Installation
from telemetry_service.store.cells import DIMENSION_SHIFT, FACETS, STATUS_MASK, dimension_and_value, source_number
from telemetry_service.store.database import connect, unavailable
from telemetry_service.store.names import Names
from telemetry_service.store.rows import Rows
from telemetry_service.store.store import FILE_NAME, sealed_through

LAST_DAY = 100_000  # the year 2243


class Content:
    """The installations and sealed counts of a store, within one read transaction."""

    def __init__(self, connection: sqlite3.Connection, identities: Identities) -> None:
        self._connection = connection
        self._names = Names(connection)
        self._rows = Rows(connection, self._names, identities)
        self.sealed_through = sealed_through(connection)

    def total(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM installation").fetchone()[0])

    def installations(self) -> Iterator[Installation]:
        """Those of days that are not sealed, in the order in which they began."""
        for row in self._rows.between(self.sealed_through + 1, LAST_DAY):
            yield row.installation

    def labels(self) -> Iterator[tuple[str, str]]:
        """Each cause of failure, and the line that people are shown for it."""
        query = "SELECT text, label FROM name WHERE kind = 'cause' AND label IS NOT NULL ORDER BY id"
        yield from self._connection.execute(query)

    def sealed_counts(self) -> Iterator[Counted]:
        """The counts of sealed days, by day."""
        sources = dict(self._connection.execute("SELECT id, slug FROM source").fetchall())
        query = "SELECT subject, day, cell, n FROM count_day WHERE day <= ? ORDER BY day"
        for subject, day, packed, n in self._connection.execute(query, (self.sealed_through,)):
            dimension, value = dimension_and_value(packed >> DIMENSION_SHIFT)
            script = subject // FACETS
            cell = Cell(
                self._names.text(script) if script else "",
                subject % FACETS,
                dimension,
                sources[source_number(packed)],
                value if dimension in NUMERIC else self._names.text(value),
                STATUSES[packed & STATUS_MASK],
            )
            yield Counted(day, cell, n)


@contextmanager
def content(directory: Path, identities: Identities) -> Iterator[Content]:
    """What a store holds now. Raises `StoreUnavailable`."""
    connection = connect(directory / FILE_NAME, read_only=True)
    try:
        connection.execute("BEGIN")
        yield Content(connection, identities)
    except sqlite3.Error as error:
        raise unavailable(error) from error
    finally:
        connection.close()
