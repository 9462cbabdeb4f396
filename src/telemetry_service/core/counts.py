"""What one installation adds to the counts: the only definition of every number on every page."""

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from enum import IntEnum
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import NamedTuple

from telemetry_service.core.fields import INSTALLATION_TYPES
from telemetry_service.core.installation import INDEX, Installation


class Facet(IntEnum):
    """Which of its reports a cell belongs to; each facet of a script is read on its own."""

    OUTCOME = 0
    SYSTEM = 1
    FAILURE = 2
    SCRIPTS = 3


class Dimension(IntEnum):
    """What a cell counts by."""

    TYPE = 0
    DURATION = 1
    OS = 2
    PVE = 3
    METHOD = 4
    CORES = 5
    RAM = 6
    DISK = 7
    GPU = 8
    CPU = 9
    CATEGORY = 10
    EXIT_CODE = 11
    ERROR = 12
    SCRIPT = 13
    SYSTEM = 14


NUMERIC = frozenset({Dimension.DURATION, Dimension.CORES, Dimension.RAM, Dimension.DISK, Dimension.EXIT_CODE})

ALL = ""  # the script of a cell that counts every script
EXTERNAL = "external"
DEFAULT_REPOSITORY = "ProxmoxVE"


class Cell(NamedTuple):
    """Where an installation is counted: `script` is `app type`, or empty for all; `value` as its dimension has it."""

    script: str
    facet: int
    dimension: int
    source: str
    value: str | int
    status: str


class Group(NamedTuple):
    """Cells that differ only in what they count by; `script` is empty for all scripts."""

    script: str
    source: str
    status: str


Place = tuple[Facet, Dimension]
Detail = tuple[Place, str | int]  # one cell of a group

# Distributions are read in steps that people choose by; a size counts under the smallest step that holds it.
CORE_STEPS = (1, 2, 3, 4, 6, 8, 10, 12, 16, 24, 32, 48, 64, 96, 128, 256, 512, 1024)
RAM_STEPS_MB = (
    *(128, 256, 512, 768, 1024, 1536, 2048, 3072, 4096, 5120, 6144, 8192, 10240, 12288, 16384, 24576, 32768, 49152),
    *(65536, 98304, 131072, 262144, 524288, 1048576, 4194304, 16777216),
)
DISK_STEPS_GB = (
    *(1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 16, 20, 25, 30, 32, 40, 50, 60, 64, 80, 100, 120, 128, 150, 200, 250, 256),
    *(300, 400, 500, 512, 750, 1000, 1024, 2000, 4000, 8000, 16000, 32000, 64000, 100000),
)
DURATION_RATIO = 1.25  # neighbouring buckets differ by a quarter: percentiles carry +-12 %


def duration_bucket(seconds: int) -> int:
    """The number of the bucket (1.25^(n-1), 1.25^n] that holds a duration of at least a second."""
    return max(0, math.ceil(math.log(max(seconds, 1), DURATION_RATIO) - 1e-9))


def bucket_seconds(bucket: int) -> float:
    """The geometric middle of a duration bucket."""
    return float(DURATION_RATIO ** (bucket - 0.5))


def step(size: int, steps: tuple[int, ...]) -> int:
    """The smallest step that holds a size."""
    return steps[min(bisect_left(steps, size), len(steps) - 1)]


class Sources:
    """The sources installations are counted by: the slugs of known repositories, and `external`."""

    def __init__(self, known_repos: Iterable[str]) -> None:
        self._slugs = tuple(known_repos)
        self._repositories = {slug: _repository(slug) for slug in self._slugs} | {EXTERNAL: EXTERNAL}

    def of(self, repository: str | None, slug: str | None) -> str:
        """The source of an installation with these two registers; both absent means the default repository."""
        repository = repository or DEFAULT_REPOSITORY
        if slug is not None and self._repositories.get(slug) == repository:
            return slug
        for known in self._slugs:
            if self._repositories[known] == repository != EXTERNAL:
                return known
        return EXTERNAL

    def of_repository(self, repository: str) -> tuple[str, ...]:
        """The sources that a `repo` filter selects; `all` selects every one."""
        return tuple(source for source, name in self._repositories.items() if repository in ("all", name))


def _repository(slug: str) -> str:
    name = slug.partition("/")[2]
    return name if name in ("ProxmoxVE", "ProxmoxVED") else EXTERNAL


def script_of(installation: Installation) -> str:
    return f"{installation.value('nsapp')} {installation.value('type')}"


