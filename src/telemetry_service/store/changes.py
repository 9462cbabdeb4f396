"""What a mirror has not got yet, and how it stands.

Promise: every installation that is inserted, changed or deleted while a mirror is in use has a row in `change` that was
committed with it, and the row stays until the mirror confirmed that very state. A later change of the same installation
takes a new number, so confirming an older one never loses it. The number of rows is bounded by that of installations.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from telemetry_service.store import store
from telemetry_service.store.database import connect, transaction

_NOW = "CAST(strftime('%s', 'now') AS INTEGER)"
_TRIGGERS = {
    # A change that is waiting keeps its guess, and moves behind all others.
    "mirror_insert": (
        "AFTER INSERT ON installation BEGIN INSERT OR REPLACE INTO change (execution, is_new, changed_at)"
        f" VALUES (new.execution, 1, {_NOW}); END"
    ),
    "mirror_update": (
        "AFTER UPDATE ON installation BEGIN INSERT OR REPLACE INTO change (execution, is_new, changed_at)"
        " VALUES (new.execution, coalesce((SELECT is_new FROM change WHERE execution = new.execution), 0),"
        f" {_NOW}); END"
    ),
    "mirror_delete": (
        "AFTER DELETE ON installation BEGIN INSERT OR REPLACE INTO change (execution, is_new, changed_at)"
        f" VALUES (old.execution, 0, {_NOW}); END"
    ),
}


class Change(NamedTuple):
    """An installation whose newest state the mirror has not got, or one that is gone."""

    seq: int
    execution: int
    is_new: bool


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How the mirror stands; instants are in seconds since 1970 UTC. Without a mirror all is empty."""

    in_use: bool
    reconciled: bool
    waiting: int
    oldest_at: int | None
    set_aside: int
    written: int
    deleted: int
    not_ours: int
    last_success_at: int | None
    problem: str | None
    problem_since: int | None


def follow(connection: sqlite3.Connection, *, wanted: bool) -> None:
    """Begin or end recording changes; only when the service starts.

    What happened while none were recorded is made good by bringing the mirror up to date as a whole.
    """
    with transaction(connection):
        (found,) = connection.execute(
            "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name IN (SELECT value FROM json_each(?))",
            (json.dumps(list(_TRIGGERS)),),
        ).fetchone()
        if wanted and found < len(_TRIGGERS):
            _drop_triggers(connection)
            for name, body in _TRIGGERS.items():
                connection.execute(f"CREATE TRIGGER {name} {body}")
            begin_anew(connection)
        elif not wanted and found:
            _drop_triggers(connection)
            connection.execute("DELETE FROM change")
            connection.execute("DELETE FROM change_set_aside")
            connection.execute("UPDATE mirror SET target = NULL, problem = NULL, problem_since = NULL")


def _drop_triggers(connection: sqlite3.Connection) -> None:
    for name in _TRIGGERS:
        connection.execute(f"DROP TRIGGER IF EXISTS {name}")


def begin_anew(connection: sqlite3.Connection) -> None:
    """Have everything compared and sent again; inside a transaction."""
    connection.execute("UPDATE mirror SET reconciled = 0, seeded_through = -1")


def standing(connection: sqlite3.Connection) -> Standing:
    """How the mirror stands."""
    target, reconciled, *rest = connection.execute(
        "SELECT target, reconciled, written, deleted, not_ours, last_success_at, problem, problem_since FROM mirror"
    ).fetchone()
    (waiting,) = connection.execute("SELECT count(*) FROM change").fetchone()
    oldest = connection.execute("SELECT changed_at FROM change ORDER BY seq LIMIT 1").fetchone()
    (set_aside,) = connection.execute("SELECT count(*) FROM change_set_aside").fetchone()
    written, deleted, not_ours, last_success_at, problem, problem_since = rest
    return Standing(
        in_use=target is not None,
        reconciled=bool(reconciled),
        waiting=waiting,
        oldest_at=oldest[0] if oldest else None,
        set_aside=set_aside,
        written=written,
        deleted=deleted,
        not_ours=not_ours,
        last_success_at=last_success_at,
        problem=problem,
        problem_since=problem_since,
    )


def deletions_overdue(connection: sqlite3.Connection, before_seconds: int) -> int:
    """How many installations that were deleted before an instant the mirror has not let go of, or refuses to."""
    (count,) = connection.execute(
        "SELECT count(*) FROM (SELECT execution FROM change WHERE changed_at < ?1"
        " UNION ALL SELECT execution FROM change_set_aside WHERE set_aside_at < ?1) AS late"
        " WHERE NOT EXISTS (SELECT 1 FROM installation WHERE execution = late.execution)",
        (before_seconds,),
    ).fetchone()
    return int(count)


