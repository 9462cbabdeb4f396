"""From a body to an event: what refuses it, what is dropped from it, and that nothing of it leaks."""

import json
import traceback
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from explaining import EXPLAIN
from telemetry_service.core.errors import Rejected
from telemetry_service.core.event import decode_event, encode_event
from telemetry_service.core.exit_codes import EXIT_CODES
from telemetry_service.core.fields import BY_NAME, FIELDS, OPTIONAL_FIELDS, Kind
from telemetry_service.core.identity import Identities
from telemetry_service.core.intake import Accepted, Intake, Policy

KNOWN = ("community-scripts/ProxmoxVE", "community-scripts/ProxmoxVED", "someone/scripts")
IDS = Identities(b"k" * 32)
INTAKE = Intake(Policy(known_repos=KNOWN), IDS, EXPLAIN)
EXTENDED = Intake(Policy(known_repos=KNOWN, extended_fields=frozenset(OPTIONAL_FIELDS)), IDS, EXPLAIN)
NOW = 1_767_225_600_000_000
RANDOM_ID = "5f0c3b8e-9c1d-4e7a-8b2f-1d2c3b4a5f60"
EXECUTION_ID = "0b9f8a7e-1111-4222-8333-944455566677"
REQUIRED = {"random_id": RANDOM_ID, "type": "lxc", "nsapp": "jellyfin", "status": "success"}


def accept(intake: Intake = INTAKE, /, **fields: Any) -> Accepted:
    payload = {name: value for name, value in (REQUIRED | fields).items() if value is not ...}
    return intake.accept(json.dumps(payload).encode(), NOW)


def refusal(**fields: Any) -> str:
    with pytest.raises(Rejected) as caught:
        accept(**fields)
    return str(caught.value)


def dropped(accepted: Accepted) -> list[str]:
    return [name for name, _ in accepted.dropped]


class TestRefusals:
    def test_the_smallest_event(self) -> None:
        accepted = accept()
        assert accepted.dropped == ()
        assert accepted.event.random_id == UUID(RANDOM_ID).bytes
        assert accepted.event.received_at == NOW
        assert (accepted.event.type, accepted.event.nsapp, accepted.event.status) == ("lxc", "jellyfin", "success")

    @pytest.mark.parametrize("name", REQUIRED)
    @pytest.mark.parametrize("value", [..., None, "", " ", "-", "none"], ids=repr)
    def test_a_required_field_is_missing(self, name: str, value: Any) -> None:
        assert refusal(**{name: value}) == f"{name}: missing"

    @pytest.mark.parametrize(
        ("name", "value", "reason"),
        [
            ("random_id", {"a": 1}, "not a usable id"),
            ("random_id", "a" * 129, "not a usable id"),
            ("random_id", True, "not a usable id"),
            ("random_id", "unknown", "missing"),
            ("type", "container", "not one of lxc, vm, turnkey, pve, addon, tool"),
            ("type", 1, "not one of lxc, vm, turnkey, pve, addon, tool"),
            ("nsapp", "../../etc", "not a usable name"),
            ("nsapp", "10.0.0.1", "not a usable name"),
            ("nsapp", ["a"], "not a usable name"),
        ],
    )
    def test_a_required_field_is_not_usable(self, name: str, value: Any, reason: str) -> None:
        assert refusal(**{name: value}) == f"{name}: {reason}"

    @pytest.mark.parametrize("body", [b"", b"null", b"[]", b"1", b'"text"', b"[" * 64, b"garbage", b"\xff\x00", b"{}"])
    def test_what_is_no_event(self, body: bytes) -> None:
        with pytest.raises(Rejected):
            INTAKE.accept(body, NOW)

    def test_unknown_fields_do_not_refuse(self) -> None:
        assert accept(new_field={"deep": [1, 2]}, hostname="pve1").dropped == ()