def contributions(installation: Installation, sources: Sources) -> tuple[tuple[Group, tuple[Detail, ...]], ...]:
    """The details in which this installation counts as one, in the group of its script and in that of all scripts.

    A running installation counts by type, script and operating system alone; one that ended also counts by resources,
    duration and cause. Only containers and virtual machines enter what is counted over all scripts, beside the type itself.
    """
    type_, os_type, repository, slug = _group_values(installation.values)
    of_script, of_all = _begun_details(type_, script := script_of(installation), os_type)
    status = installation.status
    if installation.outcome is not None:
        ended = _system_details(*_system_values(installation.values)) + _outcome_details(status, *_causes(installation.outcome))
        of_script += ended
        if type_ in INSTALLATION_TYPES:
            of_all += ended
    of_one, of_every = _groups(script, sources.of(repository, slug), status)
    return (of_one, of_script), (of_every, of_all)


def cells(group: Group, details: Iterable[Detail]) -> Iterator[Cell]:
    """The cells of some details of a group."""
    for (facet, dimension), value in details:
        yield Cell(group.script, facet, dimension, group.source, value, group.status)


@lru_cache(1024)
def _groups(script: str, source: str, status: str) -> tuple[Group, Group]:
    return Group(script, source, status), Group(ALL, source, status)


@lru_cache(1024)
def _begun_details(type_: str, script: str, os_type: str | None) -> tuple[tuple[Detail, ...], tuple[Detail, ...]]:
    """What counts of a running installation too: for its script, and for all scripts."""
    of_script: tuple[Detail, ...] = ((_TYPE, type_),)
    of_all: tuple[Detail, ...] = (*of_script, (_SCRIPT, script))
    return of_script, (*of_all, (_SYSTEM, os_type)) if os_type else of_all


@lru_cache(1024)  # most installations of a script are on one system and take the sizes it proposes
def _system_details(
    os_type: str | None,
    os_version: str | None,
    pve_version: str | None,
    method: str | None,
    cores: int | None,
    ram: int | None,
    disk: int | None,
    gpu: str | None,
    passthrough: str | None,
    cpu: str | None,
    arch: str | None,
) -> tuple[Detail, ...]:
    found: tuple[tuple[Place, str | int | None], ...] = (
        (_OS, os_type and _pair(os_type, os_version)),
        (_PVE, pve_version),
        (_METHOD, method),
        (_CORES, cores and step(cores, CORE_STEPS)),
        (_RAM, ram and step(ram, RAM_STEPS_MB)),
        (_DISK, disk and step(disk, DISK_STEPS_GB)),
        (_GPU, gpu and _pair(gpu, passthrough)),
        (_CPU, _pair(cpu or "unknown", arch) if cpu or arch else None),
    )
    return tuple((place, value) for place, value in found if value)


@lru_cache(1024)
def _outcome_details(
    status: str, duration: int | None, category: str | None, exit_code: int | None, cause: str | None
) -> tuple[Detail, ...]:
    if status == "success":
        return ((_DURATION, duration_bucket(duration)),) if duration else ()
    details: list[Detail] = [(_CATEGORY, category or "unknown")]
    if exit_code is not None:
        details.append((_EXIT_CODE, exit_code))
    if status == "failed" and cause:
        details.append((_ERROR, cause))
    return tuple(details)


def _pair(first: str, second: str | None) -> str:
    return f"{first} {second}" if second else first


_TYPE: Place = (Facet.OUTCOME, Dimension.TYPE)
_DURATION: Place = (Facet.OUTCOME, Dimension.DURATION)
_OS: Place = (Facet.SYSTEM, Dimension.OS)
_PVE: Place = (Facet.SYSTEM, Dimension.PVE)
_METHOD: Place = (Facet.SYSTEM, Dimension.METHOD)
_CORES: Place = (Facet.SYSTEM, Dimension.CORES)
_RAM: Place = (Facet.SYSTEM, Dimension.RAM)
_DISK: Place = (Facet.SYSTEM, Dimension.DISK)
_GPU: Place = (Facet.SYSTEM, Dimension.GPU)
_CPU: Place = (Facet.SYSTEM, Dimension.CPU)
_CATEGORY: Place = (Facet.FAILURE, Dimension.CATEGORY)
_EXIT_CODE: Place = (Facet.FAILURE, Dimension.EXIT_CODE)
_ERROR: Place = (Facet.FAILURE, Dimension.ERROR)
_SCRIPT: Place = (Facet.SCRIPTS, Dimension.SCRIPT)
_SYSTEM: Place = (Facet.SCRIPTS, Dimension.SYSTEM)
_group_values = itemgetter(*(INDEX[name] for name in ("type", "os_type", "repo_source", "repo_slug")))
_causes = attrgetter("install_duration", "error_category", "exit_code", "cause")
_system_values = itemgetter(
    *(INDEX[name] for name in ("os_type", "os_version", "pve_version", "method", "core_count", "ram_size", "disk_size")),
    *(INDEX[name] for name in ("gpu_vendor", "gpu_passthrough", "cpu_vendor", "arch")),
)
