"""Alerts in words: every kind has its own, and all evidence is said."""

import msgspec
import pytest

from telemetry_service.core.alerting.alert import Alert, Cause, Kind, Recovery, Share, Since, Version
from telemetry_service.core.alerting.exact_words import details, headline

HOUR = 3_600_000_000
AT = 20_000 * 24 * HOUR
ALERT = Alert(
    kind=Kind.BROKE,
    script="jellyfin lxc",
    source="community-scripts/ProxmoxVE",
    opened_at=AT + 2 * HOUR,
    since=Since(AT, AT - HOUR, AT + HOUR),
    before=Share(8, 100),
    after=Share(12, 30),
    limited_to=(Version("pve", "9.0", Share(12, 13), Share(0, 17)),),
    causes=(Cause("c" * 16, Share(11, 30), Share(0, 100)), Cause("d" * 16, Share(1, 30), Share(0, 100))),
)


def test_all_that_is_known_is_said() -> None:
    assert details(ALERT, {"c" * 16: "curl: (22) 404"}) == [
        ("since", "2024-10-04 00:00 UTC (95 %: 2024-10-03 23:00 to 2024-10-04 01:00 UTC)"),
        ("opened", "2024-10-04 02:00 UTC"),
        ("before", "8 of 100: 8.0 % (95 %: 4.1 to 15.0 %)"),
        ("after", "12 of 30: 40.0 % (95 %: 24.6 to 57.7 %)"),
        ("only on", "Proxmox 9.0: 12 of 13, elsewhere 0 of 17"),
        ("cause", "curl: (22) 404: 11 of 30, before 0 of 100"),
        ("cause", f"{'d' * 16}: 1 of 30, before 0 of 100"),
    ]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Kind.BROKE, "jellyfin lxc broke: 8.0 % failed before, 40.0 % since"),
        (Kind.WORSE, "jellyfin lxc got worse: 8.0 % failed before, 40.0 % since"),
        (Kind.NEW_ERROR, "jellyfin lxc fails in a new way: 8.0 % failed so before, 40.0 % since"),
        (Kind.STUCK, "jellyfin lxc gets stuck: 8.0 % never told their end before, 40.0 % since"),
        (Kind.SILENT, "jellyfin lxc fell silent: no installations, 19.5 were to be expected"),
    ],
)
def test_every_kind_has_its_words(kind: Kind, said: str) -> None:
    assert headline(msgspec.structs.replace(ALERT, kind=kind, expected=19.5)) == said


def test_why_it_is_over() -> None:
    fixed = msgspec.structs.replace(ALERT, closed_at=AT + 9 * HOUR, recovery=Recovery(Since(AT, AT, AT), Share(1, 40)))
    assert details(fixed, {})[-1] == ("because", "fixed since 2024-10-04 00:00 UTC: 1 of 40: 2.5 % (95 %: 0.4 to 12.9 %)")
    heard = msgspec.structs.replace(fixed, kind=Kind.SILENT)
    assert details(heard, {})[-1] == ("because", "there are installations again since 2024-10-04 00:00 UTC")
    usual = msgspec.structs.replace(fixed, recovery=None)
    assert details(usual, {})[-1] == ("because", "it has been so for so long that it is usual by now")
