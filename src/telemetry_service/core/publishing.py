"""When a count may be published: in steps of k, so that no number ever tells of fewer than k installations.

Each cell has a remainder of installations that are not published yet. When it reaches k, its largest multiple of k moves
to the public counts of the current day. Public counts only grow, and by multiples of k: so is every sum and every
difference of them, over any periods, filters and times of reading.
"""


def release(remainder: int, k: int) -> int:
    """How many of a cell's remainder are published now: the largest multiple of k in it, 0 when it is negative.

    A remainder is negative after corrections of installations that were published under another cell.
    """
    return max(remainder, 0) // k * k


def coarse(count: int, k: int) -> int:
    """A count as it may be shown in public: rounded down to a multiple of k."""
    return count // k * k
