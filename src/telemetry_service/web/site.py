"""Where pages lie and how they link to each other: on the running service, and as files of the static site."""

from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from typing import NamedTuple, Protocol
from urllib.parse import quote, quote_plus

SCRIPT = "script:"  # a page named script:{app} shows one script
REPORT = "report:"  # a page named report:2026-W47 shows one week
PERIODS = {1: "Today", 7: "7 days", 30: "30 days", 90: "90 days", 365: "1 year", 0: "All time"}
DEFAULT_DAYS = 30
MEDIA_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_PATHS = {
    "overview": "/",
    "errors": "/errors",
    "scripts": "/scripts",
    "records": "/records",
    "privacy": "/privacy",
    "record": "/privacy/record",
    "own_data": "/privacy/data",
    "audit": "/privacy/audit",
    "runs": "/runs",
}
LIVE_ONLY = ("records", "audit", "own_data", "runs")  # pages that need the running service
_WITHOUT_DAYS = {"reports": "/reports", "alerts": "/alerts"}


def _policy(place: str) -> str:
    """A Content-Security-Policy that lets pages load from one place alone, and send nothing."""
    kinds = "".join(f" {kind}-src {place};" for kind in ("style", "script", "img"))
    return f"default-src 'none';{kinds} base-uri 'none'; form-action 'none'"


class Asset(NamedTuple):
    """A file that pages load; its name carries a hash of its content, so it may be cached for ever."""

    name: str
    body: bytes
    media_type: str


class Site(Protocol):
    """How links are written, and when the data was read (microseconds since 1970 UTC).

    `link` and `asset` give what goes into an href, unescaped; `link` is empty for a page that this site does not have. `policy`
    is what a page may load, for files whose server says nothing of it; empty where a header does.
    """

    static: bool
    policy: str
    read_at: int

    def link(self, page: str, query: Mapping[str, str]) -> str: ...

    def asset(self, name: str) -> str: ...


class LiveSite:
    """Pages of the running service, with their filters in the query."""

    static = False
    policy = ""

    def __init__(self, read_at: int) -> None:
        self.read_at = read_at
        self._quoted = cache(quote_plus)  # the links of a page repeat its filters hundreds of times

    def link(self, page: str, query: Mapping[str, str]) -> str:
        left_out = () if page in _PATHS or page.startswith(SCRIPT) else ("days",)
        quoted = self._quoted
        asked = "&".join(f"{quoted(name)}={quoted(value)}" for name, value in query.items() if value and name not in left_out)
        path = _path(page)
        return f"{path}?{asked}" if asked else path

    def asset(self, name: str) -> str:
        return f"/static/{assets()[name].name}"


class OnePage:
    """A page that stands alone in one file: what it loads is inside it, and its links lead nowhere."""

    static = True
    policy = _policy("data:")

    def __init__(self, read_at: int) -> None:
        self.read_at = read_at

    def link(self, _page: str, _query: Mapping[str, str]) -> str:
        return ""

    def asset(self, name: str) -> str:
        found = assets()[name]
        return f"data:{found.media_type};base64,{b64encode(found.body).decode()}"


def _path(page: str) -> str:
    if page.startswith(SCRIPT):
        return f"/scripts/{quote(page.removeprefix(SCRIPT))}"
    if page.startswith(REPORT):
        return f"/reports/{page.removeprefix(REPORT)}"
    return _PATHS.get(page) or _WITHOUT_DAYS[page]


class StaticSite:
    """Pages as files: each of the standard periods has its own. `here` is the file that is being written."""

    static = True
    policy = _policy("'self'")

    def __init__(self, read_at: int, here: str) -> None:
        self.read_at = read_at
        self._up = "../" * here.count("/")

    def link(self, page: str, query: Mapping[str, str]) -> str:
        days = query.get("days", "") or str(DEFAULT_DAYS)
        if page in LIVE_ONLY or "by" in query or not days.isdigit() or int(days) not in PERIODS:
            return ""
        return self._up + quote(static_file(page, int(days)))

    def asset(self, name: str) -> str:
        return f"{self._up}assets/{assets()[name].name}"


def static_file(page: str, days: int) -> str:
    """The file of a page for a standard period, relative to the root of the static site.

    Scripts have a directory of their own: the name of an app cannot collide with another file.
    """
    if page in ("privacy", "record", "reports", "alerts"):
        return f"{page}.html"
    if page.startswith(REPORT):
        return f"reports/{page.removeprefix(REPORT)}.html"
    if page == "overview" and days == DEFAULT_DAYS:
        return "index.html"
    return f"scripts/{page.removeprefix(SCRIPT)}/{days}.html" if page.startswith(SCRIPT) else f"{page}-{days}.html"


@cache
def assets() -> dict[str, Asset]:
    """The files that pages load, by their plain name."""
    found = {}
    for entry in files("telemetry_service.web").joinpath("static").iterdir():
        stem, _, suffix = entry.name.rpartition(".")
        if suffix in MEDIA_TYPES:
            body = entry.read_bytes()
            found[entry.name] = Asset(f"{stem}.{blake2b(body, digest_size=6).hexdigest()}.{suffix}", body, MEDIA_TYPES[suffix])
    return found
