"""Watches over all connections: ends those that take too long, and the longest waiting ones when there are too many.

Nobody is turned away at the door while somebody else wastes a place: a newcomer is let in, and room is made among those that
wait, first in the network that has most of them; where nobody waits, in a network that takes most places. Networks are looked at
here only while they are connected.
"""

import resource
from collections import Counter
from collections.abc import Collection
from typing import Protocol

from telemetry_service.web.limits import network_of

MAX_HELD_BYTES = 64 * 1024 * 1024  # bodies under way, of all connections together
FILES_BESIDE_CONNECTIONS = 128
ROOM_SHARE = 16  # this part of all connections makes room at once: finding them takes looking at all


class Watched(Protocol):
    """A connection, as far as it is watched over; instants are the time of the event loop."""

    deadline: float
    since: float
    held_bytes: int
    client: tuple[str, int] | None

    @property
    def waiting(self) -> bool:
        """Whether it waits for its client; otherwise its client waits for the service."""

    def overdue(self) -> None:
        """End because the deadline is over."""

    def give_way(self) -> None:
        """End at once, for another one."""


class Watch:
    """The bounds that connections share; used by one event loop."""

    def __init__(self, connections: Collection[Watched], *, max_connections: int, max_body_bytes: int) -> None:
        """`connections` are those there are at any time: the server adds to them and takes away."""
        self.max_body_bytes = max_body_bytes
        self.closed_for_room = 0
        self._connections = connections
        self._max_connections = max_connections
        self._held_bytes = 0

    def admit(self, newcomer: Watched) -> None:
        """Let a connection in, and make room if there are too many."""
        if len(self._connections) > self._max_connections:
            waiting = [one for one in self._connections if one.waiting and one is not newcomer]
            if waiting:
                self._make_room(waiting, self._max_connections // ROOM_SHARE)
            else:
                self._make_room(self._crowd_beside(newcomer) or [newcomer], 1)

    def hold(self, size: int) -> None:
        """Count bytes of unfinished bodies that have arrived; negative when they are let go."""
        self._held_bytes += size
        if size > 0 and self._held_bytes > MAX_HELD_BYTES:
            self._make_room([one for one in self._connections if one.held_bytes], self._max_connections // ROOM_SHARE)

    def sweep(self, now: float) -> None:
        """End what is past its deadline; `now` is the time of the event loop."""
        for one in [one for one in self._connections if one.deadline < now]:
            one.overdue()

    def _crowd_beside(self, newcomer: Watched) -> list[Watched]:
        """All of the network that takes more than half of the places, unless it is the newcomer's own."""
        crowd, size = Counter(_network(one) for one in self._connections).most_common(1)[0]
        if size * 2 <= self._max_connections or crowd == _network(newcomer):
            return []
        return [one for one in self._connections if _network(one) == crowd]

    def _make_room(self, waiting: list[Watched], places: int) -> None:
        networks = Counter(_network(one) for one in waiting)
        waiting.sort(key=lambda one: (-networks[_network(one)], one.since))
        for one in waiting[: max(1, places)]:
            self.closed_for_room += 1
            one.give_way()


def _network(one: Watched) -> bytes:
    return network_of(one.client[0]) if one.client else b""


def connections_allowed(wanted: int) -> int:
    """How many connections the operating system lets this process have, at most as many as wanted.

    Raises the limit of open files as far as is allowed: it is often 1024.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = wanted * 2 + FILES_BESIDE_CONNECTIONS  # also connections that are closing or shaking hands
    if soft != resource.RLIM_INFINITY and soft < enough:
        soft = enough if hard == resource.RLIM_INFINITY else min(enough, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return wanted
    return max(1, min(wanted, (soft - FILES_BESIDE_CONNECTIONS) // 2))
