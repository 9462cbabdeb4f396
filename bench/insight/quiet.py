"""Years in which nothing breaks: whatever opens is a false alarm."""

import random
from collections import Counter
from typing import NamedTuple

from bench.insight.world import QUARTER_DAYS, Script, day_factors, scripts
from telemetry_service.core.alerting import watch
from telemetry_service.core.alerting.everybody import Everybody, Peers, Today, bad_day, peers_of, usual
from telemetry_service.core.alerting.watch import Firsts, Watched

LEARNING_DAYS = 240  # before anything counts: what a service has seen after some months
YEARS_AT_ONCE = 5
DAYS = 365
FIRST_DAY = 20_000


class Opening(NamedTuple):
    """An alert that opened although nothing broke."""

    day: int
    script: str
    kind: str
    volume: float
    failing: float


class Years(NamedTuple):
    """Openings of each of some years, and how many installations finished in all."""

    openings: list[list[Opening]]
    finished: int


def simulate(seed: int, years: int = YEARS_AT_ONCE) -> Years:
    """Watch all scripts for some years, as the service does."""
    dice = random.Random(seed)
    world = list(scripts(dice))
    states = {script.name: Watched() for script in world}
    everybody = Everybody()
    peers: dict[str, Peers] = {}
    openings: list[list[Opening]] = [[] for _ in range(years)]
    finished = 0
    for offset in range(LEARNING_DAYS + years * DAYS):
        day = FIRST_DAY + offset
        if offset % QUARTER_DAYS == 0:
            for script in world:
                script.start_quarter()
        if offset % 7 == 0:
            peers = peers_of((script.type, states[script.name]) for script in world)
        today, found = _day(dice, world, states, day, peers, everybody)
        if offset >= LEARNING_DAYS:
            finished += today.success + today.failed
            openings[(offset - LEARNING_DAYS) // DAYS] += found
    return Years(openings, finished)


def _day(
    dice: random.Random, world: list[Script], states: dict[str, Watched], day: int, peers: dict[str, Peers], everybody: Everybody
) -> tuple[Today, list[Opening]]:
    factor, lost = day_factors(dice, day)
    firsts = Firsts()
    done = {}
    today = Today()
    begun = 0
    for script in world:
        script.turn()
        happened = script.day(day, factor, lost, firsts)
        if happened is not None:
            done[script.name] = happened
            failed = len(happened.batch.failing.good_before)
            today.failed += failed
            today.success += happened.batch.failing.whole - failed
            today.unknown += len(happened.batch.stuck.good_before)
            begun += happened.begun
    bad = bad_day(today, everybody)
    everybody.learn(today, day)
    part_of_usual = everybody.end_day(begun)
    openings = []
    for script in world:
        state = states[script.name]
        what = done.get(script.name)
        found = watch.advance(state, day, what.batch, *usual(peers[script.type], bad)) if what else []
        found += watch.end_day(state, what.begun if what else 0, part_of_usual)
        openings += [
            Opening(day, script.name, one.kind, round(script.volume, 2), round(script.failing, 3)) for one in found if one.opens
        ]
    return today, openings


def by_kind(years: list[Years]) -> Counter[str]:
    return Counter(opening.kind for one in years for year in one.openings for opening in year)
