"""What all scripts have in common: how much of a usual day it is, what fails everywhere, and what scripts of a type know."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from telemetry_service.core.alerting import volume
from telemetry_service.core.alerting.baseline import Baseline, Prior, prior_of
from telemetry_service.core.alerting.rise import Usual
from telemetry_service.core.alerting.rules import FAILING, FAILING_PRIOR, STUCK, STUCK_PRIOR
from telemetry_service.core.alerting.watch import Watched

VERSION = 1
MANY_TODAY = 100  # installations of a day, of all scripts, that tell something of the day
BAD_DAY = 1.6  # times the usual share of all scripts: what fails everywhere is no script's fault


class Today(msgspec.Struct):
    """What one script or all together did on a UTC day: those that count, by what became of them."""

    success: int = 0
    failed: int = 0
    unknown: int = 0

    def add(self, other: "Today") -> None:
        """Count what another did, too."""
        self.success += other.success
        self.failed += other.failed
        self.unknown += other.unknown


class Everybody(msgspec.Struct):
    """What is usual for all scripts together: shares, and how many begin on a day."""

    failing: Baseline = msgspec.field(default_factory=Baseline)
    stuck: Baseline = msgspec.field(default_factory=Baseline)
    begun: float = 0.0
    days: int = 0

    def learn(self, today: Today, day: int) -> None:
        """Take in the shares of a UTC day that is over."""
        finished = today.success + today.failed
        self.failing.learn(today.failed, finished, day, FAILING.memory)
        self.stuck.learn(today.unknown, finished + today.unknown, day, STUCK.memory)

    def end_day(self, begun: int) -> float:
        """Take in how many installations began on a UTC day; how much of a usual day it was."""
        factor = begun / self.begun if self.begun else 1.0
        self.days += 1
        self.begun += max(volume.STEP, 1 / self.days) * (begun - self.begun)
        return factor


class BadDay(NamedTuple):
    """The shares that count as usual today, where everybody is out of the usual; else 0."""

    failing: float = 0.0
    stuck: float = 0.0


def bad_day(today: Today, own: Today, everybody: Everybody) -> BadDay:
    """Whether this is a day on which more fail, or never tell their end, in all scripts together, and in those beside the one
    that asks: what a script does itself excuses nothing.
    """
    finished, own_finished = today.success + today.failed, own.success + own.failed
    return BadDay(
        _out_of_usual(today.failed, finished, own.failed, own_finished, everybody.failing),
        _out_of_usual(today.unknown, finished + today.unknown, own.unknown, own_finished + own.unknown, everybody.stuck),
    )


def _out_of_usual(part: int, whole: int, own_part: int, own_whole: int, usual: Baseline) -> float:
    others = whole - own_whole
    if others < MANY_TODAY or usual.whole < MANY_TODAY:
        return 0.0
    share = min(part / whole, (part - own_part) / others)
    return BAD_DAY * share if share > BAD_DAY * usual.part / usual.whole else 0.0


class Peers(msgspec.Struct, frozen=True):
    """What is known of scripts of a type before they have a past."""

    failing: Prior = FAILING_PRIOR
    stuck: Prior = STUCK_PRIOR


def usual(peers: Peers, bad: BadDay) -> tuple[Usual, Usual]:
    """What is usual of failing and of stuck, for a script with these peers on such a day."""
    return Usual(peers.failing, bad.failing), Usual(peers.stuck, bad.stuck)


class All(msgspec.Struct):
    """What the watch knows beside its scripts. All days up to `through_day` are over; the number of installations was looked at
    up to `counted_day`; -1 for none. A state of another `version` is forgotten and made anew from the installations.
    """

    version: int = VERSION
    through_day: int = -1
    counted_day: int = -1
    everybody: Everybody = msgspec.field(default_factory=Everybody)
    peers: dict[str, Peers] = msgspec.field(default_factory=dict)


def peers_of(scripts: Iterable[tuple[str, Watched]]) -> dict[str, Peers]:
    """What the scripts of each type know of each other, from pairs of type and script."""
    by_type: dict[str, list[Watched]] = {}
    for type_, watched in scripts:
        by_type.setdefault(type_, []).append(watched)
    return {
        type_: Peers(
            prior_of((one.failing.baseline for one in group), FAILING_PRIOR),
            prior_of((one.stuck.baseline for one in group), STUCK_PRIOR),
        )
        for type_, group in by_type.items()
    }
