"""Every field of an event, declared once.

The validator, the columns of the store, the `fields` command, the consent text, the record of processing and the audit
are all made from `FIELDS`. A value that no row declares has nowhere to go.
"""

from enum import StrEnum

import msgspec

from telemetry_service.core.exit_codes import CATEGORIES

QUALITY = "quality improvement: find scripts with high failure rates"
PRIORITY = "prioritisation: see which applications are used most"
TREND = "trend analysis: follow operating systems and resources"
PURPOSES = (QUALITY, PRIORITY, TREND)
LEGAL_BASIS = "Art. 6(1)(f) GDPR (legitimate interest), sent only after opt-in"


class Kind(StrEnum):
    """How a value is read from the wire."""

    UUID = "uuid"
    ENUM = "enum"
    SLUG = "slug"
    INTEGER = "int"
    VERSION = "version"
    TEXT = "text"


class Record(StrEnum):
    """Where the record of processing stands on a field."""

    YES = "yes"
    ADDED = "added"
    OPTIONAL = "optional"


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One field: its wire name and type, what is accepted, and why it may be kept.

    `maximum` is the largest integer, or the longest text in characters; `fallback` is what a value outside the enum
    becomes (absent when None); `absent` lists values that mean "nothing known", beside null, empty, `-` and `none`.
    """

    name: str
    kind: Kind
    purpose: str
    description: str
    record: Record
    required: bool = False
    values: tuple[str, ...] = ()
    aliases: dict[str, str] = {}
    fallback: str | None = None
    absent: tuple[str | int, ...] = ()
    minimum: int = 0
    maximum: int = 0
    unit: str = ""
    cleaning: str = "checked against its type and limit; anything else is dropped"
    legal_basis: str = LEGAL_BASIS


STATUSES = ("installing", "validation", "configuring", "success", "failed", "aborted", "unknown")
RUNNING = ("installing", "validation", "configuring")
TERMINAL = ("success", "failed", "aborted", "unknown")
TYPES = ("lxc", "vm", "turnkey", "pve", "addon", "tool")
INSTALLATION_TYPES = ("lxc", "vm", "turnkey")
REPOSITORIES = ("ProxmoxVE", "ProxmoxVED", "external")
OPERATING_SYSTEMS = (
    *("debian", "ubuntu", "alpine", "devuan", "fedora", "rocky", "alma", "centos", "opensuse", "gentoo", "openeuler"),
    *("arch-linux", "homeassistant", "opnsense", "openwrt", "mikrotik", "umbrel-os", "pimox-haos", "owncloud"),
    *("turnkey-nextcloud", "other"),
)
UNKNOWN = "unknown"

FIELDS: tuple[Field, ...] = (
    Field(
        name="random_id",
        kind=Kind.UUID,
        purpose=QUALITY,
        description="random session id, new for every installation",
        record=Record.YES,
        required=True,
        cleaning="an id that is no UUID is replaced by one derived from it with a key of this server",
    ),
    Field(
        name="execution_id",
        kind=Kind.UUID,
        purpose=QUALITY,
        description="one execution (attempt) of a script; absent in old clients",
        record=Record.ADDED,
        cleaning="stored as a keyed hash only",
    ),
    Field(
        name="type",
        kind=Kind.ENUM,
        purpose=PRIORITY,
        description="what was set up: container, virtual machine, template, host script, add-on or tool",
        record=Record.YES,
        required=True,
        values=TYPES,
    ),
    Field(
        name="nsapp",
        kind=Kind.SLUG,
        purpose=PRIORITY,
        description="name of the installed application",
        record=Record.YES,
        required=True,
        maximum=64,
        cleaning="lower-cased, spaces to dashes; names beyond the daily number of new ones count as other",
    ),
    Field(
        name="status",
        kind=Kind.ENUM,
        purpose=QUALITY,
        description="state of the execution",
        record=Record.YES,
        required=True,
        values=STATUSES,
        aliases={"done": "success", "sucess": "success"},
        fallback="configuring",
    ),
    Field(
        name="disk_size",
        kind=Kind.INTEGER,
        purpose=TREND,
        description="disk size",
        record=Record.YES,
        maximum=100_000,
        absent=(0,),
        unit="GB",
    ),
    Field(
        name="core_count",
        kind=Kind.INTEGER,
        purpose=TREND,
        description="CPU cores",
        record=Record.YES,
        maximum=1024,
        absent=(0,),
        unit="cores",
    ),
    Field(
        name="ram_size",
        kind=Kind.INTEGER,
        purpose=TREND,
        description="memory",
        record=Record.YES,
        maximum=16_777_216,
        absent=(0,),
        unit="MB",
    ),
    Field(
        name="os_type",
        kind=Kind.ENUM,
        purpose=TREND,
        description="operating system",
        record=Record.YES,
        values=OPERATING_SYSTEMS,
        aliases={
            "almalinux": "alma",
            "arch": "arch-linux",
            "opensuse-leap": "opensuse",
            "opensuse-tumbleweed": "opensuse",
        },
        fallback="other",
        absent=(UNKNOWN,),
    ),
    Field(
        name="os_version",
        kind=Kind.VERSION,
        purpose=TREND,
        description="version or release name of the operating system",
        record=Record.YES,
        maximum=32,
        absent=(UNKNOWN,),
    ),
    Field(
        name="pve_version",
        kind=Kind.VERSION,
        purpose=TREND,
        description="version of Proxmox VE or Incus",
        record=Record.YES,
        maximum=32,
        absent=(UNKNOWN,),
    ),
    Field(
        name="method",
        kind=Kind.SLUG,
        purpose=TREND,
        description="installation method",
        record=Record.YES,
        maximum=32,
        absent=(UNKNOWN,),
    ),
    Field(
        name="error",
        kind=Kind.TEXT,
        purpose=QUALITY,
        description="the line that explains a failure",
        record=Record.YES,
        maximum=120,
        unit="characters",
        cleaning="the line that explains the failure is found, identifiers are removed, the rest is never stored",
    ),
    Field(
        name="exit_code",
        kind=Kind.INTEGER,
        purpose=QUALITY,
        description="exit code of the script, of a terminal status",
        record=Record.YES,
        maximum=255,
    ),
    Field(
        name="gpu_vendor",
        kind=Kind.ENUM,
        purpose=TREND,
        description="maker of the graphics processor",
        record=Record.YES,
        values=("intel", "amd", "nvidia", UNKNOWN),
        fallback=UNKNOWN,
        absent=(UNKNOWN,),
    ),
    Field(
        name="cpu_vendor",
        kind=Kind.ENUM,
        purpose=TREND,
        description="maker of the processor",
        record=Record.YES,
        values=("intel", "amd", "arm", "apple", "qualcomm", UNKNOWN),
        fallback=UNKNOWN,
        absent=(UNKNOWN,),
    ),
    Field(
        name="install_duration",
        kind=Kind.INTEGER,
        purpose=QUALITY,
        description="duration of the installation",
        record=Record.YES,
        maximum=86_400,
        absent=(0,),
        unit="seconds",
    ),
    Field(
        name="ct_type",
        kind=Kind.INTEGER,
        purpose=TREND,
        description="1 unprivileged container, 2 privileged container or virtual machine",
        record=Record.ADDED,
        maximum=2,
    ),
    Field(
        name="error_category",
        kind=Kind.ENUM,
        purpose=QUALITY,
        description="kind of failure; derived by the server where it can be",
        record=Record.ADDED,
        values=(*CATEGORIES, "shell", "runtime", "uncategorized"),
        fallback=UNKNOWN,
        absent=(UNKNOWN,),
    ),
    Field(
        name="gpu_passthrough",
        kind=Kind.ENUM,
        purpose=TREND,
        description="kind of graphics processor passed through",
        record=Record.ADDED,
        values=("igpu", "dgpu", "vgpu", "none", UNKNOWN),
        fallback=UNKNOWN,
        absent=(UNKNOWN,),
    ),
    Field(
        name="arch",
        kind=Kind.ENUM,
        purpose=TREND,
        description="processor architecture",
        record=Record.ADDED,
        values=("amd64", "arm64", "armhf", "riscv64", UNKNOWN),
        aliases={"aarch64": "arm64", "x86_64": "amd64"},
        fallback=UNKNOWN,
        absent=(UNKNOWN,),
    ),
    Field(
        name="platform",
        kind=Kind.ENUM,
        purpose=TREND,
        description="hypervisor platform",
        record=Record.ADDED,
        values=("pve", "incus", UNKNOWN),
        fallback=UNKNOWN,
        absent=(UNKNOWN,),
    ),
    Field(
        name="repo_source",
        kind=Kind.ENUM,
        purpose=QUALITY,
        description="repository the script came from",
        record=Record.ADDED,
        values=REPOSITORIES,
        fallback="external",
        absent=(UNKNOWN,),
        cleaning="a repository that is not known becomes external",
    ),
    Field(
        name="repo_slug",
        kind=Kind.SLUG,
        purpose=QUALITY,
        description="owner and name of a known repository",
        record=Record.ADDED,
        maximum=100,
        absent=(UNKNOWN,),
        cleaning="kept only if it is one of KNOWN_REPOS, since an owner is a person",
    ),
    *(
        Field(
            name=name,
            kind=Kind.TEXT,
            purpose=TREND,
            description=description,
            record=Record.OPTIONAL,
            maximum=64,
            absent=(UNKNOWN,),
            cleaning="dropped unless the operator names it in EXTENDED_FIELDS",
        )
        for name, description in (
            ("cpu_model", "model of the processor"),
            ("gpu_model", "model of the graphics processor"),
            ("ram_speed", "speed of the memory"),
        )
    ),
)

BY_NAME = {field.name: field for field in FIELDS}
OPTIONAL_FIELDS = tuple(field.name for field in FIELDS if field.record is Record.OPTIONAL)
# `has_arm` is read from the wire as another spelling of `arch`; it is never stored.
WIRE_NAMES = frozenset(BY_NAME) | {"has_arm"}
OUTCOME_FIELDS = ("status", "exit_code", "error", "error_category", "install_duration")
REGISTERS = tuple(
    field.name for field in FIELDS if field.name not in OUTCOME_FIELDS and field.name not in ("random_id", "execution_id")
)
