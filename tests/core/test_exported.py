"""An export restores what it was made of, exactly, and nothing that a report could not have brought."""

from base64 import b64encode
from functools import reduce
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_strategies import KNOWN_REPOS, MIDNIGHT, events
from explaining import EXPLAIN
from stored import cells_of
from telemetry_service.core.counts import Sources
from telemetry_service.core.errors import Rejected
from telemetry_service.core.event import Event
from telemetry_service.core.exported import exported, exported_label, restored, restored_label
from telemetry_service.core.exported_counts import Counted, exported_count, restored_count
from telemetry_service.core.fields import OPTIONAL_FIELDS
from telemetry_service.core.foreign import TOO_OLD
from telemetry_service.core.identity import Identities
from telemetry_service.core.installation import Installation, from_event, join
from telemetry_service.core.intake import Intake, Policy

POLICY = Policy(known_repos=KNOWN_REPOS, extended_fields=frozenset(OPTIONAL_FIELDS))
INTAKE = Intake(POLICY, Identities(b"another key than that of the row."[:32]), EXPLAIN)
NOW = MIDNIGHT + 400 * 86_400_000_000
CAUSES = st.sampled_from([(None, None), (17, "00000000000000ff"), (2**63 - 1, "f" * 16)])
FAILED = Event(
    MIDNIGHT, b"r" * 16, -5, "failed", 100, "apt", 12, "E: Unable to locate package redis", 3, "a" * 16, "lxc", "redis"
)


def through_json(row: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(row))


def again(row: Any, **changes: Any) -> Installation:
    return restored(row | changes, INTAKE, first_day=0, now=NOW)


def refusal(**changes: Any) -> str:
    with pytest.raises(Rejected) as refused:
        again(exported(from_event(FAILED)), **changes)
    return str(refused.value)


@given(st.lists(events(st.just(-(2**63) + 77)), min_size=1, max_size=6), CAUSES)
def test_an_installation_is_restored_exactly(found: list[Event], cause: tuple[int | None, str | None]) -> None:
    known = (msgspec.structs.replace(event, fingerprint=cause[0], cause=cause[1]) for event in found)
    installation = reduce(join, map(from_event, known))
    assert again(through_json(exported(installation))) == installation


@given(events(), events())
def test_it_goes_on_joining(first: Event, second: Event) -> None:
    one = from_event(first)
    late = from_event(msgspec.structs.replace(second, execution=first.execution))
    assert join(again(through_json(exported(one))), late) == join(one, late)


@given(st.lists(events(), min_size=1, max_size=4))
def test_a_count_is_restored_exactly(found: list[Event]) -> None:
    sources = Sources(KNOWN_REPOS)
    for event in found:
        for cell in cells_of(from_event(msgspec.structs.replace(event, cause="a" * 16)), sources):
            row = through_json(exported_count(20_000, cell, 7))
            assert restored_count(row, INTAKE, frozenset((*KNOWN_REPOS, "external"))) == Counted(20_000, cell, 7)


def test_a_label_is_restored_exactly() -> None:
    for label in ("E: Unable to locate package redis", "port # is in use", "curl: (#) failed [aaaa]"):
        assert restored_label(through_json(exported_label("a" * 16, label)), INTAKE) == ("a" * 16, label)


class TestTamperedWith:
    def test_texts_are_cleaned(self) -> None:
        one = again(exported(from_event(FAILED)), error="ssh bob@nas.example.lan: refused")
        assert one.outcome is not None
        assert "bob" not in (one.outcome.error or "")
        assert "example" not in (one.outcome.error or "")
        _, label = restored_label({"cause": "a" * 16, "label": "ssh bob@nas.example.lan: refused"}, INTAKE)
        assert "example" not in label

    def test_values_are_checked(self) -> None:
        one = again(exported(from_event(FAILED)), os_type="mine", disk_size=-4, repo_slug="bob/fork", exit_code=999, ct_type="x")
        assert [one.value(name) for name in ("os_type", "disk_size", "repo_slug", "ct_type")] == [None] * 4
        assert one.outcome is not None
        assert one.outcome.exit_code is None

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"joins": "!"}, "joins: cannot be read"),
            ({"joins": "AAAA"}, "joins: cannot be read"),
            ({"joins": None}, "joins: cannot be read"),
            (
                {"joins": exported(from_event(msgspec.structs.replace(FAILED, received_at=NOW + 1)))["joins"]},
                "joins: cannot be read",
            ),
            ({"execution": "0x00000000000000"}, "execution: not 16 hexadecimal digits"),
            ({"cause": "nothing"}, "cause: not 16 hexadecimal digits"),
            ({"random_id": "me"}, "random_id: missing"),
            ({"nsapp": "1.2.3.4"}, "nsapp: missing"),
        ],
    )
    def test_what_cannot_be_restored_is_refused(self, changes: dict[str, Any], reason: str) -> None:
        assert refusal(**changes) == reason

    def test_what_is_over(self) -> None:
        with pytest.raises(Rejected, match=TOO_OLD):
            restored(exported(from_event(FAILED)), INTAKE, first_day=MIDNIGHT // 86_400_000_000 + 1, now=NOW)

    @pytest.mark.parametrize(
        "changes",
        [
            *(
                {"day": "soon"},
                {"facet": "x"},
                {"dimension": "x"},
                {"status": "x"},
                {"count": 0},
                {"count": "7"},
                {"script": "1.2.3.4 lxc"},
            ),
            *(
                {"script": "redis"},
                {"value": "bob's own"},
                {"value": 7},
                {"dimension": "error"},
                {"dimension": "cores", "value": "x"},
            ),
        ],
    )
    def test_counts(self, changes: dict[str, Any]) -> None:
        row = exported_count(20_000, cells_of(from_event(FAILED), Sources(KNOWN_REPOS))[0], 7)
        with pytest.raises(Rejected):
            restored_count(row | changes, INTAKE, frozenset(KNOWN_REPOS))


@given(st.binary(max_size=80))
def test_any_joins_are_restored_or_refused(blob: bytes) -> None:
    try:
        again(exported(from_event(FAILED)), joins=b64encode(blob).decode())
    except Rejected as rejected:
        said = str(rejected)
    else:
        said = ""
    assert said in ("", "joins: cannot be read", "random_id: missing", "type: missing", "nsapp: missing")