class Changes:
    """The mirror's side of the store, on a connection of its own.

    What it writes is not synced to disk by itself: a confirmation that a power cut takes back is repeated, to no effect.
    """

    def __init__(self, directory: Path) -> None:
        self.connection = connect(directory / store.FILE_NAME)
        self.connection.execute("PRAGMA synchronous = NORMAL")

    def close(self) -> None:
        self.connection.close()

    def next(self, limit: int) -> list[Change]:
        """The oldest changes, in order."""
        rows = self.connection.execute("SELECT seq, execution, is_new FROM change ORDER BY seq LIMIT ?", (limit,))
        return [Change(seq, execution, bool(is_new)) for seq, execution, is_new in rows]

    def confirm(self, done: Sequence[Change], refused: Mapping[Change, str], *, deleted: int, now_seconds: int) -> None:
        """Let go of what the mirror has, and set aside what it refuses for good."""
        with transaction(self.connection):
            self._forget([*done, *refused])
            self.connection.execute(
                "DELETE FROM change_set_aside WHERE execution IN (SELECT value FROM json_each(?))",
                (json.dumps([change.execution for change in done]),),
            )
            self.connection.executemany(
                "INSERT OR REPLACE INTO change_set_aside VALUES (?, ?, ?)",
                [(change.execution, reason, now_seconds) for change, reason in refused.items()],
            )
            if done:
                self.connection.execute(
                    "UPDATE mirror SET written = written + ?, deleted = deleted + ?, last_success_at = ?,"
                    " problem = NULL, problem_since = NULL",
                    (len(done) - deleted, deleted, now_seconds),
                )

    def _forget(self, changes: Iterable[Change]) -> None:
        self.connection.execute(
            "DELETE FROM change WHERE seq IN (SELECT value FROM json_each(?))", (json.dumps([change.seq for change in changes]),)
        )

    def target(self) -> tuple[str | None, str]:
        """Which mirror is in use, and what its columns were."""
        target, columns = self.connection.execute("SELECT target, columns FROM mirror").fetchone()
        return target, columns

    def aim(self, target: str, columns: str) -> None:
        """Use this mirror, with these columns; another one than before gets everything, and so does one that was changed."""
        with transaction(self.connection):
            if self.target() != (target, columns):
                begin_anew(self.connection)
                self.connection.execute("UPDATE mirror SET target = ?, columns = ?", (target, columns))

    def note_problem(self, problem: str, now_seconds: int) -> None:
        """Remember what keeps the mirror from working."""
        with transaction(self.connection):
            self.connection.execute(
                "UPDATE mirror SET problem = ?1, problem_since = coalesce(problem_since, ?2)", (problem, now_seconds)
            )

    def note_contact(self, now_seconds: int) -> None:
        """Remember that the mirror answers as it should."""
        with transaction(self.connection):
            self.connection.execute("UPDATE mirror SET last_success_at = ?, problem = NULL, problem_since = NULL", (now_seconds,))

    def is_reconciled(self) -> bool:
        return bool(self.connection.execute("SELECT reconciled FROM mirror").fetchone()[0])

    def seed(self, limit: int, now_seconds: int) -> bool:
        """Have the next installations sent, those that wait already where they are; whether there may be more."""
        with transaction(self.connection):
            (after,) = self.connection.execute("SELECT seeded_through FROM mirror").fetchone()
            rows = self.connection.execute(
                "SELECT id, execution FROM installation WHERE id > ? ORDER BY id LIMIT ?", (after, limit)
            ).fetchall()
            if rows:
                self.connection.executemany(
                    "INSERT INTO change (execution, is_new, changed_at) VALUES (?, 1, ?) ON CONFLICT DO NOTHING",
                    [(execution, now_seconds) for _, execution in rows],
                )
                self.connection.execute("UPDATE mirror SET seeded_through = ?", (rows[-1][0],))
        return len(rows) == limit

    def compare(self, executions: Sequence[int], now_seconds: int) -> None:
        """Learn which records the mirror has: those without an installation here are to be deleted."""
        wanted = json.dumps(executions)
        with transaction(self.connection):
            self.connection.execute(
                "INSERT INTO change (execution, is_new, changed_at) SELECT value, 0, ?2 FROM json_each(?1)"
                " WHERE value NOT IN (SELECT execution FROM installation WHERE execution IN (SELECT value FROM json_each(?1)))"
                " ON CONFLICT DO NOTHING",
                (wanted, now_seconds),
            )
            self.connection.execute("UPDATE change SET is_new = 0 WHERE execution IN (SELECT value FROM json_each(?))", (wanted,))

    def note_reconciled(self, not_ours: int) -> None:
        with transaction(self.connection):
            self.connection.execute("UPDATE mirror SET reconciled = 1, not_ours = ?", (not_ours,))


def retry_set_aside(connection: sqlite3.Connection, now_seconds: int) -> int:
    """Have everything that was set aside tried again; returns how many installations those are."""
    with transaction(connection):
        connection.execute(
            "INSERT INTO change (execution, is_new, changed_at) SELECT execution, 1, ? FROM change_set_aside WHERE true"
            " ON CONFLICT DO NOTHING",
            (now_seconds,),
        )
        return connection.execute("DELETE FROM change_set_aside").rowcount


def set_aside_reasons(connection: sqlite3.Connection) -> list[tuple[str, int]]:
    """Why installations were set aside, and how many for each reason, most first."""
    return connection.execute("SELECT reason, count(*) FROM change_set_aside GROUP BY reason ORDER BY 2 DESC, 1").fetchall()
