"""What would be stored of a payload."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec

from telemetry_service.bootstrap.assembly import intake, now
from telemetry_service.core.errors import Rejected
from telemetry_service.core.identity import KEY_BYTES, Identities
from telemetry_service.core.period import iso_instant
from telemetry_service.settings import Settings


def preview(settings: Settings, body: bytes) -> tuple[dict[str, Any], bool]:
    """What would be stored of a payload and what dropped, and whether it would be accepted at all."""
    key = Identities(b"\0" * KEY_BYTES)  # ids shown here lead nowhere
    try:
        accepted = intake(settings, key).accept(body, now())
    except Rejected as rejected:
        return {"refused": str(rejected)}, False
    shown: dict[str, Callable[[Any], str]] = {
        "random_id": lambda value: str(UUID(bytes=value)),
        "received_at": iso_instant,
        "fingerprint": "{:016x}".format,
    }
    stored = {
        name: shown[name](value) if name in shown else value
        for name, value in msgspec.structs.asdict(accepted.event).items()
        if name not in ("execution", "cause") and value is not None
    }
    return {"stored": stored, "dropped": {dropped.field: dropped.reason for dropped in accepted.dropped}}, True
