"""Claims about time: how old what is stored may be, and that what is promised to happen does."""

from datetime import UTC, datetime, timedelta

from telemetry_service.core.audit.claims import VACUUM_DAYS
from telemetry_service.core.audit.findings import Result, failed, judged, many, passed, unclear
from telemetry_service.core.event import Erasure, decode_entry
from telemetry_service.core.period import day_of
from telemetry_service.core.record import text_of
from telemetry_service.jobs.audit.place import CannotLook, Place
from telemetry_service.store.backup import expired
from telemetry_service.store.retention import count_through, last_day_over
from telemetry_service.store.runs import last_run

HOUR, DAY = 3_600_000_000, 86_400_000_000  # in microseconds
RETENTION_LATE = DAY + 2 * HOUR
ERASURE_LATE = HOUR
BACKUP_LATE = DAY + 4 * HOUR
CLEANUP_LATE = 2 * HOUR  # beside twice its period
EVENTS_AT_ONCE = 2_000
DUE_HOUR = 1  # retention runs soon after midnight: before this hour (UTC) the day before counts


def _last_day_over(place: Place) -> int:
    """The newest UTC day of which nothing may be left, once retention has had its time."""
    return last_day_over(day_of(place.now - DUE_HOUR * HOUR), place.settings.retention_days)


def store_age(place: Place) -> Result:
    """Neither installations nor hashes of erased ids are too old."""
    through = _last_day_over(place)
    old = count_through(place.connection, through)
    faults = [f"{old} installations are too old"] if old else []
    hashes = place.number("SELECT count(*) FROM erased WHERE day <= ?", through)
    if hashes:
        faults.append(f"erased: {hashes} hashes are too old")
    return judged(faults, "the oldest installation is within its time")


def inbox_age(place: Place) -> Result:
    """No waiting report is too old; they come in order."""
    if place.inbox is None:
        return unclear("there is no inbox here")
    first = place.inbox.read(0, 1)
    if not first:
        return passed("nothing waits")
    through = _last_day_over(place)
    is_old = day_of(decode_entry(first[0][1]).received_at) <= through
    return judged(["the oldest waiting report is too old"] if is_old else [], "the oldest waiting report is within its time")


def backup_ages(place: Place) -> Result:
    """No backup is older than it may be; like installations, they have the time until retention has run."""
    day = day_of(place.now - DUE_HOUR * HOUR)
    old = len(expired(place.backups, day, place.settings.backup_keep_days))
    return judged([f"{old} backups are too old"] if old else [], "no backup is too old")


def mirror_age(place: Place) -> Result:
    """No record of the mirror is too old."""
    try:
        oldest = place.mirror().oldest
    except CannotLook as reason:
        return unclear(str(reason))
    first_kept = datetime.fromtimestamp(0, UTC) + timedelta(days=_last_day_over(place) + 1)
    if oldest and oldest[:10] < first_kept.date().isoformat():
        return failed("the oldest record is too old")
    return passed("the oldest record is within its time" if oldest else "the mirror is empty")


def mirror_columns(place: Place) -> Result:
    """The mirror has no column that the record does not name."""
    try:
        found = place.mirror()
    except CannotLook as reason:
        return unclear(str(reason))
    extra = len(found.columns - found.declared)
    return judged([f"{extra} columns that are not declared"] if extra else [], many(len(found.columns), "column"))


def retention_ran(place: Place) -> Result:
    """Retention ran, left nothing, and not long ago."""
    last = last_run(place.connection, "retention")
    if last is None:
        return _not_yet(place, RETENTION_LATE)
    if last.outcome != "done" or any(n for name, n in last.counts.items() if name.startswith("left")):
        return failed("the last run failed or left something above the age")
    return _within(place, last.started_at, RETENTION_LATE)


def backup_ran(place: Place) -> Result:
    """A backup was made not long ago, since it is promised every night."""
    last = last_run(place.connection, "backup", "done")
    return _not_yet(place, BACKUP_LATE) if last is None else _within(place, last.started_at, BACKUP_LATE)


def cleanup_ran(place: Place) -> Result:
    """Clean-up ran not long ago."""
    late = 2 * place.settings.cleanup_interval_min * 60_000_000 + CLEANUP_LATE
    last = last_run(place.connection, "cleanup", "done")
    return _not_yet(place, late) if last is None else _within(place, last.started_at, late)


def _not_yet(place: Place, late: int) -> Result:
    """A run that there was none of: none was due yet, if the store is new."""
    since = place.number("SELECT min(applied_at) FROM schema_step")
    return passed("none was due yet: the store is new") if place.now - since < late else failed("there was no run yet")


def _within(place: Place, started_at: int, late: int) -> Result:
    hours = max(0, place.now - started_at) // HOUR
    return judged([f"the last run was {hours} hours ago"] if place.now - started_at > late else [], f"{many(hours, 'hour')} ago")


def erasures_done(place: Place) -> Result:
    """No request to erase waits for long."""
    if place.inbox is None:
        return unclear("there is no inbox here")
    late = waiting = after = 0
    while rows := place.inbox.read(after, EVENTS_AT_ONCE):
        for _, body in rows:
            entry = decode_entry(body)
            if isinstance(entry, Erasure):
                waiting += 1
                late += place.now - entry.received_at > ERASURE_LATE
        after = rows[-1][0]
    return judged([f"{late} requests wait for longer than an hour"] if late else [], f"waiting: {many(waiting, 'request')}")


def vacuum_ran(place: Place) -> Result:
    """The files were written anew in time after the oldest deletion since the last time."""
    last = last_run(place.connection, "vacuum", "done")
    since = last.started_at if last else 0
    oldest = place.number(
        "SELECT min(ended_at) FROM job_run WHERE ended_at >= ?"
        " AND (job = 'erase' OR job = 'retention' AND counts ->> 'installations' > 0)",
        since,
    )
    if not oldest:
        return passed("nothing was deleted since")
    days = (place.now - oldest) // DAY
    late = place.now - oldest > VACUUM_DAYS * DAY
    return judged(
        [f"the oldest deletion was {many(days, 'day')} ago"] if late else [], f"the oldest deletion was {many(days, 'day')} ago"
    )


def history(place: Place) -> Result:
    """The record is the newest of its history."""
    rows = place.rows("SELECT text FROM record_revision ORDER BY number DESC LIMIT 1")
    if not rows:
        return unclear("there is no history: the service has not been started on this directory")
    if rows[0][0] != text_of(place.state):
        return failed("the settings of this audit make another record than the last one in the history")
    return passed("the texts are equal")
