"""What one installation adds to the counts, and publishing in steps."""

from collections import Counter
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from event_strategies import KNOWN_REPOS, RANDOM_IDS, events
from stored import cells_of
from telemetry_service.core.counts import (
    ALL,
    CORE_STEPS,
    DISK_STEPS_GB,
    NUMERIC,
    RAM_STEPS_MB,
    Cell,
    Dimension,
    Facet,
    Sources,
    bucket_seconds,
    duration_bucket,
    step,
)
from telemetry_service.core.event import Event
from telemetry_service.core.fields import BY_NAME
from telemetry_service.core.installation import Installation, from_event
from telemetry_service.core.publishing import coarse, release

SOURCES = Sources(KNOWN_REPOS)
VE, VED = KNOWN_REPOS
EVERYTHING: dict[str, Any] = {
    "exit_code": 7,
    "error_category": "network",
    "install_duration": 100,
    "error": "curl: host name not resolved",
    "cause": "00000000000000c5",
    "disk_size": 9,
    "core_count": 5,
    "ram_size": 2000,
    "os_type": "debian",
    "os_version": "12",
    "pve_version": "8.4.1",
    "method": "default",
    "gpu_vendor": "intel",
    "gpu_passthrough": "igpu",
    "cpu_vendor": "amd",
    "arch": "amd64",
    "platform": "pve",
    "ct_type": 1,
}
SYSTEM: set[tuple[Dimension, str | int]] = {
    (Dimension.OS, "debian 12"),
    (Dimension.PVE, "8.4.1"),
    (Dimension.METHOD, "default"),
    (Dimension.CORES, 6),
    (Dimension.RAM, 2048),
    (Dimension.DISK, 10),
    (Dimension.GPU, "intel igpu"),
    (Dimension.CPU, "amd amd64"),
}
FAILURE: set[tuple[Dimension, str | int]] = {(Dimension.CATEGORY, "network"), (Dimension.EXIT_CODE, 7)}
ERROR: set[tuple[Dimension, str | int]] = {(Dimension.ERROR, "00000000000000c5")}


def installation(status: str, type_: str = "lxc", **values: Any) -> Installation:
    required: dict[str, Any] = {"random_id": RANDOM_IDS[0], "execution": 1, "nsapp": "jellyfin"}
    return from_event(Event(received_at=1, status=status, type=type_, **(required | values)))


def of(cells: list[Cell], script: str, facet: Facet) -> set[tuple[Any, Any]]:
    return {(cell.dimension, cell.value) for cell in cells if (cell.script, cell.facet) == (script, facet)}


def test_a_running_installation_counts_by_type_script_and_system_alone() -> None:
    for status in ("installing", "validation", "configuring"):
        assert cells_of(installation(status, **{k: v for k, v in EVERYTHING.items() if k in BY_NAME}), SOURCES) == [
            Cell("jellyfin lxc", Facet.OUTCOME, Dimension.TYPE, VE, "lxc", status),
            Cell(ALL, Facet.OUTCOME, Dimension.TYPE, VE, "lxc", status),
            Cell(ALL, Facet.SCRIPTS, Dimension.SCRIPT, VE, "jellyfin lxc", status),
            Cell(ALL, Facet.SCRIPTS, Dimension.SYSTEM, VE, "debian", status),
        ]


@pytest.mark.parametrize(
    ("status", "outcome", "failure"),
    [
        ("success", {(Dimension.DURATION, duration_bucket(100))}, set()),
        ("failed", set(), FAILURE | ERROR),
        ("aborted", set(), FAILURE),
        ("unknown", set(), FAILURE),
        ("stuck", set(), FAILURE),
    ],
)
@pytest.mark.parametrize("type_", ["lxc", "vm", "turnkey"])
def test_what_ended_counts_for_all_and_for_its_script(status: str, outcome: Any, failure: Any, type_: str) -> None:
    cells = cells_of(installation(status, type_, **EVERYTHING), SOURCES)
    for script in (ALL, f"jellyfin {type_}"):
        assert of(cells, script, Facet.OUTCOME) == {(Dimension.TYPE, type_)} | outcome
        assert of(cells, script, Facet.SYSTEM) == SYSTEM
        assert of(cells, script, Facet.FAILURE) == failure
    assert of(cells, ALL, Facet.SCRIPTS) == {(Dimension.SCRIPT, f"jellyfin {type_}"), (Dimension.SYSTEM, "debian")}
    assert {cell.status for cell in cells} == {"unknown" if status == "stuck" else status}


@pytest.mark.parametrize("type_", ["pve", "addon", "tool"])
@pytest.mark.parametrize("status", ["success", "failed", "aborted", "unknown"])
def test_tools_stay_out_of_what_is_counted_over_installations(status: str, type_: str) -> None:
    cells = cells_of(installation(status, type_, **EVERYTHING), SOURCES)
    assert of(cells, ALL, Facet.OUTCOME) == {(Dimension.TYPE, type_)}
    assert of(cells, ALL, Facet.SYSTEM) == of(cells, ALL, Facet.FAILURE) == set()
    assert of(cells, f"jellyfin {type_}", Facet.SYSTEM) == SYSTEM
    assert {cell.status for cell in cells} == {status}