class TestStatus:
    @pytest.mark.parametrize("value", ["finished", 3, {}, ["success"], "x" * 500, False])
    def test_another_value_counts_as_configuring_and_is_reported(self, value: Any) -> None:
        accepted = accept(status=value, exit_code=1)
        assert accepted.event.status == "configuring"
        assert accepted.event.exit_code is None
        assert dropped(accepted) == ["status"]

    @pytest.mark.parametrize("value", ["done", "sucess", "DONE", "Success"])
    def test_spellings_of_success(self, value: str) -> None:
        assert accept(status=value).event.status == "success"

    def test_unknown_is_a_status(self) -> None:
        assert accept(status="unknown").event.status == "unknown"


class TestOptionalFields:
    VALUES = {  # noqa: RUF012 - read only
        "disk_size": ("32G", 32),
        "core_count": ("4", 4),
        "ram_size": (2048, 2048),
        "os_type": ("Debian", "debian"),
        "os_version": ("12", "12"),
        "pve_version": ("8.4.1", "8.4.1"),
        "method": ("Advanced", "advanced"),
        "exit_code": ("7", 7),
        "gpu_vendor": ("intel", "intel"),
        "cpu_vendor": ("AMD", "amd"),
        "install_duration": (95, 95),
        "ct_type": (1, 1),
        "gpu_passthrough": ("igpu", "igpu"),
        "arch": ("x86_64", "amd64"),
        "platform": ("pve", "pve"),
        "repo_source": ("ProxmoxVED", "ProxmoxVED"),
        "repo_slug": ("Community-Scripts/proxmoxve", "community-scripts/ProxmoxVE"),
    }
    FALLBACKS = {"os_type": "other", "repo_source": "external"}  # noqa: RUF012 - read only

    def test_the_cases_cover_the_table(self) -> None:
        read_elsewhere = {"random_id", "execution_id", "type", "nsapp", "status", "error", "error_category"}
        assert set(self.VALUES) == set(BY_NAME) - read_elsewhere - set(OPTIONAL_FIELDS)

    @pytest.mark.parametrize("name", VALUES)
    def test_accepted(self, name: str) -> None:
        value, stored = self.VALUES[name]
        accepted = accept(status="failed", **{name: value})
        assert getattr(accepted.event, name) == stored
        assert accepted.dropped == ()

    @pytest.mark.parametrize("name", VALUES)
    def test_keys_in_any_case(self, name: str) -> None:
        value, stored = self.VALUES[name]
        assert getattr(accept(status="failed", **{name.upper(): value}).event, name) == stored

    @pytest.mark.parametrize("name", VALUES)
    @pytest.mark.parametrize("value", [{"a": 1}, "<script>", True], ids=repr)
    def test_dropped_and_named(self, name: str, value: Any) -> None:
        accepted = accept(status="failed", **{name: value})
        assert dropped(accepted) == [name]
        assert getattr(accepted.event, name) == self.FALLBACKS.get(name)

    @pytest.mark.parametrize("name", VALUES)
    @pytest.mark.parametrize("value", [None, "", "-", "none", "unknown"], ids=repr)
    def test_absent_is_not_dropped(self, name: str, value: Any) -> None:
        accepted = accept(status="failed", **{name: value})
        assert accepted.dropped == ()
        assert getattr(accepted.event, name) is None

    @pytest.mark.parametrize("name", ["disk_size", "core_count", "ram_size", "install_duration"])
    @pytest.mark.parametrize("value", [0, "0", 0.0], ids=repr)
    def test_zero_is_absent(self, name: str, value: Any) -> None:
        accepted = accept(**{name: value})
        assert (getattr(accepted.event, name), accepted.dropped) == (None, ())

    def test_has_arm(self) -> None:
        assert accept(has_arm=True).event.arch == "arm64"
        assert accept(has_arm="true").event.arch == "arm64"
        assert accept(has_arm=True, arch="amd64").event.arch == "amd64"
        assert accept(has_arm=True, arch="unknown").event.arch == "arm64"
        assert accept(has_arm=False).event.arch is None
        assert accept(has_arm={"a": 1}).event.arch is None

    def test_the_outcome_needs_a_terminal_status(self) -> None:
        given_outcome: dict[str, Any] = {"exit_code": 1, "install_duration": 9, "error": "x", "error_category": "apt"}
        event = accept(status="configuring", **given_outcome).event
        assert (event.exit_code, event.install_duration, event.error, event.error_category) == (None,) * 4
        event = accept(status="failed", **given_outcome).event
        assert (event.exit_code, event.install_duration) == (1, 9)

    @pytest.mark.parametrize("name", OPTIONAL_FIELDS)
    def test_extended_fields_only_when_configured(self, name: str) -> None:
        accepted = accept(**{name: "UHD Graphics 630"})
        assert (getattr(accepted.event, name), dropped(accepted)) == (None, [name])
        accepted = accept(EXTENDED, **{name: "UHD Graphics 630"})
        assert (getattr(accepted.event, name), accepted.dropped) == ("UHD Graphics 630", ())

    @pytest.mark.parametrize("name", OPTIONAL_FIELDS)
    @pytest.mark.parametrize("value", [None, "", "unknown", "-"], ids=repr)
    def test_nothing_is_dropped_of_an_extended_field_without_a_value(self, name: str, value: Any) -> None:
        assert accept(**{name: value}).dropped == ()
        assert accept(EXTENDED, **{name: value}).dropped == ()

    def test_error_that_is_no_text(self) -> None:
        accepted = accept(status="failed", exit_code=1, error={"a": 1})
        assert dropped(accepted) == ["error"]
        assert accepted.event.error == EXIT_CODES[1].meaning


