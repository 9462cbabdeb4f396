"""Query parameters: the same names, defaults and limits on every endpoint and page."""

from collections.abc import Mapping

import msgspec

from telemetry_service.core.counts import EXTERNAL, Sources
from telemetry_service.core.errors import Rejected
from telemetry_service.core.fields import OPERATING_SYSTEMS, STATUSES, TYPES
from telemetry_service.core.period import Period, period
from telemetry_service.store.record_search import SORTS, Place, Wanted

REPOSITORIES = ("ProxmoxVE", "ProxmoxVED", EXTERNAL, "all")
MAX_PAGE = 1_000_000
MAX_LIMIT = 100
DEFAULT_LIMIT = 50
LONGEST_TEXT = 128
MAX_ID = 2**63 - 1  # SQLite's largest integer


def whole_number(query: Mapping[str, str], name: str, default: int, minimum: int, maximum: int) -> int:
    """A whole number, clamped to its limits.

    Raises `Rejected` for what is no number.
    """
    text = query.get(name, "").strip()
    if not text:
        return default
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise Rejected(name, "not a whole number")
    if len(digits) > 12:
        return minimum if text.startswith("-") else maximum
    return min(max(int(text), minimum), maximum)


def choice(query: Mapping[str, str], name: str, accepted: tuple[str, ...]) -> str | None:
    """One of some values in any case, None when absent.

    Raises `Rejected` for another one.
    """
    text = query.get(name, "").strip().lower()
    if not text:
        return None
    for value in accepted:
        if value.lower() == text:
            return value
    raise Rejected(name, f"not one of {', '.join(accepted)}")


def text(query: Mapping[str, str], name: str) -> str | None:
    """A text as it stands, None when absent.

    Raises `Rejected` for one that is too long to mean anything.
    """
    value = query.get(name, "").strip()
    if len(value) > LONGEST_TEXT:
        raise Rejected(name, f"longer than {LONGEST_TEXT} characters")
    return value or None


class Filter(msgspec.Struct, frozen=True):
    """Period and sources of a report."""

    period: Period
    sources: tuple[str, ...]


def report_filter(
    query: Mapping[str, str], default_days: int, today: int, sources: Sources, default_repository: str = "ProxmoxVE"
) -> Filter:
    """`days`, `repo` and `slug` of a query."""
    days = whole_number(query, "days", default_days, 0, 365)
    repository = choice(query, "repo", REPOSITORIES)
    slug = text(query, "slug")
    if slug is None:
        return Filter(period(days, today), sources.of_repository(repository or default_repository))
    within = sources.of_repository(repository or "all")
    return Filter(period(days, today), tuple(source for source in within if source.lower() == slug.lower()))


class RecordsQuery(msgspec.Struct, frozen=True):
    """What `/api/records` was asked for; `after` goes on behind a place, else `page` counts from 1."""

    wanted: Wanted
    page: int
    limit: int
    after: Place | None


def records_query(query: Mapping[str, str], today: int, sources: Sources) -> RecordsQuery:
    """All parameters of `/api/records`."""
    chosen = report_filter(query, 1, today, sources)
    sort = text(query, "sort") or "-created"
    if sort.removeprefix("-") not in SORTS:
        raise Rejected("sort", f"not one of {', '.join(SORTS)}, or one of them behind a dash")
    app = text(query, "app")
    return RecordsQuery(
        Wanted(
            period=chosen.period,
            sources=chosen.sources,
            status=choice(query, "status", STATUSES),
            app=app.lower() if app else None,
            search=text(query, "search"),
            os=choice(query, "os", OPERATING_SYSTEMS),
            type=choice(query, "type", TYPES),
            sort=sort.removeprefix("-"),
            descending=sort.startswith("-"),
        ),
        whole_number(query, "page", 1, 1, MAX_PAGE),
        whole_number(query, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT),
        _place(text(query, "after")),
    )


def shown_place(place: Place | None) -> str | None:
    """A place as it goes into a URL."""
    return None if place is None else f"{'' if place.value is None else place.value}.{place.id:x}"


def _place(shown: str | None) -> Place | None:
    if shown is None:
        return None
    value, _, id_ = shown.partition(".")
    try:
        place = Place(int(value) if value else None, int(id_, 16))
    except ValueError:
        place = None
    if place is None or not 0 <= place.id <= MAX_ID:
        raise Rejected("after", "not a place given out by this endpoint")
    return place
