"""Attacks over raw sockets: what is too much, and what takes too long."""

import contextlib
import gzip
import http.client
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from raw_requests import GOOD, connected, exchange, post, statuses
from stored_data import StoredData

from running_service import PATIENCE_SECONDS, Client, Service, report, resident_bytes, wait_until

HALF_OPEN = 500


def test_a_pipeline_waits_outside(shared: Service, client: Client) -> None:
    """Requests far ahead of their answers are not read, and all are answered in the end."""
    client.post(report())
    before = resident_bytes(shared.pid)
    asked = 30_000
    with connected(shared) as connection:
        sender = threading.Thread(target=connection.sendall, args=(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * asked,))
        sender.start()
        received, most = b"", 0
        while received.count(b"HTTP/1.1 200") < asked:
            chunk = connection.recv(65536)
            assert chunk
            received += chunk
            most = max(most, resident_bytes(shared.pid))
        sender.join()
    assert most - before < 20_000_000


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 1_000_000,
        b"A" * 10_000_000,
    ],
    ids=["path", "value", "many", "endless", "no request at all"],
)
def test_large_heads_are_refused(shared: Service, client: Client, head: bytes) -> None:
    answered = statuses(exchange(shared, head))
    assert set(answered) <= {431, 400}
    assert client.post(report()).status == 202


def test_endless_chunks_and_trailers_are_refused(shared: Service) -> None:
    start = b"POST /telemetry HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    for more in ((b"1;" + b"x" * 100 + b"\r\na\r\n") * 20_000, b"0\r\n" + b"A: b\r\n" * 300_000, b"1\r\na\r\n" * 300_000):
        assert set(statuses(exchange(shared, start + more))) <= {413, 431, 400}


def test_bombs_are_refused_in_no_time(client: Client) -> None:
    zeros = gzip.compress(b"0" * 50_000_000)
    nested = b'{"random_id":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    braces = b'{"a":' * 40_000
    quotes = b'{"error": "' + b'\\"' * 100_000
    numbers = b'{"disk_size": ' + b"9" * 200_000 + b"}"
    for body, headers in (
        (zeros[:200_000], {"Content-Encoding": "gzip"}),
        (gzip.compress(gzip.compress(nested)), {"Content-Encoding": "gzip"}),
        (nested, {}),
        (braces, {}),
        (quotes, {}),
        (numbers, {}),
    ):
        began = time.monotonic()
        assert client.post(body, headers).status in (400, 413)
        assert time.monotonic() - began < 2
        assert client.post(report()).status == 202


@pytest.fixture
def half_open(shared: Service) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [stack.enter_context(connected(shared)) for _ in range(HALF_OPEN)]


def test_half_open_connections_delay_nobody(client: Client, half_open: list[socket.socket]) -> None:
    for number, connection in enumerate(half_open):
        connection.sendall((b"", b"POST /tele", post(GOOD)[:-10], b"GET /healthz HTTP/1.1\r\n")[number % 4])
    slowest = 0.0
    for _ in range(50):
        began = time.monotonic()
        assert client.post(report()).status == 202
        slowest = max(slowest, time.monotonic() - began)
    assert slowest < 2  # alone it takes milliseconds


def test_slow_senders_are_dropped(shared: Service) -> None:
    """Some bytes now and then keep no connection: 10 seconds for the head. Bodies are in test_connections.py."""
    with connected(shared) as silent, connected(shared) as slow_head:
        slow_head.sendall(b"GET /healthz HTTP/1.1\r\n")
        ends: dict[socket.socket, bytes] = {}
        began = time.monotonic()
        for one in (silent, slow_head):
            one.setblocking(False)
        while len(ends) < 2:
            assert time.monotonic() - began < PATIENCE_SECONDS
            if slow_head not in ends:
                try:
                    slow_head.send(b"X: y\r\n")
                except OSError:
                    ends[slow_head] = b""
            for one in (silent, slow_head):
                try:
                    received = one.recv(65536)
                except BlockingIOError:
                    continue
                except ConnectionResetError:
                    received = b""
                ends[one] = ends.get(one, b"") or received
            time.sleep(0.2)
    assert set(statuses(ends[slow_head])) <= {408, 400}


def test_who_does_not_read_is_dropped_and_holds_little(new_service: Callable[..., Service]) -> None:
    service = new_service(MAX_CONNECTIONS="200").start()
    before = resident_bytes(service.pid)
    asked = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(150):
            connection = stack.enter_context(connected(service))
            connection.sendall(asked * 8)
        assert service.client().post(report()).status == 202
        assert resident_bytes(service.pid) - before < 150_000_000


def test_who_does_not_read_makes_room(new_service: Callable[..., Service]) -> None:
    """Answers that nobody takes: their connections are no reason to turn anybody away."""
    service = new_service(MAX_CONNECTIONS="10").start()
    with ExitStack() as stack:
        for number in range(10):
            deaf = stack.enter_context(socket.socket())
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.bind((f"127.0.0.{number + 2}", 0))
            deaf.connect(service.address)
            deaf.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 90)  # read at once: none is half there
        wait_until(lambda: is_let_in(service), "the answers to be stuck, and a newcomer to be let in")


def is_let_in(service: Service) -> bool:
    try:
        return service.client().post(report()).status == 202
    except (OSError, http.client.HTTPException):
        return False


