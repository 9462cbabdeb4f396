"""Settings: environment variables, read once into one frozen value."""

import difflib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from telemetry_service.settings.parsing import Network, mail_address
from telemetry_service.settings.secret import Secret
from telemetry_service.settings.table import RETIRED, SETTINGS, Setting

SECRET_FILE_BYTES = 4096  # more is no secret but the wrong file


class InvalidSettings(Exception):
    """One or more settings cannot be used; the text lists them all, by name and never by value."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("these settings cannot be used:\n" + "\n".join(f"  {problem}" for problem in problems))
        self.problems = problems


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator decided. Field names are the environment variables in lower case."""

    listen_addr: tuple[str, int]
    data_dir: Path
    trusted_proxies_cidr: tuple[Network, ...]
    max_body_bytes: int
    rate_limit_rpm: int
    rate_burst: int
    rate_key_mode: str
    rate_key_header: str
    max_new_apps_per_day: int
    known_repos: tuple[str, ...]
    extended_fields: frozenset[str]
    error_max_chars: int
    public_hosts: tuple[str, ...]
    inbox_max_mb: int
    publish_min_count: int
    cleanup_stuck_hours: int
    cleanup_enabled: bool
    cleanup_interval_min: int
    retention_days: int
    backup_dir: Path | None
    backup_daily: bool
    backup_keep_days: int
    metrics_auth: str
    ingest_auth: str
    github_owner: str
    github_repo: str
    github_token: Secret
    github_api_url: str
    github_url: str
    github_pages_branch: str
    publish_interval_min: int
    rate_limit_new_per_hour: int
    rate_limit_read_rpm: int
    rate_limit_privacy_rpm: int
    max_connections: int
    tls_cert_file: Path | None
    tls_key_file: Path | None
    enable_request_logging: bool
    log_dir: Path | None
    log_retention_days: int
    pocketbase_url: str
    pocketbase_email: str
    pocketbase_password: Secret
    pocketbase_token: Secret
    pocketbase_collection: str
    pocketbase_include_random_id: bool
    controller_name: str
    controller_contact: str
    data_protection_officer: str
    hosting: str
    hosting_transfers: str
    sub_processors: tuple[str, ...]
    proxy_tls: bool
    public_url: str
    alert_enabled: bool
    alert_check_interval_min: int
    alert_cooldown_min: int
    alert_failure_threshold: float
    alert_urls: tuple[Secret, ...]
    smtp_host: str
    smtp_port: int
    smtp_user: str
    smtp_password: Secret
    smtp_from: str
    smtp_to: tuple[str, ...]
    smtp_use_tls: bool
    report_enabled: bool
    report_day: int
    report_hour: int
    report_recipients: tuple[str, ...]


def from_environ(environ: Mapping[str, str]) -> Settings:
    """Read all settings.

    Raises `InvalidSettings`, which lists every bad one at once.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    for setting in SETTINGS:
        try:
            values[setting.name.lower()] = setting.parse(_text(setting, environ) or setting.default)
        except ValueError as error:
            problems.append(f"{setting.name} {error}")
        except _UnusableFile as error:
            problems.append(f"{setting.name}_FILE {error}")
    if values.get("rate_limit_rpm") == 0 and not environ.get("RATE_LIMIT_NEW_PER_HOUR", "").strip():
        values["rate_limit_new_per_hour"] = 0
    if values.get("rate_key_mode") == "header" and not values.get("rate_key_header"):
        problems.append("RATE_KEY_HEADER must name a header when RATE_KEY_MODE is header")
    if values.get("publish_interval_min"):
        needed = ["github_owner", "github_repo"]
        if not str(values.get("github_url")).startswith("file:"):
            needed.append("github_token")
        missing = [name.upper() for name in needed if name in values and not values[name]]
        if missing:
            problems.append(f"PUBLISH_INTERVAL_MIN needs {', '.join(missing)}")
    if values.get("pocketbase_url") and not values.get("pocketbase_token"):
        missing = [name.upper() for name in ("pocketbase_email", "pocketbase_password") if name in values and not values[name]]
        if missing:
            problems.append(f"POCKETBASE_URL needs {' and '.join(missing)}, or POCKETBASE_TOKEN")
    problems.extend(_mail_problems(values))
    if bool(values.get("tls_cert_file")) != bool(values.get("tls_key_file")):
        problems.append("TLS_CERT_FILE and TLS_KEY_FILE belong together: set both or none")
    if problems:
        raise InvalidSettings(problems)
    return Settings(**values)


def _mail_problems(values: dict[str, Any]) -> list[str]:
    """What is missing to send mail; SMTP_USER is the sender where it is an address."""
    if not values.get("smtp_host"):
        return []
    problems = []
    if "smtp_from" in values and not values["smtp_from"]:
        with suppress(ValueError):
            values["smtp_from"] = mail_address(values["smtp_user"])
        if not values["smtp_from"]:
            problems.append("SMTP_HOST needs SMTP_FROM")
    if values.get("smtp_to") == () and values.get("report_recipients") == ():
        problems.append("SMTP_HOST needs SMTP_TO or REPORT_RECIPIENTS")
    if values.get("smtp_password") and not values.get("smtp_user"):
        problems.append("SMTP_PASSWORD needs SMTP_USER")
    return problems


class _UnusableFile(Exception):
    """The file of a secret cannot be used; the text says why and never what is in it."""


def _text(setting: Setting, environ: Mapping[str, str]) -> str:
    """What the environment says of a setting, or the file that it names."""
    text = environ.get(setting.name, "").strip()
    path = environ.get(f"{setting.name}_FILE", "").strip() if setting.secret else ""
    if not path:
        return text
    if text:
        raise _UnusableFile(f"cannot be set together with {setting.name}")
    try:
        with Path(path).open("rb") as file:
            body = file.read(SECRET_FILE_BYTES + 1)
    except OSError as error:
        raise _UnusableFile(f"names a file that cannot be read ({error.strerror})") from None
    if len(body) > SECRET_FILE_BYTES:
        raise _UnusableFile(f"names a file of more than {SECRET_FILE_BYTES} bytes")
    content = body.decode("utf-8", "replace").strip()
    if not content:
        raise _UnusableFile("names an empty file")
    return content


def warnings(environ: Mapping[str, str]) -> list[str]:
    """What an operator set that has no effect: retired names, and near-misses of known ones."""
    known = {setting.name for setting in SETTINGS} | {f"{setting.name}_FILE" for setting in SETTINGS if setting.secret}
    found = [f"{name} has no effect any more: {RETIRED[name]}" for name in sorted(RETIRED.keys() & environ.keys())]
    for name in sorted(environ.keys() - known - RETIRED.keys()):
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.88)
        if near:
            found.append(f"{name} is no setting; {near[0]} is")
    return found
