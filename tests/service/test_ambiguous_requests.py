"""What is no HTTP, or may be read in more than one way."""

import gzip
import os
import random
from collections.abc import Callable

import pytest
from raw_requests import AMBIGUOUS, CHUNK, CHUNKED, GOOD, PLAIN, POST, UPGRADE, exchange, post, statuses
from stored_data import StoredData

from running_service import Client, Service

ROUNDS = int(os.environ.get("SOAK_ROUNDS", "1"))
STATUSES = {200, 202, 204, 303, 304, 400, 401, 403, 404, 405, 408, 413, 429, 431, 503}
NEXT = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
PIECES = pytest.mark.parametrize("pieces", [False, True], ids=["at once", "by the byte"])


@PIECES
@pytest.mark.parametrize("shape", AMBIGUOUS)
def test_ambiguous_requests_are_refused(shared: Service, shape: str, pieces: bool) -> None:
    before = StoredData(shared.data).last_seq()
    assert statuses(exchange(shared, AMBIGUOUS[shape] + NEXT, end=False, pieces=pieces)) == [400]
    assert StoredData(shared.data).last_seq() == before


@PIECES
@pytest.mark.parametrize("shape", PLAIN)
def test_odd_requests_are_taken_and_end_where_they_end(shared: Service, shape: str, pieces: bool) -> None:
    answered = statuses(exchange(shared, PLAIN[shape] + NEXT, end=False, pieces=pieces))
    assert answered == ([202] if "old version" in shape else [202, 200])


def test_a_pipeline_of_upgrades(shared: Service) -> None:
    """Each of them begins anew with what came behind it."""
    one = b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + UPGRADE + b"\r\n"
    assert statuses(exchange(shared, one * 300 + NEXT, end=False)) == [200] * 301


def test_a_trailer_is_no_header(new_service: Callable[..., Service]) -> None:
    """A proxy passes trailers on as they are: whoever could name his own network there would have no limit."""
    service = new_service(RATE_LIMIT_RPM="1", RATE_BURST="2", TRUSTED_PROXIES_CIDR="127.0.0.0/8").start()
    answered = []
    for number in range(4):
        claim = b"X-Forwarded-For: 198.51.100.%d\r\n" % number
        asked = POST + b"X-Forwarded-For: 203.0.113.7\r\n" + CHUNKED + b"Connection: close\r\n\r\n"
        answered += statuses(exchange(service, asked + CHUNK + b"0\r\n" + claim + b"\r\n", end=False))
    assert answered == [202, 202, 429, 429]


def test_a_request_hidden_in_a_body_is_not_one(shared: Service) -> None:
    hidden = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    assert statuses(exchange(shared, post(hidden, "Connection: close"), end=False)) == [400]


def test_pipelined_requests_are_answered_in_order(shared: Service) -> None:
    asked = post(GOOD) + b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + post(b"[]") + post(GOOD, "Connection: close")
    assert statuses(exchange(shared, asked, end=False)) == [202, 200, 400, 202]


def test_a_broken_request_does_not_spoil_those_before_it(shared: Service) -> None:
    assert statuses(exchange(shared, post(GOOD) + post(GOOD) + b"no HTTP\r\n\r\n", end=False)) == [202, 202]


def test_another_protocol_behind_a_request(shared: Service) -> None:
    behind = AMBIGUOUS["RTSP"].replace(b"healthz", b"readyz")
    assert statuses(exchange(shared, post(GOOD) + post(GOOD) + behind + NEXT, end=False)) == [202, 202]


def test_random_bytes(shared: Service, client: Client) -> None:
    """Requests with bytes changed, removed, doubled: an answer that is documented, or none; and the service goes on."""
    dice = random.Random(os.urandom(8))
    seeds = [*AMBIGUOUS.values(), *PLAIN.values(), post(GOOD), post(gzip.compress(GOOD), "Content-Encoding: gzip")]
    for _ in range(60 * ROUNDS):
        data = bytearray(dice.choice(seeds) + dice.choice(seeds))
        for _ in range(dice.randint(1, 8)):
            place = dice.randrange(len(data))
            change = dice.randrange(3)
            data[place : place + dice.randint(0, 3)] = dice.randbytes(change) if change else data[place : place + 20]
        answered = statuses(exchange(shared, bytes(data)))
        assert set(answered) <= STATUSES, bytes(data)
    assert client.send("GET", "/healthz").status == 200
