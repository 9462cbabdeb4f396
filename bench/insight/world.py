"""The world that is simulated: scripts, how often they are run, how they fail, and how that is reported.

Everything follows from the seed. Outcomes are drawn in the order in which they happen, so that delays count in installations.
"""

import math
import random
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from telemetry_service.core.alerting.rise import SOON_SECONDS, Observations
from telemetry_service.core.alerting.watch import Batch, Firsts

SCRIPTS = 450
FINISHED_A_DAY = 2740.0
LEAST_A_DAY = 1 / 7
FLATNESS = 8.0  # of the popularity curve at its top: the most popular script then has some 300 a day
TYPES = ("lxc",) * 38 + ("vm", "turnkey", "pve", "addon", "tool", "lxc", "lxc")
WEEK = (0.9, 0.88, 0.9, 0.93, 1.0, 1.25, 1.3)

FAILING = (1.6, 18.0)  # Beta: mean 8 %, some 12 % and more
LEAST_FAILING, MOST_FAILING = 0.005, 0.4
UNKNOWN = (2.0, 80.0)  # Beta: mean 2.4 % of installations never tell how they ended
DRIFT_A_QUARTER = 0.02
FULL_DRIFT = 0.3  # of scripts drift as far as that in a quarter, the others less
QUARTER_DAYS = 91

DAY_NOISE = 10.0  # shape of the Gamma noise of a script's volume from day to day
EVERYBODY_NOISE = 0.1  # log-normal, of the volume of all
POPULARITY = 0.5  # standard deviation of the logarithm of a script's popularity, which comes and goes within
POPULARITY_DAYS = 90
LOSSES_EVERY_DAYS = 45  # a day on which many reports of an end are lost, in all scripts
LOST = (0.05, 0.25)
OUTAGE_EVERY_DAYS = 60  # a day on which the service was not reached for a while
OUTAGE = (0.2, 0.9)

RETRIES = 0.4  # of failing machines try again, on the average twice
AGAIN_AGAIN = 0.5
MOST_RETRIES = 8
RETRY_FAILS = 0.85
NEW_ID = 0.1  # of those that try again do so under a new random id each time
TOMORROW = 0.05  # of those that try again go on the next day

NEW_CAUSE = 3.0  # Chinese restaurant process of the causes of a script, with a tail that never ends
TAIL = 0.3


def volumes() -> list[float]:
    """Finished installations a day of every script, the most popular first."""
    low, high = 0.5, 4.0
    while high - low > 1e-9:
        exponent = (low + high) / 2
        weights = [(rank + FLATNESS) ** -exponent for rank in range(SCRIPTS)]
        scale = FINISHED_A_DAY / sum(weights)
        low, high = (exponent, high) if scale * weights[-1] > LEAST_A_DAY else (low, exponent)
    return [scale * weight for weight in weights]


class Day(NamedTuple):
    """What one script did on a day."""

    begun: int
    batch: Batch


class Script:
    """One script of the world."""

    def __init__(self, dice: random.Random, name: str, volume: float) -> None:
        self.dice = dice
        self.name = name
        self.type = TYPES[int(name) % len(TYPES)]
        self._volume = volume
        self._popularity = dice.gauss(0, POPULARITY)
        self.failing = _between(dice.betavariate(*FAILING))
        self.unknown = dice.betavariate(*UNKNOWN)
        self.drift = 0.0
        self.broken: float | None = None  # the share that fails while it is broken, of a cause of its own
        self.breaks = 0
        self._causes: list[str] = []
        self._known = 0
        self._carried: list[str] = []  # causes of machines that try again the next day

    def break_down(self, share: float) -> None:
        """Fail with this share from now on, mostly of a cause that is known since others had it."""
        self.broken = share
        self.breaks += 1

    def start_quarter(self) -> None:
        full = self.dice.random() < FULL_DRIFT
        share = self.dice.choice((-1, 1)) if full else self.dice.uniform(-1, 1)
        self.drift = share * DRIFT_A_QUARTER / QUARTER_DAYS

    def turn(self) -> None:
        """Drift for a day, back into the range where it would leave it."""
        self.failing += self.drift
        if self.failing != _between(self.failing):
            self.drift = -self.drift
            self.failing = _between(self.failing + 2 * self.drift)
        self._popularity *= 1 - 1 / POPULARITY_DAYS
        self._popularity += self.dice.gauss(0, POPULARITY * math.sqrt(2 / POPULARITY_DAYS))

    @property
    def volume(self) -> float:
        """Installations a day, at present."""
        return self._volume * math.exp(self._popularity - POPULARITY**2 / 2)

    def day(self, day: int, factor: float, lost: float, firsts: Firsts) -> Day | None:
        """What happens on a day that is `factor` times a usual one, with more reports of an end `lost` than usual."""
        dice = self.dice
        begun = poisson(dice, self.volume * factor * dice.gammavariate(DAY_NOISE, 1 / DAY_NOISE))
        carried, self._carried = self._carried, []
        if not begun and not carried:
            return None
        unknown = _runs(dice, begun, self.unknown + lost)
        finished = begun - len(unknown.good_before)
        machines = _Machines(self, day, firsts)
        for cause in carried:
            machines.fails(0, cause, False)
        last = _runs(dice, finished, self.failing if self.broken is None else self.broken)
        for good in last.good_before:
            machines.fails(good, *self.cause())
        failing = Observations(machines.good_before, machines.soon, last.good_after + machines.good)
        return Day(begun, Batch(failing, unknown, machines.causes, frozenset(machines.first_seen)))

    def cause(self) -> tuple[str, bool]:
        """The cause of a failure and whether the script never had it: one as often as others had it before, or a new one."""
        causes, dice = self._causes, self.dice
        if self.broken is not None and dice.random() * self.broken > self.failing:
            return f"break {self.breaks}", False
        seen = len(causes)
        is_new = not seen or dice.random() * (seen + NEW_CAUSE) < NEW_CAUSE + TAIL * self._known
        self._known += is_new
        cause = f"{self._known}" if is_new else causes[dice.randrange(seen)]
        causes.append(cause)
        return cause, is_new

    def carry(self, cause: str) -> None:
        self._carried.append(cause)


