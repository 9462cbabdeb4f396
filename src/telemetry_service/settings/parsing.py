"""How the text of a setting is read. Each reader raises `ValueError` with what the text must be, never with what it is."""

import ipaddress
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from telemetry_service.core.fields import OPTIONAL_FIELDS
from telemetry_service.settings.secret import Secret

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def whole(minimum: int, maximum: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            raise ValueError(f"must be a whole number from {minimum} to {maximum}") from None
        if not minimum <= number <= maximum:
            raise ValueError(f"must be a whole number from {minimum} to {maximum}")
        return number

    return parse


def choice(*accepted: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in accepted:
            raise ValueError(f"must be one of {', '.join(accepted)}")
        return text.lower()

    return parse


def address(text: str) -> tuple[str, int]:
    host, separator, port = text.rpartition(":")
    if not separator or not port.isdecimal() or len(port) > 5 or int(port) > 65535:
        raise ValueError("must be HOST:PORT or :PORT, with a port from 0 to 65535")
    return host.strip("[]"), int(port)


def networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part, strict=False) for part in _parts(text))
    except ValueError:
        raise ValueError("must be networks such as 10.0.0.0/8, separated by commas") from None


def repositories(text: str) -> tuple[str, ...]:
    slugs = tuple(_parts(text))
    if len(slugs) > 60:
        raise ValueError("must be at most 60 repositories")
    if any(slug.count("/") != 1 or slug.startswith("/") or slug.endswith("/") for slug in slugs):
        raise ValueError("must be repositories as owner/name, separated by commas")
    return slugs


def extended_fields(text: str) -> frozenset[str]:
    names = frozenset(_parts(text))
    if names - set(OPTIONAL_FIELDS):
        raise ValueError(f"may name {', '.join(OPTIONAL_FIELDS)}, separated by commas")
    return names


def hosts(text: str) -> tuple[str, ...]:
    hosts = tuple(part.lower().strip(".") for part in _parts(text))
    if any("." not in host or not host.replace(".", "").replace("-", "").isalnum() for host in hosts):
        raise ValueError("must be host names such as example.org, separated by commas")
    return hosts


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def path(text: str) -> Path:
    if not text:
        raise ValueError("must be a directory")
    return Path(text)


def secret(text: str) -> Secret:
    if not text.isascii() or not text.isprintable():
        raise ValueError("must be one line of ASCII characters")
    return Secret(text)


_CHANNEL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*)|[0-9a-fA-F:]+)?")


def channels(text: str) -> tuple[Secret, ...]:
    """URLs of apprise, one a line; lines that begin with # say nothing."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    urls = [url for line in lines for url in line.split()]
    if not all(_CHANNEL.fullmatch(url) for url in urls):
        raise ValueError("must be URLs of apprise such as ntfy://host/topic, one a line")
    return tuple(Secret(url) for url in urls)


def mail_address(text: str) -> str:
    if text and not _ADDRESS.fullmatch(text):
        raise ValueError("must be a mail address")
    return text


def mail_addresses(text: str) -> tuple[str, ...]:
    found = tuple(_parts(text))
    if not all(_ADDRESS.fullmatch(address) for address in found):
        raise ValueError("must be mail addresses, separated by commas")
    return found


def mail_host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise ValueError("must be the name or address of a mail server")
    return text


def percentage(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 100:
        raise ValueError("must be a number from 0 to 100")
    return share


def weekday(text: str) -> int:
    """The number of a day of the week, Monday 0; its name in English, or the first three letters."""
    for number, name in enumerate(_WEEKDAYS):
        if text.lower() in (name, name[:3]):
            return number
    raise ValueError(f"must be one of {', '.join(_WEEKDAYS)}")


_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def public_url(text: str) -> str:
    if text and not _SERVER.fullmatch(text):
        raise ValueError("must begin with https:// or http://, without user or query")
    return text.rstrip("/")


# As GitHub allows them; none can be taken for an option or lead to another path.
OWNER = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9-]{0,99})?")
REPOSITORY = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,99})?")
BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*(?:[./][A-Za-z0-9_-]+)*")
COLLECTION = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_URL = re.compile(r"[a-z]+://[A-Za-z0-9.:_-]*(?:/[A-Za-z0-9._~/-]*)?")
_SERVER = re.compile(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\])(?::\d{1,5})?(?:/[A-Za-z0-9._~/-]*)?")
_LOOPBACK = ("localhost", "127.0.0.1")


def matching(pattern: re.Pattern[str], what: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(f"must be {what}")
        return text

    return parse


def remote(text: str) -> str:
    """A base for repositories: a token goes there, so only where nobody else can read it."""
    parts = urlsplit(text) if _URL.fullmatch(text) else None
    loopback = parts is not None and parts.scheme == "http" and parts.hostname in _LOOPBACK
    if parts is None or not (parts.scheme == "file" or loopback or (parts.scheme == "https" and parts.hostname)):
        raise ValueError("must begin with https:// (or file://, or http:// to this machine), without user or query")
    return text.rstrip("/")


def server(text: str) -> str:
    """Where a server of one's own is reached: its password goes there, so over TLS, or within one machine or network."""
    usable = not text
    if _SERVER.fullmatch(text):
        with suppress(ValueError):  # not a port, not an address
            parts = urlsplit(text)
            usable = bool(parts.hostname) and parts.port != 0 and (parts.scheme == "https" or _is_near(parts))
    if not usable:
        raise ValueError(
            "must begin with https:// (or http:// to a private address or a name without dots), without user or query"
        )
    return text.rstrip("/")


def _is_near(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host


TEXT_MAX_CHARS = 300  # of what the record of processing quotes


def one_line(text: str) -> str:
    """A text for people, as it is shown to them."""
    if len(text) > TEXT_MAX_CHARS or not text.isprintable() or "`" in text:
        raise ValueError(f"must be one line of at most {TEXT_MAX_CHARS} characters, without backticks")
    return text


def listed(text: str) -> tuple[str, ...]:
    """Some texts for people, separated by semicolons."""
    return tuple(one_line(part.strip()) for part in text.split(";") if part.strip())


def path_if_any(text: str) -> Path | None:
    return Path(text) if text else None


def flag(text: str) -> bool:
    if text.lower() not in _FLAGS:
        raise ValueError("must be true or false")
    return _FLAGS[text.lower()]


_FLAGS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
