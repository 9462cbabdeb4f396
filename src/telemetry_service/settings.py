"""Settings: environment variables, read once into one frozen value.

Every setting is a row of `SETTINGS`; docs/settings.md is made from them.
"""

import difflib
import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from telemetry_service.core.fields import OPTIONAL_FIELDS

SECRET_FILE_BYTES = 4096  # more is no secret but the wrong file
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class InvalidSettings(Exception):
    """One or more settings cannot be used; the text lists them all, by name and never by value."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("these settings cannot be used:\n" + "\n".join(f"  {problem}" for problem in problems))
        self.problems = problems


class Secret:
    """A text that shows itself to nobody who does not ask for it by name."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Secret(...)" if self._text else "Secret()"


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
    retention_days: int
    metrics_auth: str
    ingest_auth: str
    github_owner: str
    github_repo: str
    github_token: Secret
    github_url: str
    github_pages_branch: str
    publish_interval_min: int
    rate_limit_new_per_hour: int
    rate_limit_read_rpm: int
    max_connections: int
    tls_cert_file: Path | None
    tls_key_file: Path | None
    enable_request_logging: bool
    log_dir: Path | None
    log_retention_days: int


class Setting(NamedTuple):
    """One setting: its name, its default as an operator would write it, how it is read, and what it does.

    A secret may also be in a file, which `NAME_FILE` names.
    """

    name: str
    default: str
    parse: Callable[[str], Any]
    text: str

    @property
    def secret(self) -> bool:
        return self.parse is _secret


def _whole(minimum: int, maximum: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise ValueError(f"must be a whole number from {minimum} to {maximum}") from None
        if not minimum <= number <= maximum:
            raise ValueError(f"must be a whole number from {minimum} to {maximum}")
        return number

    return parse


def _choice(*accepted: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in accepted:
            raise ValueError(f"must be one of {', '.join(accepted)}")
        return text.lower()

    return parse


def _address(text: str) -> tuple[str, int]:
    host, separator, port = text.rpartition(":")
    if not separator or not port.isdecimal() or len(port) > 5 or int(port) > 65535:
        raise ValueError("must be HOST:PORT or :PORT, with a port from 0 to 65535")
    return host.strip("[]"), int(port)


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part, strict=False) for part in _parts(text))
    except ValueError:
        raise ValueError("must be networks such as 10.0.0.0/8, separated by commas") from None


def _repositories(text: str) -> tuple[str, ...]:
    slugs = tuple(_parts(text))
    if len(slugs) > 60:
        raise ValueError("must be at most 60 repositories")
    if any(slug.count("/") != 1 or slug.startswith("/") or slug.endswith("/") for slug in slugs):
        raise ValueError("must be repositories as owner/name, separated by commas")
    return slugs


def _extended(text: str) -> frozenset[str]:
    names = frozenset(_parts(text))
    if names - set(OPTIONAL_FIELDS):
        raise ValueError(f"may name {', '.join(OPTIONAL_FIELDS)}, separated by commas")
    return names


def _hosts(text: str) -> tuple[str, ...]:
    hosts = tuple(part.lower().strip(".") for part in _parts(text))
    if any("." not in host or not host.replace(".", "").replace("-", "").isalnum() for host in hosts):
        raise ValueError("must be host names such as example.org, separated by commas")
    return hosts


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _path(text: str) -> Path:
    if not text:
        raise ValueError("must be a directory")
    return Path(text)


def _secret(text: str) -> Secret:
    if not text.isascii() or not text.isprintable():
        raise ValueError("must be one line of ASCII characters")
    return Secret(text)


# As GitHub allows them; none can be taken for an option or lead to another path.
_OWNER = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9-]{0,99})?")
_REPOSITORY = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,99})?")
_BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*(?:[./][A-Za-z0-9_-]+)*")
_URL = re.compile(r"[a-z]+://[A-Za-z0-9.:_-]*(?:/[A-Za-z0-9._~/-]*)?")
_LOOPBACK = ("localhost", "127.0.0.1")