def test_who_comes_behind_a_crowd_is_let_in(service: Service) -> None:
    """100 connections have much to ask. Who comes after them has his answer before they have half of theirs."""
    asked, crowd_size = 60, 100
    with ExitStack() as stack:
        os.kill(service.pid, signal.SIGSTOP)
        crowd = [stack.enter_context(connected(service)) for _ in range(crowd_size)]
        for one in crowd:
            one.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * asked)
        last = stack.enter_context(connected(service))
        last.sendall(post(GOOD))
        os.kill(service.pid, signal.SIGCONT)
        assert statuses(last.recv(65536)) == [202]
        os.kill(service.pid, signal.SIGSTOP)
        answered = 0
        for one in crowd:
            one.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                answered += one.recv(1_000_000).count(b"HTTP/1.1 200")
        os.kill(service.pid, signal.SIGCONT)
    assert answered < asked * crowd_size / 2


def test_connections_are_bounded_and_newcomers_let_in(new_service: Callable[..., Service]) -> None:
    service = new_service(MAX_CONNECTIONS="50").start()
    good = service.client("127.0.0.2")
    assert good.post(report()).status == 202
    with ExitStack() as stack:
        crowd = [stack.enter_context(connected(service)) for _ in range(300)]
        assert service.client("127.0.0.3").post(report()).status == 202
        assert good.post(report()).status == 202  # the crowd made room among itself
        wait_until(lambda: open_sockets(service) <= 60, "the crowd to be thinned out")
        assert len(crowd) == 300


def test_unfinished_bodies_are_bounded(new_service: Callable[..., Service]) -> None:
    service = new_service(MAX_BODY_BYTES="1000000", MAX_CONNECTIONS="400").start()
    prepared = service.client()
    assert prepared.post(report(status="failed", exit_code=1, error="E: Unable to locate package")).status == 202
    assert prepared.send("GET", "/errors", headers={"accept": "text/html"}).status == 200
    before = resident_bytes(service.pid)
    unfinished = post(b" " * 900_000)[:-10]
    with ExitStack() as stack:
        for _ in range(150):
            connection = stack.enter_context(connected(service))
            try:
                connection.sendall(unfinished)
            except OSError:
                continue
        assert service.client().post(report()).status == 202
        assert resident_bytes(service.pid) - before < 120_000_000  # of 135 MB that were sent 64 are kept


def open_sockets(service: Service) -> int:
    count = 0
    for descriptor in Path(f"/proc/{service.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since it was listed
            count += os.readlink(descriptor).startswith("socket:")
    return count


def test_who_is_refused_early_hears_it(new_service: Callable[..., Service]) -> None:
    """The answer comes before the body does; a reset on top of it would be a broken connection to a proxy."""
    service = new_service(RATE_LIMIT_RPM="1", RATE_BURST="1").start()
    head, body = post(GOOD)[: -len(GOOD)], GOOD
    with connected(service) as connection:
        for expected in (202, 429, 429):
            connection.sendall(head)
            received = until_answered(connection) if expected == 429 else b""
            connection.sendall(body)
            assert statuses(received or until_answered(connection)) == [expected]
        connection.sendall(head)
        assert statuses(until_answered(connection)) == [429]
        assert connection.recv(65536) == b""  # and who does not send the rest is not waited for


def until_answered(connection: socket.socket) -> bytes:
    """All of one answer, however many segments it comes in."""
    received = b""
    while not received.endswith((b"accepted", b"network\n")):
        segment = connection.recv(65536)
        assert segment, "the connection ended before the answer did"
        received += segment
    return received


@pytest.mark.parametrize("limit", ["1", "3"])
def test_new_installations_of_one_network_are_bounded(new_service: Callable[..., Service], limit: str) -> None:
    service = new_service(RATE_LIMIT_NEW_PER_HOUR=limit).start()
    crowded, other = service.client("127.0.0.2"), service.client("127.0.0.3")
    known = [report() for _ in range(int(limit))]
    assert [crowded.post(one).status for one in known] == [202] * int(limit)
    answer = crowded.post(report())
    assert answer.status == 429
    assert 0 < int(answer.headers["retry-after"]) <= 3601
    assert crowded.post(known[0] | {"status": "failed"}).status == 202  # an installation that began goes on
    assert other.post(report()).status == 202
    assert StoredData(service.data).last_seq() == int(limit) + 2


def test_nothing_about_a_network_is_stored(new_service: Callable[..., Service]) -> None:
    service = new_service(RATE_LIMIT_RPM="60", RATE_BURST="2", RATE_LIMIT_NEW_PER_HOUR="5", ENABLE_REQUEST_LOGGING="true").start()
    client = service.client("127.0.0.77")
    for _ in range(10):
        client.post(report())
        client.send("GET", "/api/dashboard?slug=canary-query")
    with connected(service) as broken:
        broken.sendall(b"canary no HTTP\r\n\r\n")
        broken.recv(1000)
    assert service.stop() == 0
    kept = service.log + "".join(path.read_bytes().decode("latin-1") for path in service.data.iterdir())
    assert "127.0.0.77" not in kept
    assert "canary" not in kept
    assert socket.inet_aton("127.0.0.77").decode("latin-1") not in kept


def test_reads_are_computed_once_and_bounded_per_network(new_service: Callable[..., Service]) -> None:
    service = new_service(RATE_LIMIT_READ_RPM="60").start()
    greedy, other = service.client("127.0.0.2"), service.client("127.0.0.3")
    same = [greedy.send("GET", f"/api/dashboard?days=1&slug=&x={number}&repo=proxmoxve").status for number in range(300)]
    assert set(same) == {200}
    different = [greedy.send("GET", f"/api/scripts?days={number}").status for number in range(200)]
    assert set(different) == {200, 429}
    assert other.send("GET", "/api/scripts?days=365").status == 200
    assert greedy.post(report()).status == 202
    answer = wait_until(lambda: next((a for a in [greedy.send("GET", "/api/errors?days=300")] if a.status == 429), None), "429")
    assert int(answer.headers["retry-after"]) >= 1
