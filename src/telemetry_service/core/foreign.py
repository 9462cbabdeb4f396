"""A row of another store, such as PocketBase or ClickHouse: what it says of an installation.

Its columns are named as on the wire, with `created`, the receipt, and perhaps `updated`, the last change. A row goes through
the real intake. What it yields follows from the row alone, so that reading it again changes nothing.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from telemetry_service.core.errors import Rejected
from telemetry_service.core.event import Event
from telemetry_service.core.fields import WIRE_NAMES
from telemetry_service.core.installation import Installation, begun, from_event
from telemetry_service.core.intake import Intake
from telemetry_service.core.period import day_of

CREATED, UPDATED, ROW_ID = "created", "updated", "id"
ROW_NAMES = WIRE_NAMES | {CREATED, UPDATED, ROW_ID}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
TOO_OLD = "longer ago than is kept"
_NIL = str(UUID(int=0))
_ZEROS = (0, "0", 0.0)


class Told(NamedTuple):
    """What a row says: a report, and when the execution had begun already."""

    event: Event
    began_at: int

    def installation(self) -> Installation:
        """The installation of which this is all that is known."""
        one = from_event(self.event)
        return begun(one, self.began_at) if self.began_at < self.event.received_at else one


class Found(NamedTuple):
    """What a row says, and the names of the fields whose values were dropped."""

    told: Told
    dropped: tuple[str, ...]


def read_row(row: Mapping[str, Any], intake: Intake, *, first_day: int, now: int) -> Found:
    """What a row says of an installation; names are in lower case, `now` is in microseconds since 1970.

    What began before the UTC day `first_day` is refused, at little cost.
    A row that changed after it was created tells of two instants: the beginning, and that of its status.
    Raises `Rejected`, also for a row without a receipt or from the future.
    """
    created = _instant(row.get(CREATED), CREATED)
    if created is None:
        raise Rejected(CREATED, "missing")
    if day_of(created) < first_day:
        raise Rejected(CREATED, TOO_OLD)
    if created > now:
        raise Rejected(CREATED, "lies in the future")
    dropped: list[str] = []
    try:
        updated = _instant(row.get(UPDATED), UPDATED) or created
    except Rejected:
        dropped.append(UPDATED)
        updated = created
    told_at = updated if created < updated <= now else created
    accepted = intake.accept_decoded(_without_zeros(row), told_at)
    dropped += [drop.field for drop in accepted.dropped]
    return Found(Told(accepted.event, created), tuple(dropped))


def _without_zeros(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Columns hold zeros for what is absent: no kind of container, no exit code of what did not succeed, no id (ClickHouse)."""
    unknown = [name for name in ("ct_type", "exit_code") if row.get(name) in _ZEROS]
    if row.get("status") == "success":
        unknown = [name for name in unknown if name != "exit_code"]
    # Taken for an id, it would make one installation of all rows.
    unknown += [name for name in ("execution_id", "random_id") if row.get(name) == _NIL]
    return {name: value for name, value in row.items() if name not in unknown} if unknown else row


def _instant(value: Any, name: str) -> int | None:
    """Microseconds since 1970 of a text such as `2025-03-01 12:00:00.123Z`, in UTC unless it says otherwise; None for none.

    Raises `Rejected`.
    """
    if value is None or value == "":
        return None
    try:
        when = datetime.fromisoformat(value.strip())
        instant = ((when if when.tzinfo else when.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND
    except (ValueError, TypeError, AttributeError, OverflowError):
        instant = 0
    if instant <= 0:  # what is no time, and what ClickHouse says for none
        raise Rejected(name, "not a time")
    return instant
