"""How a cell of core.counts is stored: two integers, subject and cell."""

from collections.abc import Iterable

from telemetry_service.core.counts import NUMERIC, Detail, Dimension, Group
from telemetry_service.core.fields import RUNNING, STATUSES
from telemetry_service.store.names import Names

STATUS_CODE = {name: code for code, name in enumerate(STATUSES)}
RUNNING_CODES = tuple(STATUS_CODE[name] for name in RUNNING)
IS_RUNNING = f"status IN ({','.join(map(str, RUNNING_CODES))})"  # the SQL condition
STATUS_BITS, SOURCE_BITS, DIMENSION_BITS = 3, 6, 5
_SOURCE_SHIFT = STATUS_BITS
DIMENSION_SHIFT = _SOURCE_SHIFT + SOURCE_BITS
_VALUE_SHIFT = DIMENSION_SHIFT + DIMENSION_BITS
STATUS_MASK, _SOURCE_MASK, _DIMENSION_MASK = ((1 << bits) - 1 for bits in (STATUS_BITS, SOURCE_BITS, DIMENSION_BITS))
BELOW_DIMENSION = (1 << DIMENSION_SHIFT) - 1  # source and status
FACETS = 4

NAME_KINDS = {
    Dimension.TYPE: "type",
    Dimension.OS: "os",
    Dimension.PVE: "pve_version",
    Dimension.METHOD: "method",
    Dimension.GPU: "gpu",
    Dimension.CPU: "cpu",
    Dimension.CATEGORY: "error_category",
    Dimension.ERROR: "cause",
    Dimension.SCRIPT: "script",
    Dimension.SYSTEM: "os_type",
}


WITHOUT_SOURCE = ~((1 << SOURCE_BITS) - 1 << _SOURCE_SHIFT)

Only = tuple[int, int]  # (mask, cell): those cells whose masked bits are these


def dimension_and_value(kind: int) -> tuple[int, int]:
    """What a cell has above `DIMENSION_SHIFT` taken apart, as numbers."""
    return kind & _DIMENSION_MASK, kind >> DIMENSION_BITS


def source_number(cell: int) -> int:
    """The number of the source of a stored cell."""
    return cell >> _SOURCE_SHIFT & _SOURCE_MASK


def only_filter(column: str, only: Only) -> str:
    """The SQL condition that a stored cell is one of these; a range where they lie side by side."""
    mask, cell = only
    if mask == ~BELOW_DIMENSION:
        return f"{column} BETWEEN {cell} AND {cell + BELOW_DIMENSION}"
    return f"{column} & {mask} = {cell}"


def source_filter(column: str, sources: list[int]) -> str:
    """The SQL condition that a stored cell is of one of these sources."""
    if len(sources) == 1:
        return f"{column} & {~WITHOUT_SOURCE} = {sources[0] << _SOURCE_SHIFT}"
    return f"({column} >> {_SOURCE_SHIFT} & {(1 << SOURCE_BITS) - 1}) IN ({','.join(map(str, sources))})"


def dimension_of(column: str) -> str:
    """The SQL expression for the dimension of a stored cell."""
    return f"({column} >> {DIMENSION_SHIFT} & {_DIMENSION_MASK})"


def source_of(column: str) -> str:
    """The SQL expression for the source of a stored cell."""
    return f"({column} >> {_SOURCE_SHIFT} & {_SOURCE_MASK})"


def of(dimension: Dimension, status: str) -> Only:
    """The cells of a dimension and status."""
    mask = (1 << DIMENSION_BITS) - 1 << DIMENSION_SHIFT | STATUS_MASK
    return mask, dimension << DIMENSION_SHIFT | STATUS_CODE[status]


def of_dimension(dimension: Dimension) -> Only:
    """The cells of a dimension."""
    return (1 << DIMENSION_BITS) - 1 << DIMENSION_SHIFT, dimension << DIMENSION_SHIFT


def of_any_status(dimension: Dimension, value: int) -> Only:
    """The cells of one value of a dimension."""
    return WITHOUT_SOURCE & ~STATUS_MASK, of_value(dimension, value)


def value_of(column: str) -> str:
    """The SQL expression for the value of a stored cell."""
    return f"{column} >> {_VALUE_SHIFT}"


def of_value(dimension: Dimension, value: int) -> int:
    """A cell of this dimension and value, with source and status 0."""
    return value << _VALUE_SHIFT | dimension << DIMENSION_SHIFT


class Packer:
    """Packs cells, giving their names numbers as it goes; only inside a transaction of the writer."""

    def __init__(self, names: Names, source_ids: dict[str, int]) -> None:
        self._names = names
        self._source_ids = source_ids
        self._details: dict[Detail, tuple[int, int]] = {}
        self._scripts: dict[str, int] = {"": 0}

    def forget(self) -> None:
        self._details.clear()
        self._scripts = {"": 0}

    def pack(self, group: Group, details: Iterable[Detail], day: int) -> list[tuple[int, int]]:
        """(subject, cell) of each of these details, as the tables hold them."""
        script = self._scripts.get(group.script)
        if script is None:
            script = self._scripts[group.script] = self._names.intern("script", group.script, day)
        subject = script * FACETS
        below = self._source_ids[group.source] << _SOURCE_SHIFT | STATUS_CODE[group.status]
        known = self._details
        packed = [known.get(detail) or self._learn(detail, day) for detail in details]
        return [(subject + facet, kind | below) for facet, kind in packed]

    def _learn(self, detail: Detail, day: int) -> tuple[int, int]:
        """The facet of a detail, and what its cells have above source and status."""
        (facet, dimension), value = detail
        if dimension in NUMERIC:
            assert isinstance(value, int)
            number = value
        else:
            number = self._names.intern(NAME_KINDS[dimension], str(value), day)
        found = self._details[detail] = int(facet), of_value(dimension, number)
        return found
