"""Requests as bytes, and what comes back for them."""

import json
import socket

from running_service import PATIENCE_SECONDS, Service, report

GOOD = json.dumps(report()).encode()
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
    "RTSP": b"GET /healthz RTSP/1.0\r\nHost: x\r\n\r\n",
    "RTSP of the other version": b"POST /telemetry RTSP/1.1\r\nHost: x\r\n" + LENGTH + b"\r\n{}{}{}",
    "ICE": b"SOURCE /healthz ICE/1.0\r\nHost: x\r\n\r\n",
    "two spaces before the version": b"GET /healthz  HTTP/1.1\r\nHost: x\r\n\r\n",
    "two spaces before the target": b"GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
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
