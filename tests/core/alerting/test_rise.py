"""The test of a share: says once that it rose and once that it is back, however a day is cut into calls."""

from collections.abc import Sequence
from copy import deepcopy
from random import Random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry_service.core.alerting.baseline import LEAST_USUAL, Baseline, Memory, Prior, prior_of
from telemetry_service.core.alerting.rise import SOON_SECONDS, Rise, Said, Signal, Usual, advance, observations
from telemetry_service.core.alerting.rules import FAILING, FAILING_PRIOR

USUAL = Usual(FAILING_PRIOR)
DAY = 20_000
days_of_outcomes = st.lists(st.lists(st.booleans(), min_size=1, max_size=30), min_size=1, max_size=12)


class Life:
    """One script: hands over what happens and keeps what is said, with the number of the observation."""

    def __init__(self) -> None:
        self.rise = Rise()
        self.said: list[tuple[Signal, int]] = []
        self.seen = 0
        self.last_bad = 0

    def take(self, day: int, bad: Sequence[bool], *, apart: int = SOON_SECONDS, usual: Usual = USUAL) -> list[Said]:
        timed = [(is_bad, (self.seen + place + 1) * apart) for place, is_bad in enumerate(bad)]
        said = advance(self.rise, day, observations(timed, self.last_bad), usual, FAILING)
        self.said += [(signal, self.seen + after) for signal, after in said]
        self.seen += len(bad)
        self.last_bad = max((at for is_bad, at in timed if is_bad), default=self.last_bad)
        return said

    def live(self, dice: Random, first_day: int, days: int, share: float, per_day: int = 20) -> None:
        for day in range(first_day, first_day + days):
            self.take(day, [dice.random() < share for _ in range(per_day)])


def seasoned(seed: int = 1) -> Life:
    life = Life()
    life.live(Random(seed), DAY, 30, 0.08)
    assert life.said == []
    return life


@settings(max_examples=60)
@given(days_of_outcomes, st.data())
def test_cutting_days_into_calls_changes_nothing(days: list[list[bool]], data: st.DataObject) -> None:
    whole, cut = seasoned(), seasoned()
    for offset, outcomes in enumerate(days):
        day = DAY + 30 + offset
        whole.take(day, outcomes)
        rest = outcomes
        while rest:
            count = data.draw(st.integers(1, len(rest)))
            cut.take(day, rest[:count])
            rest = rest[count:]
    whole.take(DAY + 99, [])
    cut.take(DAY + 99, [])
    assert cut.said == whole.said
    assert _rounded(msgspec.to_builtins(cut.rise)) == _rounded(msgspec.to_builtins(whole.rise))


def _rounded(state: Any) -> Any:
    """A state without the last digits, which depend on the order of additions."""
    if isinstance(state, dict):
        return {name: _rounded(value) for name, value in state.items()}
    if isinstance(state, list):
        return [_rounded(value) for value in state]
    return round(state, 6) if isinstance(state, float) else state


@settings(max_examples=60)
@given(days_of_outcomes)
def test_what_rose_is_back_before_it_rises_again(days: list[list[bool]]) -> None:
    life = seasoned()
    for offset, outcomes in enumerate(days):
        life.take(DAY + 30 + offset, outcomes)
    signals = [signal for signal, _ in life.said if signal is not Signal.WORSE]
    assert signals == [(Signal.ROSE, Signal.FIXED)[place % 2] for place in range(len(signals))]
    assert (life.rise.risen is not None) == (len(signals) % 2 == 1)


def test_a_total_break_is_found_within_a_day_and_closed_when_it_is_fixed() -> None:
    life = seasoned()
    life.take(DAY + 30, [True] * 20)
    ((signal, after),) = life.said
    assert (signal, after <= 600 + 10) == (Signal.ROSE, True)
    baseline = deepcopy(life.rise.baseline)
    life.live(Random(5), DAY + 31, 3, 0.08)
    assert [signal for signal, _ in life.said] == [Signal.ROSE, Signal.FIXED]
    assert life.said[1][1] < 620 + 30
    assert life.rise.baseline.whole >= baseline.whole * 0.9  # what it learnt before the break, and not the break
    assert life.rise.baseline.part / life.rise.baseline.whole < 0.12


def test_a_partial_break_is_found_and_gets_worse_once() -> None:
    life = seasoned()
    life.live(Random(2), DAY + 30, 6, 0.4)
    assert [signal for signal, _ in life.said] == [Signal.ROSE]
    assert life.said[0][1] < 600 + 70
    life.live(Random(3), DAY + 36, 6, 1.0)
    assert [signal for signal, _ in life.said] == [Signal.ROSE, Signal.WORSE]


def test_a_slow_drift_is_no_news() -> None:
    life, dice = seasoned(), Random(4)
    for day in range(180):
        share = 0.08 + 0.02 * day / 90
        life.take(DAY + 30 + day, [dice.random() < share for _ in range(20)])
    assert life.said == []


def test_one_machine_that_tries_again_under_new_ids_is_no_news() -> None:
    life = seasoned()
    life.take(DAY + 30, [False] * 5 + [True] * 7 + [False] * 8, apart=300)
    assert life.said == []
    apart = seasoned()
    apart.take(DAY + 30, [False] * 5 + [True] * 7 + [False] * 8, apart=SOON_SECONDS)
    assert [signal for signal, _ in apart.said] == [Signal.ROSE, Signal.FIXED]


def test_what_fails_everywhere_is_no_news_of_one_script() -> None:
    life = seasoned()
    life.take(DAY + 30, [True, False] * 15, usual=Usual(FAILING_PRIOR, today=0.6))
    assert life.said == []


def test_nothing_is_said_of_a_script_without_a_past() -> None:
    life = Life()
    life.take(DAY, [True] * 29)
    assert life.said == []


def test_what_stays_for_long_becomes_usual() -> None:
    life = seasoned()
    life.live(Random(6), DAY + 30, 100, 0.4)
    assert [signal for signal, _ in life.said] == [Signal.ROSE, Signal.USUAL]
    life.live(Random(7), DAY + 130, 30, 0.4)
    assert len(life.said) == 2


def test_a_past_is_forgotten_by_halves_and_bounded() -> None:
    baseline = Baseline(10, 100, DAY)
    baseline.learn(0, 0, DAY + 30, Memory(half_life_days=30, most=1000))
    assert (round(baseline.part, 6), round(baseline.whole, 6)) == (5, 50)
    baseline.learn(100, 2000, DAY + 30, Memory(half_life_days=30, most=1000))
    assert round(baseline.whole, 6) == 1000
    assert Baseline(0, 100_000).upper(Prior(0, 1), 1, 0) == LEAST_USUAL


def test_peers_that_differ_say_little_and_peers_that_agree_much() -> None:
    usual = Prior(1, 10)
    assert prior_of([Baseline(1, 100)] * 4, usual) == usual
    agreeing = prior_of([Baseline(80, 1000)] * 9, usual)
    differing = prior_of([Baseline(part, 1000) for part in (10, 20, 80, 150, 300, 5, 60)], usual)
    assert agreeing.whole > differing.whole
    assert abs(agreeing.part / agreeing.whole - 0.08) < 0.001
