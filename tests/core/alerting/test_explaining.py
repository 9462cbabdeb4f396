"""When a series changed, what the change is limited to, which causes explain it, and what is said where nothing stands out."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from telemetry_service.core.alerting.change_point import change_point
from telemetry_service.core.alerting.explain import Seen, explain, limited_to

SYSTEMS = ("debian 12", "debian 13", "ubuntu 24.04")
PROXMOX = ("8.4.1", "9.0.3", "9.0.10", "9.1.1")


def series(dice: Random, count: int, share: float, *, os: str = "", pve: str = "", cause: str = "usual") -> list[Seen]:
    """Observations that fail with a share, where a version is given only on that one and else with 8 %."""
    found = []
    for _ in range(count):
        system, proxmox = dice.choice(SYSTEMS), dice.choice(PROXMOX)
        is_broken = os in ("", system) and (not pve or proxmox.startswith(pve))
        bad = dice.random() < (share if is_broken else 0.08)
        found.append(Seen(bad, system, proxmox, (cause if is_broken else "usual") if bad else None))
    return found


@given(st.lists(st.booleans(), max_size=80), st.booleans())
def test_a_place_lies_in_its_interval_and_cuts_the_series(bad: list[bool], rises: bool) -> None:
    place = change_point(bad, rises=rises)
    if place is None:
        return
    assert 1 <= place.earliest <= place.at <= place.latest < len(bad)
    assert place.before.whole + place.after.whole == len(bad)
    assert place.before.part + place.after.part == sum(bad)
    lower, higher = (place.before, place.after) if rises else (place.after, place.before)
    assert lower.part * higher.whole < higher.part * lower.whole


def test_a_clear_change_is_found_where_it_is() -> None:
    assert change_point([False] * 40 + [True] * 10) == change_point([False] * 40 + [True] * 10, rises=True)
    place = change_point([False] * 40 + [True] * 10)
    assert place is not None
    assert (place.earliest, place.at, place.latest) == (40, 40, 40)
    assert change_point([True] * 40 + [False] * 10) is None
    assert change_point([]) is None


def test_the_version_that_broke_is_named() -> None:
    for seed, wanted in enumerate((("os", "debian 13"), ("pve", "9.0.10"), ("pve", "9"))):
        dice = Random(seed)
        broken = series(dice, 80, 0.9, **{wanted[0]: wanted[1]})
        explanation = explain([*series(dice, 200, 0.08), *broken])
        assert explanation is not None
        assert [(version.dimension, version.name) for version in explanation.limited_to] == [wanted]
        (version,) = explanation.limited_to
        assert version.inside.whole + version.outside.whole == explanation.place.after.whole


def test_no_version_is_named_where_all_broke_or_one_is_all_there_is() -> None:
    dice = Random(1)
    before = series(dice, 200, 0.08)
    assert limited_to(before, series(dice, 60, 0.5)) == ()
    alone = [one._replace(os="debian 12", pve="9.0.3") for one in series(dice, 60, 0.5)]
    assert limited_to(before, alone) == ()
    assert limited_to(before, []) == ()


def test_two_versions_that_always_go_together_are_not_told_apart() -> None:
    dice = Random(2)
    broken = [one._replace(pve="9.1.1" if one.os == "debian 13" else "8.4.1") for one in series(dice, 90, 1.0, os="debian 13")]
    named = {version.name for version in limited_to(series(dice, 200, 0.08), broken)}
    assert named <= {"debian 13", "9.1.1"}


def test_the_cause_that_explains_it_is_named_first() -> None:
    dice = Random(3)
    explanation = explain([*series(dice, 200, 0.08), *series(dice, 60, 0.5, cause="new")])
    assert explanation is not None
    assert explanation.causes[0].cause == "new"
    assert explanation.causes[0].before.part == 0
    assert explanation.causes[0].after.part > 15