class _Machines:
    """Failing machines of one script and day, which try again."""

    def __init__(self, script: Script, day: int, firsts: Firsts) -> None:
        self._script = script
        self._day = day
        self._firsts = firsts
        self._machines = 0
        self.good = 0  # since the last failure
        self.good_before: list[int] = []
        self.soon: list[bool] = []
        self._chance_of_soon = 1 - math.exp(-script.volume * SOON_SECONDS / 86_400)
        self.causes: Counter[str] = Counter()
        self.first_seen: set[str] = set()

    def fails(self, good: int, cause: str, is_new: bool) -> None:
        """One machine fails after so many that did not, and perhaps tries again at once or the next day."""
        dice = self._script.dice
        self.good += good
        if is_new:
            self.first_seen.add(cause)
        self._machines += 1
        self._finish(self._machines, True, cause, dice.random() < self._chance_of_soon)
        if dice.random() >= RETRIES:
            return
        has_new_ids = dice.random() < NEW_ID
        attempts = 1
        while attempts < MOST_RETRIES and dice.random() < AGAIN_AGAIN:
            attempts += 1
        if dice.random() < TOMORROW:
            self._script.carry(cause)
            return
        for _ in range(attempts):
            self._machines += has_new_ids
            self._finish(self._machines, dice.random() < RETRY_FAILS, cause, True)

    def _finish(self, machine: int, fails: bool, cause: str, is_soon: bool) -> None:
        if not self._firsts.is_first(self._script.name, self._day, machine):
            return
        if fails:
            self.good_before.append(self.good)
            self.soon.append(is_soon)
            self.good = 0
            self.causes[cause] += 1
        else:
            self.good += 1


def day_factors(dice: random.Random, day: int) -> tuple[float, float]:
    """How much of a usual day this is for everybody, and which share of reports of an end is lost beyond the usual."""
    factor = WEEK[(day + 3) % 7] * 7 / sum(WEEK) * math.exp(dice.gauss(0, EVERYBODY_NOISE))
    if dice.random() < 1 / OUTAGE_EVERY_DAYS:
        factor *= 1 - dice.uniform(*OUTAGE)
    lost = dice.uniform(*LOST) if dice.random() < 1 / LOSSES_EVERY_DAYS else 0.0
    return factor, lost


def poisson(dice: random.Random, mean: float) -> int:
    if mean > 40:
        return max(0, round(dice.gauss(mean, math.sqrt(mean))))
    limit, count, product = math.exp(-mean), 0, dice.random()
    while product > limit:
        count += 1
        product *= dice.random()
    return count


def _runs(dice: random.Random, count: int, share: float) -> Observations:
    """So many observations as runs, each bad with this chance."""
    good_before: list[int] = []
    per_log = 1 / math.log1p(-min(share, 1 - 1e-12))
    while True:
        good = int(math.log(1 - dice.random()) * per_log)
        if good >= count:
            return Observations(good_before, [False] * len(good_before), count)
        good_before.append(good)
        count -= good + 1


def _between(share: float) -> float:
    return min(max(share, LEAST_FAILING), MOST_FAILING)


def scripts(dice: random.Random) -> Iterator[Script]:
    return (Script(dice, str(name), volume) for name, volume in enumerate(volumes()))
