"""Rates with their uncertainty, and percentiles from duration buckets."""

import math
from collections.abc import Mapping, Sequence

import msgspec

from telemetry_service.core.counts import bucket_seconds

Z_95 = 1.959963984540054
MIN_FINISHED_FOR_RATE = 50  # in public; with a token every rate is shown, with its interval


class Rate(msgspec.Struct, frozen=True):
    """A share in percent with its 95 % interval; all None where too few finished to tell."""

    percent: float | None
    low: float | None
    high: float | None


NO_RATE = Rate(None, None, None)


def wilson(part: int, whole: int, z: float = Z_95) -> tuple[float, float]:
    """The score interval of a share, 95 % by default, in 0..1 (Wilson 1927); (0, 1) of nothing."""
    if whole <= 0:
        return 0.0, 1.0
    share, square = part / whole, z**2
    centre = (share + square / (2 * whole)) / (1 + square / whole)
    half = z / (1 + square / whole) * math.sqrt(share * (1 - share) / whole + square / (4 * whole**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def is_shown(whole: int, *, exact: bool) -> bool:
    """Whether a share of so many may be shown."""
    return whole > 0 and (exact or whole >= MIN_FINISHED_FOR_RATE)


def rate(part: int, whole: int, *, exact: bool, digits: int = 1) -> Rate:
    """The share of a part, as it may be shown, rounded once to so many digits behind the point."""
    if not is_shown(whole, exact=exact):
        return NO_RATE
    low, high = wilson(part, whole)
    return Rate(round(100 * part / whole, digits), round(100 * low, digits), round(100 * high, digits))


def share(part: int, whole: int) -> float:
    """A part of a whole in percent, for lists that add up to 100."""
    return round(100 * part / whole, 1) if whole else 0.0


def mean_seconds(buckets: Mapping[int, int]) -> float | None:
    """The mean of durations counted by bucket, within 12 %."""
    total = sum(buckets.values())
    if not total:
        return None
    return round(sum(bucket_seconds(bucket) * n for bucket, n in buckets.items()) / total, 1)


def percentiles(buckets: Mapping[int, int], wanted: Sequence[float]) -> list[float | None]:
    """The durations in seconds below which these shares (0..1) lie, within 12 %; None of nothing."""
    total = sum(buckets.values())
    if not total:
        return [None] * len(wanted)
    ordered = sorted(buckets.items())
    found: list[float | None] = []
    for level in wanted:
        reached = 0
        for bucket, n in ordered:
            reached += n
            if reached >= level * total:
                found.append(round(bucket_seconds(bucket), 1))
                break
    return found
