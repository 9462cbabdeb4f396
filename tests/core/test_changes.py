"""The days on which a script got better or worse."""

import random

from hypothesis import example, given
from hypothesis import strategies as st

from telemetry_service.core.period import iso_day
from telemetry_service.core.reports.changes import MIN_DIFFERENCE, changes
from telemetry_service.core.reports.view import DayStatuses

DAY = 20_000
numbers = st.integers(0, 60)


def days(*outcomes: tuple[int, int]) -> list[DayStatuses]:
    return [DayStatuses(iso_day(DAY + place), success, failed, 0, 0) for place, (success, failed) in enumerate(outcomes)]


def test_a_break_and_its_repair_are_found_to_the_day() -> None:
    found = changes(days(*[(19, 1)] * 30, *[(4, 16)] * 5, *[(19, 1)] * 30), exact=True, step=1)
    assert [(change.date, change.better) for change in found] == [(iso_day(DAY + 30), False), (iso_day(DAY + 35), True)]
    assert found[0].before.percent == found[1].after.percent == 95.0
    assert found[0].after.percent == found[1].before.percent == 20.0


def test_a_steady_script_has_no_such_day() -> None:
    for seed in range(30):
        dice = random.Random(seed)
        outcomes = [(success := sum(dice.random() < 0.9 for _ in range(20)), 20 - success) for _ in range(90)]
        assert changes(days(*outcomes), exact=True, step=1) == []


def test_a_certain_but_small_difference_is_no_news() -> None:
    assert changes(days(*[(9700, 300)] * 30, *[(9400, 600)] * 30), exact=True, step=1) == []


def test_public_lumps_need_more_to_be_news() -> None:
    some = days(*[(20, 0)] * 3, *[(10, 10)] * 2)
    assert changes(some, exact=True, step=1)
    assert changes(some, exact=False, step=5) == []  # a rate of 40 finished is not published


@given(st.lists(st.tuples(numbers, numbers), max_size=60), st.booleans())
@example([(35, 15), (23, 57)], True)  # 28.75 %, which is rounded once
def test_each_change_stands_between_the_rates_around_it(outcomes: list[tuple[int, int]], exact: bool) -> None:
    series = days(*outcomes)
    found = changes(series, exact=exact, step=1)
    dates = [change.date for change in found]
    assert dates == sorted(set(dates))
    edges = [0, *([day.date for day in series].index(date) for date in dates), len(series)]
    for place, change in enumerate(found):
        assert change.before.percent is not None
        assert change.after.percent is not None
        assert abs(change.after.percent - change.before.percent) >= MIN_DIFFERENCE
        assert change.better == (change.after.percent > change.before.percent)
        inside = series[edges[place + 1] : edges[place + 2]]
        success, finished = sum(day.success for day in inside), sum(day.success + day.failed for day in inside)
        assert change.after.percent == round(100 * success / finished, 1)
        assert exact or finished >= 50