class TestRepository:
    @pytest.mark.parametrize(
        ("source", "slug", "expected_source", "expected_slug", "expected_dropped"),
        [
            (..., ..., None, None, []),
            ("", "", None, None, []),
            ("ProxmoxVED", ..., "ProxmoxVED", None, []),
            ("myfork", ..., "external", None, ["repo_source"]),
            (..., "community-scripts/ProxmoxVE", "ProxmoxVE", "community-scripts/ProxmoxVE", []),
            (..., "COMMUNITY-SCRIPTS/proxmoxved", "ProxmoxVED", "community-scripts/ProxmoxVED", []),
            (..., "someone/scripts", "external", "someone/scripts", []),
            (..., "private-person/fork", "external", None, ["repo_slug"]),
            ("", "private-person/fork", "external", None, ["repo_slug"]),
            ("ProxmoxVE", "private-person/fork", "ProxmoxVE", None, ["repo_slug"]),
            (..., "https://github.com/private-person/fork", "external", None, ["repo_slug"]),
            (..., "a" * 200 + "/b", "external", None, ["repo_slug"]),
            ("ProxmoxVE", "not a slug", "ProxmoxVE", None, ["repo_slug"]),
        ],
    )
    def test_source_and_slug(
        self, source: Any, slug: Any, expected_source: Any, expected_slug: Any, expected_dropped: list[str]
    ) -> None:
        accepted = accept(repo_source=source, repo_slug=slug)
        event = accepted.event
        assert (event.repo_source, event.repo_slug, dropped(accepted)) == (
            expected_source,
            expected_slug,
            expected_dropped,
        )


