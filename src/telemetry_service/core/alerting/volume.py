"""Scripts that fall silent: no installations, although there should have been some.

How many there should have been follows the day's total of all scripts, so that the rhythm of the week and a day on which
reports were lost silence nobody.
"""

from enum import IntEnum

import msgspec

HALF_LIFE_DAYS = 28.0
STEP = 1 - 0.5 ** (1 / HALF_LIFE_DAYS)
FADING = 0.5 ** (1 / 60)  # a day: scripts go out of fashion without being broken
LEAST_FACTOR = 0.2  # of a usual day, by which a day can be made up
LEAST_DAYS = 21  # before a mean says something
SILENT_AT = 18.0  # expected and not seen: of gaps between installations at random, one in 66 million is so long
LEAST_QUIET_DAYS = 2  # some days are much quieter than others
USUAL_AFTER_DAYS = 60


class Change(IntEnum):
    """What became of a script's volume."""

    SILENT = 1
    HEARD = 2
    USUAL = 3  # silent for so long that it is no news any more


class Volume(msgspec.Struct):
    """Installations a day, as a mean that forgets; `missed` were to be expected since the last one, on `quiet_days`."""

    mean: float = 0.0
    days: int = 0
    missed: float = 0.0
    quiet_days: int = 0
    is_silent: bool = False


def end_day(volume: Volume, begun: int, factor: float) -> Change | None:
    """Take in a whole UTC day: how many installations began, and how much of a usual day it was for all scripts."""
    if begun:
        was_silent = volume.is_silent
        _learn(volume, begun / max(factor, LEAST_FACTOR))
        return Change.HEARD if was_silent else None
    volume.quiet_days += 1
    if volume.is_silent:
        if volume.quiet_days < USUAL_AFTER_DAYS:
            return None
        volume.mean, volume.days, volume.missed, volume.quiet_days, volume.is_silent = 0.0, 0, 0.0, 0, False
        return Change.USUAL
    volume.missed += volume.mean * min(factor, 1.0) * FADING**volume.quiet_days
    if volume.missed >= SILENT_AT and volume.days >= LEAST_DAYS and volume.quiet_days >= LEAST_QUIET_DAYS:
        volume.is_silent = True
        return Change.SILENT
    return None


def _learn(volume: Volume, begun: float) -> None:
    """Take the days without any into the mean, now that they are over, and then this one."""
    if not volume.is_silent:
        volume.mean *= (1 - max(STEP, 1 / (volume.days + 1))) ** volume.quiet_days
        volume.days += volume.quiet_days
    volume.days += 1
    volume.mean += max(STEP, 1 / volume.days) * (begun - volume.mean)
    volume.is_silent, volume.missed, volume.quiet_days = False, 0.0, 0
