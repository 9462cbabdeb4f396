"""Scores of alternatives: CUSUMs of log-likelihood ratios over observations that are part of something, or are not.

Page's test (Page 1954; Lorden 1971 on why), for several alternatives at once: odds that are so many times those of the largest
share that is still usual.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

# That the next observation is the same machine trying again under another id, by how many before it were bad in a row: one
# that tries again tends to do so several times. Without it a single machine opens an alert.
AGAIN = (0.0, 0.1, 0.3, 0.5)


class Steps(NamedTuple):
    """What an observation adds to the score of each alternative: a good one, and a bad one that stands alone."""

    usual: float
    shares: tuple[float, ...]
    good: tuple[float, ...]  # negative
    bad: tuple[float, ...]

    def again(self, row: int) -> tuple[float, ...]:
        """What a bad one adds after so many in a row.

        With the chance of being the same machine it is bad with p + (1 - p) * chance; of a good one the factor cancels out.
        """
        if not row:
            return self.bad
        chance = AGAIN[min(row, len(AGAIN) - 1)]
        usual = self.usual + (1 - self.usual) * chance
        return tuple(math.log((share + (1 - share) * chance) / usual) for share in self.shares)


def steps(usual: float, odds: Sequence[float]) -> Steps:
    """The steps of each alternative against a share of `usual`, in 0..1."""
    shares = tuple([times * usual / (1 - usual + times * usual) for times in odds])
    good = tuple([math.log((1 - share) / (1 - usual)) for share in shares])
    return Steps(usual, shares, good, tuple([math.log(share / usual) for share in shares]))


class Scores(msgspec.Struct):
    """One score for each alternative, never below 0, and what was seen since it was 0: `part` of `whole`."""

    score: list[float]
    part: list[int]
    whole: list[int]
    row: int = 0  # bad ones in a row, each soon after the one before

    @property
    def highest(self) -> float:
        return max(self.score)

    def best(self) -> tuple[int, int]:
        """What was seen since the alternative with the highest score began: (part, whole)."""
        index = self.score.index(max(self.score))
        return self.part[index], self.whole[index]

    def take_good(self, count: int, by: Steps) -> None:
        """Take in so many observations that are no part of it."""
        if not count:
            return
        self.row = 0
        for index, step in enumerate(by.good):
            if self.score[index] > 0.0:
                score = self.score[index] + count * step
                if score > 0.0:
                    self.score[index] = score
                    self.whole[index] += count
                else:
                    self.score[index] = 0.0
                    self.part[index] = self.whole[index] = 0

    def take_bad(self, by: Steps, *, soon: bool) -> float:
        """Take in one that is, soon after the last or not; the highest score after it."""
        if not soon:
            self.row = 0
        for index, step in enumerate(by.again(self.row)):
            self.score[index] += step
            self.part[index] += 1
            self.whole[index] += 1
        self.row += 1
        return max(self.score)


def no_scores(count: int) -> Scores:
    return Scores([0.0] * count, [0] * count, [0] * count)
