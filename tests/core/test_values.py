"""Each row of the field table of wire.md: what is accepted, what means nothing, what is dropped."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_service.core.fields import BY_NAME, FIELDS, Kind
from telemetry_service.core.values import INVALID, reader

ALWAYS_ABSENT: tuple[Any, ...] = (None, "", " ", "-", "none", "None", "NONE", "null")

ACCEPTED: dict[str, list[tuple[Any, Any]]] = {
    "type": [
        ("lxc", "lxc"), ("LXC", "lxc"), (" vm ", "vm"), ("turnkey", "turnkey"), ("pve", "pve"), ("addon", "addon"),
        ("tool", "tool"),
    ],
    "nsapp": [
        ("jellyfin", "jellyfin"), ("JellyFin", "jellyfin"), ("Home Assistant  OS", "home-assistant-os"), (" a ", "a"),
        ("2fauth", "2fauth"), ("a.b_c+d-e", "a.b_c+d-e"), ("unknown", "unknown"), ("a" * 64, "a" * 64), (7, "7"),
        ("v1.2.3", "v1.2.3"), ("a\nb", "a-b"),
    ],
    "status": [
        ("installing", "installing"), ("Validation", "validation"), ("configuring", "configuring"),
        ("done", "success"), ("DONE", "success"), ("sucess", "success"), ("Sucess ", "success"), ("FAILED", "failed"),
        ("aborted", "aborted"), ("unknown", "unknown"),
    ],
    "disk_size": [
        (8, 8), ("8", 8), ("32G", 32), ("32GB", 32), ("32 GiB", 32), ("32g", 32), ("1T", 1024), ("2048M", 2),
        (8.0, 8), ("8.0", 8), ("1e3", 1000), (1000.0, 1000), (100000, 100000),
    ],
    "core_count": [(4, 4), ("4", 4), (1024, 1024)],
    "ram_size": [
        (2048, 2048), ("2048", 2048), ("2G", 2048), ("2048M", 2048), ("2048MiB", 2048), ("1048576K", 1024),
        (16777216, 16777216),
    ],
    "os_type": [
        ("debian", "debian"), ("Debian", "debian"), ("almalinux", "alma"), ("AlmaLinux", "alma"),
        ("arch", "arch-linux"), ("opensuse-leap", "opensuse"), ("opensuse-tumbleweed", "opensuse"),
        ("openSUSE-15.6", "opensuse"), ("arch-linux", "arch-linux"), ("turnkey-nextcloud", "turnkey-nextcloud"),
        ("other", "other"),
    ],
    "os_version": [
        ("12", "12"), (12, "12"), ("24.04", "24.04"), (22.04, "22.04"), ("3.22.1", "3.22.1"), ("2025", "2025"),
        ("bookworm", "bookworm"), ("Bookworm", "bookworm"), ("vanessa", "vanessa"), ("v12", "12"),
    ],
    "pve_version": [
        ("8.4.1", "8.4.1"), ("9.0", "9.0"), ("8.3-1", "8.3-1"), ("8.4.1-12", "8.4.1-12"),
        ("incus-6.0.4", "incus-6.0.4"), ("Incus-6.0", "incus-6.0"), ("v8.4", "8.4"),
    ],
    "method": [
        ("default", "default"), ("Advanced", "advanced"), ("mydefaults-jellyfin", "mydefaults-jellyfin"),
        ("my defaults", "my-defaults"), ("a" * 32, "a" * 32),
    ],
    "exit_code": [(0, 0), (1, 1), ("1", 1), ("0", 0), (255, 255)],
    "gpu_vendor": [("Intel", "intel"), ("amd", "amd"), ("NVIDIA", "nvidia")],
    "cpu_vendor": [("intel", "intel"), ("amd", "amd"), ("arm", "arm"), ("apple", "apple"), ("Qualcomm", "qualcomm")],
    "install_duration": [(95, 95), ("95", 95), (86400, 86400)],
    "ct_type": [(0, 0), (1, 1), ("2", 2)],
    "error_category": [
        ("network", "network"), ("Shell", "shell"), ("runtime", "runtime"), ("uncategorized", "uncategorized"),
        ("user_aborted", "user_aborted"),
    ],
    "gpu_passthrough": [("igpu", "igpu"), ("dGPU", "dgpu"), ("vgpu", "vgpu")],
    "arch": [
        ("amd64", "amd64"), ("x86_64", "amd64"), ("aarch64", "arm64"), ("ARM64", "arm64"), ("armhf", "armhf"),
        ("riscv64", "riscv64"),
    ],
    "platform": [("pve", "pve"), ("Incus", "incus")],
    "repo_source": [("ProxmoxVE", "ProxmoxVE"), ("proxmoxved", "ProxmoxVED"), ("external", "external")],
    "repo_slug": [
        ("community-scripts/ProxmoxVE", "community-scripts/ProxmoxVE"), ("a/b", "a/b"),
        ("a" * 98 + "/b", "a" * 98 + "/b"),
    ],
    "cpu_model": [("Intel(R) Core i5-8500T CPU @ 2.10GHz", "Intel(R) Core i5-8500T CPU @ 2.10GHz")],
    "gpu_model": [("UHD Graphics 630", "UHD Graphics 630")],
    "ram_speed": [("3200", "3200"), (3200, "3200"), ("3200 MT/s", "3200 MT/s")],
}  # fmt: skip
# Beside what is absent in every field.
ABSENT: dict[str, list[Any]] = {
    "disk_size": [0, "0", "0G", "unknown"],
    "core_count": [0],
    "ram_size": [0],
    "os_type": ["unknown"],
    "os_version": ["unknown"],
    "pve_version": ["unknown"],
    "method": ["unknown"],
    "exit_code": ["unknown"],
    "gpu_vendor": ["unknown"],
    "cpu_vendor": ["unknown"],
    "install_duration": [0],
    "error_category": ["unknown"],
    "gpu_passthrough": ["unknown"],
    "arch": ["unknown"],
    "platform": ["unknown"],
    "cpu_model": ["unknown"],
    "gpu_model": ["Unknown"],
}  # fmt: skip
DROPPED: dict[str, list[Any]] = {
    "type": ["container", "unknown", 1, ["lxc"]],
    "nsapp": [
        "a" * 65, "-x", ".x", "a/b", "ä", "a\x00b", "<b>", "10.0.0.1", "app-1.2.3.4", "1.2.3.4.5",
        "host-192.168.178.23-x", True, {}, [],
    ],
    "status": ["finished", 0],
    "disk_size": [
        100001, -1, "-1", 8.5, "8.5", "1M", "32X", "G", "1e99", True, [8], "local-lvm:8", "9" * 40, 10**400, "٣",
    ],
    "core_count": [1025, "4G"],
    "ram_size": [16777217],
    "os_type": ["windows", "debian12", 12],
    "os_version": [
        "1.2.3.4", "10.0.0.1", "12345", "12.1234", "12-3", "12.", "12 (bookworm)", "a" * 33, "bücher", True,
        "incus-6.0",
    ],
    "pve_version": ["8.4.1.2", "8.4.1-pve1", "pve-manager/8.4.1"],
    "method": ["a" * 33, "a;b", "1.2.3.4"],
    "exit_code": [256, -1, "x", 1.5, True],
    "gpu_vendor": ["matrox"],
    "cpu_vendor": ["GenuineIntel"],
    "install_duration": [86401, "95s"],
    "ct_type": [3],
    "error_category": ["aliens"],
    "gpu_passthrough": ["pci"],
    "arch": ["mips"],
    "platform": ["vmware"],
    "repo_source": ["myfork"],
    "repo_slug": ["a" * 99 + "/b", "a", "a/b/c", "https://github.com/a/b", "a /b"],
    "cpu_model": ["a" * 65, "<script>", "a\nb"],
    "gpu_model": ["a;b"],
    "ram_speed": ["`id`"],
}  # fmt: skip
CASES = [
    *((name, value, expected) for name, cases in ACCEPTED.items() for value, expected in cases),
    *((name, value, None) for name, values in ABSENT.items() for value in values),
    *((name, value, INVALID) for name, values in DROPPED.items() for value in values),
]
READ_HERE = [field for field in FIELDS if field.kind is not Kind.UUID and field.name != "error"]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def test_every_field_has_cases_that_are_accepted_and_dropped() -> None:
    assert set(ACCEPTED) == set(DROPPED) == {field.name for field in READ_HERE}


@pytest.mark.parametrize(("name", "value", "expected"), CASES, ids=[f"{name}-{value!r:.30}" for name, value, _ in CASES])
def test_read(name: str, value: Any, expected: Any) -> None:
    read = reader(BY_NAME[name])(value)
    assert read == expected
    assert type(read) is type(expected)


@pytest.mark.parametrize("field", READ_HERE, ids=lambda field: field.name)
@pytest.mark.parametrize("value", ALWAYS_ABSENT, ids=repr)
def test_absent(field: Any, value: Any) -> None:
    assert reader(field)(value) is None


@given(st.sampled_from(READ_HERE), json_values)
def test_any_value_is_accepted_absent_or_dropped(field: Any, value: Any) -> None:
    read = reader(field)(value)
    if read is None or read is INVALID:
        return
    if field.kind is Kind.INTEGER:
        assert type(read) is int
        assert field.minimum <= read <= field.maximum
    else:
        assert isinstance(read, str)
        assert 0 < len(read) <= (field.maximum or 64)
        if field.kind is Kind.ENUM:
            assert read in field.values


@given(st.sampled_from([field for field in READ_HERE if field.kind is Kind.INTEGER]), st.integers(-10, 20_000_000))
def test_a_number_reads_the_same_as_its_text(field: Any, number: int) -> None:
    read = reader(field)
    assert read(number) == read(str(number)) == read(f" {number} ") == read(float(number))


@given(
    st.sampled_from(["nsapp", "method"]),
    st.lists(st.integers(0, 999), min_size=4, max_size=6),
    st.text("ab-", max_size=3),
)
def test_no_slug_holds_an_address(name: str, parts: list[int], around: str) -> None:
    assert reader(BY_NAME[name])(f"a{around}{'.'.join(map(str, parts))}{around}") is INVALID


@given(st.sampled_from([field for field in READ_HERE if field.kind in (Kind.ENUM, Kind.SLUG, Kind.VERSION)]), json_values)
def test_reading_what_was_read_changes_nothing(field: Any, value: Any) -> None:
    read = reader(field)(value)
    if isinstance(read, str):
        assert reader(field)(read) in (read, None)
        assert reader(field)(read) == read or read in field.absent
