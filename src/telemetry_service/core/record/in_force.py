"""What a record is made from: what is in force here, and what was last proved of it."""

import msgspec

from telemetry_service.core.fields import Field, Kind, Record

TLS_BY_SERVICE, TLS_BY_PROXY, NO_TLS = "service", "proxy", "none"
SAME_MACHINE = "same machine"


class StoredField(msgspec.Struct, frozen=True):
    """A field that is stored here: a row of the field table, with the limits in force."""

    name: str
    kind: str
    accepted: str
    description: str
    purpose: str
    origin: str
    cleaning: str


class MirrorInUse(msgspec.Struct, frozen=True):
    """A PocketBase that gets every installation; `place` says how far away it is, never its address."""

    place: str
    with_random_id: bool


class Repository(msgspec.Struct, frozen=True):
    """A repository, as owner/name, that the public dashboard is pushed to; `server` says whose that is, never its address."""

    server: str
    name: str


class InForce(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator decided and the program does: all that a record states. A change of it is a revision of the record."""

    controller_name: str
    controller_contact: str
    protection_officer: str
    hosting: str
    transfers: str
    sub_processors: tuple[str, ...]
    fields: tuple[StoredField, ...]
    retention_days: int
    error_max_chars: int
    public_hosts: tuple[str, ...]
    known_repos: tuple[str, ...]
    publish_min_count: int
    backup_daily: bool
    backup_keep_days: int
    cleanup_stuck_hours: int  # 0 while clean-up is off
    log_files: bool
    log_retention_days: int
    request_logging: bool
    tls: str
    ingest_needs_token: bool
    metrics_need_token: bool
    rate_limit_rpm: int
    rate_burst: int
    rate_limit_new_per_hour: int
    rate_key: str
    mirror: MirrorInUse | None
    published_to: Repository | None  # None while nothing is pushed anywhere
    told_over: tuple[str, ...]  # kinds of channels that alerts and reports go over


class Audited(msgspec.Struct, frozen=True):
    """How the last audit ended, in numbers of claims; `at` is a text as people read it."""

    at: str
    passed: int
    failed: int
    unclear: int


class Ran(msgspec.Struct, frozen=True):
    """The last run of something the record promises."""

    what: str
    at: str
    outcome: str


class Revision(msgspec.Struct, frozen=True):
    """One entry of the history: what changed, in words, one text per change."""

    number: int
    day: str
    version: str
    changes: tuple[str, ...]


class Proved(msgspec.Struct, frozen=True):
    """What changes by itself: the last audit, the last runs, and the history. It is no part of what a revision compares.

    A copy that is handed on has no `is_current` audit and runs: it would say of yesterday that it is the last.
    """

    audit: Audited | None = None
    runs: tuple[Ran, ...] = ()
    revisions: tuple[Revision, ...] = ()
    is_current: bool = True


def stored_field(field: Field, error_max_chars: int) -> StoredField:
    """A row of the field table as it is in force."""
    return StoredField(
        name=field.name,
        kind=field.kind.value,
        accepted=_accepted(field, error_max_chars),
        description=field.description,
        purpose=field.purpose.partition(":")[0],
        origin=field.record.value,
        cleaning=field.cleaning,
    )


def _accepted(field: Field, error_max_chars: int) -> str:
    if field.values:
        return ", ".join(field.values)
    if field.kind is Kind.INTEGER:
        return f"{field.minimum} to {field.maximum} {field.unit}".strip()
    if field.kind is Kind.UUID:
        return "a UUID"
    return f"at most {error_max_chars if field.name == 'error' else field.maximum} characters"


def stored_fields(fields: tuple[Field, ...], extended: frozenset[str], error_max_chars: int) -> tuple[StoredField, ...]:
    """The fields that are stored: all but those an operator has to ask for and has not."""
    return tuple(
        stored_field(field, error_max_chars) for field in fields if field.record is not Record.OPTIONAL or field.name in extended
    )