def _matching(pattern: re.Pattern[str], what: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(f"must be {what}")
        return text

    return parse


def _remote(text: str) -> str:
    """A base for repositories: a token goes there, so only where nobody else can read it."""
    parts = urlsplit(text) if _URL.fullmatch(text) else None
    loopback = parts is not None and parts.scheme == "http" and parts.hostname in _LOOPBACK
    if parts is None or not (parts.scheme == "file" or loopback or (parts.scheme == "https" and parts.hostname)):
        raise ValueError("must begin with https:// (or file://, or http:// to this machine), without user or query")
    return text.rstrip("/")


def _path_if_any(text: str) -> Path | None:
    return Path(text) if text else None


def _flag(text: str) -> bool:
    if text.lower() not in _FLAGS:
        raise ValueError("must be true or false")
    return _FLAGS[text.lower()]


_FLAGS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


SETTINGS: tuple[Setting, ...] = (
    Setting("LISTEN_ADDR", ":8080", _address, "address to listen on; an empty host means every interface"),
    Setting("DATA_DIR", "./data", _path, "directory of the data; created if missing"),
    Setting("TRUSTED_PROXIES_CIDR", "", _networks, "networks whose X-Forwarded-For is believed, counted from the right"),
    Setting("MAX_BODY_BYTES", "262144", _whole(1024, 16_777_216), "largest body accepted, before and after gzip, in bytes"),
    Setting("RATE_LIMIT_RPM", "300", _whole(0, 10_000_000), "reports per minute and network; 0 turns the limit off"),
    Setting("RATE_BURST", "60", _whole(1, 1_000_000), "reports a network may send at once"),
    Setting(
        "RATE_KEY_MODE",
        "ip",
        _choice("ip", "header"),
        "what is limited: the peer's network, or a header of a trusted proxy",
    ),
    Setting("RATE_KEY_HEADER", "", str, "the header, for RATE_KEY_MODE=header"),
    Setting(
        "MAX_NEW_APPS_PER_DAY",
        "50",
        _whole(0, 1_000_000),
        "names never seen before that are kept a day, of apps, methods and versions each",
    ),
    Setting(
        "KNOWN_REPOS",
        "community-scripts/ProxmoxVE,community-scripts/ProxmoxVED",
        _repositories,
        "repositories that are stored by name",
    ),
    Setting("EXTENDED_FIELDS", "", _extended, "optional fields to store, which adds them to the record of processing"),
    Setting("ERROR_MAX_CHARS", "120", _whole(20, 1000), "characters kept of the line that explains a failure"),
    Setting(
        "PUBLIC_HOSTS", "", _hosts, "hosts, with their subdomains, that may be named in error lines, beside the built-in list"
    ),
    Setting("INBOX_MAX_MB", "512", _whole(1, 1_000_000), "size of the inbox above which reports are answered 503, in MB"),
    Setting("PUBLISH_MIN_COUNT", "5", _whole(1, 1000), "k: public counts are multiples of it"),
    Setting("CLEANUP_STUCK_HOURS", "24", _whole(1, 8760), "hours after which an installation without an end counts as stuck"),
    Setting("RETENTION_DAYS", "365", _whole(1, 36_500), "days that installations are kept"),
    Setting("INGEST_AUTH", "none", _choice("none", "token"), "whether reports need a token with the scope ingest"),
    Setting(
        "METRICS_AUTH",
        "none",
        _choice("none", "token"),
        "whether /metrics needs a token; without one it shows public numbers",
    ),
    Setting("GITHUB_OWNER", "", _matching(_OWNER, "the owner of a repository"), "owner of the repository on GitHub"),
    Setting("GITHUB_REPO", "", _matching(_REPOSITORY, "the name of a repository"), "its name, without the owner"),
    Setting("GITHUB_TOKEN", "", _secret, "a token that may write the repository's contents"),
    Setting("GITHUB_URL", "https://github.com", _remote, "where the repository lies: a GitHub of one's own, or another host"),
    Setting(
        "GITHUB_PAGES_BRANCH",
        "gh-pages",
        _matching(_BRANCH, "the name of a branch"),
        "the branch that the public site is pushed to; it holds nothing else",
    ),
    Setting(
        "PUBLISH_INTERVAL_MIN",
        "0",
        _whole(0, 44_640),
        "minutes between two publications of the public site to GitHub; 0 publishes only on command",
    ),
    Setting(
        "RATE_LIMIT_NEW_PER_HOUR",
        "300",
        _whole(0, 10_000_000),
        "installations that one network may begin to report per hour; 0 turns the limit off",
    ),
    Setting(
        "RATE_LIMIT_READ_RPM",
        "300",
        _whole(0, 10_000_000),
        "public answers a minute that are computed anew for one network; 0 turns the limit off",
    ),
    Setting("MAX_CONNECTIONS", "1000", _whole(10, 100_000), "connections at once; the longest waiting one makes room"),
    Setting("TLS_CERT_FILE", "", _path_if_any, "certificate chain (PEM); with TLS_KEY_FILE the service speaks TLS 1.3 alone"),
    Setting("TLS_KEY_FILE", "", _path_if_any, "private key (PEM, not encrypted) of the certificate"),
    Setting("ENABLE_REQUEST_LOGGING", "false", _flag, "log route, status and time of each request, and nothing else of it"),
    Setting("LOG_DIR", "", _path_if_any, "directory for one log file a day; empty means standard error"),
    Setting("LOG_RETENTION_DAYS", "7", _whole(1, 365), "days that files in LOG_DIR are kept"),
)

RETIRED = {
    "ADMIN_PASSWORD": "access is by token: telemetry-service token create",
    "CH_DSN": "the store is a file in DATA_DIR",
    "CLICKHOUSE_DSN": "the store is a file in DATA_DIR",
    "RETENTION_ENABLED": "retention is always on",
    "ENABLE_REDIS": "there is no external cache",
    "REDIS_URL": "there is no external cache",
    "CACHE_TTL_SECONDS": "caching needs no setting",
}


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
    if values.get("rate_key_mode") == "header" and not values.get("rate_key_header"):
        problems.append("RATE_KEY_HEADER must name a header when RATE_KEY_MODE is header")
    if values.get("publish_interval_min"):
        needed = ["github_owner", "github_repo"]
        if not str(values.get("github_url")).startswith("file:"):
            needed.append("github_token")
        missing = [name.upper() for name in needed if name in values and not values[name]]
        if missing:
            problems.append(f"PUBLISH_INTERVAL_MIN needs {', '.join(missing)}")
    if bool(values.get("tls_cert_file")) != bool(values.get("tls_key_file")):
        problems.append("TLS_CERT_FILE and TLS_KEY_FILE belong together: set both or none")
    if problems:
        raise InvalidSettings(problems)
    return Settings(**values)


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