class TestIds:
    def test_one_execution_is_one_number_for_every_spelling_of_its_id(self) -> None:
        first = accept(execution_id=EXECUTION_ID).event
        assert first.execution == accept(execution_id=EXECUTION_ID.upper()).event.execution
        assert first.execution == accept(execution_id=EXECUTION_ID.replace("-", "")).event.execution
        assert first.execution == accept(execution_id=EXECUTION_ID, nsapp="other", type="vm").event.execution
        assert first.execution != accept(execution_id=RANDOM_ID).event.execution

    @pytest.mark.parametrize("value", [..., None, "", "-", "none", "unknown"], ids=repr)
    def test_without_an_execution_id_the_random_id_serves(self, value: Any) -> None:
        accepted = accept(execution_id=value)
        assert accepted.event.execution == accept(execution_id=RANDOM_ID).event.execution
        assert accepted.dropped == ()

    @pytest.mark.parametrize("value", [{}, "a" * 129, True], ids=lambda value: repr(value)[:9])
    def test_an_execution_id_that_cannot_be_used_is_dropped(self, value: Any) -> None:
        accepted = accept(execution_id=value)
        assert accepted.event.execution == accept().event.execution
        assert dropped(accepted) == ["execution_id"]

    def test_the_execution_id_is_stored_nowhere(self) -> None:
        encoded = encode_event(accept(execution_id=EXECUTION_ID).event)
        assert UUID(EXECUTION_ID).bytes not in encoded
        assert EXECUTION_ID.encode() not in encoded

    def test_another_id_becomes_a_uuid_that_only_this_key_derives(self) -> None:
        event = accept(random_id="my-machine-7").event
        assert UUID(bytes=event.random_id).version == 8
        assert event.random_id == accept(random_id=" my-machine-7 ", nsapp="immich", type="vm").event.random_id
        other = Intake(Policy(known_repos=KNOWN), Identities(b"x" * 32), EXPLAIN)
        assert event.random_id != accept(other, random_id="my-machine-7").event.random_id

    @pytest.mark.parametrize("id_", ["tool-1767225600", "addon-1767225600"])
    def test_ids_that_collide_between_machines_are_derived_with_app_and_type(self, id_: str) -> None:
        def ids(**fields: Any) -> tuple[bytes, int]:
            event = accept(random_id=id_, **fields).event
            return event.random_id, event.execution

        assert ids(type="tool") == ids(type="tool")
        assert len({ids(type="tool"), ids(type="addon"), ids(type="tool", nsapp="x")}) == 3
        assert len({random_id for random_id, _ in (ids(type="tool"), ids(type="addon"))}) == 2

    @given(st.text(min_size=1, max_size=128))
    def test_any_text_becomes_a_uuid(self, text: str) -> None:
        event = accept(random_id=f"x{text[1:]}").event
        assert len(event.random_id) == 16
        assert -(2**63) <= event.execution < 2**63


class TestOutcome:
    def test_a_failure_without_text_gets_the_meaning_of_its_code(self) -> None:
        assert accept(status="failed", exit_code=7).event.error == EXIT_CODES[7].meaning
        assert accept(status="failed").event.error == "exit code not reported"
        assert accept(status="failed", exit_code=200).event.error == EXIT_CODES[200].meaning
        assert accept(status="failed", exit_code=99).event.error == "exit code without a known meaning"

    def test_a_success_has_no_error(self) -> None:
        event = accept(status="success", exit_code=0, error="warning: something", error_category="apt").event
        assert (event.error, event.error_category) == (None, None)

    def test_an_unreadable_exit_code_is_not_zero(self) -> None:
        for code in (..., None, "x", "", "unknown", -1, 256, 1e9, [0], False):
            event = accept(status="failed", exit_code=code).event
            assert (event.status, event.exit_code) == ("failed", None)
        assert accept(status="failed", exit_code="0").event.status == "success"

    def test_classification_reads_the_text(self) -> None:
        event = accept(status="failed", exit_code=1, error="dpkg: oops\nNo space left on device").event
        assert event.error_category == "storage"
        assert accept(status="failed", error="Cancelled by user").event.status == "aborted"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
usual_values = st.sampled_from(
    [
        "lxc",
        "success",
        "failed",
        "-",
        "unknown",
        "none",
        "32G",
        "12",
        "1.2.3.4",
        0,
        1,
        130,
        "130",
        RANDOM_ID,
        "tool-1",
        "a/b",
    ]
)
payloads = st.dictionaries(
    st.sampled_from([*BY_NAME, "has_arm", "Status", "NSAPP"]) | st.text(max_size=8),
    json_values | usual_values,
    max_size=30,
)


def attempt(body: bytes, intake: Intake) -> Accepted | Rejected:
    try:
        return intake.accept(body, NOW)
    except Rejected as rejected:
        return rejected


