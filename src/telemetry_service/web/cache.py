"""Public answers, computed once for everybody who asks the same.

Keys are what a question means after its parameters are read - not how they were written - so neither days nor slugs nor the
order of a query can make one answer many. How many are kept is bounded, how many are computed at once too (`Readers`), and how
often one network may ask for what is not here.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from hashlib import blake2b
from typing import NamedTuple

from telemetry_service.web.limits import TokenBuckets

KEPT_SECONDS = 5.0  # as often as the figures that change with time alone are refreshed
KEPT_ANYWAY_SECONDS = 1.0  # also when something was folded since: under load everything is computed once a second
MAX_ANSWERS = 512
MAX_BYTES = 32 * 1024 * 1024
READ_BURST = 120


class TooManyReads(Exception):
    """A network has asked too much; `seconds` to wait."""

    def __init__(self, seconds: float, what: str = "too many different questions from this network") -> None:
        super().__init__(f"rate: {what}")
        self.seconds = seconds


class Rendered(NamedTuple):
    """The bytes of an answer and their ETag."""

    body: bytes
    etag: str


class _Entry(NamedTuple):
    rendered: Rendered
    made_at: float
    folded_through: int


def rendered(body: bytes) -> Rendered:
    return Rendered(body, f'"{blake2b(body, digest_size=12).hexdigest()}"')


class PublicAnswers:
    """Keeps rendered answers for some seconds; used by one event loop."""

    def __init__(self, per_minute: int, folded_through: Callable[[], int], clock: Callable[[], float] = time.monotonic) -> None:
        """`folded_through` tells how far the counts have come; `per_minute` bounds what is computed for one network."""
        self._reads = TokenBuckets(per_minute, READ_BURST)
        self._folded_through = folded_through
        self._clock = clock
        self._entries: dict[Hashable, _Entry] = {}
        self._bytes = 0
        self._under_way: dict[Hashable, asyncio.Task[Rendered]] = {}

    async def get(self, key: Hashable, network: bytes, make: Callable[[], Awaitable[bytes]]) -> Rendered:
        """The answer to a question, made now if nobody asked lately; who asks meanwhile waits for the same one.

        Raises `TooManyReads`, and what `make` raises; then nothing is kept.
        """
        now = self._clock()
        entry = self._entries.get(key)
        if entry is not None and self._is_fresh(entry, now):
            return entry.rendered
        task = self._under_way.get(key)
        if task is None:
            wait = self._reads.take(network, now)
            if wait:
                raise TooManyReads(wait)
            task = self._under_way[key] = asyncio.create_task(self._make(key, now, make))
            task.add_done_callback(lambda _: self._under_way.pop(key))
        return await asyncio.shield(task)

    def _is_fresh(self, entry: _Entry, now: float) -> bool:
        age = now - entry.made_at
        return age < KEPT_ANYWAY_SECONDS or (age < KEPT_SECONDS and entry.folded_through == self._folded_through())

    async def _make(self, key: Hashable, now: float, make: Callable[[], Awaitable[bytes]]) -> Rendered:
        folded_through = self._folded_through()
        answer = rendered(await make())
        self._forget(key)
        self._entries[key] = _Entry(answer, now, folded_through)
        self._bytes += len(answer.body)
        while len(self._entries) > MAX_ANSWERS or self._bytes > MAX_BYTES:
            self._forget(next(iter(self._entries)))
        return answer

    def _forget(self, key: Hashable) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= len(entry.rendered.body)

    def __len__(self) -> int:
        return len(self._entries)
