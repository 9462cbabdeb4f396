"""One accepted event: what intake makes of a payload, and what the inbox carries to the fold."""

from typing import Any

import msgspec


class Event(msgspec.Struct, array_like=True, frozen=True, gc=False, omit_defaults=True):
    """A validated report, stamped with the instant it was received.

    `received_at` is in microseconds since 1970, UTC. `execution` is a keyed 64-bit hash of the execution id, so that the
    id itself is stored nowhere. Text and number fields are None when nothing is known. `fingerprint` is the
    number of a failure's cause in its app, `cause` that of the same cause in any app, as 16 hexadecimal digits. The fields
    behind them are the registers of `fields.REGISTERS`, in that order; a test holds the two together.
    """

    received_at: int
    random_id: bytes
    execution: int
    status: str
    exit_code: int | None = None
    error_category: str | None = None
    install_duration: int | None = None
    error: str | None = None
    fingerprint: int | None = None
    cause: str | None = None
    type: str | None = None
    nsapp: str | None = None
    disk_size: int | None = None
    core_count: int | None = None
    ram_size: int | None = None
    os_type: str | None = None
    os_version: str | None = None
    pve_version: str | None = None
    method: str | None = None
    gpu_vendor: str | None = None
    cpu_vendor: str | None = None
    ct_type: int | None = None
    gpu_passthrough: str | None = None
    arch: str | None = None
    platform: str | None = None
    repo_source: str | None = None
    repo_slug: str | None = None
    cpu_model: str | None = None
    gpu_model: str | None = None
    ram_speed: str | None = None


class Erasure(msgspec.Struct, frozen=True, gc=False):
    """A person's request to delete what is stored under a random id; it travels through the inbox like an event.

    It takes effect on all events before it, and keeps later ones of this id out.
    """

    received_at: int
    random_id: bytes


FIRST_REGISTER = 10  # index of `type` among the fields of Event

Entry = Event | Erasure  # what the inbox carries

encode_event = msgspec.msgpack.Encoder().encode
decode_event = msgspec.msgpack.Decoder(Event).decode
_decode_erasure = msgspec.msgpack.Decoder(Erasure).decode
_MAP_BITS, _MAP = 0xF0, 0x80  # the first byte of a small map in MessagePack; events are arrays


def decode_entry(body: bytes) -> Entry:
    """What the inbox holds in one place: an event, or a request to erase."""
    return _decode_erasure(body) if body[0] & _MAP_BITS == _MAP else decode_event(body)


def registers(event: Event) -> tuple[Any, ...]:
    """The values of the registers of an event, in the order of `fields.REGISTERS`."""
    return msgspec.structs.astuple(event)[FIRST_REGISTER:]
