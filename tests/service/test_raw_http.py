"""What is not HTTP, or barely: it is refused, it stops nobody else, and nothing of it is in the log."""

import contextlib
import re
import socket

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from running_service import PATIENCE_SECONDS, Client, Service, report, resident_bytes

MARK = b"Canary7f3a"  # in every request; in no log
LONG = b"{long}"  # stands for 70,000 characters, so that failures can be read
MAX_GROWTH_BYTES = 32 * 1024 * 1024

METHODS = st.sampled_from([b"POST", b"GET", b"CONNECT", b"OPTIONS", b"PRI", b"post", MARK, b"", b"POST POST", b"\x16\x03\x01"])
TARGETS = st.sampled_from(
    (
        *(b"/telemetry", b"/", b"*", b"/telemetry?" + MARK, b"http://h/telemetry", b"h:443", b"//", b"", b"/\xff\xfe"),
        *(b"/%00%ff%2e%2e/" + MARK, b"/api/dashboard?days=" + MARK, b"/api/scripts/" + MARK, b"/api/records?after=" + MARK),
        *(b"/api/errors?days=" + b"9" * 5000, b"/" + LONG + MARK, b"http://[::1/" + MARK, b"http://h:99999/telemetry"),
    )
)
VERSIONS = st.sampled_from([b" HTTP/1.1", b" HTTP/1.0", b" HTTP/9.9", b" HTTP/2.0", b"", b" " + MARK])
HEADERS = st.sampled_from(
    (
        *(b"Host: x", b"Content-Length: 5", b"Content-Length: -1", b"Content-Length: 99999999999999999999"),
        *(
            b"Content-Length: 0x5",
            b"Transfer-Encoding: chunked",
            b"Transfer-Encoding: gzip, chunked",
            b"Transfer-Encoding: " + MARK,
        ),
        *(b"Expect: 100-continue", b"Connection: close", b"Connection: upgrade", b"Upgrade: websocket", b"Upgrade: h2c"),
        *(b"Sec-WebSocket-Key: x", b"Authorization: Bearer " + MARK, b"Authorization: " + MARK, b"X-Forwarded-For: " + MARK),
        *(b"Cookie: \xff\xfe" + MARK, b"Content-Encoding: " + MARK, b"Accept: application/json", b"If-None-Match: " + MARK),
        *(b": no name", b"no colon", b" folded", b"X: \x00", b"X: a\rb", b"X" * 9000 + b": y", b"Y: " + b"y" * 9000),
    )
)
BODIES = st.binary(max_size=50) | st.sampled_from(
    (b"", b"12345", b"5\r\n12345\r\n0\r\n\r\n", b"zz\r\n" + MARK, b"0\r\nTrailer: " + MARK + b"\r\n\r\n")
)
ENDS = st.sampled_from([b"\r\n", b"\n", b"\r", b"\r\n\r\n"])


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    end = draw(ENDS)
    lines = [draw(METHODS) + b" " + draw(TARGETS) + draw(VERSIONS), *draw(st.lists(HEADERS, max_size=6))]
    return end.join(lines) + end * 2 + draw(BODIES)


def statuses(service: Service, sent: bytes, *, end: bool = True) -> list[int]:
    """The statuses of all answers to these bytes; with `end` nothing comes after them."""
    received = b""
    with socket.create_connection(service.address, timeout=PATIENCE_SECONDS) as connection, contextlib.suppress(OSError):
        connection.sendall(sent)
        if end:
            connection.shutdown(socket.SHUT_WR)
        while chunk := connection.recv(65536):
            received += chunk
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(sent=st.lists(requests(), min_size=1, max_size=5).map(b"".join) | st.binary(max_size=300).map(lambda junk: MARK + junk))
@example(sent=b"POST /telemetry HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\n{}")
def test_any_bytes_on_a_connection(client: Client, shared: Service, sent: bytes) -> None:
    assert all(status < 500 for status in statuses(shared, sent.replace(LONG, b"a" * 70_000)))
    assert client.post(report()).status == 202
    assert not shared.ended
    log = shared.log + shared.stdout.read_text()
    assert MARK.decode().lower() not in log.lower()
    assert "server.error" not in log
    assert len(shared.log_besides_jobs) == 1  # that it listens
    assert shared.stdout.read_text() == ""


def test_many_requests_at_once(client: Client, shared: Service) -> None:
    many = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 500 + b"GET /telemetry HTTP/1.1\r\nHost: x\r\n\r\n"
    assert statuses(shared, many, end=False) == [200] * 500 + [405]
    assert set(statuses(shared, b"\r\n" * 10_000)) <= {400}


def test_a_head_without_end_is_refused_and_not_kept(client: Client, shared: Service) -> None:
    client.post(report())
    before = resident_bytes(shared.pid)
    for start in (b"POST /", b"POST /telemetry HTTP/1.1\r\nX: ", b"POST /telemetry HTTP/1.1\r\n" + b"X: y\r\n" * 5):
        with socket.create_connection(shared.address, timeout=PATIENCE_SECONDS) as connection:
            received = b""
            with contextlib.suppress(OSError):
                connection.sendall(start)
                for _ in range(1000):
                    connection.sendall(b"X-y:z\r\n" * 10_000 if start.endswith(b"\n") else b"x" * 70_000)
            with contextlib.suppress(OSError):
                received = connection.recv(65536)
        assert received.startswith((b"HTTP/1.1 431", b"HTTP/1.1 400")) or not received
        assert resident_bytes(shared.pid) - before < MAX_GROWTH_BYTES
    assert client.post(report()).status == 202


def test_a_long_head_is_answered(client: Client) -> None:
    assert client.post(report(), {"X-Long": "x" * 30_000}).status == 202
