"""When a count may be published: in steps of k, so that no number ever tells of fewer than k installations.

Each cell has a remainder of installations that are not published yet. When it reaches k, its largest multiple of k moves
to the public counts of the current day. Public counts only grow, and by multiples of k: so is every sum and every
difference of them, over any periods, filters and times of reading.

When an operator changes k, what is public is cut anew into multiples of the new one (`regrouped`). The cut follows from
published counts alone, so who compares it with an older copy learns nothing that was not public. What is cut off goes back to
the remainder as *told*: the next release has to exceed all that was ever told by at least the old k and the new one.
"""

from collections.abc import Sequence


def release(remainder: int, k: int, told: int = 0, step: int = 0) -> int:
    """How many of a cell's remainder are published now: the largest multiple of k in it, 0 when it is negative.

    A remainder is negative after corrections of installations that were published under another cell. `told` of it were
    public once, before a change of k; then nothing is published that does not exceed them by `step`.
    """
    due = remainder // k * k
    return due if due > 0 and due >= told + step else 0


def regrouped(days: Sequence[tuple[int, int]], k: int) -> tuple[list[tuple[int, int]], int]:
    """The published counts of a cell by day, oldest first, cut anew into multiples of k; and what is left over.

    What a day has over is published with the next day that completes a multiple: none gets older, and no sum over the days
    from the first one on gets larger.
    """
    found = []
    over = 0
    for day, n in days:
        over += n
        if over >= k:
            found.append((day, over // k * k))
            over %= k
    return found, over


def coarse(count: int, k: int) -> int:
    """A count as it may be shown in public: rounded down to a multiple of k."""
    return count // k * k
