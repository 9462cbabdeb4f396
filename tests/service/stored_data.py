"""What the files of a data directory hold, read with nothing but sqlite3 and the packing of cells and joins."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from running_service import wait_until
from telemetry_service.core.fields import STATUSES
from telemetry_service.core.installation import ORDER, unpack_joins
from telemetry_service.store.names import kind_of

INBOX, STORE = "inbox.sqlite", "store.sqlite"
VALUES = ("exit_code", "error", "install_duration", "disk_size", "core_count", "ram_size", "ct_type")
NAMES = ("type", "nsapp", "os_type", "os_version", "pve_version", "method", "error_category", "cpu_model")
OVERALL_BY_TYPE = "subject = 0 AND (cell >> 9 & 31) = 0"  # every installation is in exactly one of these cells


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
        yield connection


class StoredData:
    """The two files of a data directory, whether a service runs on them or not."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def generation(self) -> str:
        with opened(self._directory / INBOX) as inbox:
            return str(inbox.execute("SELECT id FROM generation").fetchone()[0])

    def last_seq(self) -> int:
        """The highest number that the inbox has given out."""
        with opened(self._directory / INBOX) as inbox:
            row = inbox.execute("SELECT seq FROM sqlite_sequence WHERE name = 'event_group'").fetchone()
        return int(row[0]) if row else 0

    def waiting_events(self) -> int:
        """How many events are in the inbox, folded ones that were not taken away yet included."""
        with opened(self._directory / INBOX) as inbox:
            return int(inbox.execute("SELECT coalesce(sum(size), 0) FROM event_group").fetchone()[0])

    def position(self) -> int:
        """How far this inbox is folded."""
        generation = self.generation()
        with opened(self._directory / STORE) as store:
            row = store.execute("SELECT seq FROM fold_position WHERE generation = ?", (generation,)).fetchone()
        return int(row[0]) if row else 0

    def is_folded(self) -> bool:
        """Whether nothing that the inbox holds is still to be folded."""
        position = self.position()
        with opened(self._directory / INBOX) as inbox:
            return not inbox.execute("SELECT 1 FROM event_group WHERE last_seq > ? LIMIT 1", (position,)).fetchone()

    def wait_until_folded(self) -> None:
        wait_until(self.is_folded, "every stored event to be folded")

    def wait_until_emptied(self) -> None:
        """Wait until everything is folded and the inbox has let go of it."""
        wait_until(lambda: self.is_folded() and not self.waiting_events(), "the inbox to be emptied")

    def installations(self) -> dict[UUID, dict[str, Any]]:
        """Every installation by its random id; `seen` holds the statuses that its history tells of."""
        names = ", ".join(f"(SELECT text FROM name WHERE id = i.{column} AND kind = '{kind_of(column)}')" for column in NAMES)
        with opened(self._directory / STORE) as store:
            rows = store.execute(
                f"SELECT random_id, status, joins, {', '.join(VALUES)}, {names} FROM installation AS i"
            ).fetchall()
        found: dict[UUID, dict[str, Any]] = {}
        for random_id, status, joins, *values in rows:
            key = UUID(bytes=random_id)
            assert key not in found, "one execution, two installations"
            seen = {ORDER[rank] for rank in unpack_joins(joins).firsts}
            found[key] = dict(zip((*VALUES, *NAMES), values, strict=True)) | {"status": STATUSES[status], "seen": seen}
        return found

    def counted(self, period: str = "day") -> dict[str, int]:
        """Installations by status, as the counts of days or of months have them."""
        with opened(self._directory / STORE) as store:
            rows = store.execute(f"SELECT cell & 7, n FROM count_{period} WHERE {OVERALL_BY_TYPE}").fetchall()
        counted: Counter[str] = Counter()
        for status, n in rows:
            counted[STATUSES[status]] += n
        return dict(counted)

    def check_counted_once(self) -> None:
        """Every installation is in the counts of its day and its month once."""
        by_status = dict(Counter(installation["status"] for installation in self.installations().values()))
        assert self.counted("day") == by_status
        assert self.counted("month") == by_status
