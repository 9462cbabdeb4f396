"""What share is usual for a script: learnt from its own past, with a prior from its peers, and slowly forgotten."""

import math
from collections.abc import Iterable

import msgspec

LN_2 = math.log(2)
LEAST_USUAL, MOST_USUAL = 0.05, 0.95


class Prior(msgspec.Struct, frozen=True):
    """What is known of a script before it has a past: a Beta distribution, as if `part` of `whole` had been seen."""

    part: float
    whole: float


class Memory(msgspec.Struct, frozen=True):
    """How long a past counts: half as much after `half_life_days`, and never more than `most` observations.

    The more a script is run, the shorter its memory: it follows a slow drift closely, where chance leaves little to doubt.
    """

    half_life_days: float
    most: float


class Baseline(msgspec.Struct):
    """The discounted past of a share: `part` of `whole`, as of a UTC day."""

    part: float = 0.0
    whole: float = 0.0
    day: int = 0

    def learn(self, part: float, whole: float, day: int, memory: Memory) -> None:
        """Forget a little, then add what was seen up to a day."""
        if day > self.day:
            self.scale(math.exp(-LN_2 * (day - self.day) / memory.half_life_days))
            self.day = day
        self.part += part
        self.whole += whole
        if self.whole > memory.most:
            self.scale(memory.most / self.whole)

    def scale(self, factor: float) -> None:
        self.part *= factor
        self.whole *= factor

    def upper(self, prior: Prior, deviations: float, margin: float) -> float:
        """The largest share that is still usual: the mean of the posterior, plus some standard deviations, plus a margin."""
        whole = self.whole + prior.whole
        mean = (self.part + prior.part) / whole
        upper = mean + deviations * math.sqrt(mean * (1 - mean) / (whole + 1)) + margin
        return min(max(upper, LEAST_USUAL), MOST_USUAL)


LEAST_WHOLE, MOST_WHOLE = 8.0, 60.0  # how much a prior may weigh, in observations
ENOUGH = 20.0  # observations that a script needs to tell something of its peers
FEW_PEERS = 5


def prior_of(peers: Iterable[Baseline], usual: Prior) -> Prior:
    """The Beta distribution that the shares of peers seem drawn from, by its moments (empirical Bayes); `usual` for too few."""
    shares = [(one.part / one.whole, one.whole) for one in peers if one.whole >= ENOUGH]
    if len(shares) < FEW_PEERS:
        return usual
    count = len(shares)
    mean = min(max(sum(share for share, _ in shares) / count, 0.005), 0.5)
    spread = sum((share - mean) ** 2 for share, _ in shares) / (count - 1)
    by_chance = sum(mean * (1 - mean) / whole for _, whole in shares) / count
    between = max(spread - by_chance, 1e-6)
    whole = min(max(mean * (1 - mean) / between - 1, LEAST_WHOLE), MOST_WHOLE)
    return Prior(mean * whole, whole)
