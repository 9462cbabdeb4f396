"""What a data directory holds, read with plain SQL and by name: ids and packing differ between runs, names do not."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from event_strategies import KNOWN_REPOS
from telemetry_service.core.counts import NUMERIC, Cell, Sources, cells, contributions
from telemetry_service.core.identity import Identities
from telemetry_service.core.installation import Installation
from telemetry_service.core.period import month_of
from telemetry_service.store.database import connect
from telemetry_service.store.names import Names
from telemetry_service.store.rows import Row, Rows
from telemetry_service.store.store import FILE_NAME, Store, StoreOptions

IDS = Identities(b"k" * 32)
K = 3
STATUSES = ("installing", "validation", "configuring", "success", "failed", "aborted", "unknown")
TERMINAL = STATUSES[3:]


class Key(NamedTuple):
    """A cell as people would name it; `unit` is a day, a month, or None where a table has neither."""

    script: str
    facet: int
    dimension: int
    source: str
    value: str | int
    status: str
    unit: int | None


def options(**changes: Any) -> StoreOptions:
    usual: dict[str, Any] = {
        "known_repos": KNOWN_REPOS,
        "publish_min_count": K,
        "max_new_apps_per_day": 1_000_000,
        "stuck_hours": 24,
    }
    return StoreOptions(**(usual | changes))


@contextmanager
def opened(directory: Path, **changes: Any) -> Iterator[Store]:
    store = Store(directory, options(**changes), IDS, now=0)
    try:
        yield store
    finally:
        store.close()


def query(directory: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(directory / FILE_NAME)) as connection:
        return connection.execute(sql).fetchall()


def rows(directory: Path) -> list[Row]:
    with closing(connect(directory / FILE_NAME, read_only=True)) as connection:
        return list(Rows(connection, Names(connection), IDS).between(0, 1_000_000))


def installations(directory: Path) -> dict[int, Installation]:
    return {row.installation.execution: row.installation for row in rows(directory)}


def table(directory: Path, name: str) -> dict[Key, int]:
    """A table of counts, by name: `count_day`, `public_remainder`, ..."""
    texts = dict(query(directory, "SELECT id, text FROM name"))
    sources = dict(query(directory, "SELECT id, slug FROM source"))
    unit = next((word for word in ("day", "month") if name.endswith(word)), "NULL")
    counts = {}
    for subject, cell, when, n in query(directory, f"SELECT subject, cell, {unit}, n FROM {name}"):
        # value << 14 | dimension << 9 | source << 3 | status, and 4 * script + facet: see the schema.
        dimension, value = cell >> 9 & 31, cell >> 14
        key = Key(
            script=texts[subject // 4] if subject // 4 else "",
            facet=subject % 4,
            dimension=dimension,
            source=sources[cell >> 3 & 63],
            value=value if dimension in NUMERIC else texts[value],
            status=STATUSES[cell & 7],
            unit=when,
        )
        assert key not in counts
        counts[key] = n
    return counts


def cells_of(installation: Installation, sources: Sources) -> list[Cell]:
    """The cells in which an installation counts as one."""
    return [cell for group, details in contributions(installation, sources) for cell in cells(group, details)]


def counted(of: Iterable[Installation], *, monthly: bool = False) -> dict[Key, int]:
    """What the table of days, or of months, must hold for these installations."""
    sources = Sources(KNOWN_REPOS)
    counts: Counter[Key] = Counter()
    for installation in of:
        unit = month_of(installation.day) if monthly else installation.day
        counts.update(Key(*cell, unit) for cell in cells_of(installation, sources))
    return dict(counts)


def without_unit(counts: dict[Key, int]) -> dict[Key, int]:
    sums: Counter[Key] = Counter()
    for key, n in counts.items():
        sums[key._replace(unit=None)] += n
    return {key: n for key, n in sums.items() if n}


def dump(directory: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, but for the instants of folding."""
    names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    content = {name: sorted(query(directory, f"SELECT * FROM {name}"), key=repr) for (name,) in query(directory, names)}
    content["fold_position"] = [row[:2] for row in content["fold_position"]]
    return content
