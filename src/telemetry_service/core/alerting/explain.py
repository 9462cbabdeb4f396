"""What a change is limited to, and which causes explain it: looked at only after a script changed."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from telemetry_service.core.alerting.alert import Cause, Share, Version
from telemetry_service.core.alerting.change_point import Place, change_point

CLEAR = 3.0  # log-likelihood ratio: 20 times more likely
APART = 1.0  # that the next best version must be behind
VERSION_CLEAR = 3.5  # there are a dozen versions to choose from
LEAST_INSIDE, LEAST_OUTSIDE = 4, 3  # bad ones inside a version, and any outside
CAUSES = 3


class Seen(NamedTuple):
    """One observation: whether it counts as bad, the system it ran on (`debian 13`), its Proxmox version, and the cause."""

    bad: bool
    os: str | None
    pve: str | None
    cause: str | None


def limited_to(before: Sequence[Seen], after: Sequence[Seen]) -> tuple[Version, ...]:
    """The one version that a change is limited to, or nothing where no single one stands out.

    A change in one version with all others as before is weighed against the same change in all of them.
    """
    usual = _share(before)
    everywhere = _likelihood(*_counts(after), None)
    scored: list[tuple[float, Version, frozenset[int]]] = []
    for (dimension, name), inside in _by_version(after).items():
        bad = sum(after[index].bad for index in inside)
        rest_bad, rest = _counts(after)[0] - bad, len(after) - len(inside)
        if bad < LEAST_INSIDE or rest < LEAST_OUTSIDE or bad / len(inside) <= usual:
            continue
        score = _likelihood(bad, len(inside), None) + _likelihood(rest_bad, rest, usual) - everywhere
        version = Version(dimension, name, Share(bad, len(inside)), Share(rest_bad, rest))
        scored.append((score, version, frozenset(inside)))
    # Of names for the same installations the longest says most.
    scored.sort(key=lambda one: (one[0], len(one[1].name)), reverse=True)
    if not scored or scored[0][0] < VERSION_CLEAR:
        return ()
    best, version, inside_best = scored[0]
    for score, _, others in scored[1:]:
        nested = others <= inside_best or others >= inside_best
        if not nested and score > best - APART:
            return ()
    return (version,)


def explaining(before: Sequence[Seen], after: Sequence[Seen]) -> tuple[Cause, ...]:
    """The causes that are clearly more frequent than before, the one that explains most first."""
    earlier = Counter(one.cause for one in before if one.bad and one.cause)
    now = Counter(one.cause for one in after if one.bad and one.cause)
    scored = []
    for cause, part in now.items():
        usual = (earlier[cause] + 0.5) / (len(before) + 1)
        if part / len(after) <= usual:
            continue
        score = _likelihood(part, len(after), None) - _likelihood(part, len(after), usual)
        if score >= CLEAR and part >= 2:
            scored.append((score, Cause(str(cause), Share(part, len(after)), Share(earlier[cause], len(before)))))
    scored.sort(key=lambda one: one[0], reverse=True)
    return tuple(cause for _, cause in scored[:CAUSES])


def _by_version(observations: Sequence[Seen]) -> dict[tuple[str, str], list[int]]:
    """The observations of every version, and of every version's beginnings: 9.0.3, 9.0 and 9."""
    found: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for index, one in enumerate(observations):
        if one.os:
            for name in {one.os, one.os.partition(" ")[0]}:
                found["os", name].append(index)
        if one.pve:
            for name in _beginnings(one.pve):
                found["pve", name].append(index)
    return found


def _beginnings(version: str) -> Iterable[str]:
    parts = version.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _counts(observations: Sequence[Seen]) -> tuple[int, int]:
    return sum(one.bad for one in observations), len(observations)


def _share(observations: Sequence[Seen]) -> float:
    """The share of bad ones, as far from 0 and 1 as half an observation."""
    bad, whole = _counts(observations)
    return (bad + 0.5) / (whole + 1)


def _likelihood(bad: int, whole: int, share: float | None) -> float:
    """The log-likelihood of so many bad ones with a share, or with the share that fits best."""
    if share is None:
        share = bad / whole if whole else 0.0
    likelihood = 0.0
    if bad:
        likelihood += bad * math.log(share)
    if bad < whole:
        likelihood += (whole - bad) * math.log(1 - share)
    return likelihood


class Explanation(NamedTuple):
    """When a series changed, what the change is limited to, and which causes explain it."""

    place: Place
    limited_to: tuple[Version, ...]
    causes: tuple[Cause, ...]


def explain(series: Sequence[Seen]) -> Explanation | None:
    """Explain why the end of a series of observations is worse than what came before; None where it is not."""
    place = change_point([one.bad for one in series])
    if place is None:
        return None
    before, after = series[: place.at], series[place.at :]
    return Explanation(place, limited_to(before, after), explaining(before, after))
