"""Years of all scripts, quiet ones in which whatever opens is a false alarm, and ones in which some scripts break."""

import random
from collections import Counter
from typing import NamedTuple

from bench.insight.world import QUARTER_DAYS, Script, day_factors, scripts
from telemetry_service.core.alerting import watch
from telemetry_service.core.alerting.everybody import Everybody, Peers, Today, bad_day, peers_of, usual
from telemetry_service.core.alerting.watch import Batch, Finding, Firsts, Watched

LEARNING_DAYS = 240  # before anything counts: what a service has seen after some months
YEARS_AT_ONCE = 5
DAYS = 365
FIRST_DAY = 20_000
LEAST_VOLUME = 1.0  # a day, of scripts that break
SHARES = (0.4, 0.4, 0.31, 1.0)  # 0.31: one version that a quarter of all use fails wholly
LASTS = (5, 25)  # days
AFTERWARDS = 10  # days in which an alert may still belong to the break


class Opening(NamedTuple):
    """An alert that opened although nothing broke."""

    day: int
    script: str
    kind: str
    volume: float
    failing: float


class Break(NamedTuple):
    """What became of a break: the share that failed, finished installations while it was broken and of these until it was found
    (None: never), days from its end until the alert closed (None: never or not found).
    """

    share: float
    volume: float
    finished: int
    delay: int | None
    closed_after_days: int | None


class Years(NamedTuple):
    """False alarms of each of some years, the breaks in them, and how many installations finished in all."""

    openings: list[list[Opening]]
    breaks: list[Break]
    finished: int


class _Broken:
    """A break under way, or over for a while."""

    def __init__(self, script: Script, first_day: int, last_day: int, share: float) -> None:
        self.script = script
        self.last_day = last_day
        self.first_day = first_day
        self.share = share
        self.finished = 0
        self.delay: int | None = None
        self.closed_day: int | None = None

    def take(self, day: int, found: list[Finding], finished: int) -> None:
        for one in found:
            if one.kind != "broke":
                continue
            if one.opens and self.delay is None:
                self.delay = self.finished + one.after
            if not one.opens and self.delay is not None and self.closed_day is None:
                self.closed_day = day
        self.finished += finished if day <= self.last_day else 0

    def told(self) -> Break:
        closed = None if self.closed_day is None else self.closed_day - self.last_day
        return Break(self.share, round(self.script.volume, 2), self.finished, self.delay, closed)


class _World:
    """All scripts and their watch."""

    def __init__(self, seed: int, breaks_a_year: int) -> None:
        self.dice = random.Random(seed)
        self.scripts = list(scripts(self.dice))
        self.states = {script.name: Watched() for script in self.scripts}
        self.everybody = Everybody()
        self.peers: dict[str, Peers] = {}
        self.breaks_a_year = breaks_a_year
        self.broken: dict[str, _Broken] = {}
        self.breaks: list[Break] = []
        self.finished = 0

    def day(self, offset: int) -> list[Opening]:
        """Everything that happens on a day; what opens without reason."""
        day = FIRST_DAY + offset
        if offset % QUARTER_DAYS == 0:
            for script in self.scripts:
                script.start_quarter()
        if offset % 7 == 0:
            self.peers = peers_of((script.type, self.states[script.name]) for script in self.scripts)
        if offset >= LEARNING_DAYS:
            self._break_and_mend(day)
        factor, lost = day_factors(self.dice, day)
        firsts, today = Firsts(), Today()
        done = {}
        begun = 0
        for script in self.scripts:
            script.turn()
            happened = script.day(day, factor, lost, firsts)
            if happened is not None:
                done[script.name] = happened
                today.add(_today(happened.batch))
                begun += happened.begun
        part_of_usual = self.everybody.end_day(begun)
        self.finished += (today.success + today.failed) * (offset >= LEARNING_DAYS)
        openings = []
        for script in self.scripts:
            state, what = self.states[script.name], done.get(script.name)
            found = []
            if what:
                bad = bad_day(today, _today(what.batch), self.everybody)
                found = watch.advance(state, day, what.batch, *usual(self.peers[script.type], bad))
            found += watch.end_day(state, what.begun if what else 0, part_of_usual)
            broken = self.broken.get(script.name)
            if broken is not None:
                broken.take(day, found, what.batch.failing.whole if what else 0)
                continue
            openings += [_opening(day, script, one) for one in found if one.opens]
        self.everybody.learn(today, day)
        return openings

    def _break_and_mend(self, day: int) -> None:
        for name, one in list(self.broken.items()):
            if day > one.last_day:
                one.script.broken = None
            if day > one.last_day + AFTERWARDS:
                self.breaks.append(one.told())
                del self.broken[name]
        if self.dice.random() < self.breaks_a_year / DAYS:
            script = self.dice.choice([one for one in self.scripts if one.volume >= LEAST_VOLUME])
            if script.name not in self.broken and self.states[script.name].failing.risen is None:
                share = self.dice.choice(SHARES)
                script.break_down(share)
                self.broken[script.name] = _Broken(script, day, day + self.dice.randint(*LASTS) - 1, share)


def _today(batch: Batch) -> Today:
    failed = len(batch.failing.good_before)
    return Today(batch.failing.whole - failed, failed, len(batch.stuck.good_before))


def _opening(day: int, script: Script, one: Finding) -> Opening:
    return Opening(day, script.name, one.kind, round(script.volume, 2), round(script.failing, 3))


def simulate(seed: int, years: int = YEARS_AT_ONCE, breaks_a_year: int = 0) -> Years:
    """Watch all scripts for some years, as the service does, after some months of learning."""
    world = _World(seed, breaks_a_year)
    openings: list[list[Opening]] = [[] for _ in range(years)]
    for offset in range(LEARNING_DAYS + years * DAYS):
        found = world.day(offset)
        if offset >= LEARNING_DAYS:
            openings[(offset - LEARNING_DAYS) // DAYS] += found
    return Years(openings, world.breaks, world.finished)


def by_kind(years: list[Years]) -> Counter[str]:
    return Counter(opening.kind for one in years for year in one.openings for opening in year)
