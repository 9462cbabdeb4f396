"""Heads of requests that were parsed before: a request that begins with the same bytes needs no parsing again.

Scripts report by the same few tools, so that their heads differ in little more than the length of the body. Kept are keyed hashes
alone, of heads in which nothing but these names occurs, never of one that a proxy has written an address into.
"""

import secrets
from hashlib import blake2b

from telemetry_service.web.answers import Headers

MAX_HEADS = 2_000  # 0.3 MB; beyond, half of them are forgotten at once
END_OF_HEAD = b"\r\n\r\n"
_NAMES = frozenset({b"host", b"user-agent", b"accept", b"accept-encoding", b"content-type", b"content-length"})


class KnownHeads:
    """Which heads announce a body of which length, and nothing else that matters for a report."""

    def __init__(self, rate_key_header: str = "") -> None:
        """Heads with `rate_key_header`, by whose value requests are limited, are left to the parser."""
        self._names = _NAMES - {rate_key_header.lower().encode("latin-1")}
        self._key = secrets.token_bytes(32)
        # Two halves, of which the older one is dropped whole.
        self._recent: dict[bytes, int] = {}
        self._older: dict[bytes, int] = {}

    def learn(self, request: bytes, headers: Headers, body: bytes) -> None:
        """Remember the head of a request that the parser took apart into these, if it can be remembered."""
        if not self._names.issuperset([name for name, _ in headers]):
            return
        head, end, rest = request.partition(END_OF_HEAD)
        if not end or rest != body:  # the head and the body's end did not come in one piece
            return
        self._recent[self._hash(head)] = len(body)
        if len(self._recent) >= MAX_HEADS // 2:
            self._recent, self._older = {}, self._recent

    def body_of(self, request: bytes) -> bytes | None:
        """The body of a whole request whose head is known; None for everything else."""
        head, end, body = request.partition(END_OF_HEAD)
        if not end:  # what has come so far may be the whole head of another request, one without a body
            return None
        hashed = self._hash(head)
        length = self._recent.get(hashed)
        if length is None:
            length = self._older.get(hashed)
        return body if length == len(body) else None

    def _hash(self, head: bytes) -> bytes:
        return blake2b(head, digest_size=16, key=self._key).digest()

    def __len__(self) -> int:
        return len(self._recent) + len(self._older)
