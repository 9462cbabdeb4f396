"""What a sign is: one named class of log lines and how much it says about why a run failed."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """How a sign changes the weight of a line it fires on."""

    CAUSE = "cause"  # the line weighs at least this much
    CONSEQUENCE = "consequence"  # the line weighs at most this much: it follows from a cause that stands elsewhere
    WARNING = "warning"  # the line loses this much
    NOISE = "noise"  # causes up to this weight do not count on the line
    PROGRESS = "progress"  # noise which also proves that the run went on after the lines above it


class Sign(NamedTuple):
    """`name` is `family/class`; the family ties it to programs and exit codes. `pattern` is RE2, any case, unanchored.

    `last`: of several equally heavy lines the last one counts (exception chains), otherwise the first.
    """

    name: str
    kind: Kind
    weight: int
    pattern: str
    last: bool = False


def cause(name: str, weight: int, *patterns: str, last: bool = False) -> Sign:
    """A sign of a cause; any of `patterns` makes it fire."""
    return Sign(name, Kind.CAUSE, weight, "|".join(f"(?:{pattern})" for pattern in patterns), last)


def consequence(name: str, weight: int, *patterns: str) -> Sign:
    """A sign of a line that only reports that something above it failed."""
    return Sign(name, Kind.CONSEQUENCE, weight, "|".join(f"(?:{pattern})" for pattern in patterns))


def warning(name: str, loss: int, *patterns: str) -> Sign:
    """A sign of a line that the program itself did not take for fatal."""
    return Sign(name, Kind.WARNING, loss, "|".join(f"(?:{pattern})" for pattern in patterns))


def noise(name: str, covers: int, *patterns: str) -> Sign:
    """A sign of a line whose words of failure mean nothing, unless a sign heavier than `covers` fires on it."""
    return Sign(name, Kind.NOISE, covers, "|".join(f"(?:{pattern})" for pattern in patterns))


def progress(name: str, covers: int, *patterns: str) -> Sign:
    """A sign of ordinary work going on; `covers` as for `noise`."""
    return Sign(name, Kind.PROGRESS, covers, "|".join(f"(?:{pattern})" for pattern in patterns))
