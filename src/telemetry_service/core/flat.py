"""An installation as one flat row, named as on the wire: what a mirror and an export hold of it."""

from typing import Any

from telemetry_service.core.fields import REGISTERS
from telemetry_service.core.installation import INDEX, ORDER, STUCK, Installation
from telemetry_service.core.period import iso_microseconds

# What a row has beside the fields of a report. `pipeline` is the first time of each status.
DERIVED = ("fingerprint", "cause")
TIMES = ("created", "updated", "pipeline")
_REGISTERS = tuple((name, INDEX[name]) for name in REGISTERS)


def flat(installation: Installation) -> dict[str, Any]:
    """The row; None for what is absent. It holds no id.

    `created` is the first report, `updated` the last one that told something new, both RFC 3339 in UTC to the microsecond.
    """
    steps = sorted((at, rank) for rank, at in installation.firsts.items())
    outcome = installation.outcome
    values = installation.values
    row: dict[str, Any] = {
        "created": iso_microseconds(steps[0][0]),
        "updated": iso_microseconds(steps[-1][0]),
        "status": installation.status,
        "exit_code": None,
        "error": None,
        "error_category": None,
        "install_duration": None,
        "fingerprint": None,
        "cause": None,
    }
    if outcome is not None:
        row["exit_code"] = outcome.exit_code
        row["error"] = outcome.error
        row["error_category"] = outcome.error_category
        row["install_duration"] = outcome.install_duration
        row["cause"] = outcome.cause
        if outcome.fingerprint is not None:
            row["fingerprint"] = f"{outcome.fingerprint:016x}"
    for name, index in _REGISTERS:
        row[name] = values[index]
    row["pipeline"] = [{"s": "unknown" if ORDER[rank] == STUCK else ORDER[rank], "t": iso_microseconds(at)} for at, rank in steps]
    return row