def test_what_is_absent_counts_nowhere() -> None:
    cells = cells_of(installation("success"), SOURCES)
    assert {cell.dimension for cell in cells} == {Dimension.TYPE, Dimension.SCRIPT}
    cells = cells_of(installation("failed"), SOURCES)
    assert of(cells, ALL, Facet.FAILURE) == {(Dimension.CATEGORY, "unknown")}


def test_pairs_with_one_half() -> None:
    cells = cells_of(installation("success", os_type="debian", gpu_vendor="amd", arch="arm64"), SOURCES)
    assert of(cells, ALL, Facet.SYSTEM) == {
        (Dimension.OS, "debian"),
        (Dimension.GPU, "amd"),
        (Dimension.CPU, "unknown arm64"),
    }
    assert of(cells_of(installation("success", os_version="12"), SOURCES), ALL, Facet.SYSTEM) == set()


@given(events())
def test_every_installation_counts_once_per_cell(event: Event) -> None:
    state = from_event(event)
    cells = cells_of(state, SOURCES)
    assert max(Counter(cells).values()) == 1
    assert {cell.status for cell in cells} == {state.status}
    assert len({cell.source for cell in cells}) == 1
    for facet_script in {(cell.facet, cell.script, cell.dimension) for cell in cells}:
        assert sum((cell.facet, cell.script, cell.dimension) == facet_script for cell in cells) == 1
    for cell in cells:
        assert isinstance(cell.value, int) == (cell.dimension in NUMERIC)


class TestSteps:
    def test_a_duration_lies_in_its_bucket(self) -> None:
        ratio = Fraction(5, 4)
        bucket = 0
        for seconds in range(1, 86_401):
            while ratio**bucket < seconds:
                bucket += 1
            assert duration_bucket(seconds) == bucket

    def test_the_middle_of_a_bucket_is_within_an_eighth(self) -> None:
        for seconds in (3, 60, 95, 1000, 86_400):
            assert abs(bucket_seconds(duration_bucket(seconds)) / seconds - 1) < 0.125

    @pytest.mark.parametrize(
        ("steps", "field"),
        [(CORE_STEPS, "core_count"), (RAM_STEPS_MB, "ram_size"), (DISK_STEPS_GB, "disk_size")],
    )
    def test_a_size_counts_under_the_smallest_step_that_holds_it(self, steps: tuple[int, ...], field: str) -> None:
        assert list(steps) == sorted(set(steps))
        assert steps[-1] >= BY_NAME[field].maximum
        for size in [*steps, *(size + 1 for size in steps[:-1]), *(size - 1 for size in steps), 1]:
            assert step(size, steps) == min(s for s in steps if s >= size)
        assert step(steps[-1] + 1, steps) == steps[-1]


class TestSources:
    @pytest.mark.parametrize(
        ("repository", "slug", "source"),
        [
            (None, None, VE),
            ("ProxmoxVE", None, VE),
            ("ProxmoxVED", None, VED),
            ("external", None, "external"),
            ("ProxmoxVE", VE, VE),
            ("ProxmoxVED", VE, VED),
            ("external", "mine/fork", "mine/fork"),
            ("ProxmoxVE", "mine/ProxmoxVE", "mine/ProxmoxVE"),
            ("external", "never/declared", "external"),
        ],
    )
    def test_of(self, repository: str | None, slug: str | None, source: str) -> None:
        assert Sources([*KNOWN_REPOS, "mine/fork", "mine/ProxmoxVE"]).of(repository, slug) == source

    def test_without_known_repositories_all_is_external(self) -> None:
        assert Sources([]).of("ProxmoxVE", None) == "external"

    def test_a_repository_selects_its_sources(self) -> None:
        sources = Sources([*KNOWN_REPOS, "mine/fork", "mine/ProxmoxVE"])
        assert sources.of_repository("ProxmoxVE") == (VE, "mine/ProxmoxVE")
        assert sources.of_repository("ProxmoxVED") == (VED,)
        assert sources.of_repository("external") == ("mine/fork", "external")
        assert set(sources.of_repository("all")) == {VE, VED, "mine/fork", "mine/ProxmoxVE", "external"}
        assert sources.of_repository("none") == ()

    @given(st.sampled_from([None, "ProxmoxVE", "ProxmoxVED", "external"]), st.sampled_from([None, *KNOWN_REPOS, "a/b"]))
    def test_a_source_belongs_to_the_repository_it_was_found_for(self, repository: Any, slug: Any) -> None:
        source = SOURCES.of(repository, slug)
        assert source in SOURCES.of_repository(repository or "ProxmoxVE")


class TestPublishing:
    @given(st.lists(st.integers(-20, 20), max_size=50), st.integers(1, 9))
    def test_what_is_released_is_multiples_of_k_and_never_taken_back(self, changes: list[int], k: int) -> None:
        remainder = published = 0
        for change in changes:
            remainder += change
            released = release(remainder, k)
            assert released >= 0
            assert released % k == 0
            remainder -= released
            published += released
            assert remainder < k
        assert published + remainder == sum(changes)

    @pytest.mark.parametrize(("count", "shown"), [(0, 0), (4, 0), (5, 5), (9, 5), (10, 10), (11, 10)])
    def test_coarse(self, count: int, shown: int) -> None:
        assert coarse(count, 5) == shown

    @pytest.mark.parametrize(("remainder", "released"), [(-5, 0), (-1, 0), (0, 0), (4, 0), (5, 5), (14, 10)])
    def test_release(self, remainder: int, released: int) -> None:
        assert release(remainder, 5) == released
