"""The days on which a script got better or worse."""

import math
from collections.abc import Iterator, Sequence
from itertools import accumulate

import msgspec

from telemetry_service.core.reports.rates import Rate, rate
from telemetry_service.core.reports.view import DayStatuses

MIN_FINISHED = 20  # on either side of a change; in public `rate` asks for more
MIN_DIFFERENCE = 5.0  # points of percent: less is no news, however certain
MIN_SCORE = 10.0  # log-likelihood ratio: by chance about once in 20,000 days looked at


class Change(msgspec.Struct, frozen=True):
    """The success rate from `date` on differs from the one before it; both as far as the next change."""

    date: str
    better: bool
    before: Rate
    after: Rate


def changes(days: Sequence[DayStatuses], *, exact: bool, step: int) -> list[Change]:
    """Where a series of days splits into stretches of steady success rates, in order of time.

    Binary segmentation (Scott and Knott 1974) by the likelihood ratio of a binomial. Published counts arrive in lumps of
    `step`, so that only every step-th installation is news: the score is divided by it.
    """
    success = list(accumulate((day.success for day in days), initial=0))
    finished = list(accumulate((day.success + day.failed for day in days), initial=0))

    def between(start: int, end: int) -> Rate:
        return rate(success[end] - success[start], finished[end] - finished[start], exact=exact)

    cuts = sorted(_splits(success, finished, 0, len(days), MIN_SCORE * step))
    while True:
        edges = [0, *cuts, len(days)]
        found = [
            (_difference(between(start, cut), between(cut, end)), start, cut, end)
            for start, cut, end in zip(edges, edges[1:], edges[2:], strict=False)
        ]
        least = min(found, default=None)
        if least is None or least[0] >= MIN_DIFFERENCE:
            break
        cuts.remove(least[2])
    rated = [(days[cut].date, between(start, cut), between(cut, end)) for _, start, cut, end in found]
    return [Change(date, (after.percent or 0) > (before.percent or 0), before, after) for date, before, after in rated]


def _difference(before: Rate, after: Rate) -> float:
    """How far two rates are apart; nothing when one of them may not be shown."""
    return 0.0 if before.percent is None or after.percent is None else abs(after.percent - before.percent)


def _splits(success: Sequence[int], finished: Sequence[int], start: int, end: int, least: float) -> Iterator[int]:
    whole = _likelihood(success[end] - success[start], finished[end] - finished[start])
    best, best_score = 0, least
    for cut in range(start + 1, end):
        left, right = finished[cut] - finished[start], finished[end] - finished[cut]
        if left < MIN_FINISHED or right < MIN_FINISHED:
            continue
        score = _likelihood(success[cut] - success[start], left) + _likelihood(success[end] - success[cut], right) - whole
        if score > best_score:
            best, best_score = cut, score
    if best:
        yield best
        yield from _splits(success, finished, start, best, least)
        yield from _splits(success, finished, best, end, least)


def _likelihood(part: int, whole: int) -> float:
    """The largest log-likelihood of `part` successes in `whole`."""
    if part <= 0 or part >= whole:
        return 0.0
    return part * math.log(part / whole) + (whole - part) * math.log(1 - part / whole)
