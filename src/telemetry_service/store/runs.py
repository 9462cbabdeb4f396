"""What jobs did and when: the table of past runs. It holds numbers alone, never an id or a text of a client."""

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

KEPT_RUNS = 10_000  # of each job; a year of hourly ones
Outcome = Literal["done", "failed"]


class Run(msgspec.Struct, frozen=True):
    """One run of a job; instants are in microseconds since 1970 UTC."""

    job: str
    started_at: int
    ended_at: int
    outcome: str
    counts: dict[str, int]


def note_run(
    connection: sqlite3.Connection,
    job: str,
    *,
    started_at: int,
    ended_at: int,
    outcome: Outcome = "done",
    counts: Mapping[str, int] | None = None,
) -> None:
    """Remember a run; only inside a transaction. Of each job the newest `KEPT_RUNS` are kept."""
    connection.execute(
        "INSERT INTO job_run (job, started_at, ended_at, outcome, counts) VALUES (?, ?, ?, ?, ?)",
        (job, started_at, ended_at, outcome, msgspec.json.encode(dict(counts or {})).decode()),
    )
    connection.execute(
        "DELETE FROM job_run WHERE job = ?1 AND id <= (SELECT id FROM job_run WHERE job = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
        (job, KEPT_RUNS),
    )


def last_run(connection: sqlite3.Connection, job: str, outcome: Outcome | None = None) -> Run | None:
    """The newest run of a job, of any outcome unless one is given; None if there is none."""
    return next(_runs(connection, "job = ? AND outcome = coalesce(?, outcome)", (job, outcome), 1), None)


def past_runs(connection: sqlite3.Connection, job: str, limit: int) -> list[Run]:
    """The newest runs of a job, the newest first."""
    return list(_runs(connection, "job = ?", (job,), limit))


def newest_runs(connection: sqlite3.Connection, limit: int) -> list[Run]:
    """The newest runs of all jobs, the newest first."""
    return list(_runs(connection, "true", (), limit))


def job_names(connection: sqlite3.Connection) -> list[str]:
    """The jobs of which a run is remembered, by name."""
    return [job for (job,) in connection.execute("SELECT DISTINCT job FROM job_run ORDER BY job")]


def _runs(connection: sqlite3.Connection, condition: str, values: tuple[str | None, ...], limit: int) -> Iterator[Run]:
    rows = connection.execute(
        f"SELECT job, started_at, ended_at, outcome, counts FROM job_run WHERE {condition} ORDER BY id DESC LIMIT ?",
        (*values, limit),
    )
    for job, started_at, ended_at, outcome, counts in rows.fetchall():
        yield Run(job, started_at, ended_at, outcome, msgspec.json.decode(counts, type=dict[str, int]))
