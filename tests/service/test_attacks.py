"""Attacks over raw sockets: what is no HTTP, what is too much of it, and what takes too long."""

import contextlib
import gzip
import http.client
import json
import os
import random
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from running_service import PATIENCE_SECONDS, Client, Service, report, resident_bytes, wait_until
from stored_data import StoredData

GOOD = json.dumps(report()).encode()
HALF_OPEN = 500
ROUNDS = int(os.environ.get("SOAK_ROUNDS", "1"))
STATUSES = {200, 202, 204, 303, 304, 400, 401, 403, 404, 405, 408, 413, 429, 431, 503}
POST = b"POST /telemetry HTTP/1.1\r\nHost: x\r\n"
# What more than one server has read in more than one way: each of these is refused, and nothing after it is read.
LENGTH, CHUNKED, UPGRADE = b"Content-Length: 6\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: upgrade\r\nUpgrade: h2c\r\n"
CHUNK = b"%x\r\n" % len(GOOD) + GOOD + b"\r\n"
WHOLE = CHUNK + b"0\r\n\r\n"
AMBIGUOUS = {
    "length and chunks": POST + LENGTH + CHUNKED + b"\r\n0\r\n\r\nX",
    "chunks and length": POST + CHUNKED + LENGTH + b"\r\n0\r\n\r\nX",
    "two lengths": POST + LENGTH + b"Content-Length: 5\r\n\r\n{}{}{}",
    "the same length twice": POST + LENGTH * 2 + b"\r\n{}{}{}",
    "two lengths in one": POST + b"Content-Length: 2, 2\r\n\r\n{}{}",
    "no length": POST + b"Content-Length:\r\n\r\n{}",
    "signed length": POST + b"Content-Length: +2\r\n\r\n{}",
    "negative length": POST + b"Content-Length: -1\r\n\r\n{}",
    "length in hex": POST + b"Content-Length: 0x2\r\n\r\n{}",
    "length in parts": POST + b"Content-Length: 1 2\r\n\r\n{}{}{}{}{}{}",
    "huge length": POST + b"Content-Length: 99999999999999999999999\r\n\r\n{}",
    "space before colon": POST + b"Content-Length : 2\r\n\r\n{}",
    "space before the other colon": POST + b"Transfer-Encoding : chunked\r\n\r\n" + WHOLE,
    "chunked in between": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n" + WHOLE,
    "chunked twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n" + WHOLE,
    "chunked on two lines": POST + CHUNKED * 2 + b"\r\n" + WHOLE,
    "chunked after identity": POST + b"Transfer-Encoding: identity\r\n" + CHUNKED + b"\r\n" + WHOLE,
    "chunked after nothing": POST + b"Transfer-Encoding: , chunked\r\n\r\n" + WHOLE,
    "chunked after gzip": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + WHOLE,
    "other encoding": POST + b"Transfer-Encoding: xchunked\r\n\r\n" + WHOLE,
    "tab of another kind": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + WHOLE,
    "chunks of the old version": b"POST /telemetry HTTP/1.0\r\n" + CHUNKED + b"\r\n" + WHOLE,
    "bad chunk size": POST + CHUNKED + b"\r\nzz\r\n{}\r\n0\r\n\r\n",
    "chunk size in hex": POST + CHUNKED + b"\r\n0x" + WHOLE,
    "signed chunk size": POST + CHUNKED + b"\r\n+" + WHOLE,
    "space before chunk size": POST + CHUNKED + b"\r\n " + WHOLE,
    "no chunk size": POST + CHUNKED + b"\r\n;a\r\n" + WHOLE,
    "huge chunk size": POST + CHUNKED + b"\r\nffffffffffffffff0\r\n{}\r\n0\r\n\r\n",
    "chunk longer than it says": POST + CHUNKED + b"\r\n2\r\n{}{}\r\n0\r\n\r\n",
    "line feed after chunk size": POST + CHUNKED + b"\r\n" + WHOLE.replace(b"\r\n", b"\n", 1),
    "line feed after a chunk": POST + CHUNKED + b"\r\n" + CHUNK.removesuffix(b"\r\n") + b"\n0\r\n\r\n",
    "line feed in an extension": POST + CHUNKED + b"\r\n" + WHOLE.replace(b"\r\n", b";\n\r\n", 1),
    "length in a trailer": POST + CHUNKED + b"\r\n" + CHUNK + b"0\r\nContent-Length: 5\r\n\r\n",
    "line feeds alone": b"POST /telemetry HTTP/1.1\nHost: x\nContent-Length: 2\n\n{}",
    "line feed after a header": POST + b"X: y\n" + LENGTH + b"\r\n{}{}{}",
    "carriage return in a header": POST + b"X: y\rZ: y\r\n" + LENGTH + b"\r\n{}{}{}",
    "folded header": POST + b"Content-Length:\r\n 2\r\n\r\n{}",
    "folded first header": b"GET /healthz HTTP/1.1\r\n Host: x\r\n\r\n",
    "null in header": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
    "header without a name": POST + b": y\r\n\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "the same host twice": b"GET /healthz HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
    "two hosts of the old version": b"GET /healthz HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n",
    "a path for a host": b"GET /healthz HTTP/1.1\r\nHost: x/y\r\n\r\n",
    "a person for a host": b"GET /healthz HTTP/1.1\r\nHost: y@x\r\n\r\n",
    "half an address for a host": b"GET /healthz HTTP/1.1\r\nHost: [::1\r\n\r\n",
    "no version": b"GET /healthz\r\n\r\n",
    "version 0.9": b"GET /healthz HTTP/0.9\r\nHost: x\r\n\r\n",
    "version 1.2": b"GET /healthz HTTP/1.2\r\nHost: x\r\n\r\n",
    "version 2": b"GET /healthz HTTP/2.0\r\nHost: x\r\n\r\n",
    "preface of version 2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "version 9": b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n",
    "connect": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "connect to a path": b"CONNECT /healthz HTTP/1.1\r\nHost: x\r\n" + UPGRADE + b"\r\n",
    "upgrade and no host": b"GET /healthz HTTP/1.1\r\n" + UPGRADE + b"\r\n",
    "upgrade, length and chunks": POST + UPGRADE + LENGTH + CHUNKED + b"\r\n0\r\n\r\nX",
    "eight bits in path": b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": bytes.fromhex("16030100c8010000c40303") + bytes(range(190)),
}
# What looks odd and is one request all the same.
PLAIN = {
    "chunks": POST + CHUNKED + b"\r\n" + WHOLE,
    "chunks in capitals": POST + b"TRANSFER-ENCODING: CHUNKED \r\n\r\n" + WHOLE,
    "an extension": POST + CHUNKED + b"\r\n" + WHOLE.replace(b"\r\n", b';a="b c"\r\n', 1),
    "a trailer": POST + CHUNKED + b"\r\n" + CHUNK + b"0\r\nHost: y\r\n\r\n",
    "the old version": b"POST /telemetry HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(GOOD) + GOOD,
    "an address for a host": b"POST /telemetry HTTP/1.1\r\nHost: [::1]:8080\r\n" + CHUNKED + b"\r\n" + WHOLE,
    "no host at all": b"POST /telemetry HTTP/1.1\r\nHost:\r\n" + CHUNKED + b"\r\n" + WHOLE,
    "another target": b"POST http://evil.example/telemetry HTTP/1.1\r\nHost: x\r\n" + CHUNKED + b"\r\n" + WHOLE,
    "an upgrade": POST + UPGRADE + b"Content-Length: %d\r\n\r\n" % len(GOOD) + GOOD,
    "an upgrade in chunks": POST + UPGRADE + CHUNKED + b"\r\n" + WHOLE,
}


def connected(service: Service) -> socket.socket:
    return socket.create_connection(service.address, timeout=PATIENCE_SECONDS)


def exchange(service: Service, sent: bytes, *, end: bool = True, pieces: bool = False) -> bytes:
    """Everything that comes back for some bytes, after which the client sends no more."""
    received = b""
    with connected(service) as connection:
        try:
            if pieces:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for number in range(len(sent)):
                    connection.send(sent[number : number + 1])
            else:
                connection.sendall(sent)
            if end:
                connection.shutdown(socket.SHUT_WR)
            while chunk := connection.recv(65536):
                received += chunk
        except OSError:
            pass
    return received


def statuses(received: bytes) -> list[int]:
    return [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]


def post(body: bytes, *headers: str) -> bytes:
    lines = ("POST /telemetry HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *headers, "", "")
    return "\r\n".join(lines).encode() + body


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
    return sum(os.readlink(path).startswith("socket:") for path in Path(f"/proc/{service.pid}/fd").iterdir() if path.is_symlink())


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
