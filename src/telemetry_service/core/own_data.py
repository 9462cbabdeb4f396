"""What is stored under one random id, in the words that its holder is told it in (Art. 15 GDPR).

Everything that a row of the store keeps is in here: each field of the field table, when the report that gave it arrived, the
first time of each status, and what the service made of it.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from telemetry_service.core.fields import FIELDS, OUTCOME_FIELDS
from telemetry_service.core.installation import INDEX, ORDER, STUCK, Installation
from telemetry_service.core.period import iso_day

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Status(msgspec.Struct, frozen=True):
    """A status, when it was first reported, and by whom: a `client`, or the `clean-up` that gave the installation up."""

    status: str
    first_at: str
    by: str


class OwnInstallation(msgspec.Struct, frozen=True, kw_only=True):
    """One installation. Instants are RFC 3339 in UTC, to the microsecond, days are UTC days.

    `fields` are the fields of docs/fields.md, null where nothing is known; of the execution id a keyed hash is stored, and shown.
    `reported_at` is when the report arrived that each field comes from. `fingerprint` and `cause` number equal failures;
    `is_released` says whether the public counts, which tell of nobody, may have grown by it.
    """

    fields: dict[str, str | int | None]
    reported_at: dict[str, str]
    statuses: list[Status]
    fingerprint: str | None
    cause: str | None
    handle: str
    is_released: bool
    counted_on: str
    deleted_on: str


class Erased(msgspec.Struct, frozen=True):
    """That the id was erased: a keyed hash of it keeps late reports out, until the day on which that is deleted, too."""

    on: str
    hash_deleted_on: str


class OwnData(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is stored under one random id. `waiting_reports` have been acknowledged and are not counted yet;
    what they say is in `installations` already. Beside this there are counts, which cannot be led back to an installation."""

    random_id: str
    installations: list[OwnInstallation]
    waiting_reports: int
    erased: Erased | None


def own_installation(installation: Installation, *, handle: str, is_released: bool, retention_days: int) -> OwnInstallation:
    """One installation as its holder is told of it."""
    outcome = installation.outcome
    return OwnInstallation(
        fields={field.name: _value(installation, field.name) for field in FIELDS},
        reported_at=_reported_at(installation),
        statuses=[
            Status("unknown", instant(at), "clean-up") if ORDER[rank] == STUCK else Status(ORDER[rank], instant(at), "client")
            for rank, at in sorted(installation.firsts.items(), key=lambda first: (first[1], first[0]))
        ],
        fingerprint=None if outcome is None or outcome.fingerprint is None else f"{outcome.fingerprint:016x}",
        cause=outcome.cause if outcome else None,
        handle=handle,
        is_released=is_released,
        counted_on=iso_day(installation.day),
        deleted_on=deleted_on(installation.day, retention_days),
    )


def deleted_on(day: int, retention_days: int) -> str:
    """The UTC day on which retention deletes what is of a UTC day: `retention_days` days are kept, today included."""
    return iso_day(day + retention_days)


def instant(microseconds: int) -> str:
    """An instant as RFC 3339 in UTC, to the microsecond."""
    return (_EPOCH + timedelta(microseconds=microseconds)).isoformat(timespec="microseconds").replace("+00:00", "Z")


def shown_uuid(random_id: bytes) -> str:
    return str(UUID(bytes=random_id))


def _value(installation: Installation, name: str) -> Any:
    if name == "random_id":
        return shown_uuid(installation.value("random_id"))
    if name == "execution_id":
        return f"keyed hash {installation.execution & (1 << 64) - 1:016x}"
    if name == "status":
        return installation.status
    if name in OUTCOME_FIELDS:
        return getattr(installation.outcome, name) if installation.outcome else None
    return installation.value(name)


def _reported_at(installation: Installation) -> dict[str, str]:
    outcome = installation.outcome
    times = {name: stamp.received_at for name, stamp in zip(INDEX, installation.stamps, strict=True) if stamp is not None}
    if outcome is None:
        times["status"] = installation.firsts[max(installation.firsts)]
    else:
        told = (name for name in OUTCOME_FIELDS if name == "status" or getattr(outcome, name) is not None)
        times |= dict.fromkeys(told, outcome.stamp.received_at)
    return {field.name: instant(times[field.name]) for field in FIELDS if field.name in times}
