"""A sequential test for a share that rises, and for one that comes back.

What may belong to a change is held back from the baseline until it proves to be chance, so that a script that breaks slowly
does not teach the test that this is usual.
"""

import math
from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple

import msgspec

from telemetry_service.core.alerting.baseline import MOST_USUAL, Baseline, Memory, Prior
from telemetry_service.core.alerting.scores import Scores, no_scores, steps

CALM = 1.5  # a score below says nothing: what was held back goes into the baseline
LONGEST_HELD = 200  # observations that are held back, once they are `most_days` old
HIGHEST_SHARE = 0.97  # of which a test can still tell whether it is over
BACK_ODDS = 2.5  # times the usual ones: what is nearer to the usual share is back, however little it had risen


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a test before it says something. Thresholds are log-likelihood ratios; docs/insight.md says why these."""

    memory: Memory
    odds: tuple[float, ...]  # of the alternatives, as multiples of the usual ones
    deviations: float  # of the baseline's posterior that still count as usual
    margin: float  # that a share may drift within the memory, in 0..1
    opens_at: float
    worse_at: float
    fixed_at: float
    learning: float = 30.0  # observations that go into a baseline whatever they are, before anything is said
    most_days: int = 60  # that observations are held back
    usual_after_days: int = 90  # that an alert is open: what was news is usual then


class Signal(IntEnum):
    """What a test says."""

    ROSE = 1
    WORSE = 2
    FIXED = 3
    USUAL = 4  # it stayed where it rose to for so long that it is no news any more


class Observations(NamedTuple):
    """Observations in order: of each that is part of the share how many others came before it since the one before, and whether
    it came soon after that one; and how many others after the last.
    """

    good_before: Sequence[int]
    soon: Sequence[bool]
    good_after: int

    @property
    def whole(self) -> int:
        return sum(self.good_before) + len(self.good_before) + self.good_after


SOON_SECONDS = 3600  # within which a machine that failed may be trying again


def observations(bad: Iterable[tuple[bool, int]], last_bad_at: int) -> Observations:
    """Observations in order, each bad or not and with its second, as runs; `last_bad_at` is the second of the bad one before."""
    good_before: list[int] = []
    soon: list[bool] = []
    good = 0
    for is_bad, at in bad:
        if is_bad:
            good_before.append(good)
            soon.append(at - last_bad_at < SOON_SECONDS)
            good, last_bad_at = 0, at
        else:
            good += 1
    return Observations(good_before, soon, good)


class Said(NamedTuple):
    """A signal, and after how many of the observations that were handed over."""

    signal: Signal
    after: int


class Risen(msgspec.Struct):
    """A share that rose on a day above `usual`: `part` of `whole` since. `share` is where it is now, carefully low, and `limit`
    carefully high. `back` scores that it is as it was before.
    """

    usual: float
    day: int
    part: int
    whole: int
    share: float = HIGHEST_SHARE
    limit: float = HIGHEST_SHARE
    is_worse: bool = False
    back: float = 0.0


class Rise(msgspec.Struct):
    """The state of the test of one share of one script."""

    baseline: Baseline = msgspec.field(default_factory=Baseline)
    scores: Scores = msgspec.field(default_factory=lambda: no_scores(0))
    held_part: int = 0
    held_whole: int = 0
    held_day: int = 0
    day: int = 0
    risen: Risen | None = None


class Usual(NamedTuple):
    """What is usual beside a script's own past: the prior of its peers, and a share that everybody has today."""

    prior: Prior
    today: float = 0.0


def advance(rise: Rise, day: int, observations: Observations, usual: Usual, rules: Rules) -> list[Said]:
    """Take in observations of one UTC day in their order.

    Baselines change between days alone: cutting a day into several calls changes nothing.
    """
    said: list[Said] = []
    if day > rise.day:
        _turn(rise, day, rules, said)
    test = _Test(rise, usual, rules, said)
    for good, soon in zip(observations.good_before, observations.soon, strict=True):
        test.take_good(good)
        test.take_bad(soon=soon)
    test.take_good(observations.good_after)
    return said