def accept_any(body: bytes) -> Accepted | None:
    accepted = attempt(body, EXTENDED)
    if isinstance(accepted, Rejected):
        assert accepted.field in {"body", *REQUIRED}
        return None
    assert decode_event(encode_event(accepted.event)) == accepted.event
    assert set(dropped(accepted)) <= set(BY_NAME)
    assert len(set(dropped(accepted))) == len(accepted.dropped)
    for field in FIELDS:
        value = getattr(accepted.event, field.name, None)
        if field.kind is Kind.INTEGER and value is not None:
            assert field.minimum <= value <= field.maximum
        if field.kind is Kind.ENUM and value is not None:
            assert value in field.values
    return accepted


@given(payloads)
@example({"random_id": 10**300, "type": "lxc", "nsapp": 1e300, "status": {}})
def test_any_object_is_accepted_or_rejected(payload: dict[str, Any]) -> None:
    accept_any(json.dumps(payload).encode())


@given(payloads)
def test_any_object_with_the_required_fields_is_accepted(payload: dict[str, Any]) -> None:
    lowered = {name: value for name, value in payload.items() if name.lower() not in REQUIRED}
    assert accept_any(json.dumps(lowered | REQUIRED).encode()) is not None


@given(st.binary(max_size=300) | st.text(st.sampled_from('{}[]":,\\\n 0aes'), max_size=200).map(str.encode))
def test_any_bytes_are_accepted_or_rejected(body: bytes) -> None:
    accept_any(body)


@given(payloads, st.integers(0, 400), st.binary(max_size=4))
def test_a_damaged_body_is_accepted_or_rejected(payload: dict[str, Any], at: int, junk: bytes) -> None:
    body = json.dumps(payload | REQUIRED, indent=2).encode()
    accept_any(body[:at] + junk + body[at + len(junk) :])
    accept_any(body[:at])


CANARY = "<canary@9f3a>"
SHAPES: list[Any] = [
    CANARY,
    f"x {CANARY}",
    [CANARY],
    {CANARY: CANARY},
    CANARY * 20,
    f"{CANARY}\n---\n{CANARY}",
    f"{CANARY}/x",
]


class TestNothingLeaks:
    """No client text in an event, in what was dropped, or in a refusal and its traceback."""

    @pytest.mark.parametrize("intake", [INTAKE, EXTENDED], ids=["default", "extended"])
    @pytest.mark.parametrize("shape", SHAPES, ids=range(len(SHAPES)))
    @pytest.mark.parametrize("status", ["failed", "success", "aborted", "unknown", "installing"])
    @pytest.mark.parametrize("name", [*BY_NAME, "has_arm", "hostname"])
    def test_canary(self, name: str, status: str, shape: Any, intake: Intake) -> None:
        payload = REQUIRED | {"status": status, "exit_code": 1, name: shape}
        accepted = attempt(json.dumps(payload).encode(), intake)
        if isinstance(accepted, Rejected):
            told = "".join(traceback.format_exception(accepted)) + repr(accepted)
            assert accepted.__context__ is None
        else:
            told = str(accepted.dropped) + encode_event(accepted.event).decode("latin-1")
        assert "@9f3a" not in told

    @pytest.mark.parametrize(
        "body", [CANARY.encode(), b'"%b"' % CANARY.encode(), b'{"a": %b' % CANARY.encode(), b"[" * 40 + CANARY.encode()]
    )
    def test_canary_in_what_is_no_object(self, body: bytes) -> None:
        with pytest.raises(Rejected) as caught:
            INTAKE.accept(body, NOW)
        assert caught.value.__context__ is None
        assert "@9f3a" not in "".join(traceback.format_exception(caught.value)) + repr(caught.value)

    @given(
        st.text(max_size=60),
        st.text(max_size=60),
        st.sampled_from(["failed", "aborted", "unknown"]),
        st.none() | st.integers(0, 255),
    )
    def test_an_address_in_the_error_is_not_kept(self, before: str, after: str, status: str, exit_code: int | None) -> None:
        event = accept(status=status, exit_code=exit_code, error=before + CANARY + after).event
        assert "9f3a" not in (event.error or "")
        assert len(event.error or "") <= 120


def test_event_has_no_room_for_unknown_fields() -> None:
    event = accept(hostname="pve1", ip="10.0.0.1").event
    assert "pve1" not in str(msgspec.structs.asdict(event))
