"""Everything that is watched of a script, put together: what is asked of it, and what is found.

Aborted installations count nowhere: somebody pressed a key. Those without a known end (`unknown`) count in no failure rate; they
are what `stuck` looks at.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from telemetry_service.core.alerting import new_causes, rise, volume
from telemetry_service.core.alerting.alert import Kind
from telemetry_service.core.alerting.new_causes import NewCauses
from telemetry_service.core.alerting.rise import Observations, Rise, Signal, Usual, observations
from telemetry_service.core.alerting.rules import FAILING, STUCK
from telemetry_service.core.alerting.volume import Volume


class Observation(NamedTuple):
    """An installation that ended: success, failed or unknown. `finished` and `ended` say whether it is the first of its person,
    script and UTC day that finished (success or failed), or ended at all; only that one counts.
    """

    at: int  # when it began, in seconds since 1970
    status: str
    finished: bool
    ended: bool
    cause: str | None = None
    is_new_cause: bool = False


class Batch(NamedTuple):
    """What is taken in at once of a script and UTC day: finished ones by whether they failed, ended ones by whether their end is
    unknown, how many failed of which cause, and the causes the script never had before.
    """

    failing: Observations
    stuck: Observations
    causes: Mapping[str, int]
    first_seen: frozenset[str]


def batch_of(watched: "Watched", seen: Sequence[Observation]) -> Batch:
    """New observations of a script in their order as a batch."""
    finished = [one for one in seen if one.finished and one.status != "unknown"]
    failed = [one for one in finished if one.status == "failed" and one.cause]
    return Batch(
        observations(((one.status == "failed", one.at) for one in finished), watched.last_failed_at),
        observations(((one.status == "unknown", one.at) for one in seen if one.ended), 0),
        Counter(one.cause for one in failed if one.cause),
        frozenset(one.cause for one in failed if one.is_new_cause and one.cause),
    )


class Firsts:
    """Which installations are the first of their person, script and UTC day: a failing machine tries again."""

    def __init__(self) -> None:
        self._met: set[Hashable] = set()

    def is_first(self, *key: Hashable) -> bool:
        """Whether this key was not asked for before."""
        known = len(self._met)
        self._met.add(key)
        return len(self._met) > known


class Watched(msgspec.Struct):
    """The state of what is watched of one script. `last_failed_at` is when the last one began that failed, in seconds."""

    failing: Rise = msgspec.field(default_factory=Rise)
    stuck: Rise = msgspec.field(default_factory=Rise)
    causes: NewCauses = msgspec.field(default_factory=NewCauses)
    volume: Volume = msgspec.field(default_factory=Volume)
    last_failed_at: int = 0


class Finding(NamedTuple):
    """An alert opens or closes; `after` counts the observations of its batch until then. What `is_usual` by now is not fixed."""

    kind: Kind
    opens: bool
    after: int
    cause: str | None = None
    is_usual: bool = False


def advance(watched: Watched, day: int, batch: Batch, failing: Usual, stuck: Usual) -> list[Finding]:
    """Take in installations of one script that ended, of one UTC day and in their order."""
    found = []
    if batch.failing.whole:
        said = rise.advance(watched.failing, day, batch.failing, failing, FAILING)
        found = _findings(said, Kind.BROKE) + _new_causes(watched, day, batch)
    if batch.stuck.whole:
        said = rise.advance(watched.stuck, day, batch.stuck, stuck, STUCK)
        found += _findings(said, Kind.STUCK)
    return found


def _findings(said: Iterable[rise.Said], kind: Kind) -> list[Finding]:
    found = []
    for signal, after in said:
        if signal in (Signal.ROSE, Signal.WORSE):
            found.append(Finding(kind if signal is Signal.ROSE else Kind.WORSE, True, after))
        else:
            found.append(Finding(kind, False, after, is_usual=signal is Signal.USUAL))
    return found


def _new_causes(watched: Watched, day: int, batch: Batch) -> list[Finding]:
    if not watched.causes.young and not batch.first_seen:
        return []
    finished = batch.failing.whole
    past = watched.failing.baseline.whole
    may_open = watched.failing.risen is None  # else its alert names the cause
    said = new_causes.advance(watched.causes, day, finished, batch.causes, batch.first_seen, past, may_open=may_open)
    return [Finding(Kind.NEW_ERROR, not one.is_over, finished, one.cause) for one in said]


def end_day(watched: Watched, begun: int, factor: float) -> list[Finding]:
    """Take in a whole UTC day of one script: how many installations began."""
    match volume.end_day(watched.volume, begun, factor):
        case volume.Change.SILENT:
            return [Finding(Kind.SILENT, True, 0)]
        case volume.Change.HEARD:
            return [Finding(Kind.SILENT, False, 0)]
        case volume.Change.USUAL:
            return [Finding(Kind.SILENT, False, 0, is_usual=True)]
    return []


def is_held(watched: Watched | None, kind: Kind, cause: str | None) -> bool:
    """Whether a state is that of a script with such an alert open."""
    if watched is None:
        return False
    risen = watched.failing.risen
    match kind:
        case Kind.BROKE:
            return risen is not None
        case Kind.WORSE:
            return risen is not None and risen.is_worse
        case Kind.STUCK:
            return watched.stuck.risen is not None
        case Kind.SILENT:
            return watched.volume.is_silent
    return any(one.cause == cause and one.share for one in watched.causes.young)
