"""Causes of failure never seen before in a script, and whether they come again so often that it is news.

A cause that was not seen in N finished installations is expected in less than one of N that follow. From its first sight on
a CUSUM weighs that against four times as much.
"""

import math
from collections.abc import Mapping

import msgspec

KEPT_YOUNG = 30  # causes of a script that are watched at a time, the newest
YOUNG_DAYS = 45  # that a cause is watched from its first sight on
LEAST_SHARE, MOST_SHARE = 0.003, 0.05  # of finished installations that a cause seen once may have without being news
TIMES = 4.0
LEAST_PAST = 50.0  # finished installations before a cause is new
OPENS_AT = 7.5  # log-likelihood ratio
LEAST_INSTALLATIONS, LEAST_DAYS = 5, 2  # one machine that tries again is no news
CLOSES_AT = 5.0
CAREFULLY = 0.5  # a part of the share it opened with, which chance may have made too high


class Young(msgspec.Struct):
    """A cause first seen on `day`: `part` of `whole` finished installations since, on `days` UTC days; `score` as of `turned`."""

    cause: str
    day: int
    usual: float
    part: int = 0
    whole: int = 0
    days: int = 0
    last_day: int = 0
    turned: int = 0
    score: float = 0.0
    share: float = 0.0  # where it is while an alert is open, carefully low


class NewCauses(msgspec.Struct):
    """The young causes of one script."""

    young: list[Young] = msgspec.field(default_factory=list)


class Found(msgspec.Struct, frozen=True):
    """A cause that became news, or ceased to be."""

    cause: str
    is_over: bool


def advance(
    state: NewCauses,
    day: int,
    finished: int,
    causes: Mapping[str, int],
    first_seen: frozenset[str],
    past: float,
    *,
    may_open: bool,
) -> list[Found]:
    """Take in finished installations of a UTC day: how many, and how many failed of which cause.

    `first_seen` are causes the script never had before, `past` about how many finished installations it had. Cutting a day into
    several calls changes nothing but how early something is found. Where nothing may open, what would have is known from then on.
    """
    for cause in causes if past >= LEAST_PAST else ():
        if cause in first_seen and all(cause != one.cause for one in state.young):
            usual = min(max(2 / (past + 40), LEAST_SHARE), MOST_SHARE)
            state.young.append(Young(cause, day, usual, turned=day))
    found = [said for one in state.young if (said := _take(one, day, finished, causes.get(one.cause, 0), may_open))]
    still_open = [one for one in state.young if one.share]
    state.young = still_open + [one for one in state.young if not one.share and day - one.day <= YOUNG_DAYS][-KEPT_YOUNG:]
    return found


def _take(one: Young, day: int, finished: int, part: int, may_open: bool) -> Found | None:
    if day > one.turned:
        one.score = max(0.0, one.score)
        one.turned = day
    one.part += part
    one.whole += finished
    if part and day > one.last_day:
        one.days += 1
        one.last_day = day
    share = one.share or TIMES * one.usual
    up, down = math.log(share / one.usual), math.log((1 - share) / (1 - one.usual))
    if one.share:
        # The same test the other way: as rare as it may be without being news.
        one.score -= part * up + (finished - part) * down
        if one.score < CLOSES_AT:
            return None
        one.share = one.score = 0.0
        one.day = day - YOUNG_DAYS - 1  # known from now on
        return Found(one.cause, True)
    if one.part == part and part:
        part -= 1  # the first sight is why it is looked at
        finished -= 1
    one.score += part * up + (finished - part) * down
    if one.score < OPENS_AT or one.part < LEAST_INSTALLATIONS or one.days < LEAST_DAYS:
        return None
    if not may_open:
        one.day = day - YOUNG_DAYS - 1
        return None
    one.share, one.score = max(TIMES * one.usual, CAREFULLY * one.part / one.whole), 0.0
    return Found(one.cause, False)
