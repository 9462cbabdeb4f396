"""Steps of k: what is released, and what becomes of it when k changes."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_service.core.publishing import coarse, regrouped, release

STEPS = st.sampled_from([1, 2, 3, 5, 7, 10, 12])


@pytest.mark.parametrize(
    ("remainder", "told", "step", "released"),
    [(-3, 0, 0, 0), (4, 0, 0, 0), (5, 0, 0, 5), (14, 0, 0, 10), (14, 3, 5, 10), (14, 5, 5, 10), (14, 6, 5, 0), (14, 0, 12, 0)],
)
def test_what_is_released(remainder: int, told: int, step: int, released: int) -> None:
    assert release(remainder, 5, told, step) == released


@given(st.integers(-20, 200), STEPS, st.integers(0, 30), st.integers(0, 12))
def test_a_release_is_in_steps_and_exceeds_what_was_told(remainder: int, k: int, told: int, step: int) -> None:
    released = release(remainder, k, told, step)
    assert released % k == 0
    assert 0 <= released <= max(remainder, 0)
    assert released == 0 or released >= told + step


@given(st.lists(st.integers(0, 30), max_size=12), STEPS)
def test_a_new_cut_is_in_steps_loses_nothing_and_makes_nothing_older(counts: list[int], k: int) -> None:
    days = list(enumerate(counts))
    found, over = regrouped(days, k)
    assert 0 <= over < k
    assert all(n > 0 and n % k == 0 for _, n in found)
    assert sum(n for _, n in found) + over == sum(counts)
    for day, _ in days:
        assert sum(n for at, n in found if at <= day) == coarse(sum(counts[: day + 1]), k)


def test_counts_already_in_steps_stay_where_they_are() -> None:
    assert regrouped([(1, 10), (4, 20)], 10) == ([(1, 10), (4, 20)], 0)
    assert regrouped([(1, 10), (4, 20)], 5) == ([(1, 10), (4, 20)], 0)
    assert regrouped([(1, 5), (4, 5), (6, 5)], 10) == ([(4, 10)], 5)


class Told(NamedTuple):
    """A public count, and the k it was told under."""

    n: int
    k: int


@given(st.data())
def test_whoever_kept_every_copy_learns_of_no_fewer_than_k(data: st.DataObject) -> None:
    """Whatever is counted, corrected and decided about k: the most that was ever told grows by either k at least."""
    k = data.draw(STEPS)
    public: list[tuple[int, int]] = []
    remainder = told = step = true = 0
    most = Told(0, k)
    for day in range(data.draw(st.integers(1, 30))):
        if data.draw(st.integers(0, 4)) == 0:
            before, k = k, data.draw(STEPS)
            if before != k:
                had = bool(public)
                public, over = regrouped(public, k)
                remainder += over
                told += over
                if had and (over or before > k):
                    step = max(step, before, k)
                step = max(step, k) if step else 0
                most = Told(most.n, max(most.k, k))  # read again under the new k
        else:
            change = data.draw(st.integers(-2, 9))
            true, remainder = true + change, remainder + change
            released = release(remainder, k, told, step)
            if released:
                public.append((day, released))
                remainder, told, step = remainder - released, 0, 0
        shown = sum(n for _, n in public)
        assert all(n % k == 0 for _, n in public)
        assert shown + remainder == true
        if shown > most.n:
            assert shown - most.n >= (most.k if most.n else k)
            most = Told(shown, k)
        elif not step:
            most = Told(most.n, k)
