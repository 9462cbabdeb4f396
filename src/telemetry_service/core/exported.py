"""What an export holds of an installation and of a count, and how they are restored from it.

An installation is restored exactly, so that it goes on joining: with the stamps of its registers, and under the hash of its
execution, since the id itself is stored nowhere. A file may come from anywhere: every value is checked as one of a report is,
and every text cleaned again.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from telemetry_service.core.errors import Rejected
from telemetry_service.core.fields import UNKNOWN
from telemetry_service.core.flat import flat
from telemetry_service.core.foreign import TOO_OLD
from telemetry_service.core.identity import parse_uuid
from telemetry_service.core.installation import (
    FIRST_TERMINAL,
    JOINED,
    ORDER,
    Installation,
    Joins,
    Outcome,
    pack_joins,
    unpack_joins,
)
from telemetry_service.core.intake import Intake
from telemetry_service.core.period import day_of
from telemetry_service.core.values import INVALID

EXECUTION, JOINS, RANDOM_ID = "execution", "joins", "random_id"
CAUSE, LABEL = "cause", "label"
HEADER, SEALED_THROUGH = "telemetry_export", "sealed_through"
_16_DIGITS = re.compile(r"[0-9a-f]{16}", re.ASCII)
_64_BITS = (1 << 64) - 1
_REQUIRED = ("random_id", "type", "nsapp")


def exported(installation: Installation) -> dict[str, Any]:
    """The row: `flat`, without what is absent, and what an exact copy takes besides."""
    row = {name: value for name, value in flat(installation).items() if value is not None}
    row[RANDOM_ID] = str(UUID(bytes=installation.value(RANDOM_ID)))
    row[EXECUTION] = f"{installation.execution & _64_BITS:016x}"
    row[JOINS] = b64encode(pack_joins(installation)).decode()
    return row


def restored(row: Mapping[str, Any], intake: Intake, *, first_day: int, now: int) -> Installation:
    """The installation of a row that `exported` made, by this service or another one; `now` is in microseconds since 1970.

    What today's settings would not store is left out. Raises `Rejected`, also for what began before the UTC day `first_day`.
    """
    joins = _joins(row.get(JOINS), now)
    if day_of(min(joins.firsts.values())) < first_day:
        raise Rejected("created", TOO_OLD)
    values: list[Any] = [parse_uuid(str(row.get(RANDOM_ID)))]
    values += [_value(row, name, intake) for name in JOINED[1:]]
    for name, value, stamp in zip(JOINED, values, joins.stamps, strict=True):
        if name in _REQUIRED and (value is None or stamp is None):
            raise Rejected(name, "missing")
    return Installation(
        execution=_signed(_hexadecimal(row, EXECUTION)),
        values=[None if stamp is None else value for value, stamp in zip(values, joins.stamps, strict=True)],
        stamps=[None if value is None else stamp for value, stamp in zip(values, joins.stamps, strict=True)],
        firsts=joins.firsts,
        outcome=_outcome(row, joins, intake),
    )


def exported_label(cause: str, label: str) -> dict[str, str]:
    """The row of the line that people are shown for a cause of failure."""
    return {CAUSE: cause, LABEL: label}


def restored_label(row: Mapping[str, Any], intake: Intake) -> tuple[str, str]:
    """Cause and line of a row that `exported_label` made. Raises `Rejected`."""
    cause = f"{_hexadecimal(row, CAUSE):016x}"
    text = row.get(LABEL)
    if not isinstance(text, str):
        raise Rejected(LABEL, "not a text")
    told_apart = f" [{cause[:4]}]"  # where one line has two causes
    if text.endswith(told_apart):
        return cause, intake.cleaned_again(text.removesuffix(told_apart)) + told_apart
    return cause, intake.cleaned_again(text)


def exported_header(sealed_through: int) -> dict[str, Any]:
    """The first row of an export: the last UTC day of which it has counts alone, -1 for none."""
    return {HEADER: 1, SEALED_THROUGH: sealed_through}


def _outcome(row: Mapping[str, Any], joins: Joins, intake: Intake) -> Outcome | None:
    stamp = joins.outcome_stamp
    if stamp is None:
        return None
    fingerprint = _hexadecimal(row, "fingerprint") if "fingerprint" in row else None
    error = row.get("error")
    return Outcome(
        stamp,
        _number(row, "exit_code", intake),
        intake.cleaned_again(error) if isinstance(error, str) else None,
        UNKNOWN if row.get("error_category") == UNKNOWN else _text(row, "error_category", intake),
        _number(row, "install_duration", intake),
        None if fingerprint is None else _signed(fingerprint),
        f"{_hexadecimal(row, 'cause'):016x}" if "cause" in row else None,
    )


def _value(row: Mapping[str, Any], name: str, intake: Intake) -> str | int | None:
    value = intake.read_again(name, row.get(name))
    return None if value is INVALID else value  # type: ignore[return-value]


def _number(row: Mapping[str, Any], name: str, intake: Intake) -> int | None:
    value = _value(row, name, intake)
    return value if isinstance(value, int) else None


def _text(row: Mapping[str, Any], name: str, intake: Intake) -> str | None:
    value = _value(row, name, intake)
    return value if isinstance(value, str) else None


def _joins(text: object, now: int) -> Joins:
    try:
        joins = unpack_joins(b64decode(str(text), validate=True))
    except (NotBase64, ValueError, IndexError, OverflowError, msgspec.MsgspecError):
        joins = None
    if joins is None or not joins.firsts:
        raise Rejected(JOINS, "cannot be read")
    stamps = [stamp for stamp in (*joins.stamps, joins.outcome_stamp) if stamp is not None]
    ranks = {*joins.firsts, *(-stamp.minus_rank for stamp in stamps)}
    instants = (*joins.firsts.values(), *(stamp.received_at for stamp in stamps))
    outcome_rank = -joins.outcome_stamp.minus_rank if joins.outcome_stamp else None
    if not ranks <= set(range(len(ORDER))) or not all(0 < instant <= now for instant in instants):
        raise Rejected(JOINS, "cannot be read")
    if max(joins.firsts) >= FIRST_TERMINAL:
        fits = outcome_rank == max(joins.firsts)
    else:
        fits = outcome_rank is None
    if not fits:
        raise Rejected(JOINS, "cannot be read")
    return joins


def _hexadecimal(row: Mapping[str, Any], name: str) -> int:
    text = row.get(name)
    if isinstance(text, str) and _16_DIGITS.fullmatch(text):
        return int(text, 16)
    raise Rejected(name, "not 16 hexadecimal digits")


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number
