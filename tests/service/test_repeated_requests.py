"""Requests whose heads the service has seen before are answered as the first of them was, whatever comes around them."""

import os
import signal
import socket
from collections.abc import Callable

import msgspec
import pytest
from raw_requests import GOOD, POST, connected, exchange, post, statuses
from stored_data import StoredData

from running_service import Service, report

CLOSING = post(GOOD, "Connection: close")
FAILURE = report(status="failed", exit_code=100, error="E: Unable to locate package foo")
PAYLOADS = {
    "accepted": report(),
    "with dropped fields": report(gpu_model="x", os_version="?", exit_code="none"),
    "refused": report(type="spaceship"),
    "not JSON": [],
    "a failure": FAILURE,
}


def settled(service: Service) -> Service:
    """The same when it has rules for error lines: until then all reports go through the application, and no head is learnt."""
    assert service.client(source="127.0.0.9").post(FAILURE).status == 202
    return service


@pytest.fixture(scope="module")
def known(shared: Service) -> Service:
    return settled(shared)


def answers(service: Service, *requests: bytes) -> list[bytes]:
    """What comes back for each of these requests on one connection, sent when the one before is answered."""
    received = []
    with connected(service) as connection:
        for sent in requests:
            connection.sendall(sent)
            received.append(one_answer(connection))
    return received


def one_answer(connection: socket.socket) -> bytes:
    """The next answer; empty where the connection ended before."""
    data = b""
    while True:
        head, separator, body = data.partition(b"\r\n\r\n")
        if separator and len(body) >= int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]):
            return data
        chunk = connection.recv(65536)
        if not chunk:
            return b""
        data += chunk


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_a_repeated_request_is_answered_alike(known: Service, payload: object) -> None:
    sent = post(msgspec.json.encode(payload))
    first, *others = answers(known, *[sent] * 4)
    assert set(others) == {first}
    assert answers(known, sent) == [first]  # on another connection


def test_every_repeated_report_is_stored(known: Service) -> None:
    before = StoredData(known.data).last_seq()
    assert statuses(b"".join(answers(known, *[post(GOOD)] * 20))) == [202] * 20
    assert StoredData(known.data).last_seq() == before + 20


def test_it_may_come_in_pieces_or_with_others(known: Service) -> None:
    sent = post(GOOD)
    answers(known, sent, sent)
    assert statuses(exchange(known, sent + CLOSING, pieces=True, end=False)) == [202, 202]
    assert statuses(exchange(known, sent * 3 + CLOSING, end=False)) == [202] * 4
    with connected(known) as connection:
        for last in (sent, sent, CLOSING):  # what comes before the answer waits for it
            connection.sendall(sent)
            connection.sendall(post(b"[]"))
            connection.sendall(last)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    assert statuses(received) == [202, 400, 202] * 3


def test_the_begin_of_a_head_is_not_taken_for_one_that_ended_there(known: Service) -> None:
    begin = POST.removesuffix(b"\r\n")
    assert statuses(b"".join(answers(known, *[begin + b"\r\n\r\n"] * 2))) == [400, 400]
    with connected(known) as connection:
        connection.sendall(begin)
        answers(known, post(GOOD))  # until then the service has read it
        connection.sendall(post(GOOD).removeprefix(begin))
        assert statuses(one_answer(connection)) == [202]


def test_what_stood_before_a_request_is_no_part_of_its_head(known: Service) -> None:
    """A body that nobody read ends in the piece in which the next request comes."""
    tail = b"nobody reads this "
    unread = b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (len(tail) + 1)
    assert statuses(b"".join(answers(known, unread + b"!", tail + post(GOOD)))) == [200, 202]
    assert statuses(exchange(known, tail + post(GOOD))) == [400]


def test_the_limit_counts_it(new_service: Callable[..., Service]) -> None:
    service = settled(new_service(RATE_LIMIT_RPM="1", RATE_BURST="3").start())
    assert [statuses(answer) for answer in answers(service, *[post(GOOD)] * 5)] == [[202]] * 3 + [[429]] * 2


def test_a_network_named_by_a_proxy_counts_although_the_rest_was_seen(new_service: Callable[..., Service]) -> None:
    service = settled(new_service(RATE_LIMIT_RPM="1", RATE_BURST="1", TRUSTED_PROXIES_CIDR="127.0.0.0/8").start())
    assert statuses(b"".join(answers(service, post(GOOD), post(GOOD)))) == [202, 429]
    for number in range(3):
        sent = post(GOOD, f"X-Forwarded-For: 203.0.113.{number}")
        assert statuses(b"".join(answers(service, sent, sent))) == [202, 429]


def test_a_header_that_is_limited_by_counts_whichever_it_is(new_service: Callable[..., Service]) -> None:
    limits = {"RATE_LIMIT_RPM": "1", "RATE_BURST": "2", "TRUSTED_PROXIES_CIDR": "127.0.0.0/8"}
    service = settled(new_service(**limits, RATE_KEY_MODE="header", RATE_KEY_HEADER="User-Agent").start())
    for name in ("one", "another", "a third"):
        sent = post(GOOD, f"User-Agent: {name}")
        assert statuses(b"".join(answers(service, *[sent] * 3))) == [202, 202, 429]


def test_a_stop_waits_for_its_answer(new_service: Callable[..., Service]) -> None:
    service = settled(new_service().start())
    before = StoredData(service.data).last_seq()
    answered = 0
    with connected(service) as connection:
        while True:
            if answered == 100:
                os.kill(service.pid, signal.SIGTERM)
            try:
                connection.sendall(post(GOOD))
                answer = one_answer(connection)
            except OSError:
                break
            if not answer:
                break
            assert statuses(answer) == [202]
            answered += 1
    assert service.stop() == 0
    assert answered >= 100
    assert StoredData(service.data).last_seq() == before + answered
