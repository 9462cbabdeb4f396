"""Claims about identifiers: in stored texts, in reports that wait, in log lines; and that what was erased is gone."""

from collections.abc import Iterable, Iterator
from itertools import chain

import msgspec

from telemetry_service.core.audit.findings import Result, judged, many, passed, unclear
from telemetry_service.core.event import Event, decode_entry
from telemetry_service.core.fields import FIELDS, Kind
from telemetry_service.jobs.audit.looking import Found, Scrubbing
from telemetry_service.jobs.audit.place import Place

ROWS_AT_ONCE = 20_000  # in one statement: a long one would keep the write-ahead log from being emptied
# Texts of the program and its operator: versions, revisions of the record, repositories in KNOWN_REPOS, the mirror's address.
OWN_TABLES = ("record_revision", "schema_step", "source", "mirror", "job_run", "audit", "issue", "import")
# Words of the operator or of ours, and numbers in JSON, but no log: for the second look alone.
CHOSEN = frozenset(
    {
        *("token.name", "notice.title", "notice.lines", "message.subject", "message.text", "message.html"),
        *("alert.evidence", "watch.state", "watch_all.state"),
    }
)
_NAMED = tuple(f.name for f in FIELDS if f.kind in (Kind.SLUG, Kind.VERSION, Kind.TEXT) and f.name not in ("error", "repo_slug"))


def stored(place: Place) -> Result:
    """No stored text holds an identifier, whoever looks."""
    faults = place.looking.faults(chain(_names(place), _lines(place), _others(place)))
    errors = place.number("SELECT count(*) FROM installation WHERE error IS NOT NULL")
    return judged(faults, f"{many(place.number('SELECT count(*) FROM name'), 'name')} and {many(errors, 'error line')}")


def _names(place: Place) -> Iterator[Found]:
    """Names of clients; those of causes are fingerprints, and of repositories the operator's."""
    for kind, text in place.connection.execute("SELECT kind, text FROM name WHERE kind NOT IN ('repo_slug', 'cause')"):
        yield f"name.text of {kind}", text, "name"


def _lines(place: Place) -> Iterator[Found]:
    """Lines of errors: those that label a cause, and those of installations."""
    for kind, label in place.connection.execute("SELECT kind, label FROM name WHERE label <> ''"):
        yield f"name.label of {kind}", label, "text"
    after = -1
    while rows := place.connection.execute(
        "SELECT id, error FROM installation WHERE id > ? AND error IS NOT NULL ORDER BY id LIMIT ?", (after, ROWS_AT_ONCE)
    ).fetchall():
        yield from (("installation.error", text, "text") for _, text in rows)
        after = rows[-1][0]


def _others(place: Place) -> Iterator[Found]:
    """Every other column that holds texts, in whatever table."""
    looked_at = (*OWN_TABLES, "name", "installation")
    for (table,) in place.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"):
        if table in looked_at:
            continue
        for _, column, kind, *_ in place.rows(f'PRAGMA table_info("{table}")'):
            if kind not in ("INTEGER", "BLOB", "REAL"):
                where = f"{table}.{column}"
                by: Scrubbing = "chosen" if where in CHOSEN else "name"
                for (text,) in place.connection.execute(f'SELECT "{column}" FROM "{table}" WHERE "{column}" <> \'\''):
                    yield where, str(text), by


def waiting(place: Place) -> Result:
    """No report that waits holds an identifier."""
    if place.inbox is None:
        return unclear("there is no inbox here")
    number = 0

    def texts() -> Iterator[Found]:
        nonlocal number
        for entry in _entries(place):
            number += 1
            if isinstance(entry, Event):
                yield "inbox, error", entry.error or "", "text"
                for name in _NAMED:
                    yield f"inbox, {name}", getattr(entry, name) or "", "name"

    faults = place.looking.faults(texts())
    return judged(faults, many(number, "waiting report"))


def _entries(place: Place) -> Iterator[msgspec.Struct]:
    assert place.inbox is not None
    after = 0
    while rows := place.inbox.read(after, ROWS_AT_ONCE // 10):
        yield from (decode_entry(body) for _, body in rows)
        after = rows[-1][0]


def erased(place: Place) -> Result:
    """No installation has an id whose holder had everything erased."""
    hashes = {hashed for (hashed,) in place.rows("SELECT hash FROM erased")}
    if not hashes:
        return passed("no id was erased")
    left = sum(place.identities.erased(random_id) in hashes for random_id in _random_ids(place))
    return judged([f"{left} installations under erased ids"] if left else [], many(len(hashes), "erased id"))


def _random_ids(place: Place) -> Iterable[bytes]:
    after = -1
    while rows := place.connection.execute(
        "SELECT id, random_id FROM installation WHERE id > ? ORDER BY id LIMIT ?", (after, ROWS_AT_ONCE)
    ).fetchall():
        yield from (random_id for _, random_id in rows)
        after = rows[-1][0]
