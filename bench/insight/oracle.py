"""The best that can be done: a CUSUM that knows both rates, calibrated to a mean time between false alarms.

Its run lengths are computed exactly. A cycle begins with the first bad observation and ends with the score back at 0 or at the
threshold; between them the state is how many of each kind were seen, and the chance of each is carried forward.
"""

import math
from collections import defaultdict
from typing import NamedTuple

NEGLIGIBLE = 1e-13


class Cycle(NamedTuple):
    length: float  # expected observations, from a score of 0 until it is 0 again or reaches the threshold
    reaches: float  # the chance of the latter


def run_length(threshold: float, usual: float, broken: float, share: float) -> float:
    """Expected observations until the CUSUM of `broken` against `usual` reaches a threshold, where `share` of them are bad."""
    cycle = _cycle(threshold, math.log(broken / usual), -math.log((1 - broken) / (1 - usual)), share)
    return cycle.length / cycle.reaches


def threshold_for(length: float, usual: float, broken: float) -> float:
    """The threshold at which false alarms are so many observations apart."""
    low, high = 0.1, 30.0
    while high - low > 1e-3:
        middle = (low + high) / 2
        low, high = (middle, high) if run_length(middle, usual, broken, usual) < length else (low, middle)
    return high


def divergence(broken: float, usual: float) -> float:
    """Kullback and Leibler's: what one observation tells on the average, if it is broken."""
    return broken * math.log(broken / usual) + (1 - broken) * math.log((1 - broken) / (1 - usual))


def _cycle(threshold: float, up: float, down: float, share: float) -> Cycle:
    length, reaches = 1.0, 0.0
    live: dict[tuple[int, int], float] = {(1, 0): share}
    if up >= threshold:
        return Cycle(length, share)
    while live:
        following: defaultdict[tuple[int, int], float] = defaultdict(float)
        for (bad, good), chance in live.items():
            length += chance
            if (bad + 1) * up - good * down >= threshold:
                reaches += chance * share
            else:
                following[bad + 1, good] += chance * share
            if bad * up - (good + 1) * down > 0:
                following[bad, good + 1] += chance * (1 - share)
        live = {state: chance for state, chance in following.items() if chance > NEGLIGIBLE}
    return Cycle(length, reaches)
