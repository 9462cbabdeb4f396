"""Claims about what is stored: columns, values, lengths and ids."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

from telemetry_service.core.audit.findings import Result, failed, judged, many, passed
from telemetry_service.core.fields import BY_NAME, FIELDS, OPTIONAL_FIELDS, Field, Kind
from telemetry_service.jobs.audit.place import Place
from telemetry_service.store import inbox
from telemetry_service.store.database import connect, migrate
from telemetry_service.store.names import kind_of

# What the record says that the service adds to an installation: times (in id and joins), hashes, cause; and whether it counts.
ADDED = ("id", "execution", "person", "released", "fingerprint", "cause", "joins")
LABEL_ENDING = len(" [0000]")  # which tells two causes with one line apart
CAUSE_CHARS = 16
_INTEGERS = tuple(field for field in FIELDS if field.kind is Kind.INTEGER)

Schema = set[tuple[str, str]]  # (table, column)


def columns(place: Place) -> Result:
    """The columns are those of the field table; other tables are those that the program declares."""
    fields = {field.name for field in FIELDS if field.name != "execution_id"}
    stored = {column for table, column in _schema(place.connection) if table == "installation"}
    faults = [f"column installation.{name} is not declared" for name in sorted(stored - fields - set(ADDED))]
    faults += [f"field {name} has no column" for name in sorted(fields - stored)]
    faults += _undeclared(place.connection, "store")
    if place.inbox is not None:
        with closing(connect(place.directory / inbox.FILE_NAME, read_only=True)) as connection:
            faults += _undeclared(connection, "inbox")
    for name in sorted(set(OPTIONAL_FIELDS) - {field.name for field in place.state.fields}):
        if n := place.number(f"SELECT count(*) FROM installation WHERE {name} IS NOT NULL"):
            faults.append(f"installation.{name}: {n} values of a field that is not asked for")
    return judged(faults, f"{len(stored)} columns of installations, {len(fields)} fields")


def _undeclared(connection: sqlite3.Connection, kind: str) -> list[str]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        migrate(made, kind, 0)
        declared = _schema(made)
    return [f"{kind}: {table}.{column} is not declared" for table, column in sorted(_schema(connection) - declared)]


def _schema(connection: sqlite3.Connection) -> Schema:
    tables = connection.execute(
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"
    )
    return {
        (table, column)
        for (table,) in tables.fetchall()
        for _, column, *_ in connection.execute(f"PRAGMA table_info({_quoted(table)})").fetchall()
    }


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def values(place: Place) -> Result:
    """Numbers are in their ranges, and texts are of the lists of their fields."""
    faults = [*_out_of_range(place), *_names_out_of_place(place)]
    for field in FIELDS:
        if field.kind is Kind.ENUM:
            listed = ",".join(f"'{value}'" for value in field.values)
            if n := place.number(f"SELECT count(*) FROM name WHERE kind = ? AND text NOT IN ({listed})", field.name):
                faults.append(f"name.text of {field.name}: {n} that are not in its list")
    return judged(faults, f"{len(_INTEGERS)} numbers and {len(FIELDS) - len(_INTEGERS)} other fields")


def _out_of_range(place: Place) -> Iterator[str]:
    wanted = ", ".join(f"coalesce(sum({f.name} NOT BETWEEN {f.minimum} AND {f.maximum}), 0)" for f in _INTEGERS)
    sums = place.connection.execute(f"SELECT {wanted} FROM installation").fetchone()
    for field, n in zip(_INTEGERS, sums, strict=True):
        if n:
            yield f"installation.{field.name}: {n} out of range"


def _names_out_of_place(place: Place) -> Iterator[str]:
    """Columns that hold the number of a name of another kind, or of none."""
    for name in (*BY_NAME, "cause"):
        kind = kind_of(name)
        if kind is None or name in ("status", "execution_id"):
            continue
        found = place.number(
            f"SELECT count(*) FROM (SELECT DISTINCT {name} AS number FROM installation WHERE {name} IS NOT NULL)"
            " WHERE number NOT IN (SELECT id FROM name WHERE kind = ?)",
            kind,
        )
        if found:
            yield f"installation.{name}: {found} numbers of no {kind}"
    if n := place.number("SELECT count(*) FROM installation WHERE status NOT BETWEEN 0 AND 6"):
        yield f"installation.status: {n} out of range"


def limits(place: Place) -> Result:
    """No text is longer than the limit of its field."""
    most = place.settings.error_max_chars
    faults = []
    if n := place.number("SELECT count(*) FROM installation WHERE length(error) > ?", most):
        faults.append(f"installation.error: {n} longer than {most} characters")
    if n := place.number("SELECT count(*) FROM name WHERE length(label) > ?", most + LABEL_ENDING):
        faults.append(f"name.label: {n} longer than {most} characters")
    if n := place.number(
        "SELECT count(*) FROM name WHERE kind = 'cause' AND (length(text) <> ? OR text GLOB '*[^0-9a-f]*')", CAUSE_CHARS
    ):
        faults.append(f"name.text of cause: {n} that are no fingerprint")
    bounded = [field for field in FIELDS if _limit(field)]
    for field in bounded:
        if n := place.number("SELECT count(*) FROM name WHERE kind = ? AND length(text) > ?", field.name, _limit(field)):
            faults.append(f"name.text of {field.name}: {n} longer than {_limit(field)} characters")
    return judged(faults, f"{len(bounded) + 2} limits")


def _limit(field: Field) -> int:
    return field.maximum if field.kind in (Kind.SLUG, Kind.VERSION, Kind.TEXT) and field.name != "error" else 0


def ids(place: Place) -> Result:
    """Ids are 16 bytes, and hashes what hashes are; nothing readable stands in their place."""
    queries = {
        "installation.random_id": "typeof(random_id) <> 'blob' OR length(random_id) <> 16"
        " OR substr(random_id, 1, 5) = x'746f6f6c2d' OR substr(random_id, 1, 6) = x'6164646f6e2d'",
        "installation.execution": "typeof(execution) <> 'integer'",
        "installation.person": "typeof(person) <> 'integer' OR person NOT BETWEEN 0 AND 140737488355327",
        "installation.fingerprint": "typeof(fingerprint) NOT IN ('integer', 'null')",
    }
    sums = place.connection.execute(
        f"SELECT {', '.join(f'coalesce(sum({condition}), 0)' for condition in queries.values())}, count(*) FROM installation"
    ).fetchone()
    faults = [f"{column}: {n} that are no id" for column, n in zip(queries, sums[:-1], strict=True) if n]
    return failed(*faults) if faults else passed(many(sums[-1], "installation"))