def _turn(rise: Rise, day: int, rules: Rules, said: list[Said]) -> None:
    """Learn from the days before, unless they may belong to a change."""
    if len(rise.scores.score) != len(rules.odds):
        rise.scores = no_scores(len(rules.odds))
    is_calm = rise.scores.highest < CALM
    risen = rise.risen
    if risen is None:
        is_too_long = day - rise.held_day > rules.most_days and rise.held_whole >= LONGEST_HELD
        is_learning = rise.baseline.whole < rules.learning
        if is_learning:
            rise.scores = no_scores(len(rules.odds))
        if is_calm or is_too_long or is_learning:
            rise.baseline.learn(rise.held_part, rise.held_whole, rise.day, rules.memory)
            _let_go(rise, day)
    elif day - risen.day >= rules.usual_after_days:
        said.append(Said(Signal.USUAL, 0))
        rise.baseline = Baseline(risen.part + rise.held_part, risen.whole + rise.held_whole, day)
        _calm_down(rise, day)
    elif is_calm and risen.back < CALM:
        risen.part += rise.held_part
        risen.whole += rise.held_whole
        _let_go(rise, day)
        _estimate(risen, rules)
    rise.day = day


def _let_go(rise: Rise, day: int) -> None:
    rise.held_part = rise.held_whole = 0
    rise.held_day = day


def _calm_down(rise: Rise, day: int) -> None:
    rise.risen = None
    rise.scores = no_scores(len(rise.scores.score))
    _let_go(rise, day)


def _estimate(risen: Risen, rules: Rules) -> None:
    """Where the share is since it rose. One observation as before keeps it from 1."""
    mean = (risen.part + risen.usual) / (risen.whole + 1)
    deviation = math.sqrt(mean * (1 - mean) / (risen.whole + 2))
    least = BACK_ODDS * risen.usual / (1 - risen.usual + BACK_ODDS * risen.usual)
    risen.share = min(HIGHEST_SHARE, max(mean - deviation, least))
    risen.limit = min(HIGHEST_SHARE, mean + (rules.deviations + 1) * deviation + rules.margin)


class _Test:
    """Takes in observations of a day one after the other."""

    def __init__(self, rise: Rise, usual: Usual, rules: Rules, said: list[Said]) -> None:
        self._rise = rise
        self._beside = usual
        self._rules = rules
        self._said = said
        self._seen = 0
        self._prepare()

    def _prepare(self) -> None:
        rise, rules = self._rise, self._rules
        risen = rise.risen
        if risen is None:
            upper = rise.baseline.upper(self._beside.prior, rules.deviations, rules.margin)
            self._usual = min(max(upper, self._beside.today), MOST_USUAL)
        else:
            self._usual = risen.limit
        self._steps = steps(self._usual, rules.odds)
        if risen is not None:
            self._back_good = math.log((1 - risen.usual) / (1 - risen.share))
            self._back_bad = math.log(risen.usual / risen.share)

    def take_good(self, count: int) -> None:
        rise = self._rise
        risen = rise.risen
        if risen is not None and count:
            needed = math.ceil((self._rules.fixed_at - risen.back) / self._back_good)
            if count >= needed:
                self._seen += needed
                self._said.append(Said(Signal.FIXED, self._seen))
                _calm_down(rise, rise.day)
                self._prepare()
                count -= needed
            else:
                risen.back += count * self._back_good
        self._seen += count
        rise.held_whole += count
        rise.scores.take_good(count, self._steps)

    def take_bad(self, *, soon: bool) -> None:
        rise, rules = self._rise, self._rules
        self._seen += 1
        rise.held_part += 1
        rise.held_whole += 1
        highest = rise.scores.take_bad(self._steps, soon=soon)
        risen = rise.risen
        if risen is None:
            if highest >= rules.opens_at and rise.baseline.whole >= rules.learning:
                self._rise_to(self._usual, is_worse=False)
            return
        risen.back = max(0.0, risen.back + self._back_bad)
        if not risen.is_worse and risen.whole >= rules.learning and highest >= rules.worse_at:
            self._rise_to(risen.usual, is_worse=True)

    def _rise_to(self, usual: float, *, is_worse: bool) -> None:
        rise = self._rise
        part, whole = rise.scores.best()
        since = rise.risen.day if rise.risen else rise.day
        rise.risen = Risen(usual, since, part, whole, is_worse=is_worse)
        _estimate(rise.risen, self._rules)
        if not is_worse:
            rise.risen.limit = HIGHEST_SHARE
        rise.scores = no_scores(len(rise.scores.score))
        _let_go(rise, rise.day)
        self._said.append(Said(Signal.WORSE if is_worse else Signal.ROSE, self._seen))
        self._prepare()
