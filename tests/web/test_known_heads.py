"""Heads that were parsed before: what is remembered of them, and of which nothing is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_service.web.known_heads import END_OF_HEAD, MAX_HEADS, KnownHeads

USUAL = [(b"host", b"x"), (b"user-agent", b"curl/8.5.0"), (b"content-type", b"application/json")]


def request(headers: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    lines = [b"%b: %b\r\n" % header for header in [*headers, (b"content-length", b"%d" % len(body))]]
    return b"POST /telemetry HTTP/1.1\r\n" + b"".join(lines) + b"\r\n" + body


def taught(headers: list[tuple[bytes, bytes]], body: bytes) -> KnownHeads:
    known = KnownHeads()
    known.learn(request(headers, body), [*headers, (b"content-length", b"%d" % len(body))], body)
    return known


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_another_body_of_the_same_length_is_found(first: bytes, second: bytes) -> None:
    known = taught(USUAL, first)
    found = known.body_of(request(USUAL, second))
    assert found == (second if len(first) == len(second) else None)


@given(st.binary(max_size=50), st.data())
def test_parts_of_a_request_and_more_than_one_are_left_to_the_parser(body: bytes, data: st.DataObject) -> None:
    known, whole = taught(USUAL, body), request(USUAL, body)
    cut = data.draw(st.integers(0, len(whole) - 1))
    assert known.body_of(whole[:cut]) is None
    assert known.body_of(whole + whole[:cut] + b"!") is None
    assert known.body_of(whole.partition(END_OF_HEAD)[0]) is None
    assert known.body_of(whole + whole) is None


@pytest.mark.parametrize(
    "header",
    [
        (b"x-forwarded-for", b"203.0.113.9"),
        (b"forwarded", b"for=203.0.113.9"),
        (b"connection", b"close"),
        (b"content-encoding", b"gzip"),
        (b"transfer-encoding", b"chunked"),
        (b"authorization", b"Bearer x"),
        (b"expect", b"100-continue"),
        (b"x-newer", b"1"),
    ],
)
def test_a_head_that_says_more_is_not_remembered(header: tuple[bytes, bytes]) -> None:
    assert len(taught([*USUAL, header], b"{}")) == 0


def test_a_request_that_came_in_pieces_teaches_nothing() -> None:
    known = KnownHeads()
    known.learn(request(USUAL, b"{}")[:-1], USUAL, b"{}")
    known.learn(b"POST /telemetry HTTP/1.1\r\nHost: x", USUAL, b"")
    assert len(known) == 0


def test_nothing_of_a_head_can_be_read_from_what_is_kept() -> None:
    assert b"curl" not in repr(vars(taught(USUAL, b"{}"))).encode()


def test_a_flood_of_heads_is_forgotten_again() -> None:
    known = KnownHeads()
    for number in range(3 * MAX_HEADS):
        headers = [*USUAL, (b"accept", b"%d" % number)]
        known.learn(request(headers, b"{}"), headers, b"{}")
        assert len(known) <= MAX_HEADS
    assert known.body_of(request(headers, b"[]")) == b"[]"
