"""What an export holds of a count of a sealed day, whose installations are gone, and how it is restored from that.

As with installations, a file may come from anywhere: every part of a cell is checked as a value of a report is.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from telemetry_service.core.counts import ALL, EXTERNAL, NUMERIC, Cell, Dimension, Facet
from telemetry_service.core.errors import Rejected
from telemetry_service.core.fields import STATUSES
from telemetry_service.core.intake import Intake
from telemetry_service.core.period import EPOCH, iso_day

COUNT = "count"
MAX_COUNT = 1 << 40
_SCRIPT = ("nsapp", "type")
# By which fields a dimension counts: one value, or two with a space between.
_FIELDS = {
    Dimension.TYPE: ("type",),
    Dimension.OS: ("os_type", "os_version"),
    Dimension.PVE: ("pve_version",),
    Dimension.METHOD: ("method",),
    Dimension.GPU: ("gpu_vendor", "gpu_passthrough"),
    Dimension.CPU: ("cpu_vendor", "arch"),
    Dimension.CATEGORY: ("error_category",),
    Dimension.SCRIPT: _SCRIPT,
    Dimension.SYSTEM: ("os_type",),
}


class Counted(NamedTuple):
    """So many installations of a UTC day in one cell."""

    day: int
    cell: Cell
    n: int


def exported_count(day: int, cell: Cell, n: int) -> dict[str, Any]:
    """The row of one count."""
    return {
        COUNT: n,
        "day": iso_day(day),
        "script": cell.script,
        "facet": Facet(cell.facet).name.lower(),
        "dimension": Dimension(cell.dimension).name.lower(),
        "source": cell.source,
        "value": cell.value,
        "status": cell.status,
    }


def restored_count(row: Mapping[str, Any], intake: Intake, sources: frozenset[str]) -> Counted:
    """The count of a row that `exported_count` made; a source that is not known becomes `external`. Raises `Rejected`."""
    n = row.get(COUNT)
    try:
        day = (date.fromisoformat(str(row.get("day"))) - EPOCH).days
        facet = Facet[str(row.get("facet")).upper()]
        dimension = Dimension[str(row.get("dimension")).upper()]
    except (KeyError, ValueError):
        raise Rejected(COUNT, "cannot be read") from None
    status, source = row.get("status"), str(row.get("source"))
    if type(n) is not int or not 0 < n < MAX_COUNT or day < 0 or status not in STATUSES:
        raise Rejected(COUNT, "cannot be read")
    script = row.get("script")
    cell = Cell(
        ALL if script == ALL else _named(script, _SCRIPT, intake),
        facet,
        dimension,
        source if source in sources else EXTERNAL,
        _value(dimension, row.get("value"), intake),
        status,
    )
    return Counted(day, cell, n)


def _value(dimension: Dimension, value: object, intake: Intake) -> str | int:
    if dimension in NUMERIC:
        if type(value) is int and 0 <= value < 1 << 32:
            return value
    elif dimension is Dimension.ERROR:
        if isinstance(value, str) and len(value) == 16 and not set(value) - set("0123456789abcdef"):
            return value
    else:
        return _named(value, _FIELDS[dimension], intake)
    raise Rejected(COUNT, "cannot be read")


def _named(text: object, names: tuple[str, ...], intake: Intake) -> str:
    """A text made of values of these fields, the later ones optional; `unknown` stands for an absent one."""
    parts = str(text).split(" ")
    least = 2 if names == _SCRIPT else 1
    if isinstance(text, str) and least <= len(parts) <= len(names):
        read = [intake.read_again(name, part) for name, part in zip(names, parts, strict=False)]
        if all(value == part or (value is None and part in ("unknown", "none")) for value, part in zip(read, parts, strict=True)):
            return text
    raise Rejected(COUNT, "cannot be read")
