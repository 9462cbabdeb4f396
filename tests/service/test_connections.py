"""Connections that are slow, broken off or in a hurry."""

import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable

import msgspec
import pytest
from stored_data import StoredData

from running_service import PATIENCE_SECONDS, Client, Service, report
from telemetry_service.web.connection import REQUEST_SECONDS

MAX_BODY_BYTES = 262_144


def head(*lines: str, method: str = "POST") -> bytes:
    return "\r\n".join((f"{method} /telemetry HTTP/1.1", "Host: x", *lines, "", "")).encode()


def connected(service: Service) -> socket.socket:
    return socket.create_connection(service.address, timeout=PATIENCE_SECONDS)


def read_answer(connection: socket.socket) -> tuple[int, bytes]:
    """(status, everything received) of an answer after which the service closes the connection."""
    received = b""
    with contextlib.suppress(ConnectionResetError):  # it did not want the rest
        while chunk := connection.recv(65536):
            received += chunk
    return int(received.split(b" ", 2)[1]), received


def test_too_large_is_said_before_the_body_is_sent(shared: Service) -> None:
    with connected(shared) as connection:
        connection.sendall(head(f"Content-Length: {MAX_BODY_BYTES + 1}"))
        assert read_answer(connection)[0] == 413
    with connected(shared) as connection:
        connection.sendall(head("Content-Length: 1000000", "Expect: 100-continue"))
        status, received = read_answer(connection)
        assert status == 413
        assert b"100 Continue" not in received


@pytest.mark.parametrize("line", ["Connection: keep-alive", "Connection: close", "Transfer-Encoding: chunked"])
def test_who_sends_all_of_a_body_that_is_too_large_reads_why(shared: Service, line: str) -> None:
    """A proxy makes 502 of a connection that is reset under it."""
    size = MAX_BODY_BYTES * 20
    chunked = "chunked" in line
    with connected(shared) as connection:
        connection.sendall(head(line) + b"%x\r\n" % size if chunked else head(line, f"Content-Length: {size}"))
        for _ in range(20):
            connection.sendall(b"x" * MAX_BODY_BYTES)
            time.sleep(0.01)  # so that the answer is there long before the end
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    assert received.startswith(b"HTTP/1.1 413 ")
    assert received.count(b"HTTP/1.1") == 1


def test_a_chunked_body_is_cut_off_at_the_limit(shared: Service) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    with connected(shared) as connection:
        with contextlib.suppress(ConnectionResetError):
            connection.sendall(head("Transfer-Encoding: chunked") + chunk * 5)  # and never the last chunk
        assert read_answer(connection)[0] == 413


def drip(connection: socket.socket) -> None:
    """Send a byte now and then, for as long as that is taken."""
    with contextlib.suppress(OSError):
        while True:
            connection.sendall(b" ")
            time.sleep(0.2)


def test_a_slow_body_is_waited_for_and_no_longer(client: Client, shared: Service) -> None:
    """One test of all kinds of slowness, because each of them takes its time."""
    body = msgspec.json.encode(report())
    unfinished = {
        "no body": head("Content-Length: 50"),
        "part of a body": head("Content-Length: 5000") + body,
        "now and then a byte of a body": head("Content-Length: 5000") + body,
        "no chunk": head("Transfer-Encoding: chunked"),
        "part of a chunk": head("Transfer-Encoding: chunked") + b"fff\r\n" + body,
        "part of a head": head()[:20],
        "promised": head("Content-Length: 50", "Expect: 100-continue"),
    }
    connections = {name: connected(shared) for name in unfinished}
    steady, silent = connected(shared), connected(shared)
    started = time.monotonic()
    for name, sent in unfinished.items():
        connections[name].sendall(sent)
    threading.Thread(target=drip, args=(connections["now and then a byte of a body"],)).start()
    steady.sendall(head(f"Content-Length: {len(body)}", "Connection: close"))
    for byte in body:
        steady.sendall(bytes([byte]))
    assert read_answer(steady)[0] == 202
    assert client.post(report()).status == 202
    for name, connection in connections.items():
        status, received = read_answer(connection)
        assert b"HTTP/1.1 408" in received, (name, status)
        connection.close()
    assert silent.recv(100) == b""
    silent.close()
    assert time.monotonic() - started > REQUEST_SECONDS / 2
    steady.close()


def test_a_client_that_leaves_before_its_body_is_complete(new_service: Callable[..., Service]) -> None:
    service = new_service().start()
    for lines in (["Content-Length: 5000"], ["Transfer-Encoding: chunked"]):
        with connected(service) as connection:
            connection.sendall(head(*lines) + b"40\r\n" + msgspec.json.encode(report()))
    assert service.client().post(report()).status == 202
    StoredData(service.data).wait_until_folded()
    assert len(StoredData(service.data).installations()) == 1


def test_pipelined_reports_are_answered_in_order(shared: Service) -> None:
    good = msgspec.json.encode(report())
    requests = [head(f"Content-Length: {len(body)}") + body for body in [good, b"[]"] * 50]
    with connected(shared) as connection:
        connection.sendall(b"".join(requests) + head(method="GET"))
        _, received = read_answer(connection)
    statuses = re.findall(rb"HTTP/1\.1 (\d+)", received)
    assert statuses == [b"202", b"400"] * 50 + [b"405"]


def test_many_silent_connections_stop_nobody(client: Client, shared: Service) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(socket.create_connection(shared.address, timeout=PATIENCE_SECONDS))
        assert client.post(report()).status == 202
