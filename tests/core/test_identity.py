"""Ids as they are stored."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_service.core.identity import Identities

IDS = Identities(b"k" * 32)
OTHER = Identities(b"x" * 32)


def test_a_key_has_32_bytes() -> None:
    for size in (0, 16, 31, 33):
        with pytest.raises(ValueError, match="32 bytes"):
            Identities(b"k" * size)


@given(st.uuids())
def test_a_uuid_is_kept_in_any_spelling(uuid: UUID) -> None:
    for text in (str(uuid), str(uuid).upper(), uuid.hex):
        assert IDS.uuid(text, "app", "lxc") == uuid.bytes


@given(st.text(max_size=128), st.text(max_size=8), st.text(max_size=8))
def test_everything_else_is_derived_with_the_key(text: str, app: str, type_: str) -> None:
    derived = IDS.uuid(f"x{text}", app, type_)
    assert UUID(bytes=derived).version == 8
    assert UUID(bytes=derived).variant == "specified in RFC 4122"
    assert derived != OTHER.uuid(f"x{text}", app, type_)


def test_only_ids_made_of_seconds_depend_on_the_script() -> None:
    assert IDS.uuid("tool-17", "a", "tool") != IDS.uuid("tool-17", "b", "tool")
    assert IDS.uuid("addon-17", "a", "tool") != IDS.uuid("addon-17", "a", "addon")
    for id_ in ("tool-x", "tools-17", "lxc-17", "tool-17-1"):
        assert IDS.uuid(id_, "a", "tool") == IDS.uuid(id_, "b", "addon")


def test_app_and_type_do_not_run_into_each_other() -> None:
    assert IDS.uuid("tool-17", "ab", "c") != IDS.uuid("tool-17", "a", "bc")


@given(st.binary(min_size=16, max_size=16))
def test_hashes_of_one_id_for_several_uses_have_nothing_in_common(uuid: bytes) -> None:
    execution = IDS.execution(uuid)
    person = IDS.person(uuid)
    assert -(2**63) <= execution < 2**63
    assert 0 <= person < 2**48
    assert execution != OTHER.execution(uuid)
    assert person != OTHER.person(uuid)
    assert execution.to_bytes(8, "big", signed=True)[:6] != (person << 1).to_bytes(6, "big")
    assert len(IDS.handle(execution)) == 12
    assert IDS.token(uuid.hex()) != OTHER.token(uuid.hex())


def test_handles_differ() -> None:
    assert len({IDS.handle(IDS.execution(uuid4().bytes)) for _ in range(1000)}) == 1000
