"""Numbers, times and words as pages write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_service.core.reports.rates import Rate
from telemetry_service.web import formats


def plain(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ").replace("\N{EN DASH}", "-").replace("\N{MINUS SIGN}", "-")


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (formats.number(1234567), "1,234,567"),
        (formats.number(0), "0"),
        (formats.number(12.34), "12.3"),
        (formats.number(1234.5), "1,234"),
        (formats.number(None), "-"),
        (formats.percent(91.36), "91.4 %"),
        (formats.percent(None), "-"),
        (formats.part_of(1, 3), "33.3 %"),
        (formats.part_of(1, 0), "-"),
        (formats.interval(Rate(90.0, 88.0, 92.0)), "88.0-92.0 %"),
        (formats.interval(Rate(None, None, None)), "from 50 finished on"),
        (formats.seconds(None), "-"),
        (formats.seconds(59.4), "59 s"),
        (formats.seconds(60), "1 min"),
        (formats.seconds(200), "3 min 20 s"),
        (formats.seconds(7200), "2 h"),
        (formats.seconds(7260.0), "2 h 1 min"),
        (formats.megabytes(512), "512 MB"),
        (formats.megabytes(1536), "1.5 GB"),
        (formats.megabytes(2 * 1024 * 1024), "2 TB"),
        (formats.gigabytes(1024), "1,024 GB"),
        (formats.cores(1), "1 core"),
        (formats.cores(4), "4 cores"),
        (formats.day("2026-03-04"), "4 Mar 2026"),
        (formats.day("2026-03"), "Mar 2026"),
        (formats.day(""), "-"),
        (formats.short_day("2026-03-04"), "4 Mar"),
        (formats.instant(1_795_435_200_000_000), "23 Nov 2026, 12:00 UTC"),
        (formats.change(105, 100), "+5.0 %"),
        (formats.change(50, 100), "-50.0 %"),
        (formats.change(100, 100), "0.0 %"),
        (formats.change(3, 0), "new"),
        (formats.change(0, 0), "-"),
        (formats.change(99, 10), "+890 %"),
        (formats.change(1000, 1), "1,000 times"),
        (formats.age(0), "today"),
        (formats.age(1), "1 day ago"),
        (formats.age(1200), "1,200 days ago"),
        (formats.word("command_not_found"), "command not found"),
    ],
)
def test_shown(shown: str, expected: str) -> None:
    assert plain(shown) == expected


@given(st.floats(-1e6, 1e6))
def test_a_difference_that_shows_as_nothing_has_no_sign(difference: float) -> None:
    shown = formats.signed(difference, "")
    assert shown == "0.0" or (shown[0] == "+") == (difference > 0)


def test_steps_of_a_history() -> None:
    found = formats.steps('[{"s": "installing", "t": "2026-03-14T09:00:00Z"}, {"s": "success", "t": "2026-03-14T09:02:30Z"}]')
    assert found == [("installing", "2026-03-14 09:00:00", 0.0), ("success", "2026-03-14 09:02:30", 150.0)]
