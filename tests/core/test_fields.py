"""The field table against the wire contract, and against everything that is made from it."""

import sqlite3
from pathlib import Path

import msgspec
import pytest

from telemetry_service.core import fields
from telemetry_service.core.event import FIRST_REGISTER, Event, registers
from telemetry_service.core.fields import BY_NAME, FIELDS, REGISTERS, Kind, Record
from telemetry_service.core.installation import JOINED
from telemetry_service.store.database import migrate
from telemetry_service.store.names import kind_of
from telemetry_service.store.rows import COLUMNS

YES, ADDED, OPTIONAL = Record.YES, Record.ADDED, Record.OPTIONAL
# wire.md section 1, in its order: name, type, status in the record of processing.
WIRE = (
    ("random_id", Kind.UUID, YES),
    ("execution_id", Kind.UUID, ADDED),
    ("type", Kind.ENUM, YES),
    ("nsapp", Kind.SLUG, YES),
    ("status", Kind.ENUM, YES),
    ("disk_size", Kind.INTEGER, YES),
    ("core_count", Kind.INTEGER, YES),
    ("ram_size", Kind.INTEGER, YES),
    ("os_type", Kind.ENUM, YES),
    ("os_version", Kind.VERSION, YES),
    ("pve_version", Kind.VERSION, YES),
    ("method", Kind.SLUG, YES),
    ("error", Kind.TEXT, YES),
    ("exit_code", Kind.INTEGER, YES),
    ("gpu_vendor", Kind.ENUM, YES),
    ("cpu_vendor", Kind.ENUM, YES),
    ("install_duration", Kind.INTEGER, YES),
    ("ct_type", Kind.INTEGER, ADDED),
    ("error_category", Kind.ENUM, ADDED),
    ("gpu_passthrough", Kind.ENUM, ADDED),
    ("arch", Kind.ENUM, ADDED),
    ("platform", Kind.ENUM, ADDED),
    ("repo_source", Kind.ENUM, ADDED),
    ("repo_slug", Kind.SLUG, ADDED),
    ("cpu_model", Kind.TEXT, OPTIONAL),
    ("gpu_model", Kind.TEXT, OPTIONAL),
    ("ram_speed", Kind.TEXT, OPTIONAL),
)
WIRE_VALUES = {
    "type": "lxc vm turnkey pve addon tool",
    "status": "installing validation configuring success failed aborted unknown",
    "os_type": "debian ubuntu alpine devuan fedora rocky alma centos opensuse gentoo openeuler arch-linux homeassistant"
    " opnsense openwrt mikrotik umbrel-os pimox-haos owncloud turnkey-nextcloud other",
    "gpu_vendor": "intel amd nvidia unknown",
    "cpu_vendor": "intel amd arm apple qualcomm unknown",
    "error_category": "apt build command_not_found config database dependency network permission preflight proxmox"
    " resource service shell signal storage timeout unknown user_aborted runtime uncategorized",
    "gpu_passthrough": "igpu dgpu vgpu none unknown",
    "arch": "amd64 arm64 armhf riscv64 unknown",
    "platform": "pve incus unknown",
    "repo_source": "ProxmoxVE ProxmoxVED external",
}
WIRE_MAXIMA = {
    "disk_size": 100_000,
    "core_count": 1024,
    "ram_size": 16_777_216,
    "exit_code": 255,
    "install_duration": 86_400,
    "ct_type": 2,
    "error": 120,
    "nsapp": 64,
    "method": 32,
}


def test_table_is_the_wire_contract() -> None:
    assert tuple((field.name, field.kind, field.record) for field in FIELDS) == WIRE


def test_only_four_fields_are_required() -> None:
    assert [field.name for field in FIELDS if field.required] == ["random_id", "type", "nsapp", "status"]


def test_enum_values() -> None:
    assert {field.name: set(field.values) for field in FIELDS if field.kind is Kind.ENUM} == {
        name: set(values.split()) for name, values in WIRE_VALUES.items()
    }


def test_ranges_and_lengths() -> None:
    assert {name: BY_NAME[name].maximum for name in WIRE_MAXIMA} == WIRE_MAXIMA
    assert all(field.minimum == 0 for field in FIELDS)


def test_what_becomes_of_a_value_outside_an_enum() -> None:
    optional = [field for field in FIELDS if field.kind is Kind.ENUM and not field.required]
    assert {field.name: field.fallback for field in optional if field.fallback != "unknown"} == {
        "os_type": "other",
        "repo_source": "external",
    }


def test_every_field_says_why_it_may_be_kept() -> None:
    for field in FIELDS:
        assert field.purpose in fields.PURPOSES
        assert field.description
        assert field.cleaning
        assert field.legal_basis.startswith("Art. 6(1)(f)")


def test_event_has_the_registers_in_order() -> None:
    names = tuple(field.name for field in msgspec.structs.fields(Event))
    assert names[FIRST_REGISTER:] == REGISTERS
    assert set(names) == {field.name for field in FIELDS} - {"execution_id"} | {"received_at", "execution"} | {
        "fingerprint",
        "cause",
    }


def test_registers_reads_the_values_of_an_event_by_name() -> None:
    values = {name: f"value of {name}" for name in REGISTERS}
    event = Event(received_at=1, random_id=b"i", execution=2, status="success", **values)  # type: ignore[arg-type]
    assert dict(zip(REGISTERS, registers(event), strict=True)) == values


def test_every_field_has_a_column_and_no_column_has_no_field() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, "store", now=0)
    columns = [name for _, name, *_ in connection.execute("PRAGMA table_info(installation)")]
    connection.close()
    assert sorted(columns) == sorted(COLUMNS)
    bookkeeping = {"id", "execution", "person", "released", "joins", "fingerprint", "cause"}
    assert set(columns) - bookkeeping == {field.name for field in FIELDS} - {"execution_id"}
    assert ("random_id", *REGISTERS) == JOINED


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_texts_are_stored_as_numbers_of_names(field: fields.Field) -> None:
    expected = None if field.kind in (Kind.INTEGER, Kind.UUID) or field.name == "error" else field.name
    assert kind_of(field.name) == expected


def test_schema_has_one_file_per_step() -> None:
    folder = Path(fields.__file__).parent.parent / "store" / "sql"
    names = sorted(path.name for path in folder.iterdir())
    for kind in ("store", "inbox"):
        numbers = [int(name.split("_")[1]) for name in names if name.startswith(kind)]
        assert numbers == list(range(1, len(numbers) + 1))
