"""Counts as reports read them."""

from collections.abc import Iterable

import msgspec


class Tally(msgspec.Struct, frozen=True, gc=False):
    """How many installations count in one place: value as its dimension has it, status by name.

    `source` is empty where sources were summed up.
    """

    dimension: int
    value: str | int
    status: str
    n: int
    source: str = ""


class ScriptTally(msgspec.Struct, frozen=True, gc=False):
    """A tally of one script, which is named as `app type`."""

    dimension: int
    value: str | int
    status: str
    n: int
    script: str


class DayTally(msgspec.Struct, frozen=True, gc=False):
    """Installations of one UTC day by status."""

    day: int
    status: str
    n: int


class Statuses(msgspec.Struct, frozen=True):
    """Installations by status."""

    success: int = 0
    failed: int = 0
    aborted: int = 0
    unknown: int = 0
    running: int = 0

    @property
    def total(self) -> int:
        return self.success + self.failed + self.aborted + self.unknown + self.running

    @property
    def finished(self) -> int:
        """What rates are computed from: installations that succeeded or failed."""
        return self.success + self.failed

    def minus(self, other: "Statuses") -> "Statuses":
        return Statuses(
            *(getattr(self, name) - getattr(other, name) for name in ("success", "failed", "aborted", "unknown", "running"))
        )

    def plus(self, status: str, n: int) -> "Statuses":
        name = status if status in ("success", "failed", "aborted", "unknown") else "running"
        return msgspec.structs.replace(self, **{name: getattr(self, name) + n})


def by_status(pairs: Iterable[tuple[str, int]]) -> Statuses:
    """Sum (status, n)."""
    sums: dict[str, int] = {}
    for status, n in pairs:
        name = status if status in ("success", "failed", "aborted", "unknown") else "running"
        sums[name] = sums.get(name, 0) + n
    return Statuses(**sums)
