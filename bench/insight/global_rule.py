"""The rule that was there before: an alert when more than 20 % of today's finished installations, of all scripts, failed.

Looked at every quarter of an hour, when at least `LEAST` have finished today; it closes when the share is below again. A break
counts as found when the alert opens on a day on which it would not have without it.
"""

import random

from bench.insight.world import FINISHED_A_DAY, poisson

LIMIT = 0.2
LEAST = 20
CHECKS = 96  # a day
USUAL = 0.085  # of all scripts together, with what is tried again
HOURS = (4, 3, 2, 2, 2, 3, 4, 6, 8, 9, 10, 10, 10, 10, 11, 11, 12, 13, 14, 15, 15, 13, 10, 7)


def openings(seed: int, days: int = 1000) -> float:
    """How often it opens in 30 days on which nothing broke."""
    dice = random.Random(seed)
    return sum(_day(dice, 0.0) for _ in range(days)) * 30 / days


def caught(seed: int, days: int) -> dict[int, float]:
    """The share of total breaks, of scripts with so many finished a day, on whose first day it opens and else would not."""
    found = {}
    for a_day in (20, 300):
        dice, same = random.Random(seed), random.Random(seed)
        found[a_day] = sum(_day(dice, float(a_day)) > _day(same, 0.0) for _ in range(days)) / days
    return found


def _day(dice: random.Random, broken_a_day: float) -> int:
    """How often it opens on a day on which a script with so many finished fails wholly."""
    day = random.Random(dice.getrandbits(64))
    finished = failed = opened = 0
    is_open = False
    for check in range(CHECKS):
        part = HOURS[check * 24 // CHECKS] / sum(HOURS) * 24 / CHECKS
        good_and_bad = poisson(day, (FINISHED_A_DAY - broken_a_day) * part)
        broken = poisson(day, broken_a_day * part)
        finished += good_and_bad + broken
        failed += sum(day.random() < USUAL for _ in range(good_and_bad)) + broken
        is_over = finished >= LEAST and failed > LIMIT * finished
        opened += is_over and not is_open
        is_open = is_over
    return opened
