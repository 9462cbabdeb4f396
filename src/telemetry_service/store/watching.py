"""What the watch reads of installations, and what it has learnt.

Exactly once: what is taken in of an installation, the state that follows from it, and the note that it was are one transaction
of the caller.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import msgspec

from telemetry_service.core.alerting.everybody import All
from telemetry_service.core.alerting.watch import Watched
from telemetry_service.core.counts import EXTERNAL, Dimension, Facet, Sources
from telemetry_service.core.fields import STATUSES
from telemetry_service.store.cells import FACETS, of, value_of
from telemetry_service.store.names import OTHER
from telemetry_service.store.rows import IDS_PER_MILLISECOND, day_of_id, first_id, id_range
from telemetry_service.store.store import Store

_ENDED = "(3, 4, 6)"  # success, failed, unknown
UNNAMED = frozenset({OTHER, "unknown"})  # apps that stand for many
LONGEST_SERIES = 5_000  # installations that evidence is looked for in


class Script(NamedTuple):
    """What is watched: a script (`app type`) as one repository has it."""

    script: str
    source: str


class Ended(NamedTuple):
    """An installation that ended, as the watch needs it. `person` tells whose it was, within this process alone."""

    id: int
    script: Script
    person: int
    status: str
    os: str | None
    pve: str | None
    cause: str | None
    is_watched: bool


class Watching:
    """Reads and writes for the watch, inside the transactions of one store."""

    def __init__(self, store: Store, sources: Sources) -> None:
        self._store = store
        self._connection = store.connection
        self._sources = sources
        self._scripts: dict[tuple[int, ...], Script | None] = {}

    def states(self) -> dict[Script, Watched]:
        """What is known of every script."""
        rows = self._connection.execute("SELECT script, source, state FROM watch").fetchall()
        return {Script(script, source): _decode_watched(state) for script, source, state in rows}

    def all_state(self) -> All | None:
        """What is known of all together; None before the first time."""
        row = self._connection.execute("SELECT state FROM watch_all").fetchone()
        return _decode_all(row[0]) if row else None

    def save(self, states: Mapping[Script, Watched], everybody: All, taken: Iterable[int], through_day: int) -> None:
        """Store what was learnt, and that these installations were taken in; those up to a day need no note any more."""
        self._connection.executemany(
            "INSERT INTO watch VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET state = excluded.state",
            ((*script, _encode(state)) for script, state in states.items()),
        )
        self._connection.execute(
            "INSERT INTO watch_all VALUES (1, ?) ON CONFLICT DO UPDATE SET state = excluded.state", (_encode(everybody),)
        )
        self._connection.executemany("INSERT OR IGNORE INTO watched VALUES (?)", ((id_,) for id_ in taken))
        self._connection.execute("DELETE FROM watched WHERE id < ?", (first_id(through_day + 1),))

    def forget(self) -> None:
        """Drop all that was learnt, as after a change of its form."""
        for table in ("watch", "watch_all", "watched"):
            self._connection.execute(f"DELETE FROM {table}")

    def first_day(self) -> int | None:
        """The UTC day of the oldest installation."""
        row = self._connection.execute("SELECT id FROM installation ORDER BY id LIMIT 1").fetchone()
        return None if row is None else day_of_id(row[0])

    def ended(self, first_day: int, last_day: int) -> Iterator[Ended]:
        """Installations of watched scripts that began on these UTC days and ended, in the order in which they began."""
        rows = self._connection.execute(
            f"SELECT i.id, {_COLUMNS}, watched.id IS NOT NULL FROM installation AS i LEFT JOIN watched USING (id)"
            f" WHERE i.id BETWEEN ? AND ? AND status IN {_ENDED} ORDER BY i.id",
            id_range(first_day, last_day),
        )
        return self._read(rows.fetchall())

    def begun(self, day: int) -> dict[Script, int]:
        """How many installations of each watched script began on a UTC day, whatever became of them."""
        rows = self._connection.execute(
            "SELECT nsapp, type, repo_source, repo_slug, count(*) FROM installation WHERE id BETWEEN ? AND ? GROUP BY 1, 2, 3, 4",
            id_range(day, day),
        )
        counts: dict[Script, int] = {}
        for *columns, n in rows.fetchall():
            script = self._script(*columns)
            if script is not None:
                counts[script] = counts.get(script, 0) + n
        return counts

    def causes_seen(self, script: Script) -> dict[str, int]:
        """The causes of failure a script ever had, and the UTC day of the first of each."""
        number = self._store.names.find("script", script.script)
        if number is None:
            return {}
        mask, cell = of(Dimension.ERROR, "failed")
        rows = self._connection.execute(
            f"SELECT {value_of('cell')}, min(day) FROM count_day"
            f" WHERE subject = ? AND cell & {mask} = {cell} AND n > 0 GROUP BY 1",
            (number * FACETS + Facet.FAILURE,),
        )
        return {self._store.names.text(value): day for value, day in rows.fetchall()}

    def series(self, script: Script, first_day: int, last_day: int) -> list[Ended]:
        """The newest installations of a script and some UTC days that ended, in the order in which they began."""
        app, _, type_ = script.script.partition(" ")
        rows = self._connection.execute(
            f"SELECT id, {_COLUMNS}, 1 FROM installation INDEXED BY installation_nsapp WHERE nsapp = ? AND type = ?"
            f" AND id BETWEEN ? AND ? AND status IN {_ENDED} ORDER BY id DESC LIMIT {LONGEST_SERIES}",
            (self._store.names.find("nsapp", app), self._store.names.find("type", type_), *id_range(first_day, last_day)),
        )
        return [one for one in self._read(reversed(rows.fetchall())) if one.script == script]

    def last_begun(self, script: Script, before: int) -> int | None:
        """When the newest installation of a script before an instant began; both in microseconds since 1970."""
        return self._begun(script, "id < ? ORDER BY id DESC", before // 1000 * IDS_PER_MILLISECOND)

    def first_begun(self, script: Script, after: int) -> int | None:
        """When the first installation of a script after an instant began."""
        return self._begun(script, "id >= ? ORDER BY id", after // 1000 * IDS_PER_MILLISECOND)

    def _begun(self, script: Script, condition: str, first: int) -> int | None:
        app, _, type_ = script.script.partition(" ")
        rows = self._connection.execute(
            "SELECT id, nsapp, type, repo_source, repo_slug FROM installation INDEXED BY installation_nsapp"
            f" WHERE nsapp = ? AND type = ? AND {condition}",
            (self._store.names.find("nsapp", app), self._store.names.find("type", type_), first),
        )
        for id_, *columns in rows:
            if self._script(*columns) == script:
                return int(id_) // IDS_PER_MILLISECOND * 1000
        return None

    def _read(self, rows: Iterable[tuple[int, ...]]) -> Iterator[Ended]:
        for id_, nsapp, type_, repository, slug, person, status, os, os_version, pve, cause, is_watched in rows:
            script = self._script(nsapp, type_, repository, slug)
            if script is not None:
                system = " ".join(filter(None, (self._text(os), self._text(os_version)))) or None
                yield Ended(
                    *(id_, script, person, STATUSES[status], system),
                    *(self._text(pve), self._text(cause), bool(is_watched)),
                )

    def _script(self, nsapp: int, type_: int, repository: int | None, slug: int | None) -> Script | None:
        """The script of a row; None for one that nobody here could mend: of another repository, or without a name."""
        key = nsapp, type_, repository or 0, slug or 0
        if key not in self._scripts:
            app, source = self._text(nsapp), self._sources.of(self._text(repository), self._text(slug))
            is_ours = app not in UNNAMED and source != EXTERNAL
            self._scripts[key] = Script(f"{app} {self._text(type_)}", source) if is_ours else None
        return self._scripts[key]

    def _text(self, number: int | None) -> str | None:
        return None if number is None else self._store.names.text(number)


def learn_anew(connection: sqlite3.Connection) -> None:
    """Have the next pass of the watch begin with the oldest installation; only inside a transaction."""
    connection.execute("DELETE FROM watch_all")


_COLUMNS = "nsapp, type, repo_source, repo_slug, person, status, os_type, os_version, pve_version, cause"
_decode_watched = msgspec.json.Decoder(Watched).decode
_decode_all = msgspec.json.Decoder(All).decode


def _encode(state: Watched | All) -> str:
    return msgspec.json.encode(state).decode()
