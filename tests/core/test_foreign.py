"""Rows of other stores: two instants, zeros for nothing, and the intake for all else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explaining import EXPLAIN
from telemetry_service.core.errors import Rejected
from telemetry_service.core.foreign import Found, read_row
from telemetry_service.core.identity import Identities
from telemetry_service.core.installation import RANK, Installation
from telemetry_service.core.intake import Intake, Policy

IDS = Identities(b"k" * 32)
INTAKE = Intake(Policy(known_repos=("community-scripts/ProxmoxVE",)), IDS, EXPLAIN)
DAY = 86_400_000_000
NOW = 20_000 * DAY
NOON = "2024-10-01 12:00:00"  # day 19,997
NOON_MICROSECONDS = 1_727_784_000_000_000
ROW = {
    "random_id": "5f0c3b8e-9c1d-4e7a-8b2f-1d2c3b4a5f60",
    "type": "lxc",
    "nsapp": "jellyfin",
    "status": "success",
    "created": NOON,
}


def read(**changes: Any) -> Found:
    return read_row(ROW | changes, INTAKE, first_day=19_000, now=NOW)


def one_of(**changes: Any) -> Installation:
    return read(**changes).told.installation()


def refusal(**changes: Any) -> str:
    with pytest.raises(Rejected) as refused:
        read(**changes)
    return str(refused.value)


class TestInstants:
    @pytest.mark.parametrize(
        "text",
        [
            NOON,
            f"{NOON}.000",
            f"{NOON}.000Z",
            "2024-10-01T12:00:00Z",
            "2024-10-01T14:00:00+02:00",
            f" {NOON} ",
            f"{NOON}.000000000",
        ],
    )
    def test_spellings(self, text: str) -> None:
        assert one_of(created=text).firsts == {RANK["success"]: NOON_MICROSECONDS}

    def test_a_row_that_changed_tells_of_two_instants(self) -> None:
        one = one_of(updated="2024-10-01 12:05:00.250Z")
        assert one.firsts == {RANK["installing"]: NOON_MICROSECONDS, RANK["success"]: NOON_MICROSECONDS + 300_250_000}
        assert one.outcome is not None
        assert one.outcome.stamp.received_at == NOON_MICROSECONDS + 300_250_000

    @pytest.mark.parametrize("updated", [None, "", NOON, "2024-10-01 11:59:59", "2124-10-01 12:00:00"])
    def test_a_row_that_did_not_tells_of_one(self, updated: str | None) -> None:
        assert one_of(updated=updated).firsts == {RANK["success"]: NOON_MICROSECONDS}

    def test_an_unreadable_change_is_dropped(self) -> None:
        found = read(updated="yesterday")
        assert found.dropped == ("updated",)
        assert found.told.installation().firsts == {RANK["success"]: NOON_MICROSECONDS}

    @pytest.mark.parametrize(
        ("created", "reason"),
        [
            (None, "created: missing"),
            ("", "created: missing"),
            ("soon", "created: not a time"),
            (17, "created: not a time"),
            ("1970-01-01 00:00:00", "created: not a time"),
            ("2124-01-01 00:00:00", "created: lies in the future"),
            ("2001-01-01 00:00:00", "created: longer ago than is kept"),
        ],
    )
    def test_without_a_receipt_a_row_is_refused(self, created: object, reason: str) -> None:
        assert refusal(created=created) == reason


class TestValues:
    @pytest.mark.parametrize("code", [0, "0", 0.0])
    def test_the_code_of_a_failure_is_not_known_where_it_is_zero(self, code: object) -> None:
        one = one_of(status="failed", exit_code=code, error="")
        assert (one.status, one.outcome and one.outcome.exit_code) == ("failed", None)

    def test_types_as_strings(self) -> None:
        one = one_of(status="failed", exit_code="100", disk_size="8", core_count="2", has_arm="1", install_duration="12")
        assert one.outcome is not None
        assert (one.outcome.exit_code, one.outcome.install_duration) == (100, 12)
        assert [one.value(name) for name in ("disk_size", "core_count", "arch")] == [8, 2, "arm64"]

    def test_zeros_are_absent(self) -> None:
        one = one_of(disk_size=0, core_count=0, ram_size=0, install_duration=0, has_arm=0, ct_type=0)
        assert [one.value(name) for name in ("disk_size", "core_count", "ram_size", "arch", "ct_type")] == [None] * 5

    def test_a_text_is_cleaned(self) -> None:
        one = one_of(status="failed", exit_code=6, error="curl: (6) Could not resolve host: nas.example.lan")
        assert one.outcome is not None
        assert "example" not in (one.outcome.error or "")

    def test_without_an_execution_id_the_random_id_serves(self) -> None:
        assert one_of(execution_id="").execution == one_of().execution
        assert one_of(execution_id="7f0c3b8e-9c1d-4e7a-8b2f-1d2c3b4a5f60").execution != one_of().execution

    def test_an_id_of_zeros_is_none(self) -> None:
        nil = "00000000-0000-0000-0000-000000000000"
        assert one_of(execution_id=nil).execution == one_of().execution
        assert refusal(random_id=nil) == "random_id: missing"

    def test_what_refuses_a_report_refuses_a_row(self) -> None:
        assert refusal(random_id="") == "random_id: missing"
        assert refusal(nsapp="") == "nsapp: missing"
        assert refusal(status=None) == "status: missing"


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.lists(st.integers(), max_size=2)


@given(st.dictionaries(st.sampled_from([*ROW, "updated", "exit_code", "execution_id", "os_type", "error", "id"]), VALUES))
def test_any_values_make_an_installation_or_a_refusal_and_always_the_same(values: dict[str, Any]) -> None:
    found = []
    for _ in range(2):
        try:
            found.append(one_of(**values))
        except Rejected:
            found.append(None)
    assert found[0] == found[1]
    if found[0] is not None:
        assert 19_000 <= found[0].day <= 20_000
