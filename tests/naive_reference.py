"""What wire.md section 2 says of one installation, written the slow and plain way, to compare the join with."""

from typing import Any

import msgspec

from telemetry_service.core.event import Event

FURTHEST = ("installing", "validation", "configuring")
BEST_TERMINAL = ("success", "failed", "aborted", "unknown", "stuck")
REGISTERS = (
    *("random_id", "type", "nsapp", "disk_size", "core_count", "ram_size", "os_type", "os_version", "pve_version"),
    *("method", "gpu_vendor", "cpu_vendor", "ct_type", "gpu_passthrough", "arch", "platform", "repo_source"),
    *("repo_slug", "cpu_model", "gpu_model", "ram_speed"),
)
OUTCOME = ("exit_code", "error", "error_category", "install_duration")


def installation(events: list[Event]) -> dict[str, Any]:
    """Status, outcome, registers and history of all events of one execution."""
    state: dict[str, Any] = {"status": status(events), "outcome": outcome(events)}
    for name in REGISTERS:
        state[name] = register(name, events)
    state["history"] = {
        status_: min(event.received_at for event in events if event.status == status_)
        for status_ in {event.status for event in events}
    }
    state["started_at"] = min(event.received_at for event in events)
    return state


def best_terminal(events: list[Event]) -> Event | None:
    terminal = [event for event in events if event.status in BEST_TERMINAL]
    return min(
        terminal,
        key=lambda event: (BEST_TERMINAL.index(event.status), event.received_at, encoded_outcome(event)),
        default=None,
    )


def encoded_outcome(event: Event) -> bytes:
    return msgspec.msgpack.encode([getattr(event, name) for name in OUTCOME])


def status(events: list[Event]) -> str:
    best = best_terminal(events)
    if best is None:
        return max((event.status for event in events), key=FURTHEST.index)
    return "unknown" if best.status == "stuck" else best.status


def outcome(events: list[Event]) -> dict[str, Any] | None:
    best = best_terminal(events)
    if best is None:
        return None
    return {name: getattr(best, name) for name in OUTCOME} | {"finished_at": best.received_at}


def register(name: str, events: list[Event]) -> Any:
    present = [event for event in events if getattr(event, name) is not None]
    # The type `lxc` loses to `turnkey`; to be a join it has to lose to every other type, which never meet in one run.
    weak = {"nsapp": "unknown", "type": "lxc"}.get(name)
    present = [event for event in present if getattr(event, name) != weak] or present
    if not present:
        return None
    furthest = (*FURTHEST, *reversed(BEST_TERMINAL))
    best = min(present, key=lambda e: (-furthest.index(e.status), e.received_at, getattr(e, name)))
    return getattr(best, name)
