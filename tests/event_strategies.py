"""Random stamped events, from pools small enough that they collide: in execution, instant, status and value."""

from random import Random
from typing import Any

import msgspec
from hypothesis import strategies as st

from telemetry_service.core.event import Event
from telemetry_service.core.installation import MICROSECONDS_PER_DAY, ORDER

KNOWN_REPOS = ("community-scripts/ProxmoxVE", "community-scripts/ProxmoxVED")
# Either side of a midnight that is also the end of a month and of a year (2025-12-31), and days apart from it.
MIDNIGHT = 20_454 * MICROSECONDS_PER_DAY
OFFSETS = (
    *(-40 * MICROSECONDS_PER_DAY, -MICROSECONDS_PER_DAY, -2_000_000, -1_000, -999, -1),
    *(0, 1, 999, 1_000, 700_000, 60_000_000, 3 * MICROSECONDS_PER_DAY, 33 * MICROSECONDS_PER_DAY),
)
INSTANTS = tuple(MIDNIGHT + offset for offset in OFFSETS)
RANDOM_IDS = tuple(bytes([number]) * 16 for number in range(1, 4))

instants = st.sampled_from(INSTANTS) | st.integers(MIDNIGHT - 10_000, MIDNIGHT + 10_000)

OUTCOME = ("exit_code", "error_category", "install_duration", "error")
_VALUES: dict[str, tuple[Any, ...]] = {
    "exit_code": (0, 1, 130, 255),
    "error_category": ("network", "apt", "unknown"),
    "install_duration": (1, 60, 86_400),
    "error": ("general error", "curl: host name not resolved"),
    "disk_size": (1, 4, 100_000),
    "core_count": (1, 2, 1024),
    "ram_size": (512, 2048, 16_777_216),
    "os_type": ("debian", "other"),
    "os_version": ("12", "13"),
    "pve_version": ("8.4.1", "9.0.3"),
    "method": ("default", "advanced"),
    "gpu_vendor": ("intel", "nvidia"),
    "cpu_vendor": ("intel", "amd"),
    "ct_type": (1, 2),
    "gpu_passthrough": ("igpu", "dgpu"),
    "arch": ("amd64", "arm64"),
    "platform": ("pve", "incus"),
    "repo_source": ("ProxmoxVE", "ProxmoxVED", "external"),
    "repo_slug": KNOWN_REPOS,
    "cpu_model": ("model a", "model b"),
    "gpu_model": ("model c", "model d"),
    "ram_speed": ("2400", "3200"),
}


@st.composite
def events(draw: st.DrawFn, executions: st.SearchStrategy[int] = st.integers(1, 4)) -> Event:  # noqa: B008
    """One event; as intake promises, it has a type and an app, and an outcome only if its status is terminal."""
    status = draw(st.sampled_from(ORDER))
    dice = Random(draw(st.integers(0, 2**20)))  # one draw instead of twenty: quick, and still reproducible
    values = {name: dice.choice((None, *pool)) for name, pool in _VALUES.items()}
    if status in ("installing", "validation", "configuring"):
        values |= dict.fromkeys(OUTCOME)
    return Event(
        received_at=draw(instants),
        random_id=draw(st.sampled_from(RANDOM_IDS)),
        execution=draw(executions),
        status=status,
        type=draw(st.sampled_from(("lxc", "lxc", "turnkey", "vm", "addon", "tool"))),
        nsapp=draw(st.sampled_from(("unknown", "jellyfin", "immich"))),
        **values,
    )


@st.composite
def batches_of(draw: st.DrawFn, given_events: list[Event]) -> list[list[Event]]:
    """The same events in any order, some of them repeated, split into any batches."""
    repeated = draw(st.lists(st.sampled_from(given_events), max_size=len(given_events))) if given_events else []
    sent = draw(st.permutations(given_events + repeated))
    cuts = sorted(draw(st.lists(st.integers(0, len(sent)), max_size=4)))
    return [list(sent[start:end]) for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True)]


@st.composite
def crowds(draw: st.DrawFn) -> list[Event]:
    """Events of enough people who do much the same for counts to reach k, and to fall back from it."""
    number_of_people = draw(st.integers(1, 8))
    found = []
    for one in draw(st.lists(events(st.integers(1, 20)), min_size=10, max_size=50)):
        person = bytes([one.execution % number_of_people]) * 16
        type_ = "tool" if one.type == "tool" else "lxc"
        found.append(msgspec.structs.replace(one, random_id=person, type=type_, repo_source=None, repo_slug=None))
    return found
