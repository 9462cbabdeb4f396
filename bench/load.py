"""A load generator on loopback that costs little beside what it measures.

Closed loop: every connection sends its next request when the last one is answered; the rate is what the server can do.
Open loop: requests are due at fixed instants, whether the server keeps up or not, and latency counts from the instant a
request was due, so that a stall is seen by every request it delays.
"""

import gc
import select
import socket
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

CONNECTIONS = 64
ACCEPTED = b"accepted"
STATUS_ACCEPTED = b"HTTP/1.1 202"
STATUS_AT = slice(9, 12)


@dataclass
class Result:
    """What a load run saw; latencies in milliseconds, in no particular order."""

    seconds: float
    latencies_ms: list[float]
    refused: Counter[bytes] = field(default_factory=Counter)

    @property
    def accepted(self) -> int:
        return len(self.latencies_ms)

    @property
    def per_second(self) -> float:
        return self.accepted / self.seconds

    def percentile_ms(self, percent: float) -> float:
        """The latency that `percent` of the accepted requests stayed below or at."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)]


class Connections:
    """Kept-alive connections, each with at most one request on its way."""

    def __init__(self, port: int, count: int = CONNECTIONS) -> None:
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._partial: dict[int, bytes] = {}
        self._sent_at: dict[int, float] = {}
        self._latencies_ms: list[float] = []
        self._refused: Counter[bytes] = Counter()
        for _ in range(count):
            connection = socket.create_connection(("127.0.0.1", port))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets[connection.fileno()] = connection
            self._poll.register(connection.fileno(), select.EPOLLIN)

    def close(self) -> None:
        for connection in self._sockets.values():
            connection.close()
        self._poll.close()

    def run_closed(self, requests: Iterator[bytes], seconds: float) -> Result:
        """As many requests as are answered in a time."""
        with _quiet():
            start = time.perf_counter()
            for number in self._sockets:
                self._send(number, next(requests), time.perf_counter())
            while time.perf_counter() - start < seconds:
                for number in self._answered(None):
                    self._send(number, next(requests), time.perf_counter())
            elapsed = time.perf_counter() - start
            result = self._take(elapsed)
            self._drain()
        return result

    def run_open(self, requests: Iterator[bytes], per_second: float, seconds: float) -> Result:
        """Requests at a fixed rate; one that is due while every connection waits for an answer waits too."""
        with _quiet():
            free = deque(self._sockets)
            start = time.perf_counter()
            sent, total = 0, int(per_second * seconds)
            while sent < total:
                now = time.perf_counter()
                while sent < total and free and (due := start + sent / per_second) <= now:
                    self._send(free.popleft(), next(requests), due)
                    sent += 1
                wait = max(0.0, start + sent / per_second - time.perf_counter()) if free else None
                free.extend(self._answered(wait))
            self._drain()
            return self._take(seconds)

    def send_exactly(self, requests: Iterator[bytes], count: int) -> Result:
        """A number of requests, as fast as they are answered."""
        with _quiet():
            start = time.perf_counter()
            free = deque(self._sockets)
            for _ in range(count):
                while not free:
                    free.extend(self._answered(None))
                self._send(free.popleft(), next(requests), time.perf_counter())
            self._drain()
            return self._take(time.perf_counter() - start)

    def _send(self, number: int, request: bytes, at: float) -> None:
        self._sockets[number].send(request)  # a request fits the socket's empty buffer
        self._sent_at[number] = at

    def _answered(self, timeout: float | None) -> list[int]:
        """Connections whose answer is complete; waits for the first until a timeout in seconds."""
        if timeout is not None and not select.select([self._poll], [], [], timeout)[0]:  # epoll counts in milliseconds
            return []
        done = []
        for number, _ in self._poll.poll(5.0):
            data = self._sockets[number].recv(4096)
            if not data:
                raise ConnectionError("the server closed a connection")
            if number in self._partial:
                data = self._partial.pop(number) + data
            # Headers and body come in two writes, and often in two reads.
            if not data.endswith(ACCEPTED) and not self._is_refusal(data):
                self._partial[number] = data
                continue
            now = time.perf_counter()
            sent_at = self._sent_at.pop(number)
            if data.startswith(STATUS_ACCEPTED):
                self._latencies_ms.append((now - sent_at) * 1e3)
            done.append(number)
        return done

    def _is_refusal(self, data: bytes) -> bool:
        head, separator, body = data.partition(b"\r\n\r\n")
        if not separator or head.startswith(STATUS_ACCEPTED):
            return False
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        if len(body) < length:
            return False
        self._refused[head[STATUS_AT]] += 1
        return True

    def _drain(self) -> None:
        while self._sent_at:
            self._answered(None)

    def _take(self, seconds: float) -> Result:
        result = Result(seconds, self._latencies_ms, self._refused)
        self._latencies_ms, self._refused = [], Counter()
        return result


class _quiet:  # noqa: N801 - reads as a statement
    """No garbage collection of the client's own while it measures."""

    def __enter__(self) -> None:
        gc.collect()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        gc.enable()
