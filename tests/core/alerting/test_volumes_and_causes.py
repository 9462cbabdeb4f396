"""Scripts that fall silent, and causes that were never seen before."""

from telemetry_service.core.alerting import new_causes
from telemetry_service.core.alerting.new_causes import LEAST_PAST, NewCauses
from telemetry_service.core.alerting.volume import USUAL_AFTER_DAYS, Change, Volume, end_day

DAY = 20_000


def heard(days: int, begun: int = 10) -> Volume:
    volume = Volume()
    for _ in range(days):
        assert end_day(volume, begun, 1.0) is None
    return volume


def test_silence_is_said_once_and_its_end_once() -> None:
    volume = heard(40)
    said = [end_day(volume, 0, 1.0) for _ in range(20)]
    assert [change for change in said if change is not None] == [Change.SILENT]
    assert said[0] is None  # one quiet day is none
    assert end_day(volume, 1, 1.0) is Change.HEARD
    assert end_day(volume, 10, 1.0) is None


def test_a_day_on_which_everybody_was_quiet_silences_nobody() -> None:
    volume = heard(40)
    assert [end_day(volume, 0, 0.01) for _ in range(30)] == [None] * 30


def test_a_rare_script_may_be_quiet_for_weeks() -> None:
    volume = Volume()
    for day in range(200):
        assert end_day(volume, int(day % 7 == 0), 1.0) is None
    assert 0.1 < volume.mean < 0.2
    assert [end_day(volume, 0, 1.0) for _ in range(60)] == [None] * 60


def test_a_script_without_a_past_is_not_expected() -> None:
    volume = heard(5, 50)
    assert [end_day(volume, 0, 1.0) for _ in range(30)] == [None] * 30


def test_silence_becomes_usual() -> None:
    volume = heard(40)
    said = [end_day(volume, 0, 1.0) for _ in range(USUAL_AFTER_DAYS + 30)]
    assert [change for change in said if change is not None] == [Change.SILENT, Change.USUAL]
    assert end_day(volume, 3, 1.0) is None


def take(
    state: NewCauses, day: int, finished: int, n: int, *, past: float = 300.0, new: bool = True, may_open: bool = True
) -> list[bool]:
    causes = {"c": n} if n else {}
    seen = frozenset(causes) if new else frozenset()
    return [one.is_over for one in new_causes.advance(state, day, finished, causes, seen, past, may_open=may_open)]


def test_a_new_cause_that_comes_again_opens_once_and_closes_once() -> None:
    state = NewCauses()
    said = [over for day in range(10) for over in take(state, DAY + day, 20, 3, new=day == 0)]
    said += [over for day in range(10, 40) for over in take(state, DAY + day, 20, 0)]
    said += [over for day in range(40, 60) for over in take(state, DAY + day, 20, 3, new=False)]
    assert said == [False, True]


def test_what_is_known_is_no_news() -> None:
    state = NewCauses()
    assert [take(state, DAY + day, 20, 3, new=False) for day in range(20)] == [[]] * 20
    assert [take(state, DAY + day, 20, 3, past=LEAST_PAST - 1) for day in range(20)] == [[]] * 20


def test_one_day_of_one_machine_is_no_news() -> None:
    state = NewCauses()
    assert take(state, DAY, 30, 8) == []
    assert [take(state, DAY + day, 20, 0) for day in range(1, 30)] == [[]] * 29


def test_what_broke_the_script_is_no_news_afterwards() -> None:
    state = NewCauses()
    for day in range(5):
        assert take(state, DAY + day, 20, 15, new=day == 0, may_open=False) == []
    assert [take(state, DAY + 5 + day, 20, 2, new=False) for day in range(10)] == [[]] * 10


def test_calls_of_a_day_add_up() -> None:
    whole, cut = NewCauses(), NewCauses()
    for day in range(3):
        take(whole, DAY + day, 40, 2)
        take(cut, DAY + day, 10, 1)
        take(cut, DAY + day, 30, 1)
    assert [round(one.score, 9) for one in cut.young] == [round(one.score, 9) for one in whole.young]
