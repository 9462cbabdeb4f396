"""What the settings mean for the record of processing."""

import ipaddress
from urllib.parse import urlsplit

import msgspec

from telemetry_service.core.fields import FIELDS, Record
from telemetry_service.core.record.in_force import (
    NO_TLS,
    SAME_MACHINE,
    TLS_BY_PROXY,
    TLS_BY_SERVICE,
    InForce,
    MirrorInUse,
    Repository,
    stored_fields,
)
from telemetry_service.settings.reading import Settings


def in_force(settings: Settings) -> InForce:
    """What a record states under these settings. No secret and no address of a server is in it."""
    return InForce(
        controller_name=settings.controller_name,
        controller_contact=settings.controller_contact,
        protection_officer=settings.data_protection_officer,
        hosting=settings.hosting,
        transfers=settings.hosting_transfers,
        sub_processors=settings.sub_processors,
        fields=stored_fields(FIELDS, settings.extended_fields, settings.error_max_chars),
        retention_days=settings.retention_days,
        error_max_chars=settings.error_max_chars,
        public_hosts=settings.public_hosts,
        known_repos=settings.known_repos,
        publish_min_count=settings.publish_min_count,
        backup_daily=settings.backup_daily,
        backup_keep_days=settings.backup_keep_days,
        cleanup_stuck_hours=settings.cleanup_stuck_hours if settings.cleanup_enabled else 0,
        log_files=settings.log_dir is not None,
        log_retention_days=settings.log_retention_days,
        request_logging=settings.enable_request_logging,
        tls=_tls(settings),
        ingest_needs_token=settings.ingest_auth == "token",
        metrics_need_token=settings.metrics_auth == "token",
        rate_limit_rpm=settings.rate_limit_rpm,
        rate_burst=settings.rate_burst,
        rate_limit_new_per_hour=settings.rate_limit_new_per_hour,
        rate_key=settings.rate_key_mode,
        mirror=_mirror(settings),
        published_to=_published_to(settings),
        told_over=_told_over(settings),
    )


def as_recorded(settings: Settings, state: InForce) -> Settings:
    """Settings with what pages say of the record as it was in force, which other commands may not be told."""
    return msgspec.structs.replace(
        settings,
        retention_days=state.retention_days,
        error_max_chars=state.error_max_chars,
        publish_min_count=state.publish_min_count,
        cleanup_stuck_hours=state.cleanup_stuck_hours or settings.cleanup_stuck_hours,
        extended_fields=frozenset(field.name for field in state.fields if field.origin == Record.OPTIONAL),
    )


def _tls(settings: Settings) -> str:
    if settings.tls_cert_file is not None:
        return TLS_BY_SERVICE
    return TLS_BY_PROXY if settings.proxy_tls else NO_TLS


def _mirror(settings: Settings) -> MirrorInUse | None:
    if not settings.pocketbase_url:
        return None
    return MirrorInUse(_place(settings.pocketbase_url), settings.pocketbase_include_random_id)


def _place(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = host == "localhost"
    if is_loopback:
        return SAME_MACHINE
    return "another machine, over TLS" if parts.scheme == "https" else "the private network of this machine, without TLS"


def _published_to(settings: Settings) -> Repository | None:
    """The repository that gets the public site by itself. Pushing by hand needs the same settings, and is stated too.

    Of servers only GitHub is named; where another one is, is the operator's affair.
    """
    if not (settings.github_owner and settings.github_repo):
        return None
    on_github = urlsplit(settings.github_url).hostname == "github.com"
    server = "GitHub" if on_github else "a Git server of the operator's choice"
    return Repository(server, f"{settings.github_owner}/{settings.github_repo}")


def _told_over(settings: Settings) -> tuple[str, ...]:
    """The kinds of channels that anything goes over, each once; their URLs are secrets."""
    alerts = settings.alert_enabled and settings.smtp_to
    reports = settings.report_enabled and (settings.report_recipients or settings.smtp_to)
    mail = ("mail",) if settings.smtp_host and (alerts or reports) else ()
    kinds = (url.reveal().partition(":")[0].lower() for url in settings.alert_urls if settings.alert_enabled)
    return (*mail, *dict.fromkeys(kinds))
