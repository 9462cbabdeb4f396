"""Token buckets and the network of a peer."""

import ipaddress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry_service.web.limits import KEY_SECONDS, MAX_BUCKETS, Peers, TokenBuckets

START = 50_000.0  # some instant of a monotonic clock
# Rates and steps of time that binary fractions hold exactly, so that the reference need not round.
PER_MINUTE = st.sampled_from([1, 15, 30, 60, 120, 240, 480])
STEPS = st.integers(0, 64).map(lambda quarters: quarters / 4)


class NaiveBucket:
    """A token bucket as textbooks have it."""

    def __init__(self, per_minute: int, burst: int, now: float) -> None:
        self._per_second, self._burst = per_minute / 60, burst
        self._tokens, self._then = float(burst), now

    def take(self, now: float) -> bool:
        self._tokens = min(self._burst, self._tokens + (now - self._then) * self._per_second)
        self._then = now
        if self._tokens < 1 - 1e-9:
            return False
        self._tokens -= 1
        return True


@settings(deadline=None)
@given(PER_MINUTE, st.integers(1, 8), st.lists(st.tuples(st.integers(0, 2), STEPS), max_size=120))
def test_buckets_are_token_buckets(per_minute: int, burst: int, calls: list[tuple[int, float]]) -> None:
    buckets, now = TokenBuckets(per_minute, burst), START
    naive = [NaiveBucket(per_minute, burst, now) for _ in range(3)]
    buckets.take(b"somebody else", now)
    for peer, step in calls:
        now += step
        assert (buckets.take(b"network %d" % peer, now) == 0) == naive[peer].take(now)


@settings(deadline=None)
@given(st.integers(1, 10_000), st.integers(1, 100), st.lists(st.floats(0, 20), max_size=100))
def test_who_waits_as_long_as_told_is_served_and_not_before(per_minute: int, burst: int, steps: list[float]) -> None:
    buckets, now = TokenBuckets(per_minute, burst), START
    for served, step in enumerate(steps, start=1):
        now += step
        wait = buckets.take(b"network", now)
        if wait:
            assert wait <= 60 / per_minute + 1e-6
            assert buckets.take(b"network", now + wait * 0.99 - 1e-6) > 0
            now += wait + 1e-6
            assert buckets.take(b"network", now) == 0
        assert served <= burst + (now - START) * per_minute / 60 + 1e-3


def test_a_flood_of_networks_takes_bounded_memory() -> None:
    buckets = TokenBuckets(300, 60)
    for number in range(1_000_000):
        assert buckets.take(number.to_bytes(8, "big"), START + number * 1e-6) == 0
        if number % 10_000 == 0:
            assert len(buckets) <= MAX_BUCKETS
    assert len(buckets) <= MAX_BUCKETS


def test_who_reports_during_a_flood_stays_limited() -> None:
    buckets = TokenBuckets(1, 3)
    assert [buckets.take(b"eager", START) > 0 for _ in range(4)] == [False, False, False, True]
    for number in range(MAX_BUCKETS // 2):
        buckets.take(number.to_bytes(8, "big"), START)
    assert buckets.take(b"eager", START) > 0


def test_the_key_changes_every_hour() -> None:
    buckets = TokenBuckets(1, 1)
    assert buckets.take(b"network", START) == 0
    assert buckets.take(b"network", START + 1) > 0
    assert buckets.take(b"another", START + KEY_SECONDS) == 0
    assert len(buckets) == 1
    assert buckets.take(b"network", START + KEY_SECONDS) == 0


def test_no_limit() -> None:
    buckets = TokenBuckets(0, 1)
    assert not any(buckets.take(b"network", START) for _ in range(1000))
    assert len(buckets) == 0


def test_nothing_kept_names_a_network() -> None:
    buckets = TokenBuckets(60, 5)
    buckets.take(b"203.0.113.77", START)
    assert "203.0.113.77" not in repr(vars(buckets))


TRUSTED = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8:aaaa::/48"))
ADDRESSES = st.ip_addresses().map(str) | st.sampled_from(
    ["10.0.0.1", "10.9.9.9", "2001:db8:aaaa::1", "::ffff:10.0.0.1", "192.0.2.1"]
)
ENTRIES = ADDRESSES | st.sampled_from(["", " ", "unknown", "192.0.2.1:80", "[::1]", "a,b", "\xff"]) | st.text(max_size=12)


def network(peer: str, *values: str, trusted: Any = TRUSTED) -> bytes:
    headers = [(b"x-forwarded-for", value.encode("latin-1", "replace")) for value in values]
    return Peers(trusted, None).network(peer, headers)


@settings(deadline=None)
@given(ADDRESSES, st.lists(ENTRIES, max_size=6))
def test_any_header_names_a_network_and_none_from_strangers_does(peer: str, entries: list[str]) -> None:
    alone = network(peer, trusted=())
    assert network(peer, ", ".join(entries), trusted=()) == alone
    assert network(peer, *entries, trusted=()) == alone
    assert isinstance(network(peer, ",".join(entries)), bytes)


@settings(deadline=None)
@given(st.lists(ENTRIES, max_size=4), st.lists(st.sampled_from(["10.1.2.3", "2001:db8:aaaa::5", " 10.3.3.3 ", ""]), max_size=4))
def test_what_stands_left_of_the_last_stranger_changes_nothing(written: list[str], proxies: list[str]) -> None:
    assert network("10.0.0.1", ",".join([*written, "198.51.100.7", *proxies])) == b"198.51.100.7"
