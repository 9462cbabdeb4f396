"""One installation: the join of the events of one execution.

Joining is commutative, associative and idempotent (wire.md section 2), so that events may arrive in any order, in any number
of batches, and as often as clients care to repeat them.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from telemetry_service.core.event import Event, registers
from telemetry_service.core.fields import REGISTERS

MICROSECONDS_PER_DAY = 86_400_000_000

# The furthest status wins. The clean-up's own verdict gives way to any report of a client.
STUCK = "stuck"
STUCK_CATEGORY = "timeout"
ORDER = ("installing", "validation", "configuring", STUCK, "unknown", "aborted", "failed", "success")
RANK = {status: rank for rank, status in enumerate(ORDER)}
FIRST_TERMINAL = RANK[STUCK]

JOINED = ("random_id", *REGISTERS)
INDEX = {name: index for index, name in enumerate(JOINED)}
_TYPE = INDEX["type"]
_APP = INDEX["nsapp"]


class Stamp(NamedTuple):
    """How far the event that gave a value had come, and when it was received. The smaller stamp wins."""

    minus_rank: int
    received_at: int


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """How an execution ended, taken whole from its best terminal event."""

    stamp: Stamp
    exit_code: int | None
    error: str | None
    error_category: str | None
    install_duration: int | None
    fingerprint: int | None = None
    cause: str | None = None


class Installation(msgspec.Struct, gc=False):
    """The state of one execution.

    `values` and `stamps` run parallel to `JOINED`; `firsts` is the first time of each rank seen, in microseconds since 1970.
    """

    execution: int
    values: list[Any]
    stamps: list[Stamp | None]
    firsts: dict[int, int]
    outcome: Outcome | None = None

    @property
    def started_at(self) -> int:
        return min(self.firsts.values())

    @property
    def day(self) -> int:
        """The UTC day it counts for, in days since 1970."""
        return self.started_at // MICROSECONDS_PER_DAY

    @property
    def status(self) -> str:
        if self.outcome is None:
            return ORDER[max(self.firsts)]
        status = ORDER[-self.outcome.stamp.minus_rank]
        return "unknown" if status == STUCK else status

    @property
    def running(self) -> bool:
        return self.outcome is None

    def value(self, name: str) -> Any:
        return self.values[INDEX[name]]


def from_event(event: Event) -> Installation:
    """The installation of which this event is all that is known."""
    rank = RANK[event.status]
    stamp = Stamp(-rank, event.received_at)
    values = [event.random_id, *registers(event)]
    outcome = None
    if rank >= FIRST_TERMINAL:
        outcome = Outcome(
            *(stamp, event.exit_code, event.error, event.error_category),
            *(event.install_duration, event.fingerprint, event.cause),
        )
    return Installation(
        execution=event.execution,
        values=values,
        stamps=[None if value is None else stamp for value in values],
        firsts={rank: event.received_at},
        outcome=outcome,
    )


def join(a: Installation, b: Installation) -> Installation:
    """The installation of the events of both; neither is changed."""
    values, stamps = a.values.copy(), a.stamps.copy()
    for index, stamp in enumerate(b.stamps):
        if stamp is None:
            continue
        mine = stamps[index]
        if mine is None or _wins(index, stamp, b.values[index], mine, values[index]):
            values[index], stamps[index] = b.values[index], stamp
    firsts = a.firsts.copy()
    for rank, received_at in b.firsts.items():
        firsts[rank] = min(firsts.get(rank, received_at), received_at)
    return Installation(a.execution, values, stamps, firsts, _better(a.outcome, b.outcome))


def given_up(installation: Installation, at: int) -> Installation:
    """An installation that the clean-up does not expect to hear of again, at an instant in microseconds since 1970.

    It becomes `unknown`, and gives way to whatever a client still reports: the verdict is joined like an event that knows
    nothing but the outcome.
    """
    rank = RANK[STUCK]
    nothing = [None] * len(JOINED)
    outcome = Outcome(Stamp(-rank, at), None, None, STUCK_CATEGORY, None)
    return join(installation, Installation(installation.execution, list(nothing), list(nothing), {rank: at}, outcome))


def begun(installation: Installation, at: int) -> Installation:
    """An installation of which it is known too that it had begun at an instant, in microseconds since 1970."""
    first = ORDER.index("installing")
    firsts = installation.firsts | {first: min(at, installation.firsts.get(first, at))}
    return msgspec.structs.replace(installation, firsts=firsts)


def _wins(index: int, stamp: Stamp, value: Any, other_stamp: Stamp, other_value: Any) -> bool:
    # Pings from inside a container know neither its template nor always its name.
    if index == _TYPE and (value == "lxc") != (other_value == "lxc"):
        return bool(other_value == "lxc")
    if index == _APP and (value == "unknown") != (other_value == "unknown"):
        return bool(other_value == "unknown")
    if stamp != other_stamp:
        return stamp < other_stamp
    return bool(value < other_value)


def _better(a: Outcome | None, b: Outcome | None) -> Outcome | None:
    if a is None or b is None:
        return a or b
    if a.stamp != b.stamp:
        return min(a, b, key=lambda outcome: outcome.stamp)
    return min(a, b, key=msgspec.msgpack.encode)


def pack_joins(installation: Installation) -> bytes:
    """What a row must keep besides its values to go on joining: the stamp of each register, and the first times.

    A list of integers in MessagePack: the start in microseconds, then rank and delay of each distinct stamp, then the
    number of the stamp of each register and of the outcome, two in a byte.
    """
    start = installation.started_at
    numbers: dict[tuple[int, int] | None, int] = {None: 0}
    flat = [start]
    for rank, received_at in installation.firsts.items():
        numbers[-rank, received_at] = len(numbers)
        flat += (rank, received_at - start)
    stamps = (*installation.stamps, installation.outcome.stamp if installation.outcome else None)
    references = tuple(map(numbers.get, stamps))
    if None in references:  # as a rule, each stamp is the first of its rank
        for stamp in dict.fromkeys(stamps):
            if stamp is not None and stamp not in numbers:
                numbers[stamp] = len(numbers)
                flat += (-stamp.minus_rank, stamp.received_at - start)
        references = tuple(map(numbers.get, stamps))
    return _encode_joins((flat, _pack_references(references)))


@lru_cache(1024)  # most events know the same registers
def _pack_references(references: tuple[int, ...]) -> bytes:
    if max(references) < len(_HEX_DIGITS):
        even = references if len(references) % 2 == 0 else (*references, 0)
        return bytes.fromhex("".join([_HEX_DIGITS[reference] for reference in even]))
    return bytes(references)


_HEX_DIGITS = "0123456789abcdef"
_encode_joins = msgspec.msgpack.Encoder().encode
_decode_joins = msgspec.msgpack.Decoder(tuple[list[int], bytes]).decode


class Joins(NamedTuple):
    """What `pack_joins` packed: stamps of the registers, first times, stamp of the outcome."""

    stamps: list[Stamp | None]
    firsts: dict[int, int]
    outcome_stamp: Stamp | None


def unpack_joins(blob: bytes) -> Joins:
    """The inverse of `pack_joins`."""
    flat, packed = _decode_joins(blob)
    start = flat[0]
    numbered: list[Stamp | None] = [None]
    firsts: dict[int, int] = {}
    for rank, delay in zip(flat[1::2], flat[2::2], strict=True):
        received_at = start + delay
        numbered.append(Stamp(-rank, received_at))
        firsts[rank] = min(firsts.get(rank, received_at), received_at)
    count = len(JOINED) + 1
    if len(packed) < count:
        references = [number for byte in packed for number in (byte >> 4, byte & 15)][:count]
    else:
        references = list(packed)
    stamps = [numbered[reference] for reference in references]
    return Joins(stamps[:-1], firsts, stamps[-1])
