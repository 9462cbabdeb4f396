"""Rate limiting by network, with nothing kept that could name one.

The peer's network (IPv4 /32, IPv6 /64) is known only as a keyed hash under a key that lives in memory and changes every hour.
"""

import ipaddress
import secrets
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

from telemetry_service.settings import Network

KEY_SECONDS = 3600.0
MAX_BUCKETS = 100_000  # about 15 MB; under a flood of networks those not seen for longest give way
MAX_EXECUTIONS = 50_000  # 20 MB if each came from a network of its own
IPV6_NETWORK_BITS = 64


class TokenBuckets:
    """A token bucket per key: `burst` tokens at most, refilled with `per_minute` a minute.

    Kept as the instant at which each bucket is full again, which is the same (generic cell rate algorithm, ITU-T I.371).
    """

    def __init__(self, per_minute: int, burst: int) -> None:
        self._interval = 60.0 / per_minute if per_minute else 0.0
        self._burst = burst
        # Two halves, of which the older one is dropped whole: taking single keys from the front of a dict is quadratic
        # (measured at 59 us a report in a flood), an OrderedDict three times as large.
        self._recent: dict[bytes, float] = {}
        self._older: dict[bytes, float] = {}
        self._keyed = _keyed_hash()
        self._key_since = 0.0

    def take(self, network: bytes, now: float) -> float:
        """Take one token of a network at an instant in seconds; 0, or the seconds to wait when there is none."""
        if not self._interval:
            return 0.0
        bucket, full_at = self._find(network, now)
        wait = full_at - now - (self._burst - 1) * self._interval
        if wait > 1e-9:
            return wait
        self._recent[bucket] = full_at + self._interval
        if len(self._recent) >= MAX_BUCKETS // 2:
            self._recent, self._older = {}, self._recent
        return 0.0

    def give_back(self, network: bytes, now: float) -> None:
        """Undo a `take`."""
        bucket, full_at = self._find(network, now)
        self._recent[bucket] = full_at - self._interval

    def wait(self, network: bytes, now: float) -> float:
        """The seconds until a network has a token; nothing is taken."""
        return max(0.0, self._find(network, now)[1] - now - (self._burst - 1) * self._interval)

    def untouched(self, network: bytes, now: float) -> bool:
        """Whether a network has all its tokens."""
        return self._find(network, now)[1] <= now

    def _find(self, network: bytes, now: float) -> tuple[bytes, float]:
        if now - self._key_since >= KEY_SECONDS:
            # Buckets do not outlive their key: once an hour everybody has a full one.
            self._keyed, self._key_since = _keyed_hash(), now
            self._recent, self._older = {}, {}
        hashed = self._keyed.copy()
        hashed.update(network)
        bucket = hashed.digest()
        known = self._recent.get(bucket)
        if known is None:
            known = self._older.get(bucket, 0.0)
        return bucket, max(known, now)

    def __len__(self) -> int:
        return len(self._recent) + len(self._older)


def _keyed_hash() -> blake2b:
    return blake2b(digest_size=8, key=secrets.token_bytes(32))


class NewExecutions:
    """How many executions each network has begun to report this hour; under the hourly key, and only in memory."""

    def __init__(self, per_hour: int) -> None:
        self._per_hour = per_hour
        # Two halves, as above: under a flood of networks those that began nothing for longest are forgotten.
        self._recent: dict[bytes, set[int]] = {}
        self._older: dict[bytes, set[int]] = {}
        self._size = 0  # executions noted in the recent half
        self._keyed = _keyed_hash()
        self._key_since = 0.0

    def take(self, network: bytes, execution: int, now: float) -> float:
        """Note an execution of a network at an instant in seconds; 0, or the seconds to wait when it is one too many.

        Further reports of an execution are not counted.
        """
        if not self._per_hour:
            return 0.0
        if now - self._key_since >= KEY_SECONDS:
            self._keyed, self._key_since = _keyed_hash(), now
            self._recent, self._older, self._size = {}, {}, 0
        hashed = self._keyed.copy()
        hashed.update(network)
        key = hashed.digest()
        begun = self._recent.get(key)
        if begun is None:
            begun = self._older.get(key)
            if begun is None:
                begun = set()
        if execution in begun:
            return 0.0
        if len(begun) >= self._per_hour:
            return self._key_since + KEY_SECONDS - now
        begun.add(execution)
        self._recent[key] = begun
        self._size += 1
        if self._size >= MAX_EXECUTIONS // 2:
            self._recent, self._older, self._size = {}, self._recent, 0
        return 0.0

    def __len__(self) -> int:
        return len(self._recent) + len(self._older)


class Peers:
    """Finds out whose network a request came from."""

    def __init__(self, trusted: Sequence[Network], key_header: str | None) -> None:
        self._trusted = tuple(trusted)
        self._key_header = key_header.lower().encode("latin-1") if key_header else None

    def of(self, scope: Mapping[str, Any]) -> bytes:
        """The network to limit of an ASGI request."""
        client = scope["client"]
        return self.network(client[0] if client else "", scope["headers"])

    def network(self, peer: str, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
        """The network to limit: of the peer, or of the last address of X-Forwarded-For that no trusted proxy has."""
        if not self._trusted or not self._is_trusted(peer):
            return network_of(peer)
        if self._key_header is not None:
            for name, value in reversed(headers):  # what a proxy adds stands behind what its client wrote
                if name == self._key_header:
                    return b"header:" + value
        forwarded = b",".join(value for name, value in headers if name == b"x-forwarded-for")
        for entry in reversed(forwarded.decode("latin-1").split(",")):
            address = entry.strip()
            if not address:
                continue
            if not _is_address(address):
                break
            peer = address
            if not self._is_trusted(address):
                break
        return network_of(peer)

    def _is_trusted(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        mapped = getattr(parsed, "ipv4_mapped", None)
        return any((mapped or parsed) in network for network in self._trusted)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def network_of(address: str) -> bytes:
    """The network of an address: IPv4 as it is, of IPv6 the first 64 bits."""
    if ":" not in address:
        return address.encode("latin-1", "replace")
    try:
        parsed = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address.encode("latin-1", "replace")
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped).encode("ascii")
    return parsed.packed[: IPV6_NETWORK_BITS // 8]
