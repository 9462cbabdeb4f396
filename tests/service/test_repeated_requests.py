"""Requests whose heads the service has seen before are answered as the first of them was, whatever comes around them."""

import os
import signal
import socket
from collections.abc import Callable

import msgspec
import pytest
from raw_requests import GOOD, connected, exchange, post, statuses
from stored_data import StoredData

from running_service import Service, report

CLOSING = post(GOOD, "Connection: close")
PAYLOADS = {
    "accepted": report(),
    "with dropped fields": report(gpu_model="x", os_version="?", exit_code="none"),
    "refused": report(type="spaceship"),
    "not JSON": [],
    "a failure": report(status="failed", exit_code=100, error="E: Unable to locate package foo"),
}


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
def test_a_repeated_request_is_answered_alike(shared: Service, payload: object) -> None:
    sent = post(msgspec.json.encode(payload))
    first, *others = answers(shared, *[sent] * 4)
    assert set(others) == {first}
    assert answers(shared, sent) == [first]  # on another connection


def test_every_repeated_report_is_stored(shared: Service) -> None:
    before = StoredData(shared.data).last_seq()
    assert statuses(b"".join(answers(shared, *[post(GOOD)] * 20))) == [202] * 20
    assert StoredData(shared.data).last_seq() == before + 20


def test_it_may_come_in_pieces_or_with_others(shared: Service) -> None:
    sent = post(GOOD)
    answers(shared, sent, sent)
    assert statuses(exchange(shared, sent + CLOSING, pieces=True, end=False)) == [202, 202]
    assert statuses(exchange(shared, sent * 3 + CLOSING, end=False)) == [202] * 4
    with connected(shared) as connection:
        for last in (sent, sent, CLOSING):  # what comes before the answer waits for it
            connection.sendall(sent)
            connection.sendall(post(b"[]"))
            connection.sendall(last)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    assert statuses(received) == [202, 400, 202] * 3


def test_the_limit_counts_it(new_service: Callable[..., Service]) -> None:
    service = new_service(RATE_LIMIT_RPM="1", RATE_BURST="3").start()
    assert [statuses(answer) for answer in answers(service, *[post(GOOD)] * 5)] == [[202]] * 3 + [[429]] * 2


def test_a_network_named_by_a_proxy_counts_although_the_rest_was_seen(new_service: Callable[..., Service]) -> None:
    service = new_service(RATE_LIMIT_RPM="1", RATE_BURST="1", TRUSTED_PROXIES_CIDR="127.0.0.0/8").start()
    assert statuses(b"".join(answers(service, post(GOOD), post(GOOD)))) == [202, 429]
    for number in range(3):
        sent = post(GOOD, f"X-Forwarded-For: 203.0.113.{number}")
        assert statuses(b"".join(answers(service, sent, sent))) == [202, 429]


def test_a_stop_waits_for_its_answer(new_service: Callable[..., Service]) -> None:
    service = new_service(RATE_LIMIT_RPM="0", RATE_LIMIT_NEW_PER_HOUR="0").start()
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
    assert StoredData(service.data).last_seq() == answered
