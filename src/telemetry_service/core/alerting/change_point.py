"""When a share changed: the most likely place in a series of observations, and the interval that holds it with 95 %."""

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from telemetry_service.core.alerting.alert import Share

LEVEL = 0.95
LEAST_AFTER = 3


class Place(NamedTuple):
    """The change lies before observation `at`, and with 95 % before one of `earliest` to `latest`."""

    at: int
    earliest: int
    latest: int
    before: Share
    after: Share


def change_point(bad: Sequence[bool], *, rises: bool = True, first: int = 1) -> Place | None:
    """The place that makes the series most likely, as two stretches of steady shares with the later one higher (or lower).

    Only before observation `first` or later ones. The interval is the shortest run around it that holds 95 % of the likelihood of
    all places (a posterior with a flat prior). None for a series with no place where the share changes that way.
    """
    sums = list(accumulate(bad, initial=0))
    whole = len(bad)
    scored: list[tuple[int, float]] = []
    for place in range(first, whole - LEAST_AFTER + 1):
        before, after = sums[place], sums[whole] - sums[place]
        # Compared without division: after / (whole - place) against before / place.
        difference = after * place - before * (whole - place)
        if difference > 0 if rises else difference < 0:
            scored.append((place, _likelihood(before, place) + _likelihood(after, whole - place)))
    if not scored:
        return None
    at, best = max(scored, key=lambda pair: pair[1])
    earliest, latest = _interval([(place, math.exp(score - best)) for place, score in scored])
    return Place(at, earliest, latest, Share(sums[at], at), Share(sums[whole] - sums[at], whole - at))


def _interval(weights: Sequence[tuple[int, float]]) -> tuple[int, int]:
    """The first and last of the most likely places that together hold `LEVEL` of the weight."""
    total = sum(weight for _, weight in weights)
    held = 0.0
    places = []
    for place, weight in sorted(weights, key=lambda pair: -pair[1]):
        places.append(place)
        held += weight
        if held >= LEVEL * total:
            break
    return min(places), max(places)


def _likelihood(part: int, whole: int) -> float:
    """The largest log-likelihood of `part` in `whole`."""
    if part <= 0 or part >= whole:
        return 0.0
    return part * math.log(part / whole) + (whole - part) * math.log(1 - part / whole)
